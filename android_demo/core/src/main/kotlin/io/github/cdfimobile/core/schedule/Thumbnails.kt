package io.github.cdfimobile.core.schedule

import io.github.cdfimobile.core.image.RgbFrame

/** A grey picture of [Thumbnails.WIDTH] x [Thumbnails.HEIGHT] pixels. */
internal class Thumbnail(private val values: IntArray) {
    /** Mean absolute difference to [other] in grey levels, 0 to 255. */
    fun difference(other: Thumbnail): Double {
        var sum = 0
        for (index in values.indices) sum += Math.abs(values[index] - other.values[index])
        return sum.toDouble() / values.size
    }
}

/**
 * Makes thumbnails of frames of [width] x [height] pixels, bit for bit those that the Python packages compare
 * frames by: luma of BT.601 in 16-bit fixed point, then a box filter, columns before rows. One thread.
 */
internal class Thumbnails(private val width: Int, private val height: Int) {
    private val columns = BoxFilter(width, WIDTH)
    private val rows = BoxFilter(height, HEIGHT)
    private val grey = IntArray(width)
    private val narrow = IntArray(WIDTH * height)

    fun fits(frame: RgbFrame): Boolean = frame.width == width && frame.height == height

    fun of(frame: RgbFrame): Thumbnail {
        for (y in 0 until height) {
            luma(frame.pixels, RgbFrame.CHANNELS * width * y)
            for (x in 0 until WIDTH) narrow[y * WIDTH + x] = columns.apply(x, grey, offset = 0, stride = 1)
        }
        return Thumbnail(
            IntArray(WIDTH * HEIGHT) { rows.apply(it / WIDTH, narrow, offset = it % WIDTH, stride = WIDTH) },
        )
    }

    private fun luma(pixels: ByteArray, start: Int) {
        var at = start
        for (x in 0 until width) {
            val red = pixels[at].toInt() and BYTE
            val green = pixels[at + 1].toInt() and BYTE
            val blue = pixels[at + 2].toInt() and BYTE
            grey[x] = (red * RED + green * GREEN + blue * BLUE + ROUND) shr LUMA_BITS
            at += RgbFrame.CHANNELS
        }
    }

    companion object {
        const val WIDTH = 32
        const val HEIGHT = 18
        private const val BYTE = 255
        private const val RED = 19595
        private const val GREEN = 38470
        private const val BLUE = 7471
        private const val ROUND = 0x8000
        private const val LUMA_BITS = 16
    }
}
