package io.github.cdfimobile.core

import com.google.gson.JsonElement
import com.google.gson.JsonParser
import io.github.cdfimobile.core.image.RgbFrame
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.FloatBuffer
import java.util.Base64

/** The vectors that `tests/android/golden_vectors.py` wrote. */
object Golden {
    fun bytes(name: String): ByteArray =
        checkNotNull(Golden::class.java.getResourceAsStream("/golden/$name")) { "no golden file $name" }
            .use { it.readBytes() }

    fun text(name: String): String = bytes(name).toString(Charsets.UTF_8)

    fun json(name: String): JsonElement = JsonParser.parseString(text(name))

    fun decode(element: JsonElement): ByteArray = Base64.getDecoder().decode(element.asString)

    fun floats(bytes: ByteArray): FloatBuffer {
        val buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        return FloatBuffer.allocate(buffer.limit()).also { it.put(buffer).rewind() }
    }

    /** High bytes of a linear congruential generator, as `noise` of the Python side. */
    fun noise(width: Int, height: Int, seed: Int): RgbFrame {
        var state = seed
        return RgbFrame(
            width,
            height,
            ByteArray(RgbFrame.CHANNELS * width * height) {
                state = state * 1664525 + 1013904223
                (state ushr 24).toByte()
            },
        )
    }
}
