package io.github.cdfimobile.runtime.ort

/**
 * How ONNX Runtime is to run an artifact.
 *
 * @property provider An execution provider: what it does not take runs on the CPU, and a provider
 *   that is not there at all is replaced by the CPU, with the reason.
 * @property threads Threads within an operator; 0 leaves the choice to ONNX Runtime.
 */
public data class OrtOptions(val provider: Provider = Provider.CPU, val threads: Int = 0) {
    init {
        require(threads >= 0) { "expected 0 or more threads, got $threads" }
    }
}

/** The execution providers of the `onnxruntime-android` package; [id] is their short name. */
public enum class Provider(public val id: String) {
    CPU("cpu"),
    XNNPACK("xnnpack"),
    NNAPI("nnapi"),
    ;

    public companion object {
        /** The provider with this [id], or null. */
        public fun of(id: String): Provider? = entries.find { it.id == id }
    }
}
