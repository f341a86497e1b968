package io.github.cdfimobile.core.tensor

import io.github.cdfimobile.core.ArtifactException
import io.github.cdfimobile.core.InputException
import io.github.cdfimobile.core.manifest.Manifest
import io.github.cdfimobile.core.manifest.PaddingMode

/** Width and height in pixels. */
public data class FrameSize(val width: Int, val height: Int) {
    override fun toString(): String = "${width}x$height"
}

/** Padding outside the graph, at the bottom and right, as `padding.py` of the Python runtime does it. */
public object Padding {
    /**
     * The pixel of an axis of [length] pixels that is shown at [position] of the padded axis. Reflection
     * mirrors at the border pixel without repeating it, again and again where the padding is longer than the
     * frame; an axis of one pixel repeats it.
     */
    public fun sourceIndex(position: Int, length: Int, mode: PaddingMode): Int {
        if (mode == PaddingMode.REPLICATE || length == 1) return minOf(position, length - 1)
        val period = 2 * (length - 1)
        val phase = position % period
        return minOf(phase, period - phase)
    }

    /** The smallest multiple of [multiple] that is at least [length]. */
    public fun roundUp(length: Int, multiple: Int): Int = (length + multiple - 1) / multiple * multiple

    /**
     * The size to which a frame of [width] x [height] must be padded for the artifact of [manifest].
     *
     * @throws InputException the artifact has a fixed size and the frame is larger.
     * @throws ArtifactException the manifest says "fixed" but gives no size.
     */
    public fun graphSize(manifest: Manifest, width: Int, height: Int): FrameSize {
        val size = manifest.size
        val multiple = manifest.padding.multiple
        if (size.dynamic) return FrameSize(roundUp(width, multiple), roundUp(height, multiple))
        if (size.width == null || size.height == null) {
            throw ArtifactException(
                "the manifest of ${manifest.artifact.file} gives no frame size",
                expected = "a width and a height, or a dynamic size",
                got = "width ${size.width}, height ${size.height}",
                fix = "export the artifact again with cdfi-export",
            )
        }
        if (width > size.width || height > size.height) {
            throw InputException(
                "the frames are larger than ${manifest.artifact.file} takes",
                expected = "at most ${size.width}x${size.height} pixels",
                got = "${width}x$height pixels",
                fix = "export with cdfi-export --dynamic or --size ${width}x$height",
            )
        }
        return FrameSize(size.width, size.height)
    }
}
