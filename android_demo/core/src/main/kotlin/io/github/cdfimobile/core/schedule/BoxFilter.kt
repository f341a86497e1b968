package io.github.cdfimobile.core.schedule

/**
 * Pillow's box filter of one axis, from [length] pixels to [target], bit for bit: normalised weights in
 * [BITS] fractional bits, each output rounded to 8 bits.
 */
internal class BoxFilter(length: Int, target: Int) {
    private val first = IntArray(target)
    private val weights: Array<IntArray>

    init {
        val scale = length.toDouble() / target
        val width = maxOf(scale, 1.0)
        weights = Array(target) { index ->
            val centre = (index + HALF) * scale
            val from = maxOf((centre - width / 2 + HALF).toInt(), 0)
            val end = minOf((centre + width / 2 + HALF).toInt(), length)
            first[index] = from
            fixed(DoubleArray(end - from) { box((it + from - centre + HALF) / width) })
        }
    }

    /** Value [index] of the filtered axis; [values] lie [stride] apart from [offset] on. */
    fun apply(index: Int, values: IntArray, offset: Int, stride: Int): Int {
        var total = 1L shl (BITS - 1)
        var at = offset + first[index] * stride
        for (weight in weights[index]) {
            total += weight.toLong() * values[at]
            at += stride
        }
        return (total shr BITS).toInt().coerceIn(0, BYTE)
    }

    private fun fixed(weights: DoubleArray): IntArray {
        val sum = weights.sum()
        return IntArray(weights.size) { (HALF + weights[it] / sum * (1 shl BITS)).toInt() }
    }

    private fun box(x: Double): Double = if (x > -HALF && x <= HALF) 1.0 else 0.0

    private companion object {
        const val BITS = 22
        const val HALF = 0.5
        const val BYTE = 255
    }
}
