package io.github.cdfimobile.demo.system

import android.app.ActivityManager
import android.content.Context
import android.os.Build
import io.github.cdfimobile.core.report.DeviceInfo
import java.io.File
import java.io.IOException

private const val CPUS = "devices/system/cpu"

/** This phone as Android and Linux describe it; null is what they do not tell. */
fun describeDevice(context: Context): DeviceInfo {
    val memory = ActivityManager.MemoryInfo()
    (context.getSystemService(Context.ACTIVITY_SERVICE) as ActivityManager).getMemoryInfo(memory)
    val abi = Build.SUPPORTED_ABIS.firstOrNull()
    return DeviceInfo(
        name = "${Build.MANUFACTURER} ${Build.MODEL}",
        model = Build.MODEL,
        soc = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) Build.SOC_MODEL else null,
        architecture = System.getProperty("os.arch") ?: abi.orEmpty(),
        abi = abi,
        os = "Android ${Build.VERSION.RELEASE}, Linux ${System.getProperty("os.version")}",
        build = Build.FINGERPRINT,
        sdk = Build.VERSION.SDK_INT,
        cores = Runtime.getRuntime().availableProcessors(),
        maxFrequencyKhz = maxFrequencies(),
        governor = read(File("/sys/$CPUS/cpu0/cpufreq/scaling_governor")),
        memoryBytes = memory.totalMem,
    )
}

/** The highest frequency of each CPU in kHz, or null where one does not tell. */
internal fun maxFrequencies(sysfs: File = File("/sys")): List<Int>? {
    val cpus = File(sysfs, CPUS).listFiles().orEmpty()
        .mapNotNull { it.name.removePrefix("cpu").toIntOrNull() }
        .sorted()
    val found = cpus.mapNotNull { read(File(sysfs, "$CPUS/cpu$it/cpufreq/cpuinfo_max_freq"))?.toIntOrNull() }
    return found.takeIf { it.isNotEmpty() && it.size == cpus.size }
}

private fun read(file: File): String? = try {
    file.readText().trim()
} catch (_: IOException) {
    null
}
