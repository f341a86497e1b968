package io.github.cdfimobile.core.report

import com.google.gson.JsonArray
import com.google.gson.JsonObject
import io.github.cdfimobile.core.manifest.Manifest
import java.text.SimpleDateFormat
import java.util.Date
import java.util.Locale
import java.util.TimeZone

/**
 * One benchmark run as a whole report, as `cdfi-bench latency` writes it (`report.schema.json`): made on the
 * phone alone, read by `cdfi-bench compare`. What was not measured is null with its reason.
 *
 * @property manifest of what ran; null where the run ended before it was read.
 */
public class LatencyReport(
    private val result: BenchmarkResult,
    private val plan: BenchmarkPlan,
    private val device: DeviceInfo,
    private val manifest: Manifest?,
) {
    private val deviceJson get() = device.toJson(result.emulated != null)

    /** The JSON text, indented. */
    public fun toJson(): String = JsonText.write(
        Section()
            .put("schema_version", SCHEMA_VERSION)
            .put("kind", KIND)
            .put("run", run())
            .put("device", deviceJson)
            .put("interrupted", result.stopped == BenchmarkResult.TERMINATED)
            .put("rows", JsonArray().apply { add(row()) })
            .end(),
    )

    private fun run(): JsonObject {
        val tools = JsonObject().apply {
            addProperty(result.app.packageName, result.app.version)
            result.version?.let { addProperty(result.runtime, it) }
        }
        return Section()
            .put("started", utc(plan.started))
            .missing("commit", NO_COMMIT)
            .missing("dirty", NO_COMMIT)
            .put("tools", tools)
            .put("lpips_weights_sha256", JsonArray())
            .end()
    }

    private fun row(): JsonObject {
        val (width, height) = result.app.width to result.app.height
        val (version, actual) = result.version to result.app.providerActual
        val sections = RowSections(result, plan)
        if (manifest == null || width == null || height == null || version == null || actual == null) {
            return undecided()
        }
        return Section()
            .put("subject", result.app.artifact)
            .put("device", deviceJson)
            .put("artifact", sections.artifact(manifest))
            .put("input", sections.input(manifest, width, height))
            .put("backend", sections.backend(version, actual))
            .missing("parity", NO_PARITY)
            .missing("quality", NO_PARITY)
            .put("timing", TimingSection(result, plan).toJson())
            .put("memory", sections.memory())
            .put("conditions", sections.conditions())
            .missing("mobile", "not part of a $KIND report")
            .let { finish(it, status(), reason()) }
    }

    /** A run that ended before there was anything to measure. */
    private fun undecided(): JsonObject {
        val reason = result.ended ?: "the run told neither what ran nor on what"
        val row = Section().put("subject", result.app.artifact).put("device", deviceJson)
        SECTIONS.forEach { row.missing(it, "not measured: $reason") }
        return finish(row, if (result.stopped == BenchmarkResult.TERMINATED) SKIP else FAIL, reason)
    }

    private fun finish(row: Section, status: String, reason: String): JsonObject = row
        .put("images", JsonArray())
        .put("failures", JsonObject())
        .put("verdict", Section().put("status", status).put("gates", JsonArray()).put("reason", reason).end())
        .end()

    private fun status() = when (result.stopped) {
        null -> PASS
        BenchmarkResult.TERMINATED -> SKIP
        else -> FAIL
    }

    private fun reason(): String {
        val measured = result.samples.burstNs.size
        val ended = result.ended
        return when {
            ended != null -> "partial, $measured of ${plan.runs} runs measured: $ended"
            result.emulated != null -> "measured; times are not valid: the processor is emulated (${result.emulated})"
            else -> "measured"
        }
    }

    private companion object {
        const val SCHEMA_VERSION = 2
        const val KIND = "latency"
        const val PASS = "pass"
        const val FAIL = "fail"
        const val SKIP = "skip"
        const val NO_COMMIT = "the app does not know the commit it was built from"
        const val NO_PARITY = "the app has no reference: cdfi-bench latency --runner app compares"
        val SECTIONS = listOf(
            "artifact",
            "input",
            "backend",
            "parity",
            "quality",
            "timing",
            "memory",
            "conditions",
            "mobile",
        )

        // java.time needs Android 8.
        fun utc(time: Long): String = SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'+00:00'", Locale.ROOT)
            .apply { timeZone = TimeZone.getTimeZone("UTC") }
            .format(Date(time))
    }
}
