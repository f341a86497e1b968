package io.github.cdfimobile.demo.player

/**
 * Decides when a frame is due, on a clock that waits where frames come too late.
 *
 * Times of frames in µs of the slowed-down clip, times of the clock in ns. A frame that is late by
 * more than [patienceNs] moves the clock: what follows keeps its distance instead of rushing by.
 */
class Pacer(private val patienceNs: Long = DEFAULT_PATIENCE_NS) {
    private var startNs: Long? = null

    /** How often the clock had to wait. */
    var stalls = 0
        private set

    /** Whether the frame of [timeUs] is due at [nowNs]; the first one is due at once. */
    fun isDue(timeUs: Long, nowNs: Long): Boolean {
        val start = startNs ?: (nowNs - timeUs * NS_PER_US).also { startNs = it }
        val late = nowNs - start - timeUs * NS_PER_US
        if (late < 0) return false
        if (late > patienceNs) {
            startNs = start + late
            stalls++
        }
        return true
    }

    /** The next frame is due at once: after a pause, or at a new beginning. */
    fun restart() {
        startNs = null
    }

    private companion object {
        const val NS_PER_US = 1_000L

        /** Two frames of 60 Hz: less is not seen. */
        const val DEFAULT_PATIENCE_NS = 33_000_000L
    }
}
