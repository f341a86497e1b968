package io.github.cdfimobile.demo.selftest

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.demo.pipeline.Middle

/** How long this phone takes for a frame of [width] x [height] pixels, from RGB to RGB. */
class Speed(val width: Int, val height: Int, val seconds: DoubleArray) {
    init {
        require(seconds.isNotEmpty()) { "expected at least one time" }
    }

    /** As text, to be kept. */
    fun toText(): String = "$width $height ${seconds.joinToString(" ")}"

    companion object {
        /** What [toText] gave, or null if [text] is nothing of the kind. */
        fun fromText(text: String): Speed? {
            val words = text.split(' ')
            val width = words.getOrNull(0)?.toIntOrNull() ?: return null
            val height = words.getOrNull(1)?.toIntOrNull() ?: return null
            val seconds = words.drop(2).map { it.toDoubleOrNull() ?: return null }
            return if (seconds.isEmpty()) null else Speed(width, height, seconds.toDoubleArray())
        }
    }
}

/** Measures a [Speed]. */
class SelfTest(private val middle: Middle, private val clock: () -> Long = System::nanoTime) {
    /** Times the network on the built-in pair, after some runs that do not count. */
    fun measure(width: Int, height: Int): Speed {
        val (first, second) = SyntheticPair.of(width, height)
        val target = RgbFrame(width, height)
        repeat(WARM_UP) { middle.compute(first, second, target) }
        val seconds = DoubleArray(RUNS) {
            val start = clock()
            middle.compute(first, second, target)
            (clock() - start) / NS_PER_SECOND
        }
        return Speed(width, height, seconds)
    }

    private companion object {
        const val WARM_UP = 2
        const val RUNS = 12
        const val NS_PER_SECOND = 1e9
    }
}
