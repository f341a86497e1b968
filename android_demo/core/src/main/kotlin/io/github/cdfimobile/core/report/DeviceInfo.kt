package io.github.cdfimobile.core.report

import com.google.gson.JsonObject

/**
 * The phone that a report was made on; null is what it does not tell.
 *
 * @property name short, for tables.
 * @property soc the chip, in its maker's words.
 * @property architecture as the kernel names it, e.g. `aarch64`.
 * @property abi Android's name of the instruction set.
 * @property os Android and its kernel, with versions.
 * @property build Android's build fingerprint.
 * @property sdk Android's API level.
 * @property cores logical cores that the process may use, at least 1.
 * @property maxFrequencyKhz of each core.
 * @property governor of CPU frequencies.
 * @property memoryBytes all of the phone's.
 */
public data class DeviceInfo(
    val name: String,
    val model: String?,
    val soc: String?,
    val architecture: String,
    val abi: String?,
    val os: String,
    val build: String?,
    val sdk: Int?,
    val cores: Int,
    val maxFrequencyKhz: List<Int>?,
    val governor: String?,
    val memoryBytes: Long?,
) {
    internal fun toJson(emulated: Boolean): JsonObject = Section()
        .put("kind", KIND)
        .put("name", name)
        .missing("serial", "an app is not told it")
        .put("model", model, UNKNOWN)
        .put("soc", soc, UNKNOWN)
        .missing("cpu", "the SoC stands for it")
        .put("architecture", architecture)
        .put("abi", abi, UNKNOWN)
        .put("os", os)
        .put("build", build, UNKNOWN)
        .put("sdk", sdk, UNKNOWN)
        .put("cores", cores)
        .put("max_frequency_khz", maxFrequencyKhz?.let(Section::numbers), UNKNOWN)
        .put("governor", governor, UNKNOWN)
        .put("memory_bytes", memoryBytes, UNKNOWN)
        .put("emulated", emulated)
        .put("simulated", false)
        .end()

    private companion object {
        /** How the device was reached: not at all, the report comes from itself. */
        const val KIND = "app"
        const val UNKNOWN = "the device does not tell it"
    }
}
