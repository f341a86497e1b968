package io.github.cdfimobile.runtime.ort

import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtLoggingLevel
import ai.onnxruntime.OrtProvider
import ai.onnxruntime.OrtSession
import ai.onnxruntime.providers.NNAPIFlags
import java.util.EnumSet
import java.util.Locale

/** A session with what it really runs on: [actual] is a provider's short name. */
internal class OpenSession(val session: OrtSession, val actual: String, val fallback: String?)

/** Opens sessions with the options that all of this project's runtimes use. */
internal object OrtSessions {
    /** The one environment of the process, which sends nothing home. */
    val environment: OrtEnvironment by lazy {
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR).apply {
            setTelemetry(false)
        }
    }

    /** Short names of the providers that this build of ONNX Runtime has, e.g. `cpu`. */
    fun available(): List<String> {
        environment // loads the library
        return OrtEnvironment.getAvailableProviders().map(::shortName).sorted()
    }

    /**
     * A session of [graph] on the provider asked for, else on the CPU.
     *
     * @throws OrtException the CPU cannot run it either.
     */
    @Throws(OrtException::class)
    fun open(graph: ByteArray, options: OrtOptions, nativeWarp: Boolean): OpenSession {
        val asked = options.provider
        val refused = when {
            asked == Provider.CPU -> null
            asked.id !in available() ->
                "this ONNX Runtime has no provider '${asked.id}', only ${available().joinToString()}"
            else -> try {
                return OpenSession(create(graph, options, nativeWarp), asked.id, null)
            } catch (error: OrtException) {
                "'${asked.id}' refused the graph: ${error.message}"
            }
        }
        val onCpu = options.copy(provider = Provider.CPU)
        return OpenSession(create(graph, onCpu, nativeWarp), Provider.CPU.id, refused)
    }

    private fun create(
        graph: ByteArray,
        options: OrtOptions,
        nativeWarp: Boolean,
    ): OrtSession = OrtSession.SessionOptions().use { session ->
        session.setIntraOpNumThreads(options.threads)
        session.setInterOpNumThreads(1)
        // Planned memory comes as one block on the second frame of a size, beside what the first
        // one left in the arena: double the memory, and slower.
        session.setMemoryPatternOptimization(false)
        if (nativeWarp) NativeWarp.register(session)
        when (options.provider) {
            Provider.CPU -> Unit
            // Its threads are its own, and one if nobody says how many.
            Provider.XNNPACK -> session.addXnnpack(
                if (options.threads == 0) {
                    emptyMap()
                } else {
                    mapOf("intra_op_num_threads" to options.threads.toString())
                },
            )
            Provider.NNAPI -> session.addNnapi(EnumSet.noneOf(NNAPIFlags::class.java))
        }
        environment.createSession(graph, session)
    }

    /** `XnnpackExecutionProvider` becomes `xnnpack`. */
    private fun shortName(provider: OrtProvider): String =
        provider.getName().removeSuffix("ExecutionProvider").lowercase(Locale.ROOT)
}
