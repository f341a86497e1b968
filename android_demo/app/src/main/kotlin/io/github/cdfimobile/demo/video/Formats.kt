package io.github.cdfimobile.demo.video

import android.media.MediaFormat

/** The number under [key], or null. */
internal fun MediaFormat.integer(key: String): Int? = if (containsKey(key)) getInteger(key) else null

/** The number under [key], or null. */
internal fun MediaFormat.long(key: String): Long? = if (containsKey(key)) getLong(key) else null

/** A rate under [key], which extractors give as a whole number or not; null without one. */
internal fun MediaFormat.rate(key: String): Float? = if (!containsKey(key)) {
    null
} else {
    try {
        getInteger(key).toFloat()
    } catch (_: ClassCastException) {
        getFloat(key)
    }
}
