package io.github.cdfimobile.core.schedule

import io.github.cdfimobile.core.image.RgbFrame

/**
 * Finds cuts, between which nothing may be interpolated, frame by frame. The rule is that of
 * `cdfi_model/data/layouts/video.py`: the difference of two frames' thumbnails exceeds [CUT_LEVELS], or it
 * exceeds [JUMP_LEVELS] and [JUMP_RATIO] times the difference before it. One instance a clip.
 */
public class SceneCut {
    private var thumbnails: Thumbnails? = null
    private var last: Thumbnail? = null
    private var before: Double? = null

    /** Whether a cut lies between the frame before and [frame]; false for the first one. */
    public fun isCut(frame: RgbFrame): Boolean {
        val now = thumbnailsFor(frame).of(frame)
        val difference = last?.difference(now)
        val cut = difference != null && exceeds(difference, before)
        last = now
        before = difference
        return cut
    }

    private fun thumbnailsFor(frame: RgbFrame): Thumbnails =
        thumbnails?.takeIf { it.fits(frame) } ?: Thumbnails(frame.width, frame.height).also { thumbnails = it }

    private fun exceeds(difference: Double, before: Double?): Boolean = difference > CUT_LEVELS ||
        (before != null && difference > JUMP_LEVELS && difference > JUMP_RATIO * before)

    public companion object {
        /** Mean difference in grey levels that is a cut in any case. */
        public const val CUT_LEVELS: Double = 24.0

        /** The same after quieter frames. */
        public const val JUMP_LEVELS: Double = 8.0

        /** How many times quieter they must be. */
        public const val JUMP_RATIO: Double = 4.0
    }
}
