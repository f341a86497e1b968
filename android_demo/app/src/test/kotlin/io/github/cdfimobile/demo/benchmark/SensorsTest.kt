package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.InputException
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File

class SensorsTest {
    @TempDir
    lateinit var root: File

    private fun write(path: String, text: String) = File(root, path).run {
        parentFile.mkdirs()
        writeText(text)
    }

    @Test
    fun `frequencies are those of the processors that tell`() {
        write("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1800000\n")
        write("devices/system/cpu/cpu10/cpufreq/scaling_cur_freq", "2400000\n")
        write("devices/system/cpu/cpu1/online", "1\n")
        write("devices/system/cpu/cpufreq/boost", "1\n")

        assertEquals(mapOf("0" to 1_800_000L, "10" to 2_400_000L), Sensors.frequencies(root).read())
    }

    @Test
    fun `zones of one name are told apart and fit into a line`() {
        write("class/thermal/thermal_zone0/type", "cpu 0:big\n")
        write("class/thermal/thermal_zone0/temp", "41000\n")
        write("class/thermal/thermal_zone3/type", "battery\n")
        write("class/thermal/thermal_zone3/temp", "30500\n")
        write("class/thermal/thermal_zone7/type", "battery\n")
        write("class/thermal/thermal_zone7/temp", "31500\n")
        write("class/thermal/thermal_zone8/temp", "closed\n")

        assertEquals(
            mapOf("cpu_0_big" to 41_000L, "battery" to 30_500L, "battery.7" to 31_500L),
            Sensors.temperatures(root).read(),
        )
    }

    @Test
    fun `a phone that closes all of it has no sensors`() {
        assertFalse(Sensors.frequencies(root).there)
        assertTrue(Sensors.temperatures(root).read().isEmpty())
    }

    @Test
    fun `lines have their time since the first one`() {
        val times = listOf(100L, 130, 200, 250, 400, 460).iterator()
        val file = File(root, "r.samples")

        SampleLog(file, times::next).use { log ->
            assertEquals(30, log.timed(Phase.LOAD) {})
            assertEquals(50, log.timed(Phase.BURST) {})
            assertEquals(270, log.reading("thermal", mapOf("a" to 1L, "b" to 2L)))
        }

        assertEquals(listOf("load 0 30", "burst 120 50", "thermal 270 a:1 b:2"), file.readLines())
    }

    @Test
    fun `pushed frames are read, and refused at another size`() {
        val folders = BenchmarkFolders(root)
        folders.make()
        File(folders.frames, "first.rgb").writeBytes(ByteArray(6) { it.toByte() })
        File(folders.frames, "second.rgb").writeBytes(ByteArray(6))

        val (first, second) = folders.pair(BenchmarkRequest.PairSize(2, 1))
        assertArrayEquals(byteArrayOf(0, 1, 2, 3, 4, 5), first.pixels)
        assertEquals(2 to 1, second.width to second.height)
        assertThrows(InputException::class.java) { folders.pair(BenchmarkRequest.PairSize(3, 1)) }
        File(folders.frames, "second.rgb").delete()
        assertThrows(InputException::class.java) { folders.pair(BenchmarkRequest.PairSize(2, 1)) }
    }

    @Test
    fun `without pushed frames the built-in pair is used`() {
        assertEquals(448 to 256, BenchmarkFolders(root).pair(null).first.run { width to height })
    }
}
