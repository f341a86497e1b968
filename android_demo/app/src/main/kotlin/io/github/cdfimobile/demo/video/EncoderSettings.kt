package io.github.cdfimobile.demo.video

/**
 * How frames of a given size are encoded.
 *
 * @property width Pixels, a multiple of the encoder's alignment: what is over is cut off.
 * @property bitRate Bits a second.
 * @property frameRate Frames a second, for the encoder's rate control; times may vary.
 */
data class EncoderSettings(val width: Int, val height: Int, val bitRate: Int, val frameRate: Int) {
    companion object {
        /** Bits for a pixel: what H.264 needs so that interpolated frames show no blocks. */
        private const val BITS_PER_PIXEL = 0.2
        private const val LEAST_BIT_RATE = 1_000_000
        private const val MOST_BIT_RATE = 50_000_000
        private const val MOST_FRAME_RATE = 240

        /** Of a clip that does not tell its frame rate. */
        private const val USUAL_FRAME_RATE = 30f

        /**
         * Settings for frames of [width] x [height] pixels at [frameRate]; null if they are smaller
         * than the encoder's alignment, which is 2 or more as 4:2:0 has half as many colours.
         */
        fun of(
            width: Int,
            height: Int,
            frameRate: Float?,
            widthAlignment: Int,
            heightAlignment: Int,
        ): EncoderSettings? {
            val alignedWidth = width - width % even(widthAlignment)
            val alignedHeight = height - height % even(heightAlignment)
            if (alignedWidth == 0 || alignedHeight == 0) return null
            val rate = (frameRate ?: USUAL_FRAME_RATE).toInt().coerceIn(1, MOST_FRAME_RATE)
            val bits = alignedWidth.toLong() * alignedHeight * rate * BITS_PER_PIXEL
            return EncoderSettings(
                alignedWidth,
                alignedHeight,
                bits.toLong().coerceIn(LEAST_BIT_RATE.toLong(), MOST_BIT_RATE.toLong()).toInt(),
                rate,
            )
        }

        private fun even(alignment: Int): Int = if (alignment % 2 == 0) alignment else alignment * 2
    }
}
