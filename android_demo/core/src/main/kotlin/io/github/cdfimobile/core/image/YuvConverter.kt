package io.github.cdfimobile.core.image

import io.github.cdfimobile.core.InputException
import kotlin.math.roundToInt

/**
 * YUV 420 to RGB and back in fixed point with [BITS] fractional bits, halves up.
 *
 * With luma weights Kr, Kg, Kb of [ColourSpace.matrix], chroma is (B - Y) / (2 (1 - Kb)) and
 * (R - Y) / (2 (1 - Kr)). Each 2x2 block shares one chroma pair, which is shown as it is in all four pixels,
 * and made from the block's mean colour. All is integer arithmetic with coefficients rounded once, so that
 * results are the same everywhere; golden vectors hold it.
 */
public class YuvConverter(space: ColourSpace) {
    private val limited = space.range == Range.LIMITED
    private val black = if (limited) LIMITED_BLACK else 0
    private val lumaScale = if (limited) LIMITED_LUMA / FULL else 1.0
    private val chromaScale = if (limited) LIMITED_CHROMA / FULL else 1.0
    private val kr = space.matrix.red
    private val kb = space.matrix.blue
    private val kg = 1 - kr - kb

    private val fromY = fixed(1 / lumaScale)
    private val redFromV = fixed(2 * (1 - kr) / chromaScale)
    private val greenFromU = fixed(-2 * (1 - kb) * kb / kg / chromaScale)
    private val greenFromV = fixed(-2 * (1 - kr) * kr / kg / chromaScale)
    private val blueFromU = fixed(2 * (1 - kb) / chromaScale)

    private val yFromRed = fixed(kr * lumaScale)
    private val yFromBlue = fixed(kb * lumaScale)

    // The rest, so that white stays white.
    private val yFromGreen = fixed(lumaScale) - yFromRed - yFromBlue
    private val uFromRed = fixed(-kr / (2 * (1 - kb)) * chromaScale)
    private val uFromBlue = fixed(chromaScale / 2)
    private val uFromGreen = -uFromRed - uFromBlue
    private val vFromRed = fixed(chromaScale / 2)
    private val vFromBlue = fixed(-kb / (2 * (1 - kr)) * chromaScale)
    private val vFromGreen = -vFromRed - vFromBlue

    /**
     * Writes the colours of [source] into [target].
     *
     * @throws InputException the frames differ in size.
     */
    public fun toRgb(source: YuvPlanes, target: RgbFrame) {
        requireSame(source, target)
        val half = (source.width + 1) / 2
        val luma = source.y.Lines(source.width)
        val (u, v) = source.u.Lines(half) to source.v.Lines(half)
        for (row in 0 until source.height) {
            val y = source.top + row
            luma.read(source.left, y)
            u.read(source.left / 2, y / 2)
            v.read(source.left / 2, y / 2)
            line(luma.values, u.values, v.values, target.pixels, RgbFrame.CHANNELS * source.width * row)
        }
    }

    private fun line(luma: IntArray, us: IntArray, vs: IntArray, pixels: ByteArray, start: Int) {
        var next = start
        for (x in luma.indices) {
            val y = (luma[x] - black) * fromY + HALF
            val u = us[x / 2] - NEUTRAL
            val v = vs[x / 2] - NEUTRAL
            pixels[next++] = byte(y + redFromV * v)
            pixels[next++] = byte(y + greenFromU * u + greenFromV * v)
            pixels[next++] = byte(y + blueFromU * u)
        }
    }

    /**
     * Writes [source] into the planes of [target].
     *
     * @throws InputException the frames differ in size.
     */
    public fun fromRgb(source: RgbFrame, target: YuvPlanes) {
        requireSame(target, source)
        for (top in 0 until source.height step 2) {
            for (left in 0 until source.width step 2) block(source, target, left, top)
        }
    }

    private fun block(source: RgbFrame, target: YuvPlanes, left: Int, top: Int) {
        var red = 0
        var green = 0
        var blue = 0
        // At an odd border the last column or row stands for the missing one.
        for (y in top..top + 1) {
            for (x in left..left + 1) {
                val inside = x < source.width && y < source.height
                val at = RgbFrame.CHANNELS * (minOf(y, source.height - 1) * source.width + minOf(x, source.width - 1))
                val r = source.pixels[at].toInt() and BYTE
                val g = source.pixels[at + 1].toInt() and BYTE
                val b = source.pixels[at + 2].toInt() and BYTE
                red += r
                green += g
                blue += b
                if (inside) {
                    val luma = (yFromRed * r + yFromGreen * g + yFromBlue * b + HALF) shr BITS
                    target.y.put(target.left + x, target.top + y, (black + luma).coerceIn(0, BYTE))
                }
            }
        }
        val x = (target.left + left) / 2
        val y = (target.top + top) / 2
        target.u.put(x, y, chroma(uFromRed * red + uFromGreen * green + uFromBlue * blue))
        target.v.put(x, y, chroma(vFromRed * red + vFromGreen * green + vFromBlue * blue))
    }

    // Of a sum over four pixels.
    private fun chroma(sum: Int): Int = (NEUTRAL + ((sum + BLOCK_HALF) shr (BITS + 2))).coerceIn(0, BYTE)

    private fun byte(value: Int): Byte = (value shr BITS).coerceIn(0, BYTE).toByte()

    private fun requireSame(planes: YuvPlanes, frame: RgbFrame) {
        if (planes.width != frame.width || planes.height != frame.height) {
            throw InputException(
                "the YUV and the RGB frame differ in size",
                expected = "${planes.width}x${planes.height}",
                got = "${frame.width}x${frame.height}",
            )
        }
    }

    public companion object {
        /** Fractional bits of the coefficients. */
        public const val BITS: Int = 16

        private const val ONE = 1 shl BITS
        private const val HALF = ONE / 2
        private const val BLOCK_HALF = 2 * ONE
        private const val BYTE = 255
        private const val NEUTRAL = 128
        private const val LIMITED_BLACK = 16
        private const val LIMITED_LUMA = 219.0
        private const val LIMITED_CHROMA = 224.0
        private const val FULL = 255.0

        private fun fixed(value: Double): Int = (value * ONE).roundToInt()
    }
}
