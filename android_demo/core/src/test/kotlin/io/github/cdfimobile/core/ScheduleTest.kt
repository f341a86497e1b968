package io.github.cdfimobile.core

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.schedule.FrameSchedule
import io.github.cdfimobile.core.schedule.Halving
import io.github.cdfimobile.core.schedule.Pace
import io.github.cdfimobile.core.schedule.SceneCut
import io.github.cdfimobile.core.schedule.Thumbnails
import io.github.cdfimobile.core.selftest.RealTime
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ScheduleTest {
    @Test
    fun `every frame between is computed once, from frames that are there`() {
        for (factor in FrameSchedule.FACTORS) {
            val schedule = FrameSchedule(factor, Pace.SMOOTH)
            for (order in listOf(schedule.halvings, schedule.inOrder)) {
                val there = mutableSetOf(0, factor)
                for (halving in order) {
                    assertTrue(halving.left in there && halving.right in there) { "$halving of $factor" }
                    assertEquals(halving.left + halving.right, 2 * halving.at)
                    assertTrue(there.add(halving.at))
                }
                assertEquals((0..factor).toSet(), there)
            }
        }
    }

    @Test
    fun `the order shown is ready soonest`() {
        val first = FrameSchedule(8, Pace.SMOOTH).inOrder.take(3)
        assertEquals(listOf(Halving(0, 8, 4), Halving(0, 4, 2), Halving(0, 2, 1)), first)
    }

    @Test
    fun `times divide each interval of its own length`() {
        val schedule = FrameSchedule(4, Pace.SMOOTH)
        assertEquals(listOf(10L, 20L, 30L), schedule.between(0, 40))
        assertEquals(listOf(40L + 8, 40L + 16, 40L + 24), schedule.between(40, 73))
        assertEquals(listOf(8L, 17L, 26L), schedule.between(0, 35))
        assertEquals(40L, schedule.shownAt(40))
    }

    @Test
    fun `slow motion stretches from the first frame on`() {
        val schedule = FrameSchedule(2, Pace.SLOW_MOTION, originUs = 100)
        assertEquals(100L, schedule.shownAt(100))
        assertEquals(166L, schedule.shownAt(133))
        assertEquals(listOf(133L), schedule.between(100, 133))
    }

    @Test
    fun `no two frames share a time`() {
        for (length in 0L..20L) {
            val times = listOf(5L) + FrameSchedule(8, Pace.SMOOTH).between(5, 5 + length) + listOf(5 + length)
            val unique = if (length == 0L) 1 else times.size
            assertEquals(unique, times.toSet().size) { "$times" }
            assertEquals(times.sorted(), times)
        }
    }

    @Test
    fun `times that go back and other factors are refused`() {
        assertThrows(InputException::class.java) { FrameSchedule(2, Pace.SMOOTH).between(10, 9) }
        for (factor in listOf(0, 1, 3, 16)) {
            assertThrows(InputException::class.java) { FrameSchedule(factor, Pace.SMOOTH) }
        }
    }

    @Test
    fun `thumbnails are those of the Python packages`() {
        for (vector in Golden.json("thumbnails.json").asJsonArray.map { it.asJsonObject }) {
            val frame = Golden.noise(vector["width"].asInt, vector["height"].asInt, vector["seed"].asInt)
            val thumbnails = Thumbnails(frame.width, frame.height)
            thumbnails.of(flatOf(frame)) // what an instance made before leaves no trace
            val thumbnail = thumbnails.of(frame)
            val grey = Golden.decode(vector["grey"])
            val same = Thumbnails(32, 18).of(RgbFrame(32, 18, ByteArray(3 * 32 * 18) { grey[it / 3] }))
            assertEquals(0.0, thumbnail.difference(same), vector.toString())
        }
    }

    @Test
    fun `cuts are those of the Python packages`() {
        val golden = Golden.json("cuts.json").asJsonObject
        assertEquals(golden["cut_levels"].asDouble, SceneCut.CUT_LEVELS)
        assertEquals(golden["jump_levels"].asDouble, SceneCut.JUMP_LEVELS)
        assertEquals(golden["jump_ratio"].asDouble, SceneCut.JUMP_RATIO)
        for (triplet in golden.getAsJsonArray("triplets").map { it.asJsonObject }) {
            val levels = triplet.getAsJsonArray("levels").map { it.asInt }
            // Python looks both ways, a stream only back: the triplet is one with its larger step last.
            val forward = if (Math.abs(levels[1] - levels[0]) >
                Math.abs(levels[2] - levels[1])
            ) {
                levels.reversed()
            } else {
                levels
            }
            val cuts = SceneCut()
            val found = forward.map { cuts.isCut(flat(it)) }
            assertFalse(found[0])
            assertEquals(triplet["cut"].asBoolean, found.any { it }, triplet.toString())
        }
    }

    @Test
    fun `behind a cut the count of quiet frames begins anew`() {
        val cuts = SceneCut()
        val found = listOf(0, 1, 100, 109, 110, 120).map { cuts.isCut(flat(it)) }
        assertEquals(listOf(false, false, true, false, false, true), found)
    }

    @Test
    fun `real time is offered where the slow tenth of the frames still keeps up`() {
        val samples = DoubleArray(10) { 0.02 }
        // 75 % of 50 frames a second.
        assertTrue(RealTime.decide(samples, 30.0, 2, Pace.SMOOTH).offered)
        assertFalse(RealTime.decide(samples, 40.0, 2, Pace.SMOOTH).offered)
        assertFalse(RealTime.decide(samples, 30.0, 4, Pace.SMOOTH).offered)
        assertTrue(RealTime.decide(samples, 30.0, 4, Pace.SLOW_MOTION).offered)
        samples[8] = 0.2
        samples[9] = 0.2
        val slow = RealTime.decide(samples, 30.0, 2, Pace.SMOOTH)
        assertFalse(slow.offered)
        assertEquals(30.0, slow.needed)
        assertTrue(slow.possible < 30)
    }

    private fun flatOf(frame: RgbFrame) =
        RgbFrame(frame.width, frame.height, ByteArray(frame.pixels.size) { 99.toByte() })

    private fun flat(level: Int) = RgbFrame(32, 18, ByteArray(3 * 32 * 18) { level.toByte() })
}
