package io.github.cdfimobile.demo.benchmark

import java.io.File
import java.io.IOException

/**
 * Numbers in sysfs that an app may read on some phones: [read] gives them by name.
 *
 * Names hold no space and no colon: they go into the file of samples.
 */
class Sensors private constructor(private val files: Map<String, File>) {
    /** Whether there is anything to read. */
    val there: Boolean get() = files.isNotEmpty()

    /** All numbers that can be read now. */
    fun read(): Map<String, Long> =
        files.mapNotNull { (name, file) -> number(file)?.let { name to it } }.toMap()

    companion object {
        private val UNFIT = Regex("[^A-Za-z0-9_.-]")

        /** Current frequency of each CPU in kHz. */
        fun frequencies(sysfs: File = File("/sys")): Sensors {
            val cpus = numbered(File(sysfs, "devices/system/cpu"), "cpu")
            return of(cpus.map { (n, cpu) -> "$n" to File(cpu, "cpufreq/scaling_cur_freq") })
        }

        /** Temperatures in thousandths of a degree Celsius, by their zone's type. */
        fun temperatures(sysfs: File = File("/sys")): Sensors {
            val taken = mutableSetOf<String>()
            val zones = numbered(File(sysfs, "class/thermal"), "thermal_zone")
            return of(
                zones.map { (number, zone) ->
                    val type = text(File(zone, "type"))?.replace(UNFIT, "_")
                    val name = type?.takeIf { it.isNotEmpty() } ?: "zone$number"
                    // Phones repeat names.
                    val own = if (taken.add(name)) name else "$name.$number"
                    own to File(zone, "temp")
                },
            )
        }

        private fun of(files: List<Pair<String, File>>) =
            Sensors(files.filter { (_, file) -> number(file) != null }.toMap())

        private fun numbered(folder: File, prefix: String): List<Pair<Int, File>> =
            folder.listFiles().orEmpty()
                .mapNotNull { entry ->
                    entry.name.removePrefix(prefix).toIntOrNull()
                        ?.takeIf { entry.name.startsWith(prefix) }
                        ?.let { it to entry }
                }
                .sortedBy { it.first }

        private fun number(file: File): Long? = text(file)?.toLongOrNull()

        private fun text(file: File): String? = try {
            file.readText().trim()
        } catch (_: IOException) {
            null
        }
    }
}
