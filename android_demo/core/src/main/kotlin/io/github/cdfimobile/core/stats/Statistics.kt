package io.github.cdfimobile.core.stats

import io.github.cdfimobile.core.InputException
import kotlin.math.floor

/** What reports say of samples, by the definitions of the Python reports. */
public object Statistics {
    /** Percent of the slowdown from which a sustained phase counts as throttled, as a factor. */
    public const val THROTTLED: Double = 1.15

    /**
     * The value below which [percent] of [samples] lie, between two of them by linear interpolation (numpy's
     * default method).
     *
     * @throws InputException no samples, or a percentage outside 0 to 100.
     */
    public fun percentile(samples: DoubleArray, percent: Double): Double {
        if (samples.isEmpty() || percent !in 0.0..100.0) {
            throw InputException(
                "no percentile",
                expected = "at least one sample, 0 to 100 percent",
                got = "${samples.size} samples, $percent percent",
            )
        }
        val sorted = samples.sortedArray()
        val position = percent / 100 * (sorted.size - 1)
        val below = floor(position).toInt()
        val above = minOf(below + 1, sorted.size - 1)
        val part = position - below
        val step = sorted[above] - sorted[below]
        // From the nearer end, as numpy does.
        return if (part >= 0.5) sorted[above] - step * (1 - part) else sorted[below] + step * part
    }

    /** The middle of [samples], or the mean of the two. */
    public fun median(samples: DoubleArray): Double = percentile(samples, 50.0)

    /** Median of the last third over the median of the first. */
    public fun slowdown(samples: DoubleArray): Double {
        val third = maxOf(1, samples.size / 3)
        val last = samples.copyOfRange(samples.size - third, samples.size)
        return median(last) / median(samples.copyOfRange(0, third))
    }
}
