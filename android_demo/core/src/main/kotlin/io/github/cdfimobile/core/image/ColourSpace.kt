package io.github.cdfimobile.core.image

/** Luma weights of red and blue: ITU-R BT.601-7 (standard definition) and BT.709-6 (high definition). */
public enum class Matrix(internal val red: Double, internal val blue: Double) {
    BT601(0.299, 0.114),
    BT709(0.2126, 0.0722),
}

/** Limited: luma 16 to 235, chroma 16 to 240. Full: 0 to 255 (JPEG). */
public enum class Range { LIMITED, FULL }

/** How YUV values stand for colours. */
public data class ColourSpace(val matrix: Matrix, val range: Range) {
    public companion object {
        /** What a video without colour metadata most likely is, by its frame [height] in pixels. */
        public fun likely(height: Int): ColourSpace =
            ColourSpace(if (height >= HIGH_DEFINITION) Matrix.BT709 else Matrix.BT601, Range.LIMITED)

        private const val HIGH_DEFINITION = 720
    }
}
