package io.github.cdfimobile.demo.video

import io.github.cdfimobile.core.image.RgbFrame
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class VideoTest {
    @Test
    fun `frames are reduced by the least whole number`() {
        assertEquals(Reduction(1, 480, 270), Reduction.of(480, 270, 480))
        assertEquals(Reduction(2, 240, 135), Reduction.of(481, 270, 480))
        assertEquals(Reduction(4, 480, 270), Reduction.of(1920, 1080, 480))
        assertEquals(Reduction(5, 216, 384), Reduction.of(1080, 1921, 480))
        assertEquals(Reduction(1, 3840, 2160), Reduction.of(3840, 2160, Int.MAX_VALUE))
        assertEquals(Reduction(4, 480, 1), Reduction.of(1920, 2, 480))
    }

    @Test
    fun `each pixel is the rounded mean of its square`() {
        val source = RgbFrame(5, 2) // its last column fills no square
        val reds = listOf(1, 2, 250, 255, 9, 3, 5, 255, 255, 9)
        reds.forEachIndexed { pixel, red -> source.pixels[3 * pixel] = red.toByte() }
        val target = RgbFrame(2, 1)

        Reducer.reduce(source, 2, target)

        assertArrayEquals(byteArrayOf(3, 0, 0, 254.toByte(), 0, 0), target.pixels)
    }

    @Test
    fun `reducing by one cuts`() {
        val source = RgbFrame(3, 2, ByteArray(18) { it.toByte() })
        val target = RgbFrame(2, 2)

        Reducer.reduce(source, 1, target)

        assertArrayEquals(byteArrayOf(0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14), target.pixels)
    }

    @Test
    fun `a target that is too large is refused`() {
        assertThrows(IllegalArgumentException::class.java) {
            Reducer.reduce(RgbFrame(5, 4), 2, RgbFrame(3, 2))
        }
    }

    @Test
    fun `encoded frames fit the encoder`() {
        val settings = EncoderSettings.of(481, 271, 29.97f, 2, 16)!!
        assertEquals(480 to 256, settings.width to settings.height)
        assertEquals(29, settings.frameRate)
        assertEquals(1_000_000, settings.bitRate)
        assertEquals(480 to 270, EncoderSettings.of(481, 271, null, 1, 1)!!.let { it.width to it.height })
        assertNull(EncoderSettings.of(1, 100, 30f, 2, 2))
    }

    @Test
    fun `a large and quick video stays within bounds`() {
        val large = EncoderSettings.of(7680, 4320, 1000f, 2, 2)!!
        assertEquals(240, large.frameRate)
        assertEquals(50_000_000, large.bitRate)
        val usual = EncoderSettings.of(1920, 1080, 30f, 2, 2)!!
        assertTrue(usual.bitRate in 12_000_000..13_000_000, "${usual.bitRate}")
    }

    @Test
    fun `progress stays between nothing and all`() {
        assertEquals(50, Progress.percent(5, 10))
        assertEquals(100, Progress.percent(12, 10))
        assertEquals(0, Progress.percent(-1, 10))
        assertEquals(0, Progress.percent(5, 0))
        assertEquals(99, Progress.percent(Long.MAX_VALUE / 100 * 99 + 99, Long.MAX_VALUE))
    }
}
