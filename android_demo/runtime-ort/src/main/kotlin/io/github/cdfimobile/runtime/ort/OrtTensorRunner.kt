package io.github.cdfimobile.runtime.ort

import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtSession
import io.github.cdfimobile.core.ArtifactException
import io.github.cdfimobile.core.CdfiException
import io.github.cdfimobile.core.interpolate.ProviderUse
import io.github.cdfimobile.core.interpolate.TensorRunner
import io.github.cdfimobile.core.manifest.Artifact
import io.github.cdfimobile.core.manifest.Manifest
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer

/**
 * An artifact (`.onnx` or `.ort`) in ONNX Runtime.
 *
 * [close] may come while another thread runs it: it waits for that run.
 */
public class OrtTensorRunner private constructor(
    override val manifest: Manifest,
    override val provider: ProviderUse,
    private val session: OrtSession,
) : TensorRunner {
    private val inputs = manifest.inputs.map { it.name }
    private val output = manifest.outputs.single().name
    private var result = direct(0)
    private var closed = false

    override val runtime: String = "onnxruntime ${OrtSessions.environment.version}"

    /**
     * See [TensorRunner.run]; the output has the inputs' [shape].
     *
     * @throws CdfiException ONNX Runtime fails, e.g. for lack of memory, or the network returned
     *   another shape.
     */
    @Synchronized
    override fun run(first: FloatBuffer, second: FloatBuffer, shape: LongArray): FloatBuffer {
        check(!closed) { "the runner is closed" }
        val count = shape.fold(1L, Long::times).toInt()
        if (result.capacity() != count) result = direct(count)
        try {
            tensor(first, shape).use { one ->
                tensor(second, shape).use { two ->
                    // ONNX Runtime writes into our buffer: nothing is copied or made anew.
                    tensor(result, shape).use { middle ->
                        val frames = mapOf(inputs[0] to one, inputs[1] to two)
                        session.run(frames, mapOf(output to middle)).close()
                    }
                }
            }
        } catch (error: OrtException) {
            throw CdfiException(
                "ONNX Runtime failed on frames of shape ${shape.joinToString("x")}",
                got = error.message,
                fix = "try smaller frames or the provider cpu",
                cause = error,
            )
        }
        return result.duplicate()
    }

    /** A tensor that is the first values of the direct [buffer]. */
    private fun tensor(buffer: FloatBuffer, shape: LongArray): OnnxTensor {
        val values = buffer.duplicate()
        values.position(0)
        values.limit(shape.fold(1L, Long::times).toInt())
        return OnnxTensor.createTensor(OrtSessions.environment, values, shape)
    }

    @Synchronized
    override fun close() {
        if (!closed) session.close()
        closed = true
    }

    public companion object {
        /** Formats by name, as in a manifest, that ONNX Runtime opens. */
        public val FORMATS: Set<String> = setOf("onnx", "ort")

        /**
         * Loads [artifact]; [TensorRunner.provider] says what it runs on and why.
         *
         * @throws ArtifactException it is no graph that this ONNX Runtime can run, or it needs the
         *   native warp, which is not there.
         */
        public fun open(artifact: Artifact, options: OrtOptions = OrtOptions()): OrtTensorRunner {
            val manifest = artifact.manifest
            requireRunnable(manifest)
            val native = NativeWarp.isNeeded(manifest.graph.operators.keys)
            val open = try {
                OrtSessions.open(artifact.bytes, options, native)
            } catch (error: OrtException) {
                throw ArtifactException(
                    "${manifest.artifact.file} is no graph that ONNX Runtime can load",
                    expected = "an artifact for ONNX Runtime ${OrtSessions.environment.version}",
                    got = error.message,
                    fix = "copy or export it again",
                    cause = error,
                )
            }
            val provider = ProviderUse(options.provider.id, open.actual, open.fallback)
            return OrtTensorRunner(manifest, provider, open.session)
        }

        /** Short names of the providers that this build of ONNX Runtime has, e.g. `cpu`. */
        public fun providers(): List<String> = OrtSessions.available()

        /** The version of ONNX Runtime, e.g. `1.29.0`. */
        public fun version(): String = OrtSessions.environment.version

        private fun requireRunnable(manifest: Manifest) {
            val file = manifest.artifact
            if (file.format !in FORMATS) {
                throw ArtifactException(
                    "${file.file} is not for ONNX Runtime",
                    expected = FORMATS.joinToString(" or "),
                    got = file.format,
                    fix = "export it with cdfi-export --format onnx",
                )
            }
            if (manifest.inputs.size != 2 || manifest.outputs.size != 1) {
                throw ArtifactException(
                    "${file.file} is no network that interpolates",
                    expected = "two inputs and one output",
                    got = "${manifest.inputs.size} and ${manifest.outputs.size}",
                    fix = "export the artifact again with cdfi-export",
                )
            }
            if (NativeWarp.isNeeded(manifest.graph.operators.keys)) {
                NativeWarp.missing?.let { reason ->
                    throw ArtifactException(
                        "${file.file} needs the native warp, which is not in this app",
                        got = reason,
                        fix = "use ${file.portable ?: "a portable artifact"}, " +
                            "or build with cdfi.nativeWarp=true",
                    )
                }
            }
        }

        private fun direct(count: Int): FloatBuffer =
            ByteBuffer.allocateDirect(count * Float.SIZE_BYTES)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer()
    }
}
