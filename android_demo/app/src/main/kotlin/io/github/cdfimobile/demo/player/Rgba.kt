package io.github.cdfimobile.demo.player

/** Pixels as `Bitmap.Config.ARGB_8888` holds them: bytes of red, green, blue, alpha in memory. */
object Rgba {
    private const val RGB = 3
    private const val BYTE = 0xFF
    private const val OPAQUE = BYTE shl 24

    /**
     * Writes the interleaved [rgb] bytes as opaque pixels into [into], one number each.
     *
     * All of Android's processors are little-endian, so red is the lowest byte.
     */
    fun pack(rgb: ByteArray, into: IntArray) {
        require(rgb.size == into.size * RGB) {
            "expected ${into.size * RGB} bytes for ${into.size} pixels, got ${rgb.size}"
        }
        var at = 0
        for (pixel in into.indices) {
            val red = rgb[at].toInt() and BYTE
            val green = rgb[at + 1].toInt() and BYTE
            val blue = rgb[at + 2].toInt() and BYTE
            into[pixel] = OPAQUE or (blue shl 16) or (green shl 8) or red
            at += RGB
        }
    }
}
