package io.github.cdfimobile.demo.video

import io.github.cdfimobile.core.image.RgbFrame

/** Makes frames smaller by a whole number: each pixel is the rounded mean of a square. */
object Reducer {
    private const val BYTE = 0xFF

    /**
     * Fills [target] with [source] reduced by [factor]; columns and rows that fill no square are left
     * out.
     */
    fun reduce(source: RgbFrame, factor: Int, target: RgbFrame) {
        require(source.width / factor >= target.width && source.height / factor >= target.height) {
            "expected at least ${target.width * factor}x${target.height * factor} pixels, " +
                "got ${source.width}x${source.height}"
        }
        val count = factor * factor
        var to = 0
        for (y in 0 until target.height) {
            for (x in 0 until target.width) {
                for (channel in 0 until RgbFrame.CHANNELS) {
                    val sum = sum(source, x * factor, y * factor, channel, factor)
                    target.pixels[to++] = ((sum + count / 2) / count).toByte()
                }
            }
        }
    }

    private fun sum(source: RgbFrame, left: Int, top: Int, channel: Int, side: Int): Int {
        var sum = 0
        for (y in top until top + side) {
            var at = RgbFrame.CHANNELS * (y * source.width + left) + channel
            repeat(side) {
                sum += source.pixels[at].toInt() and BYTE
                at += RgbFrame.CHANNELS
            }
        }
        return sum
    }
}
