package io.github.cdfimobile.demo.selftest

import android.content.Context
import android.os.Build

/** Keeps what was measured, for as long as app, system, network and settings stay the same. */
class SpeedStore(context: Context) {
    private val preferences = context.getSharedPreferences("self_test", Context.MODE_PRIVATE)

    /** The speed that was measured under [key], or null. */
    fun load(key: String): Speed? = preferences.getString(full(key), null)?.let(Speed::fromText)

    /** Keeps [speed] under [key]. */
    fun save(key: String, speed: Speed) =
        preferences.edit().putString(full(key), speed.toText()).apply()

    /** Forgets all: the next clip is tested anew. */
    fun clear() = preferences.edit().clear().apply()

    private fun full(key: String) = "${Build.FINGERPRINT} $key"
}
