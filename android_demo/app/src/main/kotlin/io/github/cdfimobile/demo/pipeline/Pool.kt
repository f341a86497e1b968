package io.github.cdfimobile.demo.pipeline

import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

/**
 * At most [capacity] large objects that are made once by [make] and used again and again.
 *
 * This is what bounds the memory of the pipeline: whoever wants one more waits for one to come back.
 */
class Pool<T : Any>(val capacity: Int, private val make: () -> T) {
    private val lock = ReentrantLock()
    private val returned = lock.newCondition()
    private val free = ArrayDeque<T>()
    private var made = 0
    private var closed = false

    init {
        require(capacity > 0) { "expected a capacity of at least 1, got $capacity" }
    }

    /** How many are in use. */
    val inUse: Int get() = lock.withLock { made - free.size }

    /** Waits for one, with one holder; null once closed. */
    fun acquire(): Lease<T>? = lock.withLock {
        while (free.isEmpty() && made == capacity && !closed) returned.await()
        if (closed) return null
        val value = free.removeFirstOrNull() ?: make().also { made++ }
        Lease(value, ::giveBack)
    }

    /** Lets go of what is free and of whoever waits; what is in use is let go when it comes back. */
    fun close() = lock.withLock {
        closed = true
        made -= free.size
        free.clear()
        returned.signalAll()
    }

    private fun giveBack(value: T) = lock.withLock {
        if (closed) made-- else free.addLast(value)
        returned.signalAll()
    }
}

/** A [value] out of a [Pool] with a count of its holders; the last one to [release] gives it back. */
class Lease<T : Any> internal constructor(val value: T, private val giveBack: (T) -> Unit) {
    private val holders = AtomicInteger(1)

    /** One more holder, who must [release] too. */
    fun retain(): Lease<T> {
        check(holders.getAndIncrement() > 0) { "retained after the last release" }
        return this
    }

    /** One holder less. */
    fun release() {
        val left = holders.decrementAndGet()
        check(left >= 0) { "released more often than retained" }
        if (left == 0) giveBack(value)
    }
}
