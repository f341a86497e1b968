package io.github.cdfimobile.demo.video

import android.content.Context
import android.media.MediaExtractor
import android.media.MediaFormat
import android.net.Uri
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException
import java.io.FileNotFoundException
import java.io.IOException

/** The first video track of a document, selected in its [extractor]. */
internal class VideoTrack private constructor(
    val extractor: MediaExtractor,
    val format: MediaFormat,
) : AutoCloseable {
    /** The track's MIME type, e.g. `video/avc`. */
    val mime: String = format.getString(MediaFormat.KEY_MIME).orEmpty()

    override fun close() = extractor.release()

    companion object {
        private const val VIDEO = "video/"

        /**
         * Opens the document [uri].
         *
         * @throws ProblemException the document is gone, closed to this app or no video.
         */
        fun open(context: Context, uri: Uri): VideoTrack {
            val extractor = MediaExtractor()
            try {
                read(context, uri, extractor)
                val track = (0 until extractor.trackCount).firstOrNull { index ->
                    extractor.getTrackFormat(index).mime().startsWith(VIDEO)
                } ?: throw ProblemException(Problem.NOT_A_VIDEO, "no video track in $uri")
                extractor.selectTrack(track)
                return VideoTrack(extractor, extractor.getTrackFormat(track))
            } catch (failure: Throwable) {
                extractor.release()
                throw failure
            }
        }

        private fun read(context: Context, uri: Uri, extractor: MediaExtractor) {
            try {
                // By descriptor, since a document's provider may know no other way.
                val file = context.contentResolver.openAssetFileDescriptor(uri, "r")
                    ?: throw FileNotFoundException("the provider of $uri gave nothing")
                file.use {
                    if (it.declaredLength < 0) {
                        extractor.setDataSource(it.fileDescriptor)
                    } else {
                        extractor.setDataSource(
                            it.fileDescriptor,
                            it.startOffset,
                            it.declaredLength,
                        )
                    }
                }
            } catch (error: SecurityException) {
                throw ProblemException(Problem.ACCESS_LOST, "no access to $uri", error)
            } catch (error: FileNotFoundException) {
                throw ProblemException(Problem.FILE_GONE, "$uri is gone", error)
            } catch (error: IOException) {
                throw ProblemException(Problem.NOT_A_VIDEO, "$uri cannot be read", error)
            } catch (error: IllegalArgumentException) {
                throw ProblemException(Problem.NOT_A_VIDEO, "$uri is no document", error)
            }
        }

        private fun MediaFormat.mime(): String = getString(MediaFormat.KEY_MIME).orEmpty()
    }
}

