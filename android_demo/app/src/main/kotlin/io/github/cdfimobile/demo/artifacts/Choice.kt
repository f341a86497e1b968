package io.github.cdfimobile.demo.artifacts

import io.github.cdfimobile.core.manifest.ShippedArtifact
import io.github.cdfimobile.demo.settings.Settings

/** Which of the shipped artifacts the settings mean; the first one is the default. */
class Choice(private val shipped: List<ShippedArtifact>) {
    /** Networks to choose from, the default first. */
    val networks: List<String> = shipped.map { it.network }.distinct()

    /** Precisions of [network], its default first. */
    fun precisions(network: String): List<String> =
        shipped.filter { it.network == network }.map { it.precision }.distinct()

    /**
     * The artifact for [settings], or null if none is shipped.
     *
     * A network or precision that is no longer there gives way to the default. Of the same kind, one
     * that takes any size goes before one of a fixed size.
     */
    fun of(settings: Settings): ShippedArtifact? {
        val network = networks.find { it == settings.network } ?: networks.firstOrNull()
        val own = shipped.filter { it.network == network }
        val precision = own.map { it.precision }.let { there ->
            there.find { it == settings.precision } ?: there.firstOrNull()
        }
        val fitting = own.filter { it.precision == precision }
        return fitting.find { it.dynamic } ?: fitting.firstOrNull()
    }
}
