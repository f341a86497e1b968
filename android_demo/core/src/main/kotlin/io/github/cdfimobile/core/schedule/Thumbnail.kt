package io.github.cdfimobile.core.schedule

import io.github.cdfimobile.core.image.RgbFrame

/**
 * A grey picture of 32 x 18 pixels, bit for bit the one that the Python packages compare frames by: luma of
 * BT.601 in 16-bit fixed point, then Pillow's box filter, columns before rows, rounded to 8 bits after each.
 */
public class Thumbnail(frame: RgbFrame) {
    private val values: IntArray

    init {
        val grey = IntArray(frame.width * frame.height) { pixel ->
            val at = RgbFrame.CHANNELS * pixel
            val red = frame.pixels[at].toInt() and BYTE
            val green = frame.pixels[at + 1].toInt() and BYTE
            val blue = frame.pixels[at + 2].toInt() and BYTE
            (red * RED + green * GREEN + blue * BLUE + ROUND) shr LUMA_BITS
        }
        val columns = Box(frame.width, WIDTH)
        val narrow =
            IntArray(WIDTH * frame.height) { columns.apply(it % WIDTH) { x -> grey[it / WIDTH * frame.width + x] } }
        val rows = Box(frame.height, HEIGHT)
        values = IntArray(WIDTH * HEIGHT) { rows.apply(it / WIDTH) { y -> narrow[y * WIDTH + it % WIDTH] } }
    }

    /** Mean absolute difference to [other] in grey levels, 0 to 255. */
    public fun difference(other: Thumbnail): Double =
        values.indices.sumOf { Math.abs(values[it] - other.values[it]) }.toDouble() / values.size

    /** Box filter of one axis with normalised weights in [BOX_BITS] fractional bits. */
    private class Box(private val length: Int, target: Int) {
        private val scale = length.toDouble() / target
        private val width = maxOf(scale, 1.0)

        fun apply(index: Int, value: (Int) -> Int): Int {
            val centre = (index + CENTRE) * scale
            val reach = width / 2
            val first = maxOf((centre - reach + CENTRE).toInt(), 0)
            val last = minOf((centre + reach + CENTRE).toInt(), length)
            val weights = DoubleArray(last - first) { weight((it + first - centre + CENTRE) / width) }
            val sum = weights.sum()
            var total = 1L shl (BOX_BITS - 1)
            for (offset in weights.indices) {
                val fixed = (CENTRE + weights[offset] / sum * (1 shl BOX_BITS)).toInt()
                total += fixed.toLong() * value(first + offset)
            }
            return (total shr BOX_BITS).toInt().coerceIn(0, BYTE)
        }

        private fun weight(x: Double): Double = if (x > -CENTRE && x <= CENTRE) 1.0 else 0.0
    }

    private companion object {
        const val WIDTH = 32
        const val HEIGHT = 18
        const val BYTE = 255
        const val RED = 19595
        const val GREEN = 38470
        const val BLUE = 7471
        const val ROUND = 0x8000
        const val LUMA_BITS = 16
        const val BOX_BITS = 22
        const val CENTRE = 0.5
    }
}
