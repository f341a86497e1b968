package io.github.cdfimobile.demo.player

import io.github.cdfimobile.core.interpolate.ProviderUse
import io.github.cdfimobile.core.selftest.RealTime
import io.github.cdfimobile.demo.selftest.Speed

/**
 * What is known of an open clip, for the screen.
 *
 * @property realTime Whether this phone keeps up; [speed] is what that follows from.
 */
class ClipReport(
    val network: String,
    val precision: String,
    val factor: Int,
    val width: Int,
    val height: Int,
    val provider: ProviderUse,
    val speed: Speed,
    val realTime: RealTime,
)
