package io.github.cdfimobile.demo.video

import android.graphics.ImageFormat
import android.media.Image
import android.media.MediaFormat
import io.github.cdfimobile.core.image.ColourSpace
import io.github.cdfimobile.core.image.Matrix
import io.github.cdfimobile.core.image.Plane
import io.github.cdfimobile.core.image.Range
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.image.YuvConverter
import io.github.cdfimobile.core.image.YuvPlanes
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException

/** Frames between a codec's YUV images and RGB, in the colours that its format names. */
internal class FrameColours(private val space: ColourSpace) {
    private val converter = YuvConverter(space)

    /** Fills [target] with the crop rectangle of [image], which has [target]'s size. */
    fun read(image: Image, target: RgbFrame) =
        converter.toRgb(planes(image, target.width, target.height), target)

    /** Fills the planes of [image] with [source], which has its size. */
    fun write(source: RgbFrame, image: Image) =
        converter.fromRgb(source, planes(image, source.width, source.height))

    /** Tells an encoder's [format] which colours it is given. */
    fun describe(format: MediaFormat) {
        format.setInteger(
            MediaFormat.KEY_COLOR_STANDARD,
            when (space.matrix) {
                Matrix.BT601 -> MediaFormat.COLOR_STANDARD_BT601_NTSC
                Matrix.BT709 -> MediaFormat.COLOR_STANDARD_BT709
            },
        )
        format.setInteger(
            MediaFormat.KEY_COLOR_RANGE,
            when (space.range) {
                Range.LIMITED -> MediaFormat.COLOR_RANGE_LIMITED
                Range.FULL -> MediaFormat.COLOR_RANGE_FULL
            },
        )
        format.setInteger(MediaFormat.KEY_COLOR_TRANSFER, MediaFormat.COLOR_TRANSFER_SDR_VIDEO)
    }

    private fun planes(image: Image, width: Int, height: Int): YuvPlanes {
        if (image.format != ImageFormat.YUV_420_888) {
            throw ProblemException(
                Problem.UNSUPPORTED_COLOURS,
                "expected 8-bit YUV 4:2:0 (35), got format ${image.format}",
            )
        }
        val (y, u, v) = image.planes.map { Plane(it.buffer, it.rowStride, it.pixelStride) }
        // An odd corner has no chroma of its own: the picture moves by one pixel at most.
        val left = image.cropRect.left and 1.inv()
        val top = image.cropRect.top and 1.inv()
        return YuvPlanes(width, height, y, u, v, left, top)
    }

    companion object {
        /**
         * The colours of a decoder's output [format], or the likely ones of frames of [height] pixels
         * where it does not tell.
         */
        fun of(format: MediaFormat, height: Int): FrameColours {
            val likely = ColourSpace.likely(height)
            val matrix = when (format.integer(MediaFormat.KEY_COLOR_STANDARD)) {
                MediaFormat.COLOR_STANDARD_BT709 -> Matrix.BT709
                MediaFormat.COLOR_STANDARD_BT601_PAL, MediaFormat.COLOR_STANDARD_BT601_NTSC,
                -> Matrix.BT601
                else -> likely.matrix
            }
            val range = when (format.integer(MediaFormat.KEY_COLOR_RANGE)) {
                MediaFormat.COLOR_RANGE_FULL -> Range.FULL
                MediaFormat.COLOR_RANGE_LIMITED -> Range.LIMITED
                else -> likely.range
            }
            return FrameColours(ColourSpace(matrix, range))
        }

        /** What players expect of a saved file with frames of [height] pixels. */
        fun forSaving(height: Int): FrameColours = FrameColours(ColourSpace.likely(height))
    }
}
