package io.github.cdfimobile.demo.pipeline

import io.github.cdfimobile.core.image.RgbFrame

/** Decoded frames of a clip, in the order they are shown; used by one thread. */
interface FrameSource : AutoCloseable {
    /** Pixels of a frame. */
    val width: Int

    /** Pixels of a frame. */
    val height: Int

    /** Fills [into] with the next frame and returns its time in µs; null at the end of the clip. */
    fun next(into: RgbFrame): Long?
}
