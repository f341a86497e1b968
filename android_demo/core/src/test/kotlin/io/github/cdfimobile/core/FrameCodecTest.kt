package io.github.cdfimobile.core

import com.google.gson.JsonObject
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.manifest.Manifest
import io.github.cdfimobile.core.manifest.PaddingMode
import io.github.cdfimobile.core.tensor.FrameCodec
import io.github.cdfimobile.core.tensor.FrameSize
import io.github.cdfimobile.core.tensor.Padding
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.FloatBuffer

class FrameCodecTest {
    private val vectors = Golden.json("tensors.json").asJsonArray.map { it.asJsonObject }
    private val base = Golden.json("manifests.json").asJsonObject.getAsJsonObject("manifest")

    @Test
    fun `frames become the tensors of the Python runtime`() {
        for (vector in vectors) {
            for (layout in listOf("NCHW", "NHWC")) {
                val tensor = FloatBuffer.allocate(3 * graph(vector).width * graph(vector).height)
                codec(vector, layout).pack(frame(vector), graph(vector), tensor)
                val expected = Golden.floats(Golden.decode(vector[layout.lowercase()]))
                assertArrayEquals(expected.array(), tensor.array(), 0f, "$layout $vector")
            }
        }
    }

    @Test
    fun `tensors become the pictures of the Python runtime`() {
        for (vector in vectors) {
            for (layout in listOf("NCHW", "NHWC")) {
                val picture = RgbFrame(vector["width"].asInt, vector["height"].asInt)
                val raw = Golden.floats(Golden.decode(vector["raw_" + layout.lowercase()]))
                codec(vector, layout).unpack(raw, graph(vector), picture)
                assertArrayEquals(Golden.decode(vector["picture"]), picture.pixels, "$layout $vector")
            }
        }
    }

    @Test
    fun `values that are no numbers are refused, those of the padding are not looked at`() {
        val vector = vectors.first { it["width"].asInt == 6 }
        for (value in listOf(Float.NaN, Float.POSITIVE_INFINITY)) {
            val raw = Golden.floats(Golden.decode(vector["raw_nchw"]))
            raw.put(raw.limit() - 1, value)
            codec(vector, "NCHW").unpack(raw, graph(vector), RgbFrame(6, 5))
            raw.put(0, value)
            val error = assertThrows(ArtifactException::class.java) {
                codec(vector, "NCHW").unpack(raw, graph(vector), RgbFrame(6, 5))
            }
            assertTrue("1 of 90" in error.got!!)
        }
    }

    @Test
    fun `dynamic graphs are padded to multiples, fixed ones to their size`() {
        val dynamic = manifest("NCHW", "reflect", multiple = 32)
        assertEquals(FrameSize(480, 288), Padding.graphSize(dynamic, 449, 257))
        assertEquals(FrameSize(448, 256), Padding.graphSize(dynamic, 448, 256))
        val fixed = dynamic.copy(size = dynamic.size.copy(dynamic = false, width = 448, height = 256))
        assertEquals(FrameSize(448, 256), Padding.graphSize(fixed, 1, 1))
        assertThrows(InputException::class.java) { Padding.graphSize(fixed, 449, 256) }
        val nameless = dynamic.copy(size = dynamic.size.copy(dynamic = false))
        assertThrows(ArtifactException::class.java) { Padding.graphSize(nameless, 1, 1) }
    }

    @Test
    fun `reflection goes back and forth over short axes`() {
        val shown = (0..9).map { Padding.sourceIndex(it, 3, PaddingMode.REFLECT) }
        assertEquals(listOf(0, 1, 2, 1, 0, 1, 2, 1, 0, 1), shown)
        assertEquals(listOf(0, 1, 1), (0..2).map { Padding.sourceIndex(it, 2, PaddingMode.REPLICATE) })
        assertEquals(0, Padding.sourceIndex(5, 1, PaddingMode.REFLECT))
    }

    @Test
    fun `images and small tensors are refused`() {
        val json = base.deepCopy()
        json.getAsJsonArray("inputs")[0].asJsonObject.addProperty("dtype", "image")
        assertThrows(ArtifactException::class.java) { FrameCodec(Manifest.parse(json.toString(), "images")) }
        val vector = vectors.first()
        assertThrows(InputException::class.java) {
            codec(vector, "NCHW").pack(frame(vector), graph(vector), FloatBuffer.allocate(5))
        }
        assertThrows(InputException::class.java) {
            codec(vector, "NCHW").unpack(FloatBuffer.allocate(3 * 8 * 8), graph(vector), RgbFrame(9, 8))
        }
    }

    @Test
    fun `a tensor's position is neither looked at nor moved`() {
        val vector = vectors.first()
        val tensor = FloatBuffer.allocate(3 * graph(vector).width * graph(vector).height)
        tensor.position(7)
        codec(vector, "NCHW").pack(frame(vector), graph(vector), tensor)
        assertEquals(7, tensor.position())
        val expected = Golden.floats(Golden.decode(vector["nchw"]))
        assertArrayEquals(expected.array(), tensor.array(), 0f)
        val raw = Golden.floats(Golden.decode(vector["raw_nchw"])).apply { position(7) }
        val picture = RgbFrame(vector["width"].asInt, vector["height"].asInt)
        codec(vector, "NCHW").unpack(raw, graph(vector), picture)
        assertEquals(7, raw.position())
        assertArrayEquals(Golden.decode(vector["picture"]), picture.pixels)
    }

    @Test
    fun `shapes follow the layout`() {
        val size = FrameSize(448, 256)
        assertArrayEquals(longArrayOf(1, 3, 256, 448), codec(vectors[0], "NCHW").inputShape(size))
        assertArrayEquals(longArrayOf(1, 256, 448, 3), codec(vectors[0], "NHWC").inputShape(size))
    }

    private fun codec(vector: JsonObject, layout: String) = FrameCodec(manifest(layout, vector["mode"].asString, 4))

    private fun manifest(layout: String, mode: String, multiple: Int): Manifest {
        val json = base.deepCopy()
        for (side in listOf("inputs", "outputs")) {
            json.getAsJsonArray(side).forEach { it.asJsonObject.addProperty("layout", layout) }
        }
        json.getAsJsonObject("padding").addProperty("mode", mode)
        json.getAsJsonObject("padding").addProperty("multiple", multiple)
        return Manifest.parse(json.toString(), "test")
    }

    private fun graph(vector: JsonObject): FrameSize {
        val (width, height) = vector.getAsJsonArray("graph").map { it.asInt }
        return FrameSize(width, height)
    }

    private fun frame(vector: JsonObject) =
        RgbFrame(vector["width"].asInt, vector["height"].asInt, Golden.decode(vector["rgb"]))
}
