package io.github.cdfimobile.demo.benchmark

import com.google.gson.JsonParser
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.manifest.Artifact
import io.github.cdfimobile.runtime.ort.OrtOptions
import io.github.cdfimobile.runtime.ort.OrtTensorRunner
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledIfSystemProperty
import org.junit.jupiter.api.io.TempDir
import java.io.File
import kotlin.math.abs

/**
 * A benchmark of the shipped network in the real ONNX Runtime, on a machine that has its native
 * library; the properties are those of `OrtTensorRunnerTest`. `cdfi.benchmark.out` keeps the files.
 */
@EnabledIfSystemProperty(named = "onnxruntime.native.path", matches = ".+")
class OrtBenchmarkTest {
    @TempDir
    lateinit var temporary: File

    @Test
    fun `a pushed pair gives the picture of the Python runtime and a complete result`() {
        val (width, height) = System.getProperty("cdfi.pair.size").split("x").map(String::toInt)
        val folders = BenchmarkFolders(System.getProperty("cdfi.benchmark.out")?.let(::File) ?: temporary)
        folders.make()
        val pair = File(System.getProperty("cdfi.pair"))
        listOf("first.rgb", "second.rgb").forEach { File(pair, it).copyTo(File(folders.frames, it), true) }
        val file = File(System.getProperty("cdfi.artifact"))
        val size = BenchmarkRequest.PairSize(width, height)
        val request = BenchmarkRequest("real", file.name, "cpu", 1, 1, 3, 2, 0, size)
        val facts = DeviceFacts(
            "io.github.cdfimobile.demo",
            "1.0",
            OrtTensorRunner.version(),
            OrtTensorRunner.providers(),
            null,
            false,
            BenchmarkRunTest.PHONE,
            { null },
        )

        BenchmarkRun(request, folders.benchmarks, facts, "files", { false }) {
            val artifact = Artifact.load(file.name) { File(file.parentFile, it).inputStream() }
            val (first, second) = folders.pair(request.pair)
            OrtSubject(artifact, OrtOptions(threads = 1), first, second)
        }.run()

        val json = JsonParser.parseString(File(folders.benchmarks, "real.json").readText()).asJsonObject
        assertTrue(json["complete"].asBoolean, json["error"].toString())
        assertEquals(3, json["burst_ns"].asJsonArray.size())
        val shape = json["output_shape"].asJsonArray.map { it.asLong }
        val output = File(folders.benchmarks, "real.output")
        assertEquals(4 * shape.reduce(Long::times), output.length())
        val expected = File(pair, "middle.rgb").readBytes()
        val picture = RgbFrame(width, height, File(folders.benchmarks, "real.rgb").readBytes()).pixels
        val most = picture.indices.maxOf { abs((picture[it].toInt() and 255) - (expected[it].toInt() and 255)) }
        assertTrue(most <= 1, "expected at most 1 of 255 apart, got $most")
    }
}
