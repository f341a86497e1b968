package io.github.cdfimobile.demo.player

import android.content.Context
import android.net.Uri
import android.os.Handler
import android.os.Looper
import android.util.Log
import io.github.cdfimobile.demo.selftest.SpeedStore
import io.github.cdfimobile.demo.system.Problems
import io.github.cdfimobile.demo.video.DocumentWriter
import io.github.cdfimobile.demo.video.SaveJob
import java.io.File
import java.util.concurrent.Executors

/**
 * A clip with all that plays and saves it. Outlives the Activity when the screen is turned.
 *
 * Everything here is called on the main thread; whatever may wait runs on one thread of its own, one
 * after the other, so that no network is closed while it runs.
 */
internal class PlayerSession(context: Context) {
    private val context = context.applicationContext
    private val main = Handler(Looper.getMainLooper())
    private val worker = Executors.newSingleThreadExecutor { Thread(it, "session") }
    private val opener = ClipOpener(this.context)
    private val timings = Timings()
    private var playback: Playback? = null
    private var saving: SaveJob? = null

    /** Raised by whatever makes work that is under way meaningless. */
    private var generation = 0

    /** Where the clip is shown, and who is told of changes; null while there is no screen. */
    var screen: Screen? = null
        set(value) {
            field = value
            playback?.view = value?.view
            value?.onChange()
        }

    /** What the screen has to show. */
    var state = PlayerState()
        private set

    /** What is known of the clip; null until it is open. */
    var report: ClipReport? = null
        private set

    /** The document that is open, or was asked for. */
    var uri: Uri? = null
        private set

    /** A screen that shows a session. */
    interface Screen {
        val view: SplitView

        /** The session's state, or what is known of the clip, is another. */
        fun onChange()
    }

    /** Frames a second shown, and times of computed frames in ms: median and p90; null if unknown. */
    val speeds: Triple<Double?, Double?, Double?>
        get() = Triple(
            playback?.framesPerSecond,
            timings.percentileMs(MEDIAN),
            timings.percentileMs(SLOW),
        )

    /** Opens the document [uri] in place of what is open. */
    fun open(uri: Uri) {
        if (!state.canOpen) return
        this.uri = uri
        report = null
        timings.clear()
        on(PlayerEvent.Open)
        prepare(uri)
    }

    /** Opens the clip again, with the settings as they are now. */
    fun reopen() {
        uri?.let(::open)
    }

    /** Forgets the measured speed and opens the clip again. */
    fun testAgain() {
        SpeedStore(context).clear()
        reopen()
    }

    /** Plays from where it stands, or from the beginning. */
    fun play() {
        val uri = uri
        if (!state.canPlay || uri == null) return
        on(PlayerEvent.Play)
        val ready = playback
        if (ready != null) ready.play() else prepare(uri)
    }

    /** Stands still. */
    fun pause() {
        playback?.pause()
        on(PlayerEvent.Pause)
    }

    /** Gives back codecs and frames, and the network too if it is [forMemory]. */
    fun release(forMemory: Boolean) {
        if (state.stage == Stage.PLAYING || state.stage == Stage.PAUSED) {
            stopPlayback(keepPicture = !forMemory)
            on(PlayerEvent.Release(forMemory))
        }
        if (forMemory && state.canOpen) worker.execute(opener::close)
    }

    /** Saves the slowed-down clip into the document [target], which the user has just made. */
    fun save(target: Uri) {
        val source = uri
        if (!state.canSave || source == null) return
        stopPlayback()
        timings.clear()
        on(PlayerEvent.Save)
        val job = SaveJob(File(context.cacheDir, "saving")) { percent ->
            main.post { on(PlayerEvent.Progress(percent)) }
        }
        saving = job
        work(isWanted = { true }) { save(job, source, target) }
    }

    /** Stops saving; nothing is kept. */
    fun cancelSaving() {
        saving?.cancel()
    }

    /** Ends everything; the session cannot be used any more. */
    fun close() {
        screen = null
        saving?.cancel()
        stopPlayback()
        worker.execute(opener::close)
        worker.shutdown()
    }

    private fun prepare(uri: Uri) {
        stopPlayback()
        val own = generation
        work(isWanted = { own == generation }) {
            val clip = opener.open(uri, timings)
            val report = try {
                opener.report(clip) { main.post { if (own == generation) on(PlayerEvent.Test) } }
            } catch (failure: Throwable) {
                clip.pipeline.close()
                throw failure
            }
            main.post {
                // A pipeline that never began has nothing to wait for.
                if (own == generation) begin(clip, report) else clip.pipeline.close()
            }
        }
    }

    private fun begin(clip: OpenClip, report: ClipReport) {
        this.report = report
        playback = Playback(
            clip.pipeline,
            clip.source.width,
            clip.source.height,
            clip.source.clip.rotation,
            onEnd = {
                on(PlayerEvent.End)
                stopPlayback(keepPicture = true)
            },
            onFail = ::fail,
        ).also { it.view = screen?.view }
        val isNew = !state.hasClip
        on(PlayerEvent.Ready)
        // A clip that is opened again plays since that is what the user pressed.
        if (isNew && report.realTime.offered) on(PlayerEvent.Play)
        if (state.stage == Stage.PLAYING) playback?.play()
    }

    private fun save(job: SaveJob, source: Uri, target: Uri) {
        val documents = DocumentWriter(context.contentResolver)
        var isSaved = false
        try {
            val clip = opener.open(source, timings)
            val file = job.run(clip.pipeline, clip.source, clip.settings.factor)
            if (file != null) {
                main.post { on(PlayerEvent.Copy) }
                try {
                    documents.copy(file, target)
                } finally {
                    file.delete()
                }
                isSaved = true
            }
            main.post { on(if (isSaved) PlayerEvent.Saved else PlayerEvent.SaveStopped) }
        } finally {
            if (!isSaved) documents.remove(target)
        }
    }

    private fun stopPlayback(keepPicture: Boolean = false) {
        generation++
        val old = playback ?: return
        playback = null
        old.stop(keepPicture)
        if (!worker.isShutdown) worker.execute(old::close)
    }

    private fun work(isWanted: () -> Boolean, body: () -> Unit) = worker.execute {
        try {
            body()
        } catch (failure: Throwable) { // OutOfMemoryError too: large frames are why, and are gone
            main.post { if (isWanted()) fail(failure) }
        }
    }

    private fun fail(failure: Throwable) {
        Log.w(TAG, "the clip cannot be played or saved", failure)
        on(PlayerEvent.Fail(Problems.of(failure), failure.message ?: failure.javaClass.simpleName))
        stopPlayback(keepPicture = state.hasClip)
    }

    private fun on(event: PlayerEvent) {
        val next = state.on(event)
        if (next == state) return
        state = next
        screen?.onChange()
    }

    private companion object {
        const val TAG = "PlayerSession"
        const val MEDIAN = 50.0
        const val SLOW = 90.0
    }
}
