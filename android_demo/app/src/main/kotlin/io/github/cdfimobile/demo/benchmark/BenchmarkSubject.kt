package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.manifest.Manifest
import java.nio.FloatBuffer

/** A loaded artifact with a pair of frames, ready to be timed. */
interface BenchmarkSubject : AutoCloseable {
    /** Of the artifact that was loaded. */
    val manifest: Manifest

    /** SHA-256 of the artifact that was loaded. */
    val sha256: String

    /** Pixels of the frames. */
    val width: Int

    /** Pixels of the frames. */
    val height: Int

    /** What it really runs on, by a provider's short name. */
    val providerActual: String

    /** Why that is not what was asked for; null if it is. */
    val providerFallback: String?

    /** Sides of the raw output: 1x3xHxW or 1xHxWx3. */
    val outputShape: List<Long>

    /** The network alone, on tensors that were packed before. */
    fun run()

    /** From two RGB frames in memory to the RGB picture. */
    fun endToEnd()

    /** The raw output of the last [run], from its position to its limit. */
    fun output(): FloatBuffer

    /** The picture of the last [run]: cropped, clipped and rounded. */
    fun picture(): RgbFrame
}
