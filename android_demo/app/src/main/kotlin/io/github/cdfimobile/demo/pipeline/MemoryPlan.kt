package io.github.cdfimobile.demo.pipeline

/**
 * How many frames the pipeline may hold at once.
 *
 * @property originals Decoded frames: at least the one shown, two that are interpolated between and
 *   one that is being decoded.
 * @property middles Computed frames: at least all of one gap and the one shown.
 * @property queue Frames that may wait to be shown or encoded.
 */
data class MemoryPlan(val originals: Int, val middles: Int, val queue: Int) {
    /** All frames together. */
    val frames: Int get() = originals + middles

    companion object {
        private const val RGB = 3L
        private const val LEAST_ORIGINALS = 4
        private const val MOST_QUEUE = 24

        /** Fewer would make the player stall whenever one frame takes a little longer. */
        private const val LEAST_QUEUE = 2

        /** Inside the network, for a pixel: 0.46 GB at 1280x720 with `cdfi_mobile`, measured. */
        private const val GRAPH = 500L

        /** Four pairs of bitmaps, for a pixel. */
        private const val BITMAPS = 4 * 2 * 4L

        /**
         * The plan for frames of [width] x [height] pixels at [factor], or null if they are too
         * large: RGB frames for [heap] bytes, or all the rest for [native] bytes.
         */
        fun of(width: Int, height: Int, factor: Int, heap: Long, native: Long): MemoryPlan? {
            val pixels = width.toLong() * height
            if (pixels * (GRAPH + BITMAPS) > native) return null
            return (MOST_QUEUE downTo LEAST_QUEUE)
                .map { of(factor, it) }
                .firstOrNull { it.frames * pixels * RGB <= heap }
        }

        private fun of(factor: Int, queue: Int): MemoryPlan {
            val gaps = (queue + factor - 1) / factor
            return MemoryPlan(LEAST_ORIGINALS + gaps, factor + queue, queue)
        }
    }
}
