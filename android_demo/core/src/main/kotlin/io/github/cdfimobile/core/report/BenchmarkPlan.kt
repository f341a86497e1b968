package io.github.cdfimobile.core.report

/**
 * What a benchmark run was to measure.
 *
 * @property started wall-clock time in ms since 1970, UTC.
 * @property frames what the frames were, for people.
 * @property runs of the network alone, at least 1.
 * @property endToEnd runs from frames to picture; 0 for none.
 * @property sustainedSeconds of runs back to back; 0 for none.
 */
public data class BenchmarkPlan(
    val started: Long,
    val frames: String,
    val runs: Int,
    val endToEnd: Int = 0,
    val sustainedSeconds: Int = 0,
)
