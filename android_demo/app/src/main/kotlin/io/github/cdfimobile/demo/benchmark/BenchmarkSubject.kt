package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.image.RgbFrame
import java.nio.FloatBuffer

/** A loaded artifact with a pair of frames, ready to be timed. */
interface BenchmarkSubject : AutoCloseable {
    /** What it really runs on, by a provider's short name. */
    val providerActual: String

    /** Why that is not what was asked for; null if it is. */
    val providerFallback: String?

    /** Sides of the raw output: 1x3xHxW or 1xHxWx3. */
    val outputShape: List<Int>

    /** The network alone, on tensors that were packed before. */
    fun run()

    /** From two RGB frames in memory to the RGB picture. */
    fun endToEnd()

    /** The raw output of the last [run], from its position to its limit. */
    fun output(): FloatBuffer

    /** The picture of the last [run]: cropped, clipped and rounded. */
    fun picture(): RgbFrame

    /** How many nodes each provider ran, by short name; null if that cannot be found out. */
    fun nodesByProvider(): Map<String, Int>?
}
