package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.report.PeakMemory
import io.github.cdfimobile.core.report.PhaseSamples
import io.github.cdfimobile.core.report.Reading
import io.github.cdfimobile.demo.system.Memory

/** What was measured; it grows, so that it holds the part that was done when a run ends early. */
class Measurements {
    var samples = PhaseSamples()
        internal set
    var memory = PeakMemory(null, null)
        internal set

    /** Readings with their times; null where nothing may be read. */
    var frequency: List<Reading>? = null
        internal set
    var thermal: List<Reading>? = null
        internal set
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
        if (frequencies.there) into.frequency = emptyList()
        if (temperatures.there) into.thermal = emptyList()
    }

    /**
     * Runs everything and returns the subject, which the caller closes.
     *
     * @throws StoppedException someone ended it; a subject that was loaded is closed.
     */
    fun run(load: () -> BenchmarkSubject): BenchmarkSubject {
        into.memory = PeakMemory(memory().peak, null)
        lateinit var subject: BenchmarkSubject
        keep { copy(loadNs = timed(Phase.LOAD) { subject = load() }) }
        try {
            runLoaded(subject)
        } catch (failure: Throwable) {
            subject.close()
            throw failure
        }
        return subject
    }

    private fun runLoaded(subject: BenchmarkSubject) {
        keep { copy(firstRunNs = timed(Phase.FIRST, subject::run)) }
        repeat(request.warmUp) {
            timed(Phase.WARM_UP, subject::run)
            keep { copy(warmUp = warmUp + 1) }
        }
        into.memory = into.memory.copy(bytes = memory().peak)
        repeat(request.iterations) {
            keep { copy(burstNs = burstNs + timed(Phase.BURST, subject::run)) }
        }
        repeat(request.endToEnd) {
            keep { copy(endToEndNs = endToEndNs + timed(Phase.END_TO_END, subject::endToEnd)) }
        }
        val end = clock() + request.sustainedSeconds * NS_PER_SECOND
        while (clock() < end) {
            keep { copy(sustainedNs = sustainedNs + timed(Phase.SUSTAINED, subject::run)) }
        }
        read()
    }

    private inline fun keep(change: PhaseSamples.() -> PhaseSamples) {
        into.samples = into.samples.change()
    }

    /** One sample, with all that is due before it. */
    private fun timed(phase: Phase, body: () -> Unit): Long {
        if (isStopped()) throw StoppedException()
        val last = readAt
        if (last == null || clock() - last >= NS_PER_SECOND) read()
        return log.timed(phase, body)
    }

    private fun read() {
        into.frequency = take("frequency", frequencies, into.frequency)
        into.thermal = take("thermal", temperatures, into.thermal)
        readAt = clock()
    }

    private fun take(kind: String, sensors: Sensors, so: List<Reading>?): List<Reading>? {
        val values = if (so == null) emptyMap() else sensors.read()
        if (so == null || values.isEmpty()) return so
        return so + Reading(log.reading(kind, values), values)
    }

    private companion object {
        const val NS_PER_SECOND = 1_000_000_000L
    }
}
