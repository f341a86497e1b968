package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.CdfiException
import io.github.cdfimobile.core.report.AppFacts
import io.github.cdfimobile.core.report.BenchmarkPlan
import io.github.cdfimobile.core.report.BenchmarkResult
import io.github.cdfimobile.core.report.LatencyReport
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * One benchmark from its request to its files in [folder]: `RUN.samples`, `RUN.output`, `RUN.rgb`,
 * `RUN.report.json` and at the very end `RUN.json`, whatever happens.
 *
 * @param source Where the artifact comes from, `files` or `assets`; null if it is nowhere.
 * @param load Loads the artifact and the frames.
 */
class BenchmarkRun(
    private val request: BenchmarkRequest,
    private val folder: File,
    private val facts: DeviceFacts,
    private val source: String?,
    private val isStopped: () -> Boolean,
    private val load: () -> BenchmarkSubject,
) {
    private val started = System.currentTimeMillis()
    private var subject: BenchmarkSubject? = null

    /**
     * Runs it and returns what was written.
     *
     * @throws IOException the result cannot be written.
     */
    fun run(): BenchmarkResult {
        val before = facts.thermalStatus()
        val measured = Measurements()
        var shape: List<Long>? = null
        val end = try {
            SampleLog(File(folder, "${request.run}.samples")).use { log ->
                BenchmarkPhases(request, log, measured, isStopped).run(::loaded).use {
                    shape = it.outputShape
                    writePicture(it)
                }
            }
            End(null, null)
        } catch (_: StoppedException) {
            End("terminated", CdfiException("the run was ended before its end"))
        } catch (failure: Throwable) { // whatever it is, the host is told
            End("error", asOurs(failure))
        }
        return result(measured, shape, end, before).also {
            writeReport(it)
            write(folder, request.run, it)
        }
    }

    private class End(val stopped: String?, val failure: CdfiException?)

    private fun loaded(): BenchmarkSubject = load().also { subject = it }

    /** The same as `cdfi-bench` would report it, for a run that no host started. */
    private fun writeReport(result: BenchmarkResult) {
        val plan = BenchmarkPlan(
            started = started,
            frames = if (request.pair == null) "the app's synthetic pair" else "a pushed pair",
            runs = request.iterations,
            endToEnd = request.endToEnd,
            sustainedSeconds = request.sustainedSeconds,
        )
        val report = LatencyReport(result, plan, facts.device, subject?.manifest)
        writeWhole(File(folder, "${request.run}.report.json"), report.toJson().toByteArray())
    }

    private fun writePicture(subject: BenchmarkSubject) {
        val output = subject.output()
        val bytes = ByteBuffer.allocate(output.remaining() * Float.SIZE_BYTES)
        bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(output)
        writeWhole(File(folder, "${request.run}.output"), bytes.array())
        writeWhole(File(folder, "${request.run}.rgb"), subject.picture().pixels)
    }

    private fun result(measured: Measurements, shape: List<Long>?, end: End, thermalBefore: Int?) = facts.result(
        request.provider,
        request.threads,
        measured,
        shape,
        AppFacts(
            packageName = facts.packageName,
            version = facts.version,
            artifact = request.artifact,
            artifactSha256 = subject?.sha256,
            source = source,
            providerActual = subject?.providerActual,
            providerFallback = subject?.providerFallback,
            width = subject?.width ?: request.pair?.width,
            height = subject?.height ?: request.pair?.height,
            thermalStatusBefore = thermalBefore,
            thermalStatusAfter = facts.thermalStatus(),
        ),
    ).copy(stopped = end.stopped, failure = end.failure)

    companion object {
        /** Writes that the run [name] never began, for the reason in [failure]. */
        fun refuse(
            folder: File,
            name: String,
            artifact: String,
            facts: DeviceFacts,
            failure: CdfiException,
        ): BenchmarkResult {
            val thermal = facts.thermalStatus()
            val app = AppFacts(
                facts.packageName,
                facts.version,
                artifact,
                null,
                null,
                null,
                null,
                null,
                null,
                thermal,
                thermal,
            )
            return facts.result("cpu", 0, Measurements(), null, app)
                .copy(stopped = "error", failure = failure)
                .also { write(folder, name, it) }
        }

        private fun DeviceFacts.result(
            provider: String,
            threads: Int,
            measured: Measurements,
            shape: List<Long>?,
            app: AppFacts,
        ) = BenchmarkResult(
            runtime = "onnxruntime",
            version = runtimeVersion,
            providerRequested = provider,
            providersAvailable = providers,
            threads = threads,
            affinity = affinity(),
            machine = machine,
            emulated = emulated,
            emulationKnown = emulationKnown,
            samples = measured.samples,
            memory = measured.memory,
            frequency = measured.frequency,
            thermal = measured.thermal,
            outputShape = shape,
            app = app,
        )

        private fun write(folder: File, name: String, result: BenchmarkResult) =
            writeWhole(File(folder, "$name.json"), result.toJson().toByteArray())

        /** By way of a temporary name, so that whoever sees the file sees all of it. */
        private fun writeWhole(file: File, bytes: ByteArray) {
            val part = File(file.path + ".part")
            part.writeBytes(bytes)
            if (!part.renameTo(file)) throw IOException("cannot rename ${part.name}")
        }

        private fun asOurs(failure: Throwable): CdfiException = failure as? CdfiException
            ?: CdfiException(
                "the run failed",
                got = "${failure.javaClass.simpleName}: ${failure.message}",
                cause = failure,
            )
    }
}
