package io.github.cdfimobile.core

import io.github.cdfimobile.core.report.AppFacts
import io.github.cdfimobile.core.report.BenchmarkResult
import io.github.cdfimobile.core.report.PeakMemory
import io.github.cdfimobile.core.report.PhaseSamples
import io.github.cdfimobile.core.report.Reading
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class BenchmarkResultTest {
    private val app = AppFacts(
        packageName = "io.github.cdfimobile.demo",
        version = "0.1.0",
        artifact = "net.onnx",
        artifactSha256 = "a".repeat(64),
        source = "files",
        providerActual = "cpu",
        providerFallback = "NNAPI is not there",
        width = 448,
        height = 256,
        thermalStatusBefore = 0,
        thermalStatusAfter = null,
    )
    private val complete = BenchmarkResult(
        runtime = "onnxruntime",
        version = "1.29.0",
        providerRequested = "nnapi",
        providersAvailable = listOf("cpu", "nnapi", "xnnpack"),
        threads = 4,
        affinity = listOf(0, 1, 2, 3),
        machine = "aarch64",
        emulated = null,
        emulationKnown = true,
        samples = PhaseSamples(
            loadNs = 250_000_000,
            firstRunNs = 90_000_000,
            warmUp = 3,
            burstNs = listOf(80_000_000, 81_000_000, 79_500_000),
            endToEndNs = listOf(95_000_000),
            sustainedNs = emptyList(),
        ),
        memory = PeakMemory(beforeLoadBytes = 40_000_000, bytes = 190_000_000),
        frequency = listOf(Reading(1_000_000, mapOf("0" to 1_800_000L))),
        thermal = null,
        outputShape = listOf(1, 3, 256, 448),
        app = app,
    )

    /** The same files are parsed by the host's reader in `tests/android`. */
    @Test
    fun `the JSON is the contract's, to the byte`() {
        assertEquals(Golden.text("benchmark_complete.json"), complete.toJson())
    }

    @Test
    fun `a failure says what was expected`() {
        val failed = complete.copy(
            samples = PhaseSamples(),
            outputShape = null,
            stopped = "error",
            failure = ArtifactException(
                "the artifact is broken",
                expected = "sha256 1",
                got = "sha256 2",
                fix = "push it again",
            ),
            app = app.copy(providerActual = null, providerFallback = null, artifactSha256 = null),
        )
        assertEquals(Golden.text("benchmark_failed.json"), failed.toJson())
    }
}
