package io.github.cdfimobile.core.report

import com.google.gson.JsonArray
import com.google.gson.JsonObject
import io.github.cdfimobile.core.stats.Statistics

/** The part of a report on one measurement's times, as `cdfi_bench.latency.statistics` makes it. */
internal class TimingSection(private val result: BenchmarkResult, private val plan: BenchmarkPlan) {
    private val ended = result.ended
    private val why = ended ?: "the device did not report it"
    private val burst = seconds(result.samples.burstNs)
    private val sustained = seconds(result.samples.sustainedNs)

    fun toJson(): JsonObject {
        val samples = result.samples
        return Section()
            .put("load_s", samples.loadNs?.let { it * NANO }, why)
            .put("first_run_s", samples.firstRunNs?.let { it * NANO }, why)
            .put("warm_up", samples.warmUp)
            .put("planned_runs", plan.runs)
            .put("complete", ended == null)
            .put("samples_s", Section.numbers(burst.asList()))
            .also { statistics(it, burst, ended ?: "no run was measured") }
            .missing("tool_statistics_s", "samples are kept")
            .missing("reference", NO_REFERENCE)
            .put("reference_samples_s", JsonArray())
            .missing("reference_median_s", NO_REFERENCE)
            .missing("ratio", NO_REFERENCE)
            .put("end_to_end", endToEnd(), if (plan.endToEnd > 0) why else NOT_ASKED)
            .put("sustained", sustained(), if (plan.sustainedSeconds > 0) why else NOT_ASKED)
            .put("throttled", throttled(), tooShort())
            .put("valid", result.emulated == null)
            .put("invalid_because", Section.strings(listOfNotNull(emulated())))
            .end()
    }

    private fun endToEnd(): JsonObject? {
        val times = seconds(result.samples.endToEndNs)
        return if (times.isEmpty()) null else phase(times).put("path", PATH).end()
    }

    private fun sustained(): JsonObject? = if (sustained.isEmpty()) {
        null
    } else {
        phase(sustained)
            .put("asked_s", plan.sustainedSeconds.toDouble())
            .put("slowdown", Statistics.slowdown(sustained))
            .end()
    }

    private fun phase(times: DoubleArray): Section =
        Section().put("samples_s", Section.numbers(times.asList())).also { statistics(it, times, why) }

    private fun statistics(into: Section, times: DoubleArray, why: String) {
        fun of(percent: Double) = if (times.isEmpty()) null else Statistics.percentile(times, percent)
        into.put("min_s", of(0.0), why)
            .put("median_s", of(MEDIAN), why)
            .put("p90_s", of(P90), why)
            .put("p99_s", of(P99), why)
    }

    /** What Android says, or else whether the sustained phase slowed down; null where neither tells. */
    private fun throttled(): Boolean? {
        val said = result.app.thermalStatusAfter?.let { it > 0 }
        val slowed = if (sustained.size < FEWEST) null else Statistics.slowdown(sustained) > Statistics.THROTTLED
        return when (said) {
            true -> true
            false -> slowed == true
            null -> slowed
        }
    }

    private fun tooShort() = "the device does not tell, and the sustained phase of ${sustained.size} runs is too " +
        "short to show it"

    private fun emulated() = result.emulated?.let { "the processor is emulated ($it)" }

    private companion object {
        const val NANO = 1e-9
        const val MEDIAN = 50.0
        const val P90 = 90.0
        const val P99 = 99.0

        /** Thirds of fewer runs say nothing. */
        const val FEWEST = 9
        const val NOT_ASKED = "not asked for"
        const val NO_REFERENCE = "the app runs no reference in turn"
        const val PATH = "two RGB frames in memory to the RGB picture, in the app: packing, network, rounding"

        fun seconds(times: List<Long>): DoubleArray = DoubleArray(times.size) { times[it] * NANO }
    }
}
