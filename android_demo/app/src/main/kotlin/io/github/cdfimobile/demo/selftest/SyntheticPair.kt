package io.github.cdfimobile.demo.selftest

import io.github.cdfimobile.core.image.RgbFrame

/**
 * Two frames of a coloured pattern that moves by [SHIFT] pixels to the right: what a phone is timed
 * on when there is no clip. Smooth, never blank, and the same everywhere.
 */
object SyntheticPair {
    /** How far the pattern moves from the first frame to the second, in pixels. */
    const val SHIFT = 8

    private const val FINE = 7
    private const val COARSE = 3
    private const val BYTE = 0xFF

    /** The two frames of [width] x [height] pixels. */
    fun of(width: Int, height: Int): Pair<RgbFrame, RgbFrame> =
        frame(width, height, 0) to frame(width, height, SHIFT)

    private fun frame(width: Int, height: Int, shift: Int): RgbFrame {
        val frame = RgbFrame(width, height)
        var at = 0
        for (y in 0 until height) {
            for (x in 0 until width) {
                val moved = x - shift
                frame.pixels[at++] = wave(moved * FINE + y * COARSE)
                frame.pixels[at++] = wave(moved * COARSE - y * FINE)
                frame.pixels[at++] = wave((moved + y) * COARSE)
            }
        }
        return frame
    }

    /** Up and down in steps of one: 0 to 255 and back. */
    private fun wave(position: Int): Byte {
        val phase = position and (2 * BYTE + 1)
        return (if (phase <= BYTE) phase else 2 * BYTE + 1 - phase).toByte()
    }
}
