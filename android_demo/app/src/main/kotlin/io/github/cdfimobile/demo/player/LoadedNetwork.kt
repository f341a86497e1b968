package io.github.cdfimobile.demo.player

import io.github.cdfimobile.core.interpolate.Interpolator
import io.github.cdfimobile.demo.artifacts.ArtifactStore
import io.github.cdfimobile.demo.artifacts.Choice
import io.github.cdfimobile.demo.settings.Settings
import io.github.cdfimobile.runtime.ort.OrtOptions
import io.github.cdfimobile.runtime.ort.OrtTensorRunner
import io.github.cdfimobile.runtime.ort.Provider

/** A network in memory, with what it was loaded for. */
internal class LoadedNetwork private constructor(
    private val file: String,
    private val options: OrtOptions,
    val interpolator: Interpolator,
) : AutoCloseable {
    /** All that decides how fast it is, beside the size of frames. */
    val key: String
        get() = "${interpolator.manifest.artifact.sha256} ${options.provider.id} ${options.threads}"

    override fun close() = interpolator.close()

    companion object {
        /**
         * The network that [settings] mean: [current] if it is that one, else a new one, for which
         * [current] is closed first, so that there are never two in memory.
         *
         * @throws io.github.cdfimobile.core.CdfiException it is broken, or cannot be run.
         */
        fun of(store: ArtifactStore, settings: Settings, current: LoadedNetwork?): LoadedNetwork {
            val artifact = store.require(Choice(store.shipped()).of(settings))
            val provider = Provider.of(settings.provider) ?: Provider.CPU
            val options = OrtOptions(provider, settings.threads)
            if (current != null && current.file == artifact.file && current.options == options) {
                return current
            }
            current?.close()
            val runner = OrtTensorRunner.open(store.load(artifact.file), options)
            return LoadedNetwork(artifact.file, options, Interpolator(runner))
        }
    }
}
