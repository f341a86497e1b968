package io.github.cdfimobile.demo.pipeline

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.schedule.FrameSchedule

/** Computes the frame between two others into a third; an `Interpolator` is one. */
fun interface Middle {
    /** Writes the frame in the middle of [first] and [second] into [target]. */
    fun compute(first: RgbFrame, second: RgbFrame, target: RgbFrame)
}

/** Computes the frames between two of the clip, in frames of [pool]. One thread. */
internal class MiddleFrames(
    private val schedule: FrameSchedule,
    private val middle: Middle,
    private val pool: Pool<RgbFrame>,
    private val onComputed: (Long) -> Unit,
) {
    /**
     * Calls [emit] with positions 1 to factor - 1 between [first] and [second], in that order, each as
     * soon as it is computed. What [emit] returns is whether more is wanted; it owns the frame.
     */
    fun between(
        first: RgbFrame,
        second: RgbFrame,
        emit: (position: Int, Lease<RgbFrame>) -> Boolean,
    ): Boolean {
        val computed = sortedMapOf<Int, Lease<RgbFrame>>()
        var next = 1
        var wanted = true
        try {
            for (halving in schedule.inOrder) {
                val lease = pool.acquire() ?: return false
                computed[halving.at] = lease
                val left = computed[halving.left]?.value ?: first
                val right = computed[halving.right]?.value ?: second
                val start = System.nanoTime()
                middle.compute(left, right, lease.value)
                onComputed(System.nanoTime() - start)
                while (wanted && next in computed) {
                    // Still held here: what comes next may be computed from it.
                    wanted = emit(next, computed.getValue(next).retain())
                    next++
                }
                if (!wanted) return false
            }
        } finally {
            computed.values.forEach { it.release() }
        }
        return true
    }
}
