package io.github.cdfimobile.demo.system

import android.content.res.Resources
import io.github.cdfimobile.demo.R

/** Words for people, out of the string resources. */
object Words {
    /** What [problem] means and what can be done; [detail] is shown where nothing better is known. */
    fun of(resources: Resources, problem: Problem, detail: String): String =
        resources.getString(text(problem), detail)

    /** What Android's thermal [status] (0 to 6) means; null is "unknown". */
    fun thermal(resources: Resources, status: Int?): String = resources.getString(
        when (status) {
            null -> R.string.thermal_unknown
            0 -> R.string.thermal_none
            1 -> R.string.thermal_light
            2 -> R.string.thermal_moderate
            3 -> R.string.thermal_severe
            else -> R.string.thermal_critical
        },
    )

    private fun text(problem: Problem): Int = when (problem) {
        Problem.NOT_A_VIDEO -> R.string.problem_not_a_video
        Problem.TOO_SHORT -> R.string.problem_too_short
        Problem.NO_DECODER -> R.string.problem_no_decoder
        Problem.NO_ENCODER -> R.string.problem_no_encoder
        Problem.UNSUPPORTED_COLOURS -> R.string.problem_unsupported_colours
        Problem.ACCESS_LOST -> R.string.problem_access_lost
        Problem.FILE_GONE -> R.string.problem_file_gone
        Problem.DISK_FULL -> R.string.problem_disk_full
        Problem.CANNOT_WRITE -> R.string.problem_cannot_write
        Problem.FRAME_TOO_LARGE -> R.string.problem_frame_too_large
        Problem.OUT_OF_MEMORY -> R.string.problem_out_of_memory
        Problem.NO_NETWORK -> R.string.problem_no_network
        Problem.NETWORK_BROKEN -> R.string.problem_network_broken
        Problem.RUNTIME_FAILED -> R.string.problem_runtime_failed
        Problem.CODEC_FAILED -> R.string.problem_codec_failed
        Problem.UNEXPECTED -> R.string.problem_unexpected
    }
}
