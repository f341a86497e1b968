package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.interpolate.Interpolator
import io.github.cdfimobile.core.manifest.Artifact
import io.github.cdfimobile.core.manifest.Manifest
import io.github.cdfimobile.core.tensor.FrameCodec
import io.github.cdfimobile.runtime.ort.OrtOptions
import io.github.cdfimobile.runtime.ort.OrtTensorRunner
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer

/**
 * An artifact in ONNX Runtime with the pair [first] and [second].
 *
 * @throws io.github.cdfimobile.core.CdfiException it cannot be run, or not on such frames.
 */
class OrtSubject(
    artifact: Artifact,
    options: OrtOptions,
    private val first: RgbFrame,
    private val second: RgbFrame,
) : BenchmarkSubject {
    private val codec = FrameCodec(artifact.manifest)
    private val size = codec.graphSize(first.width, first.height)
    private val shape = codec.inputShape(size)
    private val runner = OrtTensorRunner.open(artifact, options)
    private val interpolator = Interpolator(runner)
    private val tensors = listOf(first, second).map { frame ->
        tensor().also { codec.pack(frame, size, it) }
    }
    private val target = RgbFrame(first.width, first.height)
    private var output = FloatBuffer.allocate(0)

    override val manifest: Manifest = artifact.manifest
    override val sha256: String = artifact.manifest.artifact.sha256
    override val width: Int = first.width
    override val height: Int = first.height
    override val providerActual: String = runner.provider.actual
    override val providerFallback: String? = runner.provider.fallback
    override val outputShape: List<Long> = shape.toList()

    override fun run() {
        output = runner.run(tensors[0], tensors[1], shape)
    }

    override fun endToEnd() = interpolator.middle(first, second, target)

    override fun output(): FloatBuffer = output.duplicate()

    override fun picture(): RgbFrame = target.also { codec.unpack(output(), size, it) }

    override fun close() = interpolator.close()

    private fun tensor(): FloatBuffer {
        val count = shape.fold(1L, Long::times).toInt()
        return ByteBuffer.allocateDirect(count * Float.SIZE_BYTES)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer()
    }
}
