package io.github.cdfimobile.demo.benchmark

import com.google.gson.JsonObject
import com.google.gson.JsonParser
import io.github.cdfimobile.core.ArtifactException
import io.github.cdfimobile.core.InputException
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.manifest.Manifest
import io.github.cdfimobile.core.report.DeviceInfo
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File
import java.nio.FloatBuffer

class BenchmarkRunTest {
    @TempDir
    lateinit var folder: File

    private class Fake : BenchmarkSubject {
        val calls = mutableListOf<String>()
        var failAt = -1
        override val manifest = MANIFEST
        override val sha256 = "5".repeat(64)
        override val width = 2
        override val height = 1
        override val providerActual = "cpu"
        override val providerFallback = "no 'nnapi' here"
        override val outputShape = listOf(1L, 3, 1, 2)

        override fun run() = call("run")

        override fun endToEnd() = call("end_to_end")

        override fun output(): FloatBuffer = FloatBuffer.wrap(floatArrayOf(0f, 1f, -0.5f, 2f, 0.5f, 1f))

        override fun picture() = RgbFrame(2, 1, byteArrayOf(1, 2, 3, 4, 5, 6))

        override fun close() = call("close")

        private fun call(name: String) {
            if (calls.size == failAt) throw OutOfMemoryError("too large")
            calls += name
        }
    }

    private val fake = Fake()
    private val request = BenchmarkRequest("r1", "net.onnx", "nnapi", 2, 2, 4, 3, 0, null)

    private fun facts(): DeviceFacts {
        val status = File(folder, "status").apply { writeText("Name:\tx\nCpus_allowed_list:\t0-2,5\n") }
        return DeviceFacts("io.github.cdfimobile.demo", "1.0", "1.29.0", listOf("cpu"), null, false, PHONE, {
            1
        }, status)
    }

    private fun run(isStopped: () -> Boolean = { false }, load: () -> BenchmarkSubject = { fake }): JsonObject {
        BenchmarkRun(request, folder, facts(), "files", isStopped, load).run()
        return json("r1")
    }

    private fun json(run: String) = JsonParser.parseString(File(folder, "$run.json").readText()).asJsonObject

    @Test
    fun `a run has all samples of each phase in the contract's order`() {
        val result = run()

        assertEquals(
            List(1 + 2 + 4) { "run" } + List(3) { "end_to_end" } + "close",
            fake.calls,
        )
        assertTrue(result["complete"].asBoolean)
        assertTrue(result["stopped"].isJsonNull)
        assertEquals(
            listOf(4, 3, 0),
            listOf("burst_ns", "end_to_end_ns", "sustained_ns").map {
                result[it].asJsonArray.size()
            },
        )
        assertEquals(2, result["warm_up"].asInt)
        val phases = File(folder, "r1.samples").readLines().map { it.substringBefore(' ') }
            .filter { it != "frequency" && it != "thermal" }
        assertEquals(
            listOf("load", "first") + List(2) { "warm_up" } + List(4) { "burst" } + List(3) { "end_to_end" },
            phases,
        )
    }

    @Test
    fun `the facts are those of this run`() {
        val result = run()
        val app = result["app"].asJsonObject

        assertEquals("nnapi", result["provider_requested"].asString)
        assertEquals("cpu", app["provider_actual"].asString)
        assertEquals("no 'nnapi' here", app["provider_fallback"].asString)
        assertEquals("files", app["source"].asString)
        assertEquals("[0,1,2,5]", result["affinity"].toString())
        assertEquals("[1,3,1,2]", result["output_shape"].toString())
        assertEquals(fake.sha256, app["artifact_sha256"].asString)
        assertEquals(2 to 1, app["width"].asInt to app["height"].asInt)
        assertEquals(1, app["thermal_status_before"].asInt)
        assertTrue(app["error"].isJsonNull)
    }

    @Test
    fun `output and picture lie beside the result, and nothing half-written`() {
        run()

        assertArrayEquals(byteArrayOf(1, 2, 3, 4, 5, 6), File(folder, "r1.rgb").readBytes())
        val output = File(folder, "r1.output").readBytes()
        assertEquals(6 * 4, output.size)
        // 1.0f in little-endian order
        assertArrayEquals(byteArrayOf(0, 0, 0x80.toByte(), 0x3f), output.copyOfRange(4, 8))
        assertFalse(folder.list()!!.any { it.endsWith(".part") })
    }

