package io.github.cdfimobile.core.interpolate

import io.github.cdfimobile.core.manifest.Manifest
import java.nio.FloatBuffer

/** What was asked for and what really runs; [fallback] says why they differ, or is null. */
public data class ProviderUse(val requested: String, val actual: String, val fallback: String?)

/**
 * A runtime with an artifact loaded. Not for several threads at once; whoever opened it closes it.
 */
public interface TensorRunner : AutoCloseable {
    public val manifest: Manifest
    public val provider: ProviderUse

    /** The runtime's name and version, as reports give them. */
    public val runtime: String

    /**
     * Runs the network on two frames of [shape], direct buffers in native order, and returns its output,
     * valid until the next call.
     *
     * @throws io.github.cdfimobile.core.CdfiException the runtime fails.
     */
    public fun run(first: FloatBuffer, second: FloatBuffer, shape: LongArray): FloatBuffer
}
