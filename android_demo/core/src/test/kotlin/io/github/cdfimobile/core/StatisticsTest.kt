package io.github.cdfimobile.core

import io.github.cdfimobile.core.stats.RateMeter
import io.github.cdfimobile.core.stats.Statistics
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class StatisticsTest {
    @Test
    fun `percentiles are those of the Python reports`() {
        for (vector in Golden.json("statistics.json").asJsonArray.map { it.asJsonObject }) {
            val samples = vector.getAsJsonArray("samples").map { it.asDouble }.toDoubleArray()
            for ((percent, value) in vector.getAsJsonObject("percentiles").entrySet()) {
                val found = Statistics.percentile(samples, percent.toDouble())
                assertEquals(value.asDouble, found, 1e-12 * value.asDouble, "$percent % of ${samples.size}")
            }
            assertEquals(vector["slowdown"].asDouble, Statistics.slowdown(samples), 1e-12)
        }
    }

    @Test
    fun `no samples and no percentage are refused`() {
        assertThrows(InputException::class.java) { Statistics.median(doubleArrayOf()) }
        assertThrows(InputException::class.java) { Statistics.percentile(doubleArrayOf(1.0), 101.0) }
    }

    @Test
    fun `the rate is that of the last second`() {
        val meter = RateMeter()
        assertNull(meter.framesPerSecond())
        for (frame in 0..10) meter.count(frame * 100_000_000L)
        assertEquals(10.0, meter.framesPerSecond()!!, 1e-9)
        for (frame in 1..40) meter.count(1_000_000_000L + frame * 50_000_000L)
        assertEquals(20.0, meter.framesPerSecond()!!, 1e-9)
        meter.reset()
        assertNull(meter.framesPerSecond())
    }
}
