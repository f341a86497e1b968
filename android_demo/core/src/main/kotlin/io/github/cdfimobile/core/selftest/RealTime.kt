package io.github.cdfimobile.core.selftest

import io.github.cdfimobile.core.schedule.Pace
import io.github.cdfimobile.core.stats.Statistics

/**
 * Whether a device keeps up with playback.
 *
 * @property offered whether it does.
 * @property needed frames to compute a second.
 * @property possible frames a second at the 90th percentile of the measured times, with [MARGIN] kept free for
 *   decoding, drawing and heat.
 */
public data class RealTime(val offered: Boolean, val needed: Double, val possible: Double) {
    public companion object {
        /** Share of the time that interpolation may take. */
        public const val MARGIN: Double = 0.75

        /**
         * Decides from [secondsAFrame], measured on this device at the clip's size, for a clip of
         * [framesPerSecond].
         */
        public fun decide(secondsAFrame: DoubleArray, framesPerSecond: Double, factor: Int, pace: Pace): RealTime {
            val slow = Statistics.percentile(secondsAFrame, SLOW_PERCENT)
            val computed = (factor - 1) * framesPerSecond
            val needed = if (pace == Pace.SLOW_MOTION) computed / factor else computed
            val possible = MARGIN / slow
            return RealTime(possible >= needed, needed, possible)
        }

        private const val SLOW_PERCENT = 90.0
    }
}
