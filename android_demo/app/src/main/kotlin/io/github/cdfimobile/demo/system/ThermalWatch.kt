package io.github.cdfimobile.demo.system

import android.content.Context
import android.os.Build
import android.os.PowerManager

/** How hot the phone says it is, from Android 10 on. */
class ThermalWatch(context: Context) {
    private val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager

    /** `PowerManager.THERMAL_STATUS_*`, 0 (none) to 6 (shutdown); null where nothing tells. */
    fun status(): Int? =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) power.currentThermalStatus else null
}
