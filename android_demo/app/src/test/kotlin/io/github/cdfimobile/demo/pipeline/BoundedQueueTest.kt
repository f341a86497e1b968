package io.github.cdfimobile.demo.pipeline

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import java.io.IOException
import kotlin.concurrent.thread

@Timeout(20)
class BoundedQueueTest {
    @Test
    fun `items come out in order and then the end`() {
        val queue = BoundedQueue<Int>(3)
        (1..3).forEach(queue::put)
        queue.finish()

        assertEquals(listOf(1, 2, 3), generateSequence(queue::take).toList())
        assertTrue(queue.ended)
    }

    @Test
    fun `a producer waits for room`() {
        val queue = BoundedQueue<Int>(2)
        val producer = thread { repeat(100, queue::put).also { queue.finish() } }

        var most = 0
        val taken = generateSequence {
            most = maxOf(most, queue.size)
            queue.take()
        }.toList()
        producer.join()

        assertEquals((0 until 100).toList(), taken)
        assertTrue(most <= 2, "expected at most 2 items at once, got $most")
    }

    @Test
    fun `a full queue holds its producer up`() {
        val queue = BoundedQueue<Int>(1)
        queue.put(1)
        val producer = thread { queue.put(2) }
        waitUntil { producer.state == Thread.State.WAITING }

        assertEquals(1, queue.size)
        assertEquals(1, queue.take())
        producer.join()
        assertEquals(2, queue.poll())
    }

    @Test
    fun `a failure comes after what was there`() {
        val queue = BoundedQueue<Int>(2)
        queue.put(1)
        queue.fail(IOException("broken"))

        assertEquals(1, queue.take())
        assertEquals("broken", assertThrows(IOException::class.java) { queue.take() }.message)
        assertThrows(IOException::class.java) { queue.poll() }
        assertThrows(IOException::class.java) { queue.peek() }
    }

    @Test
    fun `cancelling drops what is there and what comes`() {
        val dropped = mutableListOf<Int>()
        val queue = BoundedQueue<Int>(2) { dropped += it }
        queue.put(1)

        queue.cancel()

        assertFalse(queue.put(2))
        assertEquals(listOf(1, 2), dropped)
        assertNull(queue.take())
        assertTrue(queue.ended)
    }

    @Test
    fun `cancelling frees both sides`() {
        val full = BoundedQueue<Int>(1).apply { put(1) }
        val empty = BoundedQueue<Int>(1)
        val producer = thread { full.put(2) }
        val consumer = thread { empty.take() }
        waitUntil { producer.state == Thread.State.WAITING }
        waitUntil { consumer.state == Thread.State.WAITING }

        full.cancel()
        empty.cancel()

        producer.join()
        consumer.join()
    }

    @Test
    fun `peek and poll do not wait`() {
        val queue = BoundedQueue<Int>(1)
        assertNull(queue.poll())
        assertNull(queue.peek())
        assertFalse(queue.ended)
        queue.put(7)
        assertEquals(7, queue.peek())
        assertEquals(1, queue.size)
    }

    @Test
    fun `a queue without room is refused`() {
        assertThrows(IllegalArgumentException::class.java) { BoundedQueue<Int>(0) }
    }
}

/** Waits until [condition] holds; the test's own time limit ends it. */
internal fun waitUntil(condition: () -> Boolean) {
    while (!condition()) {
        if (Thread.interrupted()) throw InterruptedException("what was waited for never came")
        Thread.yield()
    }
}
