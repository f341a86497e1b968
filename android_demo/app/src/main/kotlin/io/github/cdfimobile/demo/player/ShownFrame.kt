package io.github.cdfimobile.demo.player

import android.graphics.Bitmap
import java.nio.IntBuffer

/**
 * Two pictures of one moment, [width] x [height] each: the frame that the clip has, and the one that
 * is shown instead. [rotation] is how far they are to be turned clockwise, in degrees.
 */
class ShownFrame(width: Int, height: Int, val rotation: Int) {
    /** The clip's own frame. */
    val before: Bitmap = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)

    /** The interpolated frame, or the clip's own where there is nothing between. */
    val after: Bitmap = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)

    /** When it is due, in µs of the slowed-down clip. */
    var timeUs = 0L
        private set

    /** Fills both from interleaved RGB bytes, by way of [pixels]. */
    fun fill(timeUs: Long, beforeRgb: ByteArray, afterRgb: ByteArray, pixels: IntArray) {
        this.timeUs = timeUs
        Rgba.pack(beforeRgb, pixels)
        before.copyPixelsFromBuffer(IntBuffer.wrap(pixels))
        if (afterRgb !== beforeRgb) Rgba.pack(afterRgb, pixels)
        after.copyPixelsFromBuffer(IntBuffer.wrap(pixels))
    }
}
