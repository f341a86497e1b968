package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.InputException
import io.github.cdfimobile.demo.settings.Settings

/**
 * What a benchmark was asked for; `android_demo/BENCHMARK.md` is the contract.
 *
 * @property run Names the files of the answer.
 * @property artifact A file in the app's folder of artifacts, or else an asset.
 * @property pair The size of the frames that were pushed; null for the built-in pair.
 */
data class BenchmarkRequest(
    val run: String,
    val artifact: String,
    val provider: String,
    val threads: Int,
    val warmUp: Int,
    val iterations: Int,
    val endToEnd: Int,
    val sustainedSeconds: Int,
    val pair: PairSize?,
) {
    /** Pixels of each frame. */
    data class PairSize(val width: Int, val height: Int)

    companion object {
        private val RUN = Regex("[A-Za-z0-9_-]{1,64}")
        private val FILE = Regex("[A-Za-z0-9_][A-Za-z0-9_.-]*")
        private const val MOST_SECONDS = 3600
        private const val MOST_RUNS = 100_000
        private const val MOST_PIXELS = 16_384

        /** The run's name alone, so that a refusal has a place to be written to; null if unfit. */
        fun runOf(extras: Map<String, Any?>): String? =
            (extras["run"] as? String)?.takeIf(RUN::matches)

        /**
         * The request in an Intent's [extras].
         *
         * @throws InputException one is missing, of another type or out of range.
         */
        fun of(extras: Map<String, Any?>): BenchmarkRequest {
            val provider = extras.text("provider") ?: Settings.PROVIDERS.first()
            if (provider !in Settings.PROVIDERS) {
                refuse("provider", Settings.PROVIDERS.joinToString(" or "), provider)
            }
            return BenchmarkRequest(
                run = extras.named("run", RUN),
                artifact = extras.named("artifact", FILE),
                provider = provider,
                threads = extras.number("threads", 0, 0..Settings.MOST_THREADS),
                warmUp = extras.number("warmup", 3, 0..MOST_RUNS),
                iterations = extras.number("iterations", 30, 1..MOST_RUNS),
                endToEnd = extras.number("end_to_end", 0, 0..MOST_RUNS),
                sustainedSeconds = extras.number("sustained", 0, 0..MOST_SECONDS),
                pair = if (extras.flag("pair")) extras.size() else null,
            )
        }

        private fun Map<String, Any?>.size() = PairSize(
            number("width", null, 1..MOST_PIXELS),
            number("height", null, 1..MOST_PIXELS),
        )

        private fun Map<String, Any?>.text(name: String): String? = when (val value = get(name)) {
            null -> null
            is String -> value
            else -> refuse(name, "text (--es)", value)
        }

        private fun Map<String, Any?>.named(name: String, pattern: Regex): String =
            text(name)?.takeIf(pattern::matches) ?: refuse(name, pattern.pattern, get(name))

        private fun Map<String, Any?>.flag(name: String): Boolean = when (val value = get(name)) {
            null -> false
            is Boolean -> value
            else -> refuse(name, "true or false (--ez)", value)
        }

        private fun Map<String, Any?>.number(name: String, default: Int?, range: IntRange): Int {
            val value = get(name) ?: default
            if (value !is Int || value !in range) {
                refuse(name, "a whole number from ${range.first} to ${range.last} (--ei)", value)
            }
            return value
        }

        private fun refuse(name: String, expected: String, got: Any?): Nothing =
            throw InputException(
                "the extra '$name' cannot be used",
                expected = expected,
                got = got?.toString() ?: "nothing",
                fix = "see android_demo/BENCHMARK.md",
            )
    }
}
