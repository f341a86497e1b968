package io.github.cdfimobile.core

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParser
import io.github.cdfimobile.core.manifest.Manifest
import io.github.cdfimobile.core.report.AppFacts
import io.github.cdfimobile.core.report.BenchmarkPlan
import io.github.cdfimobile.core.report.BenchmarkResult
import io.github.cdfimobile.core.report.DeviceInfo
import io.github.cdfimobile.core.report.LatencyReport
import io.github.cdfimobile.core.report.PeakMemory
import io.github.cdfimobile.core.report.PhaseSamples
import io.github.cdfimobile.core.report.Reading
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory

/** The golden reports are those that the Python packages make of the same runs. */
class LatencyReportTest {
    @TestFactory
    fun `reports are those of the Python packages`(): List<DynamicTest> = Golden.json("reports/reports.json")
        .asJsonArray.map { it.asJsonObject }
        .map { case ->
            dynamicTest(case["name"].asString) {
                val run = case["run"].asJsonObject
                val report = LatencyReport(
                    result = result(run),
                    plan = BenchmarkPlan(
                        started = run["started"].asLong,
                        frames = "the built-in pair",
                        runs = run["runs"].asInt,
                        endToEnd = run["end_to_end"].asInt,
                        sustainedSeconds = run["sustained_s"].asInt,
                    ),
                    device = device(case["device"].asJsonObject),
                    manifest = if (run["manifest"].asBoolean) manifest else null,
                )
                assertSame("report", case["report"], JsonParser.parseString(report.toJson()))
            }
        }

    private val manifest = Manifest.parse(Golden.text("pair_manifest.json"), "pair")

    private fun result(run: JsonObject) = BenchmarkResult(
        runtime = "onnxruntime",
        version = run["version"].asString,
        providerRequested = run["requested"].asString,
        providersAvailable = listOf("cpu", "nnapi"),
        threads = run["threads"].asInt,
        affinity = run.there("affinity")?.asJsonArray?.map { it.asInt },
        machine = "aarch64",
        emulated = run.there("emulated")?.asString,
        emulationKnown = true,
        samples = PhaseSamples(
            loadNs = run.there("load_ns")?.asLong,
            firstRunNs = run.there("first_run_ns")?.asLong,
            warmUp = run["warm_up"].asInt,
            burstNs = longs(run["burst_ns"]),
            endToEndNs = longs(run["end_to_end_ns"]),
            sustainedNs = longs(run["sustained_ns"]),
        ),
        memory = run["memory"].asJsonArray.map { if (it.isJsonNull) null else it.asLong }
            .let { (before, peak) -> PeakMemory(before, peak) },
        frequency = readings(run.there("frequency")),
        thermal = readings(run.there("thermal")),
        outputShape = null,
        app = app(run),
        stopped = run.there("stopped")?.asString,
        failure = run.there("error")?.let { ArtifactException(it.asString, fix = "try again") },
    )

    private fun app(run: JsonObject): AppFacts {
        val (before, after) = run["thermal_status"].asJsonArray.map { if (it.isJsonNull) null else it.asInt }
        return AppFacts(
            packageName = "io.github.cdfimobile.demo",
            version = run["app_version"].asString,
            artifact = run["artifact"].asString,
            artifactSha256 = null,
            source = "files",
            providerActual = run.there("actual")?.asString,
            providerFallback = run.there("fallback")?.asString,
            width = run["width"].asInt,
            height = run["height"].asInt,
            thermalStatusBefore = before,
            thermalStatusAfter = after,
        )
    }

    private fun device(facts: JsonObject) = DeviceInfo(
        name = facts["name"].asString,
        model = facts.there("model")?.asString,
        soc = facts.there("soc")?.asString,
        architecture = facts["architecture"].asString,
        abi = facts.there("abi")?.asString,
        os = facts["os"].asString,
        build = facts.there("build")?.asString,
        sdk = facts.there("sdk")?.asInt,
        cores = facts["cores"].asInt,
        maxFrequencyKhz = facts.there("max_frequency_khz")?.asJsonArray?.map { it.asInt },
        governor = facts.there("governor")?.asString,
        memoryBytes = facts.there("memory_bytes")?.asLong,
    )

    private fun readings(found: JsonElement?): List<Reading>? = found?.asJsonArray?.map { each ->
        val (time, values) = each.asJsonArray.toList()
        Reading(time.asLong, values.asJsonObject.entrySet().associate { (name, value) -> name to value.asLong })
    }

    private fun longs(list: JsonElement) = list.asJsonArray.map { it.asLong }

    private fun JsonObject.there(name: String): JsonElement? = get(name).takeUnless { it.isJsonNull }

    /** Fields in any order; numbers as doubles, of which statistics may differ in the last bits. */
    private fun assertSame(path: String, expected: JsonElement, found: JsonElement) {
        when {
            expected is JsonObject && found is JsonObject -> {
                assertEquals(expected.keySet().sorted(), found.keySet().sorted(), path)
                expected.keySet().forEach { assertSame("$path.$it", expected[it], found[it]) }
            }

            expected is JsonArray && found is JsonArray -> {
                assertEquals(expected.size(), found.size(), path)
                expected.forEachIndexed { index, each -> assertSame("$path.$index", each, found[index]) }
            }

            isNumber(expected) && isNumber(found) -> {
                val tolerance = 1e-12 * Math.abs(expected.asDouble)
                assertEquals(expected.asDouble, found.asDouble, tolerance, path)
            }

            else -> {
                assertEquals(expected, found, path)
            }
        }
    }

    private fun isNumber(element: JsonElement) = element.isJsonPrimitive && element.asJsonPrimitive.isNumber
}
