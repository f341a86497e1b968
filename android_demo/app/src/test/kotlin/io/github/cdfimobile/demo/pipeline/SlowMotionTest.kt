package io.github.cdfimobile.demo.pipeline

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.params.ParameterizedTest
import org.junit.jupiter.params.provider.ValueSource
import java.io.IOException
import java.util.concurrent.CountDownLatch

private const val SIDE = 20

@Timeout(20)
class SlowMotionTest {
    /** Grey frames; each value is what all pixels have. */
    private class Greys(
        private val values: List<Int>,
        private val times: List<Long> = List(values.size) { 1_000L * it },
        private val failAt: Int = -1,
    ) : FrameSource {
        override val width = SIDE
        override val height = SIDE

        @Volatile
        var decoded = 0

        @Volatile
        var isClosed = false

        override fun next(into: RgbFrame): Long? {
            check(!isClosed)
            if (decoded == failAt) throw IOException("broken file")
            if (decoded == values.size) return null
            into.pixels.fill(values[decoded].toByte())
            return times[decoded++]
        }

        override fun close() {
            isClosed = true
        }
    }

    private data class Seen(val timeUs: Long, val before: Int, val after: Int)

    private val mean = Middle { first, second, target ->
        assertTrue(target !== first && target !== second)
        target.pixels.fill(((first.grey() + second.grey()) / 2).toByte())
    }

    private fun RgbFrame.grey() = pixels[0].toInt() and 255

    private fun plan(factor: Int) = MemoryPlan.of(SIDE, SIDE, factor, 200_000, Long.MAX_VALUE)!!

    private fun SlowMotion.drain(): List<Seen> = generateSequence { output.take() }
        .map { frame ->
            Seen(frame.timeUs, frame.before.grey(), frame.after.grey()).also { frame.release() }
        }
        .toList()

    @ParameterizedTest
    @ValueSource(ints = [2, 4, 8])
    fun `each gap is filled evenly and in order`(factor: Int) {
        val step = 8 / factor
        val source = Greys(listOf(40, 48, 56))
        val seen = SlowMotion(source, mean, factor, plan(factor)).use {
            it.start()
            it.drain()
        }

        val expected = (0..2 * factor).map { position ->
            Seen(1_000L * position, 40 + 8 * (position / factor), 40 + step * position)
        }
        assertEquals(expected, seen)
    }

    @Test
    fun `all memory comes back and the source is closed`() {
        val source = Greys(List(30) { 40 + it })
        val pipeline = SlowMotion(source, mean, 4, plan(4))
        pipeline.start()
        pipeline.drain()

        assertEquals(0, pipeline.framesInUse)
        pipeline.close()
        assertTrue(source.isClosed)
    }

    @Test
    fun `nobody taking holds everything up`() {
        val plan = plan(2)
        val source = Greys(List(500) { 40 + it % 8 })
        SlowMotion(source, mean, 2, plan).use { pipeline ->
            pipeline.start()
            waitUntil { pipeline.output.size == plan.queue }

            assertTrue(source.decoded <= plan.originals, "${source.decoded} frames decoded")
            assertTrue(pipeline.framesInUse <= plan.frames)
            assertEquals(999, pipeline.drain().size)
        }
    }

    @Test
    fun `the least memory is enough`() {
        val least = MemoryPlan.of(SIDE, SIDE, 8, 15L * 3 * SIDE * SIDE, Long.MAX_VALUE)!!
        assertEquals(2, least.queue)
        SlowMotion(Greys(List(20) { 40 + it }), mean, 8, least).use { pipeline ->
            pipeline.start()
            // The player holds one frame until the next one is there.
            var held: SlowFrame? = null
            var count = 0
            while (true) {
                val next = pipeline.output.take() ?: break
                held?.release()
                held = next
                count++
            }
            assertEquals(19 * 8 + 1, count)
            assertEquals(held!!.before.grey(), 40 + 19)
        }
    }

