package io.github.cdfimobile.demo.player

import android.content.Context
import android.net.Uri
import io.github.cdfimobile.demo.video.DocumentWriter
import io.github.cdfimobile.demo.video.SaveJob
import java.io.File

/** Saves one clip into one document, and tells by [on] how far it is; on the thread that calls [save]. */
internal class Saver(
    context: Context,
    private val opener: ClipOpener,
    private val timings: Timings,
    private val on: (PlayerEvent) -> Unit,
) {
    private val documents = DocumentWriter(context.contentResolver)
    private val job = SaveJob(File(context.cacheDir, "saving")) { on(PlayerEvent.Progress(it)) }

    /** Stops it, by any thread; nothing is kept. */
    fun cancel() = job.cancel()

    /**
     * Slows [source] down and saves it as [target], which is removed if that comes to nothing.
     *
     * @throws Exception what `Problems` knows.
     */
    fun save(source: Uri, target: Uri) {
        var isSaved = false
        try {
            val clip = opener.open(source, timings)
            val file = job.run(clip.pipeline, clip.source, clip.settings.factor)
            if (file != null) {
                on(PlayerEvent.Copy)
                try {
                    documents.copy(file, target)
                } finally {
                    file.delete()
                }
                isSaved = true
            }
        } finally {
            if (!isSaved) documents.remove(target)
        }
        on(if (isSaved) PlayerEvent.Saved else PlayerEvent.SaveStopped)
    }
}
