package io.github.cdfimobile.demo.settings

import android.content.Context

/** Keeps [Settings] in the app's shared preferences. */
class SettingsStore(context: Context) {
    private val preferences = context.getSharedPreferences("settings", Context.MODE_PRIVATE)

    /** What is kept, or the defaults. */
    fun load(): Settings =
        Settings.fromMap(Settings.KEYS.associateWith { preferences.getString(it, null) })

    /** Keeps [settings]; written to disk in the background. */
    fun save(settings: Settings) {
        val map = settings.toMap()
        val editor = preferences.edit()
        Settings.KEYS.forEach { editor.putString(it, map[it]) }
        editor.apply()
    }
}
