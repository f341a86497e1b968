package io.github.cdfimobile.demo.pipeline

import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

/**
 * A queue of at most [capacity] items from one thread to another: the back-pressure of the pipeline.
 *
 * The producer ends it by [finish] or [fail], the consumer by [cancel]. Items that nobody will take
 * any more are given to [onDrop], so that their memory goes back to its pool.
 */
class BoundedQueue<T : Any>(private val capacity: Int, private val onDrop: (T) -> Unit = {}) {
    private val lock = ReentrantLock()
    private val changed = lock.newCondition()
    private val items = ArrayDeque<T>()
    private var finished = false
    private var cancelled = false
    private var failure: Throwable? = null

    init {
        require(capacity > 0) { "expected a capacity of at least 1, got $capacity" }
    }

    /** How many items wait now. */
    val size: Int get() = lock.withLock { items.size }

    /** Waits for room and adds [item]. False, and [item] is dropped, once cancelled. */
    fun put(item: T): Boolean {
        val taken = lock.withLock {
            check(!finished) { "nothing can be put after finish()" }
            while (items.size >= capacity && !cancelled) changed.await()
            if (!cancelled) {
                items.addLast(item)
                changed.signalAll()
            }
            !cancelled
        }
        if (!taken) onDrop(item)
        return taken
    }

    /**
     * Waits for the next item; null at the end or once cancelled.
     *
     * What was put before [fail] is handed out first, then the failure is thrown.
     */
    fun take(): T? = lock.withLock {
        while (items.isEmpty() && !finished && !cancelled) changed.await()
        next()
    }

    /** The next item without waiting; null if there is none yet, or at the end: see [ended]. */
    fun poll(): T? = lock.withLock { next() }

    /** The next item, left where it is; null as [poll]. */
    fun peek(): T? = lock.withLock {
        if (items.isEmpty()) failure?.let { throw it }
        items.firstOrNull()
    }

    /** Whether nothing comes any more and everything was taken. */
    val ended: Boolean get() = lock.withLock { cancelled || finished && items.isEmpty() }

    /** Nothing comes after this. */
    fun finish() = end(null)

    /** Nothing comes after this; the consumer gets [error] after the items that are there. */
    fun fail(error: Throwable) = end(error)

    /** Ends it for both sides at once and drops what is there. May be called by any thread. */
    fun cancel() {
        val dropped = lock.withLock {
            cancelled = true
            changed.signalAll()
            items.toList().also { items.clear() }
        }
        dropped.forEach(onDrop)
    }

    private fun end(error: Throwable?) = lock.withLock {
        finished = true
        failure = failure ?: error
        changed.signalAll()
    }

    private fun next(): T? {
        val item = items.removeFirstOrNull()
        if (item == null && !cancelled) failure?.let { throw it }
        if (item != null) changed.signalAll()
        return item
    }
}
