package io.github.cdfimobile.demo.selftest

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.demo.pipeline.Middle
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class SelfTestTest {
    @Test
    fun `the pattern moves to the right and is no blank`() {
        val (first, second) = SyntheticPair.of(64, 32)

        fun RgbFrame.at(x: Int, y: Int) = List(3) { pixels[3 * (y * width + x) + it] }
        for (y in listOf(0, 17, 31)) {
            for (x in listOf(0, 20, 50)) {
                assertEquals(first.at(x, y), second.at(x + SyntheticPair.SHIFT, y))
            }
        }
        assertTrue(first.pixels.toSet().size > 100)
    }

    @Test
    fun `the pattern has no steps`() {
        val (first, _) = SyntheticPair.of(64, 32)
        for (at in 0 until 63) {
            val step = (first.pixels[3 * at].toInt() and 255) - (first.pixels[3 * at + 3].toInt() and 255)
            assertTrue(step in -7..7, "step of $step at $at")
        }
    }

    @Test
    fun `only runs after the warm-up count`() {
        var now = 0L
        var runs = 0
        val middle = Middle { first, second, target ->
            assertEquals(Triple(48, 48, 48), Triple(first.width, second.width, target.width))
            now += if (runs++ < 2) 1_000_000_000 else 5_000_000
        }

        val speed = SelfTest(middle) { now }.measure(48, 32)

        assertEquals(14, runs)
        assertArrayEquals(DoubleArray(12) { 0.005 }, speed.seconds, 1e-12)
        assertEquals(48 to 32, speed.width to speed.height)
    }

    @Test
    fun `what was measured is kept as text`() {
        val speed = Speed.fromText(Speed(48, 32, doubleArrayOf(0.25, 1e-5)).toText())!!

        assertEquals(48 to 32, speed.width to speed.height)
        assertArrayEquals(doubleArrayOf(0.25, 1e-5), speed.seconds)
    }

    @Test
    fun `other text is no speed`() {
        listOf("", "48", "48 32", "48 x 0.1", "48 32 0.1 fast").forEach { assertNull(Speed.fromText(it), it) }
    }
}
