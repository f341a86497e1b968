package io.github.cdfimobile.demo.pipeline

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.schedule.FrameSchedule
import io.github.cdfimobile.core.schedule.Pace
import io.github.cdfimobile.core.schedule.SceneCut
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException

/**
 * A clip played [factor] times slower, with frames computed in between.
 *
 * Two threads, one that decodes and one that interpolates, and a queue behind each. Whoever takes
 * from [output] slowly slows both down: frames come out of two pools of fixed size ([plan]).
 *
 * The pipeline owns [source] and closes it; [middle] belongs to the caller, and is not used any more
 * once [close] has returned.
 *
 * @param onComputed told how long each computed frame took, in ns; on the interpolation thread.
 */
class SlowMotion(
    private val source: FrameSource,
    private val middle: Middle,
    private val factor: Int,
    private val plan: MemoryPlan,
    private val onComputed: (Long) -> Unit = {},
) : AutoCloseable {
    private class Decoded(val lease: Lease<RgbFrame>, val timeUs: Long)

    private val originals = frames(plan.originals)
    private val middles = frames(plan.middles)
    private val decoded = BoundedQueue<Decoded>(DECODED_AHEAD) { it.lease.release() }

    /** What is to be shown or saved, in order; ends with the clip, or fails with what went wrong. */
    val output = BoundedQueue<SlowFrame>(plan.queue) { it.release() }

    private val decoder = Thread(::decode, "decode")
    private val interpolation = Thread(::interpolate, "interpolate")

    /** Begins; once only. */
    fun start() {
        decoder.start()
        interpolation.start()
    }

    /** How many frames are held now, by whomever. */
    val framesInUse: Int get() = originals.inUse + middles.inUse

    /** Stops both threads, waits for them, and lets go of all memory but what is out still. */
    override fun close() {
        decoded.cancel()
        output.cancel()
        originals.close()
        middles.close()
        if (decoder.state == Thread.State.NEW) {
            source.close()
        } else {
            decoder.join()
            interpolation.join()
        }
    }

    private fun decode() = source.use {
        try {
            var more = true
            while (more) more = decodeOne()
            decoded.finish()
        } catch (failure: Throwable) {
            decoded.fail(failure)
        }
    }

    private fun decodeOne(): Boolean {
        val lease = originals.acquire() ?: return false
        val time = try {
            source.next(lease.value)
        } catch (failure: Throwable) {
            lease.release()
            throw failure
        }
        if (time == null) lease.release()
        return time != null && decoded.put(Decoded(lease, time))
    }

    private fun interpolate() {
        try {
            interpolateAll()
            output.finish()
        } catch (failure: Throwable) {
            decoded.cancel() // the decoder may wait for room
            output.fail(failure)
        }
    }

    private fun interpolateAll() {
        var last = decoded.take() ?: return if (output.ended) Unit else throw tooShort()
        val schedule = FrameSchedule(factor, Pace.SLOW_MOTION, last.timeUs)
        val cuts = SceneCut()
        cuts.isCut(last.lease.value)
        var gaps = 0
        try {
            while (true) {
                val next = decoded.take() ?: break
                gaps++
                val wanted = try {
                    gap(schedule, last, next, cuts.isCut(next.lease.value))
                } finally {
                    last.lease.release()
                    last = next
                }
                if (!wanted) return
            }
            if (gaps == 0 && !output.ended) throw tooShort()
            put(schedule.shownAt(last.timeUs), last.lease.retain(), last.lease.retain(), false)
        } finally {
            last.lease.release()
        }
    }

    /** The frame [first] and all between it and [second]; false once nobody wants more. */
    private fun gap(
        schedule: FrameSchedule,
        first: Decoded,
        second: Decoded,
        isCut: Boolean,
    ): Boolean {
        val own = first.lease
        if (!put(schedule.shownAt(first.timeUs), own.retain(), own.retain(), isCut)) return false
        val times = schedule.between(first.timeUs, second.timeUs)
        if (isCut || times.isEmpty()) return true
        return MiddleFrames(schedule, middle, middles, onComputed)
            .between(own.value, second.lease.value) { position, lease ->
                put(times[position - 1], own.retain(), lease, isCut = false)
            }
    }

    private fun put(
        timeUs: Long,
        before: Lease<RgbFrame>,
        after: Lease<RgbFrame>,
        isCut: Boolean,
    ): Boolean = output.put(SlowFrame(timeUs, before, after, isCut))

    private fun frames(count: Int) = Pool(count) { RgbFrame(source.width, source.height) }

    private fun tooShort() = ProblemException(Problem.TOO_SHORT, "fewer than two frames")

    private companion object {
        /** One waits while another is decoded: enough to hide the decoder's jitter. */
        const val DECODED_AHEAD = 1
    }
}