    @Test
    fun `closing in the middle stops and frees all`() {
        val source = Greys(List(500) { 40 + it % 8 })
        val pipeline = SlowMotion(source, mean, 4, plan(4))
        pipeline.start()
        val held = pipeline.output.take()!!

        pipeline.close()
        held.release()

        assertTrue(source.isClosed)
        assertTrue(source.decoded < 500)
        assertEquals(0, pipeline.framesInUse)
    }

    @Test
    fun `closing waits for the network`() {
        val entered = CountDownLatch(1)
        val leave = CountDownLatch(1)
        var isInside = false
        val slow = Middle { _, _, _ ->
            isInside = true
            entered.countDown()
            leave.await()
            isInside = false
        }
        val pipeline = SlowMotion(Greys(listOf(40, 41, 42)), slow, 2, plan(2))
        pipeline.start()
        entered.await()
        val closing = Thread(pipeline::close).apply { start() }
        waitUntil { closing.state == Thread.State.WAITING }

        assertTrue(isInside)
        leave.countDown()
        closing.join()
        assertFalse(isInside)
    }

    @Test
    fun `a pipeline that never began is closed with its source`() {
        val source = Greys(listOf(40, 41))
        SlowMotion(source, mean, 2, plan(2)).close()
        assertTrue(source.isClosed)
    }

    @Test
    fun `a broken file fails after what could be shown`() {
        val source = Greys(List(9) { 40 + it }, failAt = 3)
        SlowMotion(source, mean, 2, plan(2)).use { pipeline ->
            pipeline.start()
            repeat(4) { pipeline.output.take()!!.release() }
            assertThrows(IOException::class.java) { pipeline.drain() }
            assertEquals(0, pipeline.framesInUse)
        }
        assertTrue(source.isClosed)
    }

    @Test
    fun `a network that fails ends both threads`() {
        val source = Greys(List(500) { 40 + it % 8 })
        val broken = Middle { _, _, _ -> throw OutOfMemoryError("too large") }
        SlowMotion(source, broken, 2, plan(2)).use { pipeline ->
            pipeline.start()
            assertThrows(OutOfMemoryError::class.java) { pipeline.drain() }
        }
        assertTrue(source.isClosed)
    }

    @Test
    fun `nothing is made across a cut`() {
        SlowMotion(Greys(listOf(40, 42, 200, 202)), mean, 2, plan(2)).use { pipeline ->
            pipeline.start()
            val cuts = mutableListOf<Boolean>()
            val seen = generateSequence { pipeline.output.take() }.map { frame ->
                cuts += frame.isCut
                frame.after.grey().also { frame.release() }
            }.toList()

            assertEquals(listOf(40, 41, 42, 200, 201, 202), seen)
            assertEquals(listOf(2), cuts.indices.filter(cuts::get))
        }
    }

    @Test
    fun `times follow the clip's own`() {
        val source = Greys(listOf(40, 42, 44, 46), listOf(5_000, 5_010, 5_010, 5_110))
        SlowMotion(source, mean, 2, plan(2)).use { pipeline ->
            pipeline.start()
            assertEquals(
                listOf(5_000L, 5_010, 5_020, 5_020, 5_120, 5_220),
                pipeline.drain().map(Seen::timeUs),
            )
        }
    }

    @ParameterizedTest
    @ValueSource(ints = [0, 1])
    fun `a clip without a pair is too short`(count: Int) {
        SlowMotion(Greys(List(count) { 40 }), mean, 2, plan(2)).use { pipeline ->
            pipeline.start()
            val error = assertThrows(ProblemException::class.java) { pipeline.drain() }
            assertEquals(Problem.TOO_SHORT, error.problem)
        }
    }

    @Test
    fun `each computed frame is timed`() {
        val times = mutableListOf<Long>()
        SlowMotion(Greys(listOf(40, 48, 56)), mean, 4, plan(4), { times += it }).use {
            it.start()
            it.drain()
        }
        assertEquals(2 * 3, times.size)
    }
}
