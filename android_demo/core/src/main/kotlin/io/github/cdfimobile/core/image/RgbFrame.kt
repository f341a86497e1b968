package io.github.cdfimobile.core.image

import io.github.cdfimobile.core.InputException

/**
 * One frame: [pixels] holds red, green and blue of each pixel, row by row, `3 * width * height` bytes.
 *
 * @throws InputException no pixels, or an array of another length.
 */
public class RgbFrame(
    public val width: Int,
    public val height: Int,
    public val pixels: ByteArray = ByteArray(CHANNELS * width * height),
) {
    init {
        if (width < 1 || height < 1) {
            throw InputException("the frame has no pixels", expected = "at least 1x1", got = "${width}x$height")
        }
        val expected = CHANNELS.toLong() * width * height
        if (pixels.size.toLong() != expected) {
            throw InputException(
                "the pixels do not fill the frame",
                expected = "$expected bytes for ${width}x$height",
                got = "${pixels.size} bytes",
            )
        }
    }

    public companion object {
        /** Red, green, blue. */
        public const val CHANNELS: Int = 3
    }
}
