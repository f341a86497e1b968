package io.github.cdfimobile.core.image

import io.github.cdfimobile.core.InputException
import java.nio.Buffer
import java.nio.ByteBuffer

/** One plane of a YUV frame: the value at (x, y) is at `y * rowStride + x * pixelStride` of [data]. */
public class Plane(public val data: ByteBuffer, public val rowStride: Int, public val pixelStride: Int) {
    internal fun put(x: Int, y: Int, value: Int) {
        data.put(y * rowStride + x * pixelStride, value.toByte())
    }

    /** Reads lines of [count] values by way of an array: single values of a direct buffer are slow on phones. */
    internal inner class Lines(private val count: Int) {
        private val view = data.duplicate()
        private val bytes = ByteArray((count - 1) * pixelStride + 1)

        /** 0 to 255; those of the last [read]. */
        val values: IntArray = IntArray(count)

        fun read(x: Int, y: Int) {
            // The method of Buffer: ByteBuffer's own came with Java 9 and Android 9.
            (view as Buffer).position(y * rowStride + x * pixelStride)
            view.get(bytes)
            for (index in 0 until count) values[index] = bytes[index * pixelStride].toInt() and BYTE
        }
    }

    private companion object {
        const val BYTE = 0xFF
    }
}

/**
 * A YUV 420 frame as Android's `Image` gives it, or part of one: [left] and [top] are the first pixel of the
 * crop rectangle, both even; [width] and [height] are its size. Chroma planes have half the pixels on each
 * side, rounded up.
 *
 * @throws InputException an odd corner, no pixels, or planes that end before the last pixel.
 */
public class YuvPlanes(
    public val width: Int,
    public val height: Int,
    public val y: Plane,
    public val u: Plane,
    public val v: Plane,
    public val left: Int = 0,
    public val top: Int = 0,
) {
    init {
        if (width < 1 || height < 1 || left < 0 || top < 0 || left % 2 != 0 || top % 2 != 0) {
            throw InputException(
                "the crop rectangle of the YUV frame does not fit",
                expected = "at least 1x1 pixels from an even corner",
                got = "${width}x$height from ($left, $top)",
            )
        }
        check("luma", y, left + width - 1, top + height - 1)
        for ((name, plane) in listOf("U" to u, "V" to v)) {
            check(name, plane, (left + width - 1) / 2, (top + height - 1) / 2)
        }
    }

    private fun check(name: String, plane: Plane, lastX: Int, lastY: Int) {
        val last = lastY.toLong() * plane.rowStride + lastX.toLong() * plane.pixelStride
        if (last >= plane.data.limit()) {
            throw InputException(
                "the $name plane ends before the frame does",
                expected = "more than $last bytes",
                got = "${plane.data.limit()} bytes",
            )
        }
    }

    public companion object {
        /** A new frame of three separate planes without gaps (I420). */
        public fun i420(width: Int, height: Int): YuvPlanes {
            val half = (width + 1) / 2
            val chroma = half * ((height + 1) / 2)
            return YuvPlanes(
                width,
                height,
                Plane(ByteBuffer.allocate(width * height), width, 1),
                Plane(ByteBuffer.allocate(chroma), half, 1),
                Plane(ByteBuffer.allocate(chroma), half, 1),
            )
        }
    }
}