    @Test
    fun `a refused artifact is told with the fix`() {
        val result = run { throw ArtifactException("other bytes", "sha256 1", "sha256 2", "push it again") }

        assertFalse(result["complete"].asBoolean)
        assertEquals("error", result["stopped"].asString)
        assertEquals("other bytes", result["error"].asString)
        val error = result["app"].asJsonObject["error"].asJsonObject
        assertEquals(
            listOf("other bytes", "sha256 1", "sha256 2", "push it again"),
            listOf("message", "expected", "got", "fix").map { error[it].asString },
        )
        assertTrue(result["load_ns"].isJsonNull)
        assertEquals(0, result["burst_ns"].asJsonArray.size())
    }

    @Test
    fun `a failure on the way keeps what was measured and closes the network`() {
        fake.failAt = 5

        val result = run()

        assertEquals("error", result["stopped"].asString)
        assertEquals(2, result["burst_ns"].asJsonArray.size())
        assertTrue("OutOfMemoryError" in result["app"].asJsonObject["error"].asJsonObject["got"].asString)
        assertFalse(File(folder, "r1.rgb").exists())
    }

    @Test
    fun `the report is whole, whether the run was or not`() {
        run()
        val report = report("r1")
        assertEquals(2, report["schema_version"].asInt)
        assertEquals("Acme One", report["device"].asJsonObject["name"].asString)
        val row = report["rows"].asJsonArray.single().asJsonObject
        assertEquals("net.onnx", row["subject"].asString)
        assertEquals(4, row["timing"].asJsonObject["samples_s"].asJsonArray.size())
        assertEquals("pass", row["verdict"].asJsonObject["status"].asString)

        run { throw ArtifactException("other bytes") }
        val failed = report("r1")["rows"].asJsonArray.single().asJsonObject
        assertEquals("fail", failed["verdict"].asJsonObject["status"].asString)
        assertTrue("other bytes" in failed["verdict"].asJsonObject["reason"].asString)
    }

    private fun report(run: String) =
        JsonParser.parseString(File(folder, "$run.report.json").readText()).asJsonObject

    @Test
    fun `a run that is ended says so`() {
        val result = run(isStopped = { fake.calls.size >= 4 })

        assertEquals("terminated", result["stopped"].asString)
        assertEquals(1, result["burst_ns"].asJsonArray.size())
        assertEquals("close", fake.calls.last())
    }

    @Test
    fun `a run that never began is an error of its own`() {
        BenchmarkRun.refuse(folder, "r2", "net.onnx", facts(), InputException("no run", fix = "wait"))

        val result = json("r2")
        assertEquals("no run", result["error"].asString)
        assertEquals("net.onnx", result["app"].asJsonObject["artifact"].asString)
        assertTrue(result["output_shape"].isJsonNull)
    }

    companion object {
        private val TENSOR = """{"name": "t", "shape": [1, 3, "H", "W"]}"""
        private val MANIFEST = Manifest.parse(
            """{
            "schema_version": 1,
            "network": {"name": "n", "spec": {}, "weights_sha256": "${"1".repeat(64)}", "parameters": 1},
            "artifact": {"file": "net.onnx", "sha256": "${"5".repeat(64)}", "bytes": 9, "format": "onnx"},
            "warp": {"formulation": "unfold", "sampling": "bilinear", "taps": 3, "dilation": 1},
            "inputs": [$TENSOR, $TENSOR], "outputs": [$TENSOR],
            "size": {"dynamic": true}, "padding": {}
            }""",
            "test",
        )
        val PHONE = DeviceInfo(
            name = "Acme One",
            model = "One",
            soc = null,
            architecture = "aarch64",
            abi = "arm64-v8a",
            os = "Android 14",
            build = "acme/one",
            sdk = 34,
            cores = 8,
            maxFrequencyKhz = null,
            governor = null,
            memoryBytes = 8_000_000_000,
        )
    }
}
