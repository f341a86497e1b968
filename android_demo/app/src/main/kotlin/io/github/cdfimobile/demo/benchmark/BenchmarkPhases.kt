package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.report.PeakMemory
import io.github.cdfimobile.core.report.PhaseSamples
import io.github.cdfimobile.core.report.Reading
import io.github.cdfimobile.demo.system.Memory

/** What was measured; it grows, so that it holds the part that was done when a run ends early. */
class Measurements {
    internal var loadNs: Long? = null
    internal var firstRunNs: Long? = null
    internal var warmUp = 0
    internal val burstNs = mutableListOf<Long>()
    internal val endToEndNs = mutableListOf<Long>()
    internal val sustainedNs = mutableListOf<Long>()
    internal var frequencies: MutableList<Reading>? = null
    internal var temperatures: MutableList<Reading>? = null

    /** Peaks of the process's memory. */
    var memory = PeakMemory(null, null)
        internal set

    /** All times so far. */
    val samples: PhaseSamples
        get() = PhaseSamples(loadNs, firstRunNs, warmUp, burstNs, endToEndNs, sustainedNs)

    /** Readings in kHz with their times; null where nothing may be read. */
    val frequency: List<Reading>? get() = frequencies

    /** Readings in thousandths of a degree with their times; null where nothing may be read. */
    val thermal: List<Reading>? get() = temperatures
}

/** Someone ended the run; what was measured is in the [Measurements]. */
class StoppedException : Exception("the run was ended before its end")

/**
 * All runs of a benchmark in their order: load, first run, warm-up, burst, end to end, sustained.
 *
 * Sensors are read about once a second, between runs, never during one.
 */
class BenchmarkPhases(
    private val request: BenchmarkRequest,
    private val log: SampleLog,
    private val into: Measurements,
    private val isStopped: () -> Boolean,
    private val frequencies: Sensors = Sensors.frequencies(),
    private val temperatures: Sensors = Sensors.temperatures(),
    private val memory: () -> Memory = Memory::now,
    private val clock: () -> Long = System::nanoTime,
) {
    private var readAt: Long? = null

    init {
        if (frequencies.there) into.frequencies = mutableListOf()
        if (temperatures.there) into.temperatures = mutableListOf()
    }

    /**
     * Runs everything and returns the subject, which the caller closes.
     *
     * @throws StoppedException someone ended it; a subject that was loaded is closed.
     */
    fun run(load: () -> BenchmarkSubject): BenchmarkSubject {
        into.memory = PeakMemory(memory().peak, null)
        lateinit var subject: BenchmarkSubject
        into.loadNs = timed(Phase.LOAD) { subject = load() }
        try {
            runLoaded(subject)
        } catch (failure: Throwable) {
            subject.close()
            throw failure
        }
        return subject
    }

    private fun runLoaded(subject: BenchmarkSubject) {
        into.firstRunNs = timed(Phase.FIRST, subject::run)
        repeat(request.warmUp) {
            timed(Phase.WARM_UP, subject::run)
            into.warmUp++
        }
        into.memory = into.memory.copy(bytes = memory().peak)
        repeat(request.iterations) {
            into.burstNs += timed(Phase.BURST, subject::run)
        }
        repeat(request.endToEnd) {
            into.endToEndNs += timed(Phase.END_TO_END, subject::endToEnd)
        }
        val end = clock() + request.sustainedSeconds * NS_PER_SECOND
        while (clock() < end) {
            into.sustainedNs += timed(Phase.SUSTAINED, subject::run)
        }
        read()
    }

    /** One sample, with all that is due before it. */
    private fun timed(phase: Phase, body: () -> Unit): Long {
        if (isStopped()) throw StoppedException()
        val last = readAt
        if (last == null || clock() - last >= NS_PER_SECOND) read()
        return log.timed(phase, body)
    }

    private fun read() {
        take("frequency", frequencies, into.frequencies)
        take("thermal", temperatures, into.temperatures)
        readAt = clock()
    }

    private fun take(kind: String, sensors: Sensors, into: MutableList<Reading>?) {
        val values = if (into == null) emptyMap() else sensors.read()
        if (values.isNotEmpty()) into?.add(Reading(log.reading(kind, values), values))
    }

    private companion object {
        const val NS_PER_SECOND = 1_000_000_000L
    }
}
