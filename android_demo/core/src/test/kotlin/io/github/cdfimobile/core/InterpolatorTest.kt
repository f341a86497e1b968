package io.github.cdfimobile.core

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.interpolate.Interpolator
import io.github.cdfimobile.core.interpolate.ProviderUse
import io.github.cdfimobile.core.interpolate.TensorRunner
import io.github.cdfimobile.core.manifest.Artifact
import io.github.cdfimobile.core.manifest.Manifest
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer

class InterpolatorTest {
    private val facts = Golden.json("pair.json").asJsonObject
    private val width = facts["width"].asInt
    private val height = facts["height"].asInt

    /** Gives back the network's recorded output and keeps what it was asked. */
    private inner class Recorded : TensorRunner {
        override val manifest = Manifest.parse(Golden.text("pair_manifest.json"), "pair")
        override val provider = ProviderUse("cpu", "cpu", null)
        override val runtime = "a recording"
        val hashes = mutableListOf<String>()
        var shape = longArrayOf()
        var closed = false

        override fun run(first: FloatBuffer, second: FloatBuffer, shape: LongArray): FloatBuffer {
            this.shape = shape
            hashes.clear()
            for (tensor in listOf(first, second)) {
                assertTrue(tensor.isDirect && tensor.order() == ByteOrder.nativeOrder())
                val bytes = ByteBuffer.allocate(4 * tensor.limit()).order(ByteOrder.LITTLE_ENDIAN)
                for (index in 0 until tensor.limit()) bytes.putFloat(tensor[index])
                hashes += Artifact.sha256(bytes.array())
            }
            return Golden.floats(Golden.bytes("pair_output.f32"))
        }

        override fun close() {
            closed = true
        }
    }

    @Test
    fun `a pair gives the network what Python gives it, and the picture that Python makes of the answer`() {
        val runner = Recorded()
        val middle = Interpolator(runner).middle(frame("pair_first.rgb"), frame("pair_second.rgb"))
        assertEquals(facts.getAsJsonArray("input_sha256").map { it.asString }, runner.hashes)
        val expected = facts.getAsJsonArray("output_shape").map { it.asLong }.toLongArray()
        assertArrayEquals(expected, runner.shape)
        assertArrayEquals(Golden.bytes("pair_middle.rgb"), middle.pixels)
    }

    @Test
    fun `frames of different sizes are refused`() {
        val interpolator = Interpolator(Recorded())
        val error = assertThrows(InputException::class.java) {
            interpolator.middle(RgbFrame(4, 4), RgbFrame(4, 5))
        }
        assertTrue("expected" in error.message!! && "4x5" in error.message!!)
    }

    @Test
    fun `closing it closes the runner`() {
        val runner = Recorded()
        Interpolator(runner).close()
        assertTrue(runner.closed)
    }

    private fun frame(name: String) = RgbFrame(width, height, Golden.bytes(name))
}
