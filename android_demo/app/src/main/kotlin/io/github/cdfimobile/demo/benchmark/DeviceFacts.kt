package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.report.DeviceInfo
import java.io.File
import java.io.IOException

/**
 * What a benchmark says of the app and the device, however the run ends.
 *
 * @property emulated An emulator's name; null if there is none that can be told.
 * @property emulationKnown Whether it can be told at all: only Google's emulators say so.
 * @property device The phone, for the report that is made on it.
 * @property thermalStatus Android's thermal status now, or null.
 */
class DeviceFacts(
    val packageName: String,
    val version: String,
    val runtimeVersion: String?,
    val providers: List<String>,
    val emulated: String?,
    val emulationKnown: Boolean,
    val device: DeviceInfo,
    val thermalStatus: () -> Int?,
    private val processStatus: File = File("/proc/self/status"),
) {
    /** What the processor is called, e.g. `aarch64`. */
    val machine: String? = System.getProperty("os.arch")

    /** The CPUs that this process may use, or null where Linux does not tell. */
    fun affinity(): List<Int>? = try {
        processStatus.readLines()
            .firstOrNull { it.startsWith(ALLOWED) }
            ?.removePrefix(ALLOWED)?.trim()?.split(',')
            ?.flatMap(::cpus)
    } catch (_: IOException) {
        null
    } catch (_: NumberFormatException) {
        null
    }

    /** `0-3` or `5`. */
    private fun cpus(part: String): List<Int> {
        val ends = part.split('-').map(String::toInt)
        return (ends.first()..ends.last()).toList()
    }

    private companion object {
        const val ALLOWED = "Cpus_allowed_list:"
    }
}
