package io.github.cdfimobile.demo.settings

/**
 * What the user chose.
 *
 * @property network A network's name as in the manifests; null takes the first there is.
 * @property precision As in the manifests, e.g. `float32`; null takes the network's first.
 * @property provider What ONNX Runtime is asked for: `cpu`, `xnnpack` or `nnapi`.
 * @property threads Threads within an operator; 0 leaves the choice to the runtime.
 * @property factor How many times more frames: 2, 4 or 8.
 * @property frameSize The longest side that frames are reduced to before they are interpolated.
 */
data class Settings(
    val network: String? = null,
    val precision: String? = null,
    val provider: String = PROVIDERS.first(),
    val threads: Int = DEFAULT_THREADS,
    val factor: Int = FACTORS.first(),
    val frameSize: FrameSize = FrameSize.SMALL,
) {
    init {
        require(provider in PROVIDERS) { "expected one of $PROVIDERS, got $provider" }
        require(threads in 0..MOST_THREADS) { "expected 0 to $MOST_THREADS threads, got $threads" }
        require(factor in FACTORS) { "expected one of $FACTORS, got $factor" }
    }

    /** These settings as text by key, without what was not chosen. */
    fun toMap(): Map<String, String> = buildMap {
        network?.let { put(NETWORK, it) }
        precision?.let { put(PRECISION, it) }
        put(PROVIDER, provider)
        put(THREADS, threads.toString())
        put(FACTOR, factor.toString())
        put(FRAME_SIZE, frameSize.name)
    }

    companion object {
        /** Providers that may be asked for; an `onnxruntime-android` build knows all three. */
        val PROVIDERS = listOf("cpu", "xnnpack", "nnapi")

        /** By halving, so powers of two only. */
        val FACTORS = listOf(2, 4, 8)

        /** More than this never helps on a phone. */
        const val MOST_THREADS = 8

        private const val DEFAULT_THREADS = 4
        private const val NETWORK = "network"
        private const val PRECISION = "precision"
        private const val PROVIDER = "provider"
        private const val THREADS = "threads"
        private const val FACTOR = "factor"
        private const val FRAME_SIZE = "frame_size"

        /** All keys of [toMap]. */
        val KEYS = setOf(NETWORK, PRECISION, PROVIDER, THREADS, FACTOR, FRAME_SIZE)

        /** Settings from text by key; what is missing or no longer valid gets its default. */
        fun fromMap(map: Map<String, String?>): Settings {
            val standard = Settings()
            val threads = map[THREADS]?.toIntOrNull()?.takeIf { it in 0..MOST_THREADS }
            return Settings(
                network = map[NETWORK],
                precision = map[PRECISION],
                provider = map[PROVIDER]?.takeIf { it in PROVIDERS } ?: standard.provider,
                threads = threads ?: standard.threads,
                factor = map[FACTOR]?.toIntOrNull()?.takeIf { it in FACTORS } ?: standard.factor,
                frameSize = FrameSize.entries.find { it.name == map[FRAME_SIZE] }
                    ?: standard.frameSize,
            )
        }
    }
}

/** How large frames are made at most; [longestSide] in pixels. */
enum class FrameSize(val longestSide: Int) {
    SMALL(480),
    MEDIUM(960),
    LARGE(1920),
    FULL(Int.MAX_VALUE),
}
