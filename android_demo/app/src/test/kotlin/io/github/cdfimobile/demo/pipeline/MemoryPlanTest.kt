package io.github.cdfimobile.demo.pipeline

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class MemoryPlanTest {
    private val plenty = Long.MAX_VALUE

    @Test
    fun `frames fit into the budget, and one byte less takes a smaller plan`() {
        val full = MemoryPlan.of(480, 270, 4, plenty, plenty)!!
        val bytes = full.frames * 480L * 270 * 3

        assertEquals(full, MemoryPlan.of(480, 270, 4, bytes, plenty))
        val smaller = MemoryPlan.of(480, 270, 4, bytes - 1, plenty)!!
        assertTrue(smaller.frames < full.frames)
        assertTrue(smaller.queue < full.queue)
    }

    @Test
    fun `what does not fit is refused`() {
        val least = MemoryPlan.of(10, 10, 8, 15L * 300, plenty)!!
        assertEquals(15, least.frames)
        assertNull(MemoryPlan.of(10, 10, 8, 15L * 300 - 1, plenty))
    }

    @Test
    fun `what the network needs counts too`() {
        assertNotNull(MemoryPlan.of(1920, 1080, 2, plenty, 1_200_000_000))
        assertNull(MemoryPlan.of(1920, 1080, 2, plenty, 1_000_000_000))
    }

    @Test
    fun `a picture beyond 2 GB of pixels is no overflow`() {
        assertNull(MemoryPlan.of(60_000, 60_000, 2, 1L shl 30, plenty))
    }
}
