package io.github.cdfimobile.core.report

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonNull
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive
import io.github.cdfimobile.core.CdfiException

/** Every sample in ns, by phase. */
public data class PhaseSamples(
    val loadNs: Long? = null,
    val firstRunNs: Long? = null,
    val warmUp: Int = 0,
    val burstNs: List<Long> = emptyList(),
    val endToEndNs: List<Long> = emptyList(),
    val sustainedNs: List<Long> = emptyList(),
)

/** Resident memory of the process in bytes at its peak (`VmHWM`); null where it could not be read. */
public data class PeakMemory(val beforeLoadBytes: Long?, val bytes: Long?)

/** Readings of several sources by name, [timeNs] after the start. */
public data class Reading(val timeNs: Long, val values: Map<String, Long>)

/** What the app says beside what the runner says; see `android_demo/BENCHMARK.md`. */
public data class AppFacts(
    val packageName: String,
    val version: String,
    val artifact: String,
    val artifactSha256: String?,
    val source: String?,
    val providerActual: String?,
    val providerFallback: String?,
    val width: Int?,
    val height: Int?,
    val thermalStatusBefore: Int?,
    val thermalStatusAfter: Int?,
)

/**
 * One benchmark run as the JSON that `cdfi-bench` reads: the fields of the runner's result
 * (`runtime/runner/README.md`), and `app` beside them. What could not be known is null.
 *
 * @property stopped null for a complete run, `error` or `terminated`.
 * @property failure what ended it, for people and for the report.
 */
public data class BenchmarkResult(
    val runtime: String,
    val version: String?,
    val providerRequested: String,
    val providersAvailable: List<String>,
    val threads: Int,
    val affinity: List<Int>?,
    val machine: String?,
    val emulated: String?,
    val emulationKnown: Boolean,
    val samples: PhaseSamples,
    val memory: PeakMemory,
    val frequency: List<Reading>?,
    val thermal: List<Reading>?,
    val outputShape: List<Long>?,
    val app: AppFacts,
    val stopped: String? = null,
    val failure: CdfiException? = null,
) {
    /** Why the run ended before its end, in one line; null for a complete one. */
    internal val ended: String?
        get() = stopped?.let { failure?.problem ?: "the run was ended before its end ($it)" }

    /** The JSON text, indented, with every field in the order of the contract. */
    public fun toJson(): String = JsonText.write(
        jsonObject(
            "runner" to JsonPrimitive(RUNNER),
            "complete" to JsonPrimitive(stopped == null),
            "stopped" to text(stopped),
            "error" to text(failure?.problem),
            "runtime" to text(runtime),
            "version" to text(version),
            "provider_requested" to text(providerRequested),
            "providers_available" to array(providersAvailable.map(::JsonPrimitive)),
            "provider_nodes" to JsonNull.INSTANCE,
            "provider_nodes_reason" to text(NO_NODES),
            "threads" to JsonPrimitive(threads),
            "affinity" to (affinity?.let { cpus -> array(cpus.map(::JsonPrimitive)) } ?: JsonNull.INSTANCE),
            "machine" to text(machine),
            "emulated" to text(emulated),
            "emulation_known" to JsonPrimitive(emulationKnown),
            "load_ns" to number(samples.loadNs),
            "first_run_ns" to number(samples.firstRunNs),
            "warm_up" to JsonPrimitive(samples.warmUp),
            "burst_ns" to array(samples.burstNs.map(::JsonPrimitive)),
            "reference_ns" to JsonArray(),
            "end_to_end_ns" to array(samples.endToEndNs.map(::JsonPrimitive)),
            "sustained_ns" to array(samples.sustainedNs.map(::JsonPrimitive)),
            "vm_hwm_before_load_bytes" to number(memory.beforeLoadBytes),
            "vm_hwm_bytes" to number(memory.bytes),
            "frequency" to readings(frequency),
            "thermal" to readings(thermal),
            "output_shape" to (outputShape?.let { shape -> array(shape.map(::JsonPrimitive)) } ?: JsonNull.INSTANCE),
            "app" to appJson(),
        ),
    )

    private fun appJson(): JsonObject = jsonObject(
        "package" to text(app.packageName),
        "version" to text(app.version),
        "artifact" to text(app.artifact),
        "artifact_sha256" to text(app.artifactSha256),
        "source" to text(app.source),
        "provider_actual" to text(app.providerActual),
        "provider_fallback" to text(app.providerFallback),
        "width" to number(app.width),
        "height" to number(app.height),
        "thermal_status_before" to number(app.thermalStatusBefore),
        "thermal_status_after" to number(app.thermalStatusAfter),
        "error" to (failure?.let(::errorJson) ?: JsonNull.INSTANCE),
    )

    private fun errorJson(failure: CdfiException): JsonElement = jsonObject(
        "message" to text(failure.problem),
        "expected" to text(failure.expected),
        "got" to text(failure.got),
        "fix" to text(failure.fix),
    )

    public companion object {
        /** [stopped] of a run that someone ended. */
        public const val TERMINATED: String = "terminated"

        /** Version of the runner's result. */
        private const val RUNNER = 1
        private const val NO_NODES = "the Java interface of ONNX Runtime does not tell which nodes a provider took"

        private fun text(value: String?): JsonElement = value?.let(::JsonPrimitive) ?: JsonNull.INSTANCE

        private fun number(value: Number?): JsonElement = value?.let(::JsonPrimitive) ?: JsonNull.INSTANCE

        private fun array(items: List<JsonElement>): JsonArray = JsonArray().apply { items.forEach(::add) }

        private fun jsonObject(vararg fields: Pair<String, JsonElement>): JsonObject =
            JsonObject().apply { fields.forEach { (name, value) -> add(name, value) } }

        private fun readings(found: List<Reading>?): JsonElement = found?.let { list ->
            array(
                list.map { reading ->
                    val values = reading.values.map { (name, value) -> name to JsonPrimitive(value) }
                    array(listOf(JsonPrimitive(reading.timeNs), jsonObject(*values.toTypedArray())))
                },
            )
        } ?: JsonNull.INSTANCE
    }
}
