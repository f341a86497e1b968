package io.github.cdfimobile.core.tensor

import io.github.cdfimobile.core.ArtifactException
import io.github.cdfimobile.core.InputException
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.manifest.Layout
import io.github.cdfimobile.core.manifest.Manifest
import java.nio.FloatBuffer

/**
 * Frames as tensors of an artifact and back, bit for bit as the Python runtime does it: 8-bit values divided
 * by 255 in single precision, padding, and at the end the crop, clipping to [0, 1] and rounding halves up.
 *
 * @throws ArtifactException inputs or outputs that are not float32 frames.
 */
public class FrameCodec(private val manifest: Manifest) {
    private val input = layoutOf(manifest.inputs.map { it.layout to it.dtype })
    private val output = layoutOf(manifest.outputs.map { it.layout to it.dtype })

    /** The tensor's frame size for a frame of [width] x [height] pixels. */
    public fun graphSize(width: Int, height: Int): FrameSize = Padding.graphSize(manifest, width, height)

    /** The shape of an input for [size], with a batch of one. */
    public fun inputShape(size: FrameSize): LongArray = shape(size, input)

    /**
     * Fills [tensor] from its beginning with [frame], padded to [size].
     *
     * @throws InputException the tensor holds less than 3 * width * height values of [size].
     */
    public fun pack(frame: RgbFrame, size: FrameSize, tensor: FloatBuffer) {
        requireRoom(tensor, size)
        val mode = manifest.padding.mode
        val columns = IntArray(size.width) { RgbFrame.CHANNELS * Padding.sourceIndex(it, frame.width, mode) }
        val plane = size.width * size.height
        for (y in 0 until size.height) {
            val row = RgbFrame.CHANNELS * frame.width * Padding.sourceIndex(y, frame.height, mode)
            for (x in 0 until size.width) {
                val from = row + columns[x]
                val to = y * size.width + x
                for (channel in 0 until RgbFrame.CHANNELS) {
                    val value = UNIT[frame.pixels[from + channel].toInt() and BYTE]
                    tensor.put(index(input, to, channel, plane), value)
                }
            }
        }
    }

    /**
     * Fills [frame] with the top left of [tensor], an output of [size].
     *
     * @throws ArtifactException NaN or infinite values among those of the frame.
     */
    public fun unpack(tensor: FloatBuffer, size: FrameSize, frame: RgbFrame) {
        requireRoom(tensor, size)
        val plane = size.width * size.height
        var next = 0
        var broken = 0
        for (y in 0 until frame.height) {
            for (x in 0 until frame.width) {
                for (channel in 0 until RgbFrame.CHANNELS) {
                    val value = tensor.get(index(output, y * size.width + x, channel, plane))
                    if (!value.isFinite()) broken++
                    frame.pixels[next++] = (value.coerceIn(0f, 1f) * BYTE + HALF).toInt().toByte()
                }
            }
        }
        if (broken > 0) {
            throw ArtifactException(
                "the network of ${manifest.artifact.file} returned NaN or infinite values",
                expected = "finite values",
                got = "$broken of ${frame.pixels.size} values",
                fix = "its weights are damaged or its precision is too low: export it again",
            )
        }
    }

    private fun layoutOf(tensors: List<Pair<Layout, String>>): Layout {
        val kinds = tensors.toSet()
        val only = kinds.singleOrNull()
        if (only == null || only.second != "float32") {
            throw ArtifactException(
                "${manifest.artifact.file} takes or gives something other than float32 frames",
                expected = "float32 in one layout",
                got = kinds.joinToString { "${it.second} ${it.first}" },
                fix = "export it without --images",
            )
        }
        return only.first
    }

    private fun requireRoom(tensor: FloatBuffer, size: FrameSize) {
        val needed = RgbFrame.CHANNELS * size.width * size.height
        if (tensor.limit() < needed) {
            throw InputException("the tensor is too small", expected = "$needed values", got = "${tensor.limit()}")
        }
    }

    public companion object {
        private const val BYTE = 255
        private const val HALF = 0.5f
        private val UNIT = FloatArray(BYTE + 1) { it.toFloat() / BYTE }

        private fun index(layout: Layout, pixel: Int, channel: Int, plane: Int): Int =
            if (layout == Layout.NCHW) channel * plane + pixel else pixel * RgbFrame.CHANNELS + channel

        internal fun shape(size: FrameSize, layout: Layout): LongArray {
            val (width, height) = size.width.toLong() to size.height.toLong()
            val channels = RgbFrame.CHANNELS.toLong()
            return when (layout) {
                Layout.NCHW -> longArrayOf(1, channels, height, width)
                Layout.NHWC -> longArrayOf(1, height, width, channels)
            }
        }
    }
}
