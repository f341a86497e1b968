package io.github.cdfimobile.core.manifest

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import com.google.gson.JsonParseException
import io.github.cdfimobile.core.ArtifactException

private val SHA256 = Regex("[0-9a-f]{64}")

/** Reads a manifest as the Python runtime does (`manifest.py`): what it refuses is refused here. */
internal class ManifestReader(private val source: String) {
    fun read(text: String): Manifest {
        val json = try {
            StrictJson.parse(text)
        } catch (error: JsonParseException) {
            throw ArtifactException(
                "the manifest $source is no JSON",
                got = error.message,
                fix = "export the artifact again with cdfi-export",
                cause = error,
            )
        }
        val root = json as? JsonObject
        val version: JsonElement? = root?.get("schema_version")
        if (root == null || version?.toString() != Manifest.SCHEMA_VERSION.toString()) {
            throw ArtifactException(
                "the manifest $source has another schema version",
                expected = Manifest.SCHEMA_VERSION.toString(),
                got = version?.toString() ?: "none",
                fix = "use the cdfi-mobile release that wrote it, or export the artifact again",
            )
        }
        return manifest(JsonFields(root, source, "manifest"))
    }

    private fun manifest(fields: JsonFields): Manifest {
        fields.int("schema_version")
        val timeStep = fields.double("time_step", MIDDLE)
        fields.require("time_step", timeStep, "$MIDDLE, the middle") { it == MIDDLE }
        return Manifest(
            network = network(fields.child("network")),
            artifact = artifact(fields.child("artifact")),
            warp = warp(fields.child("warp")),
            graph = fields.childOrDefault("graph")?.let(::graph) ?: GraphInfo(emptyMap(), emptyList()),
            inputs = fields.children("inputs").map(::tensor),
            outputs = fields.children("outputs").map(::tensor),
            size = size(fields.child("size")),
            padding = padding(fields.child("padding")),
            tiling = fields.childOrNull("tiling")?.let(::tiling),
            timeStep = timeStep,
            tools = fields.entries("tools") { fields.text(it) },
            parity = fields.childrenOrEmpty("parity").map(::parity),
        ).also { fields.end() }
    }

    private fun network(fields: JsonFields) = NetworkInfo(
        name = fields.string("name"),
        spec = fields.json("spec"),
        weightsSha256 = sha256(fields, "weights_sha256"),
        parameters = fields.require("parameters", fields.long("parameters"), "0 or more") { it >= 0 },
        macs = fields.longOrNull("macs"),
        macsSize = fields.itemsOrNull("macs_size") { fields.whole(it).toInt() }
            ?.let { fields.require("macs_size", it, "a width and a height") { size -> size.size == 2 } },
    ).also { fields.end() }

    private fun artifact(fields: JsonFields) = ArtifactInfo(
        file = fields.string("file"),
        sha256 = sha256(fields, "sha256"),
        bytes = fields.require("bytes", fields.long("bytes"), "more than 0") { it > 0 },
        format = fields.string("format"),
        form = fields.choice("form", fields.string("form", "dense"), "dense", "compact", "sparse"),
        precision = fields.string("precision", "float32"),
        opset = fields.intOrNull("opset"),
        portable = fields.stringOrNull("portable"),
    ).also { fields.end() }

    private fun warp(fields: JsonFields) = WarpInfo(
        formulation = fields.string("formulation"),
        sampling = fields.choice("sampling", fields.string("sampling"), "truncate", "bilinear"),
        offsets = fields.stringOrNull("offsets")?.let { fields.choice("offsets", it, "per_tap", "shared") },
        taps = atLeast(fields, "taps", fields.int("taps"), 1),
        dilation = atLeast(fields, "dilation", fields.int("dilation"), 1),
    ).also { fields.end() }

    private fun graph(fields: JsonFields) = GraphInfo(
        operators = fields.entries("operators") { fields.whole(it).toInt() },
        remarks = fields.items("remarks", emptyList()) { fields.text(it) },
    ).also { fields.end() }

    private fun tensor(fields: JsonFields) = TensorInfo(
        name = fields.string("name"),
        layout = Layout.valueOf(fields.choice("layout", fields.string("layout", "NCHW"), "NCHW", "NHWC")),
        dtype = fields.string("dtype", "float32"),
        shape = fields.items("shape") { it.asString },
        valueRange = fields.items("value_range", listOf(0.0, 1.0)) { fields.number(it) }
            .let { fields.require("value_range", it, "two numbers") { range -> range.size == 2 } },
    ).also { fields.end() }

    private fun size(fields: JsonFields) = SizeInfo(
        dynamic = fields.boolean("dynamic"),
        width = fields.intOrNull("width"),
        height = fields.intOrNull("height"),
    ).also { fields.end() }

    private fun padding(fields: JsonFields): PaddingInfo {
        val mode = fields.choice("mode", fields.string("mode", "reflect"), "reflect", "replicate")
        fields.choice("align", fields.string("align", "bottom_right"), "bottom_right")
        val multiple = atLeast(fields, "multiple", fields.int("multiple", DEFAULT_MULTIPLE), 1)
        fields.end()
        return PaddingInfo(multiple, PaddingMode.valueOf(mode.uppercase()))
    }

    private fun tiling(fields: JsonFields) = TilingInfo(
        halo = atLeast(fields, "halo", fields.int("halo"), 0),
        exact = fields.boolean("exact", false),
    ).also { fields.end() }

    private fun parity(fields: JsonFields) = ParityResult(
        imageSet = fields.string("image_set"),
        pairs = fields.int("pairs"),
        reference = fields.string("reference"),
        runtime = fields.string("runtime"),
        width = fields.int("width"),
        height = fields.int("height"),
        maxAbs = fields.double("max_abs"),
        p999 = fields.double("p99_9"),
        psnrDb = fields.doubleOrStatedNull("psnr_db"),
        dataRange = fields.double("data_range", 1.0),
        ssim = fields.doubleOrStatedNull("ssim"),
        maxAbsLimit = fields.doubleOrStatedNull("max_abs_limit"),
        psnrLimitDb = fields.doubleOrStatedNull("psnr_limit_db"),
        lostDb = fields.doubleOrNull("lost_db"),
        lostLimitDb = fields.doubleOrNull("lost_limit_db"),
        verdict = fields.choice("verdict", fields.string("verdict"), "pass", "fail"),
        reason = fields.stringOrNull("reason"),
    ).also { fields.end() }

    private fun sha256(fields: JsonFields, name: String): String =
        fields.require(name, fields.string(name), "64 hexadecimal digits") { SHA256.matches(it) }

    private fun atLeast(fields: JsonFields, name: String, value: Int, least: Int): Int =
        fields.require(name, value, "$least or more") { it >= least }

    private companion object {
        const val MIDDLE = 0.5
        const val DEFAULT_MULTIPLE = 32
    }
}
