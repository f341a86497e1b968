package io.github.cdfimobile.demo.player

import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import java.nio.ByteBuffer
import java.nio.ByteOrder

class PictureTest {
    @Test
    fun `pixels lie in memory as red, green, blue, opaque`() {
        val pixels = IntArray(2)
        Rgba.pack(byteArrayOf(1, 2, 3, -1, 0, -128), pixels)

        val memory = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN)
        pixels.forEach(memory::putInt)
        assertArrayEquals(byteArrayOf(1, 2, 3, -1, -1, 0, -128, -1), memory.array())
    }

    @Test
    fun `another number of pixels is refused`() {
        assertThrows(IllegalArgumentException::class.java) { Rgba.pack(ByteArray(5), IntArray(2)) }
    }

    @Test
    fun `a wide frame has bars above and below`() {
        val place = SplitGeometry(400, 400, 200, 100, 0)

        assertEquals(2f, place.scale)
        assertEquals(listOf(0f, 400f, 100f, 300f), listOf(place.left, place.right, place.top, place.bottom))
    }

    @Test
    fun `a frame that lies on its side is shown upright`() {
        val place = SplitGeometry(400, 400, 200, 100, 90)

        assertEquals(listOf(100f, 300f, 0f, 400f), listOf(place.left, place.right, place.top, place.bottom))
        assertEquals(place.left, SplitGeometry(400, 400, 200, 100, 270).left)
        assertEquals(0f, SplitGeometry(400, 400, 200, 100, 180).left)
    }

    @Test
    fun `the divider stays on the picture`() {
        val place = SplitGeometry(400, 400, 100, 200, 0)

        assertEquals(150f, place.dividerX(0.25f))
        assertEquals(0.25f, place.fractionAt(150f))
        assertEquals(0f, place.fractionAt(20f))
        assertEquals(1f, place.fractionAt(390f))
    }
}
