package io.github.cdfimobile.demo.video

import kotlin.math.max

/**
 * What is known of a clip once it is opened.
 *
 * @property width Pixels of a frame as it is stored, before it is turned.
 * @property rotation Degrees by which it has to be turned clockwise to be upright: 0, 90, 180, 270.
 * @property durationUs Null if the file does not tell.
 * @property frameRate Frames a second; null if the file does not tell.
 */
data class Clip(
    val width: Int,
    val height: Int,
    val rotation: Int,
    val durationUs: Long?,
    val frameRate: Float?,
)

/** A reduction of frames by a whole number, so that every pixel is the mean of the same count. */
data class Reduction(val factor: Int, val width: Int, val height: Int) {
    companion object {
        /** The least that brings frames of [width] x [height] pixels down to [longestSide]. */
        fun of(width: Int, height: Int, longestSide: Int): Reduction {
            require(width > 0 && height > 0) { "expected a frame, got $width x $height pixels" }
            val longest = max(width, height)
            val factor = if (longest <= longestSide) 1 else (longest - 1) / longestSide + 1
            return Reduction(factor, max(width / factor, 1), max(height / factor, 1))
        }
    }
}
