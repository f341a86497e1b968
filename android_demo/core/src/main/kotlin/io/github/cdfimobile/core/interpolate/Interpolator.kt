package io.github.cdfimobile.core.interpolate

import io.github.cdfimobile.core.InputException
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.manifest.Manifest
import io.github.cdfimobile.core.tensor.FrameCodec
import io.github.cdfimobile.core.tensor.FrameSize
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer

/**
 * Two frames in, the one between them out: packing, the network, unpacking. Holds two input tensors of the
 * size last used. One thread at a time.
 */
public class Interpolator(private val runner: TensorRunner) : AutoCloseable {
    private val codec = FrameCodec(runner.manifest)
    private var size: FrameSize? = null
    private var tensors = emptyList<FloatBuffer>()

    public val manifest: Manifest get() = runner.manifest
    public val provider: ProviderUse get() = runner.provider

    /**
     * Writes the frame in the middle of [first] and [second] into [target], which may be neither of them.
     *
     * @throws InputException frames of different sizes, or larger than the artifact takes.
     * @throws io.github.cdfimobile.core.ArtifactException the network returned what is no frame.
     */
    public fun middle(first: RgbFrame, second: RgbFrame, target: RgbFrame) {
        requireSame(first, second)
        requireSame(first, target)
        val size = codec.graphSize(first.width, first.height)
        if (size != this.size) {
            tensors = List(2) { tensor(size) }
            this.size = size
        }
        codec.pack(first, size, tensors[0])
        codec.pack(second, size, tensors[1])
        codec.unpack(runner.run(tensors[0], tensors[1], codec.inputShape(size)), size, target)
    }

    /** The same as a new frame. */
    public fun middle(first: RgbFrame, second: RgbFrame): RgbFrame =
        RgbFrame(first.width, first.height).also { middle(first, second, it) }

    override fun close(): Unit = runner.close()

    private fun tensor(size: FrameSize): FloatBuffer =
        ByteBuffer.allocateDirect(Float.SIZE_BYTES * RgbFrame.CHANNELS * size.width * size.height)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer()

    private fun requireSame(first: RgbFrame, other: RgbFrame) {
        if (first.width != other.width || first.height != other.height) {
            throw InputException(
                "the frames have different sizes",
                expected = "two frames of ${first.width}x${first.height}",
                got = "${other.width}x${other.height}",
                fix = "resize or crop one of them",
            )
        }
    }
}
