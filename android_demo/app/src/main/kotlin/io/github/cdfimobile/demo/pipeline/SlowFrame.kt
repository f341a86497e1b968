package io.github.cdfimobile.demo.pipeline

import io.github.cdfimobile.core.image.RgbFrame

/**
 * A frame of the slowed-down clip, as it leaves the pipeline.
 *
 * @property timeUs When it is shown, in µs of the slowed-down clip.
 * @property before What the clip alone would show then: its last frame.
 * @property after What is shown instead; the same where nothing was computed.
 * @property isCut Whether nothing was computed since a scene ends here.
 */
class SlowFrame internal constructor(
    val timeUs: Long,
    private val beforeLease: Lease<RgbFrame>,
    private val afterLease: Lease<RgbFrame>,
    val isCut: Boolean,
) {
    val before: RgbFrame get() = beforeLease.value
    val after: RgbFrame get() = afterLease.value

    /** Gives its memory back; neither frame may be used after that. Once only. */
    fun release() {
        beforeLease.release()
        afterLease.release()
    }
}
