package io.github.cdfimobile.core.stats

/** Frames a second over the last [windowNs]; times come from one monotonic clock, in ns. One thread. */
public class RateMeter(private val windowNs: Long = 1_000_000_000) {
    private val times = ArrayDeque<Long>()

    /** Counts a frame at [timeNs]. */
    public fun count(timeNs: Long) {
        times.addLast(timeNs)
        while (times.first() < timeNs - windowNs) times.removeFirst()
    }

    /** Frames a second, or null before two were counted. */
    public fun framesPerSecond(): Double? {
        val length = if (times.size < 2) 0 else times.last() - times.first()
        return if (length > 0) (times.size - 1) * NS / length else null
    }

    /** Forgets all, as after a seek. */
    public fun reset(): Unit = times.clear()

    private companion object {
        const val NS = 1e9
    }
}
