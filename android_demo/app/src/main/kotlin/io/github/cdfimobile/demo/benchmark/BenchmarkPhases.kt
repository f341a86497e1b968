package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.demo.system.Memory

/** What was measured; it grows, so that it holds the part that was done when a run ends early. */
class Measurements {
    var loadNs: Long? = null
    var firstRunNs: Long? = null
    var warmUp = 0
    val burstNs = mutableListOf<Long>()
    val endToEndNs = mutableListOf<Long>()
    val sustainedNs = mutableListOf<Long>()
    var peakBeforeLoad: Long? = null
    var peak: Long? = null

    /** Readings with their times; null where nothing may be read. */
    var frequency: MutableList<Pair<Long, Map<String, Long>>>? = null
    var thermal: MutableList<Pair<Long, Map<String, Long>>>? = null
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
        if (frequencies.there) into.frequency = mutableListOf()
        if (temperatures.there) into.thermal = mutableListOf()
    }

    /**
     * Runs everything and returns the subject, which the caller closes.
     *
     * @throws StoppedException someone ended it; a subject that was loaded is closed.
     */
    fun run(load: () -> BenchmarkSubject): BenchmarkSubject {
        into.peakBeforeLoad = memory().peak
        lateinit var subject: BenchmarkSubject
        between()
        into.loadNs = log.timed(Phase.LOAD) { subject = load() }
        try {
            runLoaded(subject)
        } catch (failure: Throwable) {
            subject.close()
            throw failure
        }
        return subject
    }

    private fun runLoaded(subject: BenchmarkSubject) {
        between()
        into.firstRunNs = log.timed(Phase.FIRST, subject::run)
        repeat(request.warmUp) {
            between()
            log.timed(Phase.WARM_UP, subject::run)
            into.warmUp++
        }
        into.peak = memory().peak
        repeat(request.iterations) {
            between()
            into.burstNs += log.timed(Phase.BURST, subject::run)
        }
        repeat(request.endToEnd) {
            between()
            into.endToEndNs += log.timed(Phase.END_TO_END, subject::endToEnd)
        }
        val end = clock() + request.sustainedSeconds * NS_PER_SECOND
        while (clock() < end) {
            between()
            into.sustainedNs += log.timed(Phase.SUSTAINED, subject::run)
        }
        read()
    }

    /** All that is due between two runs. */
    private fun between() {
        if (isStopped()) throw StoppedException()
        val last = readAt
        if (last == null || clock() - last >= NS_PER_SECOND) read()
    }

    private fun read() {
        take("frequency", frequencies, into.frequency)
        take("thermal", temperatures, into.thermal)
        readAt = clock()
    }

    private fun take(
        kind: String,
        sensors: Sensors,
        into: MutableList<Pair<Long, Map<String, Long>>>?,
    ) {
        val values = into?.let { sensors.read() }.orEmpty()
        if (values.isNotEmpty()) into?.add(log.reading(kind, values) to values)
    }

    private companion object {
        const val NS_PER_SECOND = 1_000_000_000L
    }
}
