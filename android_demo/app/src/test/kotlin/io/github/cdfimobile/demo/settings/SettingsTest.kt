package io.github.cdfimobile.demo.settings

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class SettingsTest {
    private val chosen = Settings("cdfi", "float16", "nnapi", 2, 8, FrameSize.FULL)

    @Test
    fun `what is kept comes back`() {
        assertEquals(chosen, Settings.fromMap(chosen.toMap()))
        assertEquals(Settings.KEYS, chosen.toMap().keys)
        assertEquals(Settings(), Settings.fromMap(Settings().toMap()))
    }

    @Test
    fun `nothing kept is the default`() {
        assertEquals(Settings(), Settings.fromMap(emptyMap()))
    }

    @Test
    fun `what is no longer valid gets its default, and the rest stays`() {
        val old = chosen.toMap() +
            mapOf("provider" to "qnn", "factor" to "3", "threads" to "many", "frame_size" to "HUGE")

        assertEquals(
            chosen.copy(provider = "cpu", threads = 4, factor = 2, frameSize = FrameSize.SMALL),
            Settings.fromMap(old),
        )
    }

    @Test
    fun `another factor, provider or number of threads is refused`() {
        assertThrows(IllegalArgumentException::class.java) { Settings(factor = 3) }
        assertThrows(IllegalArgumentException::class.java) { Settings(provider = "cuda") }
        assertThrows(IllegalArgumentException::class.java) { Settings(threads = 9) }
        assertThrows(IllegalArgumentException::class.java) { Settings(threads = -1) }
    }
}
