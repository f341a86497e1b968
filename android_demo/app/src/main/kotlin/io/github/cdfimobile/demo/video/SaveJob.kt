package io.github.cdfimobile.demo.video

import io.github.cdfimobile.demo.pipeline.SlowMotion
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException
import java.io.File

/**
 * Encodes what a [SlowMotion] makes into a file of its own in [folder].
 *
 * A temporary file, since a muxer must be able to go back in it, which not every document can, and
 * since a document that is half a video helps nobody.
 */
internal class SaveJob(private val folder: File, private val onProgress: (Int) -> Unit) {
    @Volatile
    private var isCancelled = false

    private var pipeline: SlowMotion? = null

    /** Ends [run] early, by any thread. */
    @Synchronized
    fun cancel() {
        isCancelled = true
        pipeline?.output?.cancel()
    }

    /**
     * Encodes all of [pipeline], of which [source] is the clip, and returns the file, which the caller
     * removes; null if it was cancelled. Closes the pipeline.
     *
     * @throws ProblemException whatever stood against it; nothing is left then.
     */
    fun run(pipeline: SlowMotion, source: VideoSource, factor: Int): File? = pipeline.use {
        folder.mkdirs()
        folder.listFiles()?.forEach(File::delete) // of a process that was killed
        val file = File(folder, "video.mp4")
        var isDone = false
        try {
            own(pipeline)
            val clip = source.clip
            Mp4Writer.open(file, source.width, source.height, clip.frameRate, clip.rotation).use {
                pipeline.start()
                isDone = write(it, pipeline, clip.durationUs?.times(factor))
            }
        } catch (failure: Throwable) {
            throw if (hasSpace()) failure else diskFull(failure)
        } finally {
            if (!isDone) file.delete()
        }
        if (isDone) file else null
    }

    @Synchronized
    private fun own(pipeline: SlowMotion) {
        this.pipeline = pipeline
    }

    private fun write(writer: Mp4Writer, pipeline: SlowMotion, durationUs: Long?): Boolean {
        var origin: Long? = null
        var count = 0
        while (!isCancelled) {
            val frame = pipeline.output.take() ?: break
            try {
                val start = origin ?: frame.timeUs.also { origin = it }
                writer.write(frame.after, frame.timeUs - start)
                if (durationUs != null) onProgress(Progress.percent(frame.timeUs - start, durationUs))
            } finally {
                frame.release()
            }
            // A muxer does not say that the disk is full: it stops somehow, or writes nothing.
            if (++count % CHECK_EVERY == 0 && !hasSpace()) throw diskFull(null)
        }
        if (isCancelled) return false
        writer.finish()
        return true
    }

    private fun hasSpace() = folder.usableSpace > LEAST_SPACE

    private fun diskFull(cause: Throwable?) =
        ProblemException(Problem.DISK_FULL, "${folder.usableSpace} bytes left", cause)

    private companion object {
        const val CHECK_EVERY = 16

        /** Bytes that are left to the rest of the phone. */
        const val LEAST_SPACE = 32L shl 20
    }
}
