package io.github.cdfimobile.demo.system

import android.app.ActivityManager
import android.content.Context

/**
 * Memory in bytes that the pipeline may take: in the Java heap, where RGB frames are, and outside it,
 * where the network and the bitmaps are.
 */
data class MemoryBudget(val heap: Long, val native: Long) {
    companion object {
        /** What is free on this phone now, with some of it left alone. */
        fun now(context: Context): MemoryBudget {
            val manager = context.getSystemService(Context.ACTIVITY_SERVICE) as ActivityManager
            val info = ActivityManager.MemoryInfo().also(manager::getMemoryInfo)
            val free = if (info.lowMemory) 0 else info.availMem - info.threshold
            return MemoryBudget(Runtime.getRuntime().maxMemory() / 2, free)
        }
    }
}
