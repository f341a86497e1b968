package io.github.cdfimobile.demo.player

import android.view.Choreographer
import io.github.cdfimobile.core.stats.RateMeter
import io.github.cdfimobile.demo.pipeline.BoundedQueue
import io.github.cdfimobile.demo.pipeline.Lease
import io.github.cdfimobile.demo.pipeline.Pool
import io.github.cdfimobile.demo.pipeline.SlowMotion

/**
 * Shows what a [SlowMotion] makes, a frame at a time, when it is due.
 *
 * A thread of its own turns frames into bitmaps; the main thread shows them in step with the screen.
 * All but [close] is for the main thread.
 *
 * @param onEnd told after the last frame; on the main thread, as is [onFail].
 */
internal class Playback(
    private val pipeline: SlowMotion,
    width: Int,
    height: Int,
    rotation: Int,
    private val onEnd: () -> Unit,
    private val onFail: (Throwable) -> Unit,
) : AutoCloseable {
    private val pool = Pool(BITMAPS) { ShownFrame(width, height, rotation) }
    private val prepared = BoundedQueue<Lease<ShownFrame>>(1) { it.release() }
    private val pixels = IntArray(width * height)
    private val filler = Thread(::fill, "fill")
    private val pacer = Pacer()
    private val rate = RateMeter()
    private var current: Lease<ShownFrame>? = null
    private var previous: Lease<ShownFrame>? = null
    private var isPlaying = false
    private var isStopped = false
    private val onVsync = Choreographer.FrameCallback(::showDue)

    /** Where frames are shown; null while there is no screen. */
    var view: SplitView? = null
        set(value) {
            field = value
            value?.show(current?.value)
        }

    /** Frames a second that were shown lately; null while there is nothing to tell. */
    val framesPerSecond: Double? get() = if (isPlaying) rate.framesPerSecond() else null

    /** Begins or goes on. */
    fun play() {
        if (isPlaying || isStopped) return
        if (filler.state == Thread.State.NEW) {
            pipeline.start()
            filler.start()
        }
        isPlaying = true
        pacer.restart()
        rate.reset()
        Choreographer.getInstance().postFrameCallback(onVsync)
    }

    /** Stands still; what computes fills its queues and then waits. */
    fun pause() {
        isPlaying = false
        Choreographer.getInstance().removeFrameCallback(onVsync)
    }

    /**
     * Ends it for good; [close] must follow, on a thread that may wait. The last picture stays if
     * [keepPicture].
     */
    fun stop(keepPicture: Boolean) {
        pause()
        isStopped = true
        if (!keepPicture) view?.show(null)
        view = null
        prepared.cancel()
    }

    /** Waits for the threads and gives all memory back. */
    override fun close() {
        prepared.cancel()
        pool.close()
        pipeline.close()
        if (filler.state != Thread.State.NEW) filler.join()
    }

    private fun showDue(nowNs: Long) {
        if (!isPlaying) return
        try {
            val next = prepared.peek()
            when {
                next != null && pacer.isDue(next.value.timeUs, nowNs) -> {
                    prepared.poll()?.let(::show)
                    rate.count(nowNs)
                }
                next == null && prepared.ended -> {
                    isPlaying = false
                    return onEnd()
                }
            }
        } catch (failure: Throwable) {
            isPlaying = false
            return onFail(failure)
        }
        Choreographer.getInstance().postFrameCallback(onVsync)
    }

    private fun show(next: Lease<ShownFrame>) {
        // The render thread may still draw what was shown last.
        previous?.release()
        previous = current
        current = next
        view?.show(next.value)
    }

    private fun fill() {
        try {
            while (true) {
                val frame = pipeline.output.take() ?: break
                val bitmaps = pool.acquire()
                if (bitmaps == null) {
                    frame.release()
                    break
                }
                bitmaps.value.fill(frame.timeUs, frame.before.pixels, frame.after.pixels, pixels)
                frame.release()
                if (!prepared.put(bitmaps)) break
            }
            prepared.finish()
        } catch (failure: Throwable) {
            prepared.fail(failure)
        }
    }

    private companion object {
        /** Shown, still drawn, waiting, being filled. */
        const val BITMAPS = 4
    }
}
