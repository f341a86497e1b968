package io.github.cdfimobile.demo.player

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class PacerTest {
    private val pacer = Pacer(patienceNs = 30_000)

    @Test
    fun `frames keep their distance`() {
        assertTrue(pacer.isDue(500, 9_000_000))
        assertFalse(pacer.isDue(540, 9_039_999))
        assertTrue(pacer.isDue(540, 9_040_000))
        assertEquals(0, pacer.stalls)
    }

    @Test
    fun `a little late is made up for`() {
        pacer.isDue(0, 0)
        assertTrue(pacer.isDue(40, 70_000))
        assertFalse(pacer.isDue(80, 79_999))
        assertTrue(pacer.isDue(80, 80_000))
    }

    @Test
    fun `the clock waits where frames come too late`() {
        pacer.isDue(0, 0)
        assertTrue(pacer.isDue(40, 1_040_000))
        assertEquals(1, pacer.stalls)
        assertFalse(pacer.isDue(80, 1_079_999))
        assertTrue(pacer.isDue(80, 1_080_000))
    }

    @Test
    fun `after a pause the next frame is due at once`() {
        pacer.isDue(0, 0)
        pacer.restart()
        assertTrue(pacer.isDue(4_000, 77))
        assertFalse(pacer.isDue(4_040, 40_076))
    }

    @Test
    fun `percentiles are of the last frames, in ms`() {
        val timings = Timings(capacity = 3)
        assertNull(timings.percentileMs(50.0))
        listOf(900_000_000L, 1_000_000, 2_000_000, 4_000_000).forEach(timings::add)

        assertEquals(2.0, timings.percentileMs(50.0))
        assertEquals(4.0, timings.percentileMs(100.0))
        timings.clear()
        assertNull(timings.percentileMs(50.0))
    }
}
