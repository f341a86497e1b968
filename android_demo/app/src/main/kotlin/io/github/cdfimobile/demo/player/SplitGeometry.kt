package io.github.cdfimobile.demo.player

import kotlin.math.min

/**
 * Where a frame of [frameWidth] x [frameHeight] pixels, turned clockwise by [rotation] degrees, lies
 * in a view of [viewWidth] x [viewHeight]: as large as it fits, in the middle.
 */
data class SplitGeometry(
    val viewWidth: Int,
    val viewHeight: Int,
    val frameWidth: Int,
    val frameHeight: Int,
    val rotation: Int,
) {
    private val turned = rotation % HALF_TURN != 0
    private val shownWidth = if (turned) frameHeight else frameWidth
    private val shownHeight = if (turned) frameWidth else frameHeight

    /** View pixels per frame pixel. */
    val scale: Float =
        min(viewWidth / shownWidth.toFloat(), viewHeight / shownHeight.toFloat())

    /** The left edge of the picture in the view. */
    val left: Float = (viewWidth - shownWidth * scale) / 2

    /** The right edge of the picture in the view. */
    val right: Float = viewWidth - left

    /** The top edge of the picture in the view. */
    val top: Float = (viewHeight - shownHeight * scale) / 2

    /** The bottom edge of the picture in the view. */
    val bottom: Float = viewHeight - top

    /** Where in the view the divider at [fraction] (0 to 1, of the picture) is. */
    fun dividerX(fraction: Float): Float = left + (right - left) * fraction

    /** Which fraction of the picture lies left of [x] in the view: 0 to 1. */
    fun fractionAt(x: Float): Float = ((x - left) / (right - left)).coerceIn(0f, 1f)

    private companion object {
        const val HALF_TURN = 180
    }
}
