package io.github.cdfimobile.core.tensor

import io.github.cdfimobile.core.ArtifactException
import io.github.cdfimobile.core.InputException
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.manifest.Layout
import io.github.cdfimobile.core.manifest.Manifest
import java.nio.Buffer
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
        val lines = Lines(input, size)
        // Line by line: single values of a direct buffer are slow on phones.
        val line = FloatArray(lines.length)
        val target = tensor.duplicate()
        for (y in 0 until size.height) {
            val row = RgbFrame.CHANNELS * frame.width * Padding.sourceIndex(y, frame.height, mode)
            for (channel in lines.channels) {
                var at = 0
                for (column in columns) {
                    val from = row + column + channel
                    for (next in 0 until lines.step) line[at++] = UNIT[frame.pixels[from + next].toInt() and BYTE]
                }
                seek(target, lines.start(channel, y))
                target.put(line)
            }
        }
    }

    /**
     * Fills [frame] with the top left of [tensor], an output of [size].
     *
     * @throws InputException the tensor is too small for [size], or [size] for the frame.
     * @throws ArtifactException NaN or infinite values among those of the frame.
     */
    public fun unpack(tensor: FloatBuffer, size: FrameSize, frame: RgbFrame) {
        requireRoom(tensor, size)
        requireFits(frame, size)
        val lines = Lines(output, size)
        val line = FloatArray(frame.width * lines.step)
        val source = tensor.duplicate()
        var broken = 0
        for (y in 0 until frame.height) {
            for (channel in lines.channels) {
                seek(source, lines.start(channel, y))
                source.get(line)
                var to = RgbFrame.CHANNELS * frame.width * y + channel
                for (value in line) {
                    if (!value.isFinite()) broken++
                    frame.pixels[to] = (value.coerceIn(0f, 1f) * BYTE + HALF).toInt().toByte()
                    to += RgbFrame.CHANNELS / lines.step
                }
            }
        }
        if (broken > 0) throw notFinite(broken, frame.pixels.size)
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

    private fun requireFits(frame: RgbFrame, size: FrameSize) {
        if (frame.width > size.width || frame.height > size.height) {
            throw InputException(
                "the frame is larger than the tensor",
                expected = "at most $size",
                got = "${frame.width}x${frame.height}",
            )
        }
    }

    private fun notFinite(count: Int, all: Int) = ArtifactException(
        "the network of ${manifest.artifact.file} returned NaN or infinite values",
        expected = "finite values",
        got = "$count of $all values",
        fix = "its weights are damaged or its precision is too low: export it again",
    )

    /** Where the lines of a tensor lie: NCHW has one of each colour, NHWC one with the colours in turn. */
    private class Lines(private val layout: Layout, private val size: FrameSize) {
        /** Values of a pixel that lie together. */
        val step = if (layout == Layout.NCHW) 1 else RgbFrame.CHANNELS
        val length = size.width * step

        /** The first channel of each line. */
        val channels = if (layout == Layout.NCHW) 0 until RgbFrame.CHANNELS else 0..0

        fun start(channel: Int, y: Int): Int = (channel * size.height + y) * length
    }

    public companion object {
        private const val BYTE = 255
        private const val HALF = 0.5f
        private val UNIT = FloatArray(BYTE + 1) { it.toFloat() / BYTE }

        // The method of Buffer: FloatBuffer's own came with Java 9 and Android 9.
        private fun seek(buffer: Buffer, position: Int) {
            buffer.position(position)
        }

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
