package io.github.cdfimobile.core.schedule

import io.github.cdfimobile.core.InputException

/** How long the result lasts: as long as the clip, with more frames a second, or [FrameSchedule.factor] times. */
public enum class Pace { SMOOTH, SLOW_MOTION }

/**
 * One frame to compute: position [at] of [FrameSchedule.factor] between two frames of the clip, the middle of
 * positions [left] and [right], which are 0, the factor, or computed before.
 */
public data class Halving(val left: Int, val right: Int, val at: Int)

/**
 * Which frames lie between two of the clip, and when they are shown. The networks know the middle only, so
 * quarters and eighths come from halving again. What is halved again is a frame of 8 bits, which takes a
 * quarter of the memory; the Python runtime halves between unrounded ones, and a test there holds the
 * difference to one level of 255.
 *
 * @param factor 2, 4 or 8 times as many frames.
 * @param originUs presentation time in µs of the clip's first frame, which keeps it.
 * @throws InputException another factor.
 */
public class FrameSchedule(public val factor: Int, private val pace: Pace, private val originUs: Long = 0) {
    init {
        if (factor !in FACTORS) {
            throw InputException("no such factor", expected = FACTORS.joinToString(" or "), got = factor.toString())
        }
    }

    /** All frames between two of the clip in the order in which they can be computed: coarse to fine. */
    public val halvings: List<Halving> = buildList {
        var step = factor
        while (step > 1) {
            for (left in 0 until factor step step) add(Halving(left, left + step, left + step / 2))
            step /= 2
        }
    }

    /** The same in the order in which they are shown, so that the first is ready after as few as possible. */
    public val inOrder: List<Halving> = depthFirst(0, factor)

    /** When a frame of the clip at [timeUs] is shown, in µs. */
    public fun shownAt(timeUs: Long): Long = when (pace) {
        Pace.SMOOTH -> timeUs
        Pace.SLOW_MOTION -> originUs + (timeUs - originUs) * factor
    }

    /**
     * When the [factor] - 1 frames between two of the clip are shown, in µs, ascending. The clip's frame rate
     * may vary: the times divide their own interval evenly, rounded down. None for two frames of one time, and
     * none that would share a time with another in an interval of fewer µs than frames.
     *
     * @throws InputException [endUs] before [startUs]: the frames are not in the order shown.
     */
    public fun between(startUs: Long, endUs: Long): List<Long> {
        if (endUs < startUs) {
            throw InputException(
                "the frames are not in the order in which they are shown",
                expected = "$startUs µs or later",
                got = "$endUs µs",
            )
        }
        val start = shownAt(startUs)
        val length = shownAt(endUs) - start
        if (length < factor) return emptyList()
        return (1 until factor).map { start + length * it / factor }
    }

    private fun depthFirst(left: Int, right: Int): List<Halving> {
        if (right - left < 2) return emptyList()
        val at = (left + right) / 2
        return depthFirstOf(Halving(left, right, at))
    }

    private fun depthFirstOf(halving: Halving): List<Halving> =
        listOf(halving) + depthFirst(halving.left, halving.at) + depthFirst(halving.at, halving.right)

    public companion object {
        /** What can be asked for. */
        public val FACTORS: List<Int> = listOf(2, 4, 8)
    }
}
