package io.github.cdfimobile.runtime.ort

import io.github.cdfimobile.core.ArtifactException
import io.github.cdfimobile.core.CdfiException
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.interpolate.Interpolator
import io.github.cdfimobile.core.manifest.Artifact
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledIfSystemProperty
import java.io.ByteArrayInputStream
import java.io.File
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import kotlin.math.abs

/**
 * The shipped network in the real ONNX Runtime, on a machine that has its native library.
 *
 * Properties: `cdfi.artifact` an artifact with its manifest beside it; `cdfi.pair` a folder with
 * `first.rgb`, `second.rgb` and what the Python runtime makes of them, `middle.rgb`, all of
 * `cdfi.pair.size` (WIDTHxHEIGHT).
 */
@EnabledIfSystemProperty(named = "onnxruntime.native.path", matches = ".+")
class OrtTensorRunnerTest {
    private val file = File(System.getProperty("cdfi.artifact"))
    private val artifact = Artifact.load(file.name) { File(file.parentFile, it).inputStream() }

    @Test
    fun `a pair gives the picture of the Python runtime`() {
        val folder = File(System.getProperty("cdfi.pair"))
        val (width, height) = System.getProperty("cdfi.pair.size").split("x").map(String::toInt)
        fun frame(name: String) = RgbFrame(width, height, File(folder, name).readBytes())
        val expected = frame("middle.rgb").pixels

        val actual = Interpolator(OrtTensorRunner.open(artifact)).use {
            it.middle(frame("first.rgb"), frame("second.rgb")).pixels
        }

        val most = actual.indices.maxOf { abs((actual[it].toInt() and 255) - (expected[it].toInt() and 255)) }
        assertTrue(most <= 1, "expected at most 1 of 255 apart, got $most")
        assertTrue(expected.toSet().size > 50, "expected a picture, not a blank")
    }

    @Test
    fun `the same frames give the same values at another size and back`() {
        OrtTensorRunner.open(artifact, OrtOptions(threads = 1)).use { runner ->
            val small = values(runner.run(ramp(64, 32), ramp(64, 32), shape(64, 32)))
            val large = values(runner.run(ramp(96, 64), ramp(96, 64), shape(96, 64)))
            val again = values(runner.run(ramp(64, 32), ramp(64, 32), shape(64, 32)))

            assertArrayEquals(small, again)
            assertEquals(3 * 96 * 64, large.size)
            assertEquals("onnxruntime ${OrtTensorRunner.version()}", runner.runtime)
        }
    }

    @Test
    fun `the CPU is what was asked for`() {
        OrtTensorRunner.open(artifact).use { runner ->
            assertEquals("cpu", runner.provider.requested)
            assertEquals("cpu", runner.provider.actual)
            assertNull(runner.provider.fallback)
        }
    }

    @Test
    fun `a provider that is not there is replaced by the CPU and said so`() {
        val absent = Provider.entries.first { it.id !in OrtTensorRunner.providers() }

        OrtTensorRunner.open(artifact, OrtOptions(absent)).use { runner ->
            assertEquals(absent.id, runner.provider.requested)
            assertEquals("cpu", runner.provider.actual)
            val reason = assertNotNull(runner.provider.fallback).let { runner.provider.fallback!! }
            assertTrue("'${absent.id}'" in reason && "cpu" in reason, reason)
            assertEquals(3 * 64 * 32, values(runner.run(ramp(64, 32), ramp(64, 32), shape(64, 32))).size)
        }
    }

    @Test
    fun `a graph that is cut short is refused with the fix`() {
        val cut = artifact.bytes.copyOf(artifact.bytes.size / 2)

        val error = assertThrows(ArtifactException::class.java) {
            OrtTensorRunner.open(load(cut, manifest()))
        }

        assertTrue("no graph" in error.problem, error.problem)
        assertNotNull(error.fix)
    }

    @Test
    fun `an artifact of another format is refused before it is opened`() {
        val text = manifest().replace("\"format\": \"onnx\"", "\"format\": \"litert\"")

        val error = assertThrows(ArtifactException::class.java) {
            OrtTensorRunner.open(load(artifact.bytes, text))
        }

        assertEquals("litert", error.got)
    }

    @Test
    fun `a graph with the native operators is refused without their library`() {
        val text = manifest().replace("\"operators\": {", "\"operators\": {\"AdaCoFWarp\": 1,")

        val error = assertThrows(ArtifactException::class.java) {
            OrtTensorRunner.open(load(artifact.bytes, text))
        }

        assertTrue("native warp" in error.problem, error.problem)
    }

    @Test
    fun `frames of the wrong shape are an error of this project's kind`() {
        OrtTensorRunner.open(artifact).use { runner ->
            val two = longArrayOf(1, 2, 32, 64)
            assertThrows(CdfiException::class.java) {
                runner.run(ramp(64, 32), ramp(64, 32), two)
            }
        }
    }

    private fun manifest() = File(file.parentFile, file.name + ".manifest.json").readText()

    private fun load(bytes: ByteArray, manifest: String): Artifact {
        val text = manifest.replace(artifact.manifest.artifact.sha256, Artifact.sha256(bytes))
        val open: (String) -> InputStream = {
            ByteArrayInputStream(if (it == file.name) bytes else text.toByteArray())
        }
        return Artifact.load(file.name, open)
    }

    private fun shape(width: Int, height: Int) = longArrayOf(1, 3, height.toLong(), width.toLong())

    private fun ramp(width: Int, height: Int): FloatBuffer {
        val count = 3 * width * height
        val buffer = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder())
        return buffer.asFloatBuffer().apply { repeat(count) { put(it, it % 97 / 97f) } }
    }

    private fun values(buffer: FloatBuffer) = FloatArray(buffer.remaining()).also { buffer.get(it) }
}
