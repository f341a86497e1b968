package io.github.cdfimobile.demo.benchmark

import java.io.Closeable
import java.io.File

/**
 * The file of samples: a line as soon as something is measured, so that an end before the end loses
 * nothing. Times in ns since the first line, by [clock].
 */
class SampleLog(file: File, private val clock: () -> Long = System::nanoTime) : Closeable {
    private val writer = file.bufferedWriter()
    private var origin: Long? = null

    /** Runs [body] as one sample of [phase] and returns its duration in ns. */
    fun timed(phase: Phase, body: () -> Unit): Long {
        val start = clock()
        body()
        val end = clock()
        line(phase.key, end, (end - start).toString())
        return end - start
    }

    /** Writes what sensors said, as `name:value` pairs, and returns the time of the line in ns. */
    fun reading(kind: String, values: Map<String, Long>): Long =
        line(kind, clock(), values.entries.joinToString(" ") { "${it.key}:${it.value}" })

    override fun close() = writer.close()

    private fun line(kind: String, at: Long, rest: String): Long {
        val since = at - (origin ?: at.also { origin = it })
        writer.write("$kind $since $rest\n")
        writer.flush()
        return since
    }
}

/** What a sample belongs to; [key] is its name in the file. */
enum class Phase(val key: String) {
    LOAD("load"),
    FIRST("first"),
    WARM_UP("warm_up"),
    BURST("burst"),
    END_TO_END("end_to_end"),
    SUSTAINED("sustained"),
}
