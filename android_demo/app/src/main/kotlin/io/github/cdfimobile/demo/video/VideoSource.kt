package io.github.cdfimobile.demo.video

import android.content.Context
import android.media.Image
import android.media.MediaFormat
import android.net.Uri
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.demo.pipeline.FrameSource
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException

/**
 * A document's video as RGB frames, reduced to a longest side.
 *
 * Opened on any thread, then used by one.
 */
internal class VideoSource private constructor(
    private val decoder: VideoDecoder,
    private val reduction: Reduction,
) : FrameSource {
    /** What the file says of the clip. */
    val clip: Clip = decoder.clip

    override val width: Int = reduction.width
    override val height: Int = reduction.height

    // Only where frames are reduced: the decoder's own size.
    private val full by lazy { RgbFrame(clip.width, clip.height) }
    private var colours: Pair<MediaFormat, FrameColours>? = null

    override fun next(into: RgbFrame): Long? = decoder.next { image ->
        requireSize(image)
        if (reduction.factor == 1) {
            colours().read(image, into)
        } else {
            colours().read(image, full)
            Reducer.reduce(full, reduction.factor, into)
        }
    }

    override fun close() = decoder.close()

    /** Made anew only where the decoder's format changes. */
    private fun colours(): FrameColours {
        val format = decoder.format
        colours?.let { (known, value) -> if (known === format) return value }
        return FrameColours.of(format, clip.height).also { colours = format to it }
    }

    private fun requireSize(image: Image) {
        val crop = image.cropRect
        if (crop.width() < clip.width || crop.height() < clip.height) {
            throw ProblemException(
                Problem.CODEC_FAILED,
                "expected frames of ${clip.width}x${clip.height}, got $crop",
            )
        }
    }

    companion object {
        /**
         * Opens [uri]; frames have at most [longestSide] pixels on a side.
         *
         * @throws ProblemException there is no such video, or no codec for it.
         */
        fun open(context: Context, uri: Uri, longestSide: Int): VideoSource {
            val decoder = VideoDecoder.open(context, uri)
            val clip = decoder.clip
            return VideoSource(decoder, Reduction.of(clip.width, clip.height, longestSide))
        }
    }
}
