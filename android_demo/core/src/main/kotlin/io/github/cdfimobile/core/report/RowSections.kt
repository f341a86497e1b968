package io.github.cdfimobile.core.report

import com.google.gson.JsonArray
import com.google.gson.JsonObject
import io.github.cdfimobile.core.manifest.Manifest

private const val NANO = 1e-9
private const val MILLI = 1e-3

/** The parts of a report's row beside its times, as `cdfi_bench.rows` makes them. */
internal class RowSections(private val result: BenchmarkResult, private val plan: BenchmarkPlan) {
    fun artifact(manifest: Manifest): JsonObject = Section()
        .put("network", manifest.network.name)
        .put("form", manifest.artifact.form)
        .put("format", manifest.artifact.format)
        .put("precision", manifest.artifact.precision)
        .put("warp", manifest.warp.formulation)
        .put("sampling", manifest.warp.sampling)
        .put("opset", manifest.artifact.opset, "the format '${manifest.artifact.format}' has none")
        .put("sha256", manifest.artifact.sha256)
        .put("weights_sha256", manifest.network.weightsSha256)
        .put("bytes", manifest.artifact.bytes)
        .put("parameters", manifest.network.parameters)
        .put("macs", manifest.network.macs, NOT_STATED)
        .put("macs_size", manifest.network.macsSize?.let(Section::numbers), NOT_STATED)
        .put("remarks", Section.strings(manifest.graph.remarks))
        .end()

    fun input(manifest: Manifest, width: Int, height: Int): JsonObject = Section()
        .put("image_set", plan.frames)
        .put("images", 1)
        .put("sizes", JsonArray().apply { add(Section.numbers(listOf(width, height))) })
        .put("cropped", false)
        .put("padding", padding(manifest))
        .missing("data_sha256", "the frames are made for the size")
        .end()

    fun backend(version: String, actual: String): JsonObject = Section()
        .put("runtime", result.runtime)
        .put("version", "$version, app ${result.app.version}")
        .put("accelerator_requested", result.providerRequested)
        .put("accelerator_actual", actual + result.app.providerFallback?.let { " ($it)" }.orEmpty())
        .put("threads", result.threads.takeIf { it > 0 }, "left to the runtime")
        .put("affinity", result.affinity?.let(Section::numbers), "the app cannot tell")
        .end()

    fun memory(): JsonObject = Section()
        .put("before_load_bytes", result.memory.beforeLoadBytes, NO_MEMORY)
        .put("peak_bytes", result.memory.bytes, NO_MEMORY)
        .end()

    fun conditions(): JsonObject = Section()
        .put("before", condition(result.app.thermalStatusBefore))
        .put("after", condition(result.app.thermalStatusAfter))
        .put("cool_down_s", 0.0)
        .missing("fixed_performance", "an app cannot ask for it")
        .put("frequencies_khz", readings(result.frequency, 1.0))
        .put("temperatures_celsius", readings(result.thermal, MILLI))
        .put("reconnects", 0)
        .end()

    private fun condition(thermalStatus: Int?) = Section()
        .put("thermal_status", thermalStatus, "Android tells it from version 10 on")
        .apply { LEFT_OUT.forEach { missing(it, "not read by the app") } }
        .end()

    private fun readings(found: List<Reading>?, scale: Double) = Section.objects(
        found.orEmpty().map { reading ->
            val values = JsonObject().apply {
                reading.values.forEach { (name, value) -> addProperty(name, value * scale) }
            }
            Section().put("time_s", reading.timeNs * NANO).put("values", values).end()
        },
    )

    private companion object {
        const val NOT_STATED = "the manifest does not state it"
        const val NO_MEMORY = "this system does not tell a process its peak memory"
        val LEFT_OUT =
            listOf("battery_percent", "battery_celsius", "charging", "temperatures_celsius", "frequencies_khz")

        fun padding(manifest: Manifest): String {
            val mode = manifest.padding.mode.name.lowercase()
            val size = manifest.size
            return if (size.dynamic) {
                "$mode to multiples of ${manifest.padding.multiple}"
            } else {
                "$mode to ${size.width}x${size.height}"
            }
        }
    }
}
