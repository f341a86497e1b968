package io.github.cdfimobile.demo.video

/** How far a clip is, for people. */
object Progress {
    private const val PERCENT = 100

    /** [timeUs] of [durationUs] in per cent, 0 to 100, whatever the file said of its duration. */
    fun percent(timeUs: Long, durationUs: Long): Int = when {
        durationUs <= 0 -> 0
        else -> (timeUs.toDouble() / durationUs * PERCENT).toInt().coerceIn(0, PERCENT)
    }
}
