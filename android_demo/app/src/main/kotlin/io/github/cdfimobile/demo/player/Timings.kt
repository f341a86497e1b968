package io.github.cdfimobile.demo.player

import io.github.cdfimobile.core.stats.Statistics

/** The times of the last computed frames. For several threads. */
class Timings(private val capacity: Int = DEFAULT_CAPACITY) {
    private val times = ArrayDeque<Long>()

    /** Adds a frame that took [ns]. */
    @Synchronized
    fun add(ns: Long) {
        if (times.size == capacity) times.removeFirst()
        times.addLast(ns)
    }

    /** Forgets all. */
    @Synchronized
    fun clear() = times.clear()

    /** The time in ms below which [percent] of the frames stayed; null before the first one. */
    @Synchronized
    fun percentileMs(percent: Double): Double? = if (times.isEmpty()) {
        null
    } else {
        Statistics.percentile(DoubleArray(times.size) { times[it] / NS_PER_MS }, percent)
    }

    private companion object {
        const val DEFAULT_CAPACITY = 200
        const val NS_PER_MS = 1e6
    }
}
