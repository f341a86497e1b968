package io.github.cdfimobile.demo.pipeline

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import kotlin.concurrent.thread

@Timeout(20)
class PoolTest {
    private var made = 0
    private val pool = Pool(2) { ByteArray(++made) }

    @Test
    fun `objects are made once and used again`() {
        val first = pool.acquire()!!
        val value = first.value
        first.release()

        assertSame(value, pool.acquire()!!.value)
        assertEquals(1, made)
    }

    @Test
    fun `no more than the capacity are ever made`() {
        repeat(50) {
            val leases = List(2) { pool.acquire()!! }
            leases.forEach { it.release() }
        }

        assertEquals(2, made)
        assertEquals(0, pool.inUse)
    }

    @Test
    fun `whoever wants one more waits for one to come back`() {
        val held = List(2) { pool.acquire()!! }
        var got: Lease<ByteArray>? = null
        val waiting = thread { got = pool.acquire() }
        waitUntil { waiting.state == Thread.State.WAITING }

        held[1].release()
        waiting.join()

        assertSame(held[1].value, got!!.value)
        assertEquals(2, pool.inUse)
    }

    @Test
    fun `the last holder gives back`() {
        val lease = pool.acquire()!!
        lease.retain()
        lease.release()
        assertEquals(1, pool.inUse)
        lease.release()
        assertEquals(0, pool.inUse)
    }

    @Test
    fun `a lease is released once by each holder`() {
        val lease = pool.acquire()!!
        lease.release()

        assertThrows(IllegalStateException::class.java) { lease.release() }
        assertThrows(IllegalStateException::class.java) { lease.retain() }
    }

    @Test
    fun `closing frees who waits and lets go of all`() {
        val held = List(2) { pool.acquire()!! }
        var got: Lease<ByteArray>? = held[0]
        val waiting = thread { got = pool.acquire() }
        waitUntil { waiting.state == Thread.State.WAITING }

        pool.close()
        waiting.join()

        assertNull(got)
        assertNotNull(held[0].value)
        held.forEach { it.release() }
        assertEquals(0, pool.inUse)
        assertNull(pool.acquire())
    }
}
