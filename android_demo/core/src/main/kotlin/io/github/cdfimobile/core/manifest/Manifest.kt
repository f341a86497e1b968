package io.github.cdfimobile.core.manifest

/**
 * What a runtime must know about an artifact: the fields of `manifest.schema.json` that running it needs
 * and a picture of the rest. Sizes are in pixels.
 */
public data class Manifest(
    val network: NetworkInfo,
    val artifact: ArtifactInfo,
    val warp: WarpInfo,
    val graph: GraphInfo,
    val inputs: List<TensorInfo>,
    val outputs: List<TensorInfo>,
    val size: SizeInfo,
    val padding: PaddingInfo,
    val tiling: TilingInfo?,
    val timeStep: Double,
    val tools: Map<String, String>,
    val parity: List<ParityResult>,
) {
    public companion object {
        /** The one version of the schema that this reader knows. */
        public const val SCHEMA_VERSION: Int = 1

        /** What the manifest's name adds to the artifact's. */
        public const val SUFFIX: String = ".manifest.json"

        /**
         * A manifest from JSON [text]; [source] names it in errors.
         *
         * @throws io.github.cdfimobile.core.ArtifactException no JSON, another schema version, or
         *   fields that do not fit.
         */
        public fun parse(text: String, source: String): Manifest = ManifestReader(source).read(text)
    }
}

/** Which network, exactly. [spec] is the JSON of its spec. */
public data class NetworkInfo(
    val name: String,
    val spec: String,
    val weightsSha256: String,
    val parameters: Long,
    val macs: Long?,
    val macsSize: List<Int>?,
)

/** The file itself. [portable] computes the same without the native library, or is null. */
public data class ArtifactInfo(
    val file: String,
    val sha256: String,
    val bytes: Long,
    val format: String,
    val form: String,
    val precision: String,
    val opset: Int?,
    val portable: String?,
)

/** How the adaptive collaboration of flows is written in the artifact; F x F [taps]. */
public data class WarpInfo(
    val formulation: String,
    val sampling: String,
    val offsets: String?,
    val taps: Int,
    val dilation: Int,
)

/** Nodes by operator type, and remarks for people. */
public data class GraphInfo(val operators: Map<String, Int>, val remarks: List<String>)

/** Order of a tensor's axes. */
public enum class Layout { NCHW, NHWC }

/** One input or output; [shape] has numbers for fixed axes and names for dynamic ones. */
public data class TensorInfo(
    val name: String,
    val layout: Layout,
    val dtype: String,
    val shape: List<String>,
    val valueRange: List<Double>,
)

/** Frame size of the graph; null on both sides when [dynamic]. */
public data class SizeInfo(val dynamic: Boolean, val width: Int?, val height: Int?)

/** What stands in the pixels that padding adds. */
public enum class PaddingMode { REFLECT, REPLICATE }

/** What is added at the bottom and right before the graph, and cropped after it. */
public data class PaddingInfo(val multiple: Int, val mode: PaddingMode)

/** How a large frame may be cut; [halo] in pixels. */
public data class TilingInfo(val halo: Int, val exact: Boolean)

/** The artifact against a reference on one image set, measured at export. */
public data class ParityResult(
    val imageSet: String,
    val pairs: Int,
    val reference: String,
    val runtime: String,
    val width: Int,
    val height: Int,
    val maxAbs: Double,
    val p999: Double,
    val psnrDb: Double?,
    val dataRange: Double,
    val ssim: Double?,
    val maxAbsLimit: Double?,
    val psnrLimitDb: Double?,
    val lostDb: Double?,
    val lostLimitDb: Double?,
    val verdict: String,
    val reason: String?,
)
