package io.github.cdfimobile.demo.system

import java.io.File
import java.io.IOException

/**
 * Memory of this process as Linux tells it, in bytes; null where it does not.
 *
 * @property resident What it holds now (VmRSS).
 * @property peak The most it ever held (VmHWM).
 */
data class Memory(val resident: Long?, val peak: Long?) {
    companion object {
        private const val KIB = 1024

        /** Now. */
        fun now(status: File = File("/proc/self/status")): Memory = try {
            parse(status.readText())
        } catch (_: IOException) {
            Memory(null, null)
        }

        /** From the text of `/proc/self/status`. */
        fun parse(status: String): Memory {
            fun field(name: String): Long? = status.lineSequence()
                .firstOrNull { it.startsWith("$name:") }
                ?.removePrefix("$name:")?.trim()?.removeSuffix("kB")?.trim()
                ?.toLongOrNull()?.times(KIB)
            return Memory(field("VmRSS"), field("VmHWM"))
        }
    }
}
