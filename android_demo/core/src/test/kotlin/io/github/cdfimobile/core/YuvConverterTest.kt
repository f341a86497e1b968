package io.github.cdfimobile.core

import com.google.gson.JsonObject
import io.github.cdfimobile.core.image.ColourSpace
import io.github.cdfimobile.core.image.Matrix
import io.github.cdfimobile.core.image.Plane
import io.github.cdfimobile.core.image.Range
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.image.YuvConverter
import io.github.cdfimobile.core.image.YuvPlanes
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.ByteBuffer

class YuvConverterTest {
    private val vectors = Golden.json("yuv.json").asJsonArray.map { it.asJsonObject }

    @Test
    fun `colours become the golden planes`() {
        for (vector in vectors) {
            val planes = YuvPlanes.i420(width(vector), height(vector))
            converter(vector).fromRgb(RgbFrame(width(vector), height(vector), Golden.decode(vector["rgb"])), planes)
            val expected = vector.getAsJsonArray("yuv").map { Golden.decode(it) }
            listOf(planes.y, planes.u, planes.v).zip(expected).forEach { (plane, golden) ->
                assertArrayEquals(golden, plane.data.array(), vector.toString())
            }
        }
    }

    @Test
    fun `planes become the golden colours`() {
        for (vector in vectors) {
            val frame = RgbFrame(width(vector), height(vector))
            converter(vector).toRgb(tight(vector), frame)
            assertArrayEquals(Golden.decode(vector["any_rgb"]), frame.pixels, vector.toString())
        }
    }

    @Test
    fun `strides, interleaved chroma and a crop rectangle change nothing`() {
        val vector = vectors.first { width(it) == 8 }
        val (left, top) = 2 to 4
        val tight = tight(vector)
        val y = spread(tight.y, width(vector), height(vector), rowStride = 21, pixelStride = 1, left, top)
        val uv = ByteBuffer.allocate(400)
        val u = spread(tight.u, 4, 3, rowStride = 26, pixelStride = 2, left / 2, top / 2, uv)
        uv.position(1)
        val v = spread(tight.v, 4, 3, rowStride = 26, pixelStride = 2, left / 2, top / 2, uv.slice())
        val frame = RgbFrame(width(vector), height(vector))
        converter(vector).toRgb(YuvPlanes(width(vector), height(vector), y, u, v, left, top), frame)
        assertArrayEquals(Golden.decode(vector["any_rgb"]), frame.pixels)
    }

    @Test
    fun `greys keep their level through both ways`() {
        for (matrix in Matrix.entries) {
            for (range in Range.entries) {
                val converter = YuvConverter(ColourSpace(matrix, range))
                for (level in 0..255) {
                    val frame = RgbFrame(2, 2, ByteArray(12) { level.toByte() })
                    val planes = YuvPlanes.i420(2, 2)
                    converter.fromRgb(frame, planes)
                    assertEquals(128, planes.u.data[0].toInt() and 255)
                    val again = RgbFrame(2, 2).also { converter.toRgb(planes, it) }
                    val difference = (again.pixels[0].toInt() and 255) - level
                    assertTrue(Math.abs(difference) <= if (range == Range.FULL) 0 else 1) { "$level: $difference" }
                }
            }
        }
    }

    @Test
    fun `limited range ends at 16 and 235`() {
        val converter = YuvConverter(ColourSpace(Matrix.BT709, Range.LIMITED))
        for ((level, luma) in listOf(0 to 16, 255 to 235)) {
            val planes = YuvPlanes.i420(1, 1)
            converter.fromRgb(RgbFrame(1, 1, ByteArray(3) { level.toByte() }), planes)
            assertEquals(luma, planes.y.data[0].toInt() and 255)
        }
    }

    @Test
    fun `what does not fit is refused`() {
        val planes = YuvPlanes.i420(4, 4)
        val converter = YuvConverter(ColourSpace.likely(1080))
        assertThrows(InputException::class.java) { converter.toRgb(planes, RgbFrame(4, 2)) }
        assertThrows(InputException::class.java) { YuvPlanes(5, 4, planes.y, planes.u, planes.v) }
        assertThrows(InputException::class.java) { YuvPlanes(2, 2, planes.y, planes.u, planes.v, left = 1) }
        assertThrows(InputException::class.java) {
            YuvPlanes(4, 4, planes.y, planes.u, Plane(ByteBuffer.allocate(3), 2, 1))
        }
        assertThrows(InputException::class.java) { RgbFrame(0, 4) }
        assertThrows(InputException::class.java) { RgbFrame(2, 2, ByteArray(11)) }
    }

    @Test
    fun `the likely colour space follows the height`() {
        assertEquals(Matrix.BT709, ColourSpace.likely(720).matrix)
        assertEquals(Matrix.BT601, ColourSpace.likely(576).matrix)
    }

    private fun spread(
        plane: Plane,
        width: Int,
        height: Int,
        rowStride: Int,
        pixelStride: Int,
        left: Int,
        top: Int,
        data: ByteBuffer = ByteBuffer.allocate(400),
    ): Plane {
        for (y in 0 until height) {
            for (x in 0 until width) {
                data.put((top + y) * rowStride + (left + x) * pixelStride, plane.data[y * plane.rowStride + x])
            }
        }
        return Plane(data, rowStride, pixelStride)
    }

    private fun tight(vector: JsonObject): YuvPlanes {
        val (y, u, v) = vector.getAsJsonArray("any_yuv").map { ByteBuffer.wrap(Golden.decode(it)) }
        val half = (width(vector) + 1) / 2
        return YuvPlanes(
            width(vector),
            height(vector),
            Plane(y, width(vector), 1),
            Plane(u, half, 1),
            Plane(v, half, 1),
        )
    }

    private fun converter(vector: JsonObject) = YuvConverter(
        ColourSpace(Matrix.valueOf(vector["matrix"].asString), Range.valueOf(vector["range"].asString)),
    )

    private fun width(vector: JsonObject) = vector["width"].asInt

    private fun height(vector: JsonObject) = vector["height"].asInt
}
