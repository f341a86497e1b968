package io.github.cdfimobile.core.manifest

import com.google.gson.JsonObject
import com.google.gson.JsonParseException
import io.github.cdfimobile.core.ArtifactException

/** One artifact that the app ships; [width] and [height] in pixels, null where the graph takes any size. */
public data class ShippedArtifact(
    val file: String,
    val network: String,
    val precision: String,
    val dynamic: Boolean,
    val width: Int?,
    val height: Int?,
    val bytes: Long,
    val sha256: String,
)

/** The artifacts that `cdfi-export --android` wrote, from its `index.json`; the first one is the default. */
public object ArtifactIndex {
    /** Its file name. */
    public const val FILE: String = "index.json"

    private const val SCHEMA_VERSION = 1

    /**
     * The artifacts of the index in [text].
     *
     * @throws ArtifactException no JSON, another version, or fields that do not fit.
     */
    public fun parse(text: String): List<ShippedArtifact> {
        val root = try {
            StrictJson.parse(text) as? JsonObject
        } catch (error: JsonParseException) {
            throw ArtifactException("$FILE is no JSON", got = error.message, cause = error)
        }
        if (root?.get("schema_version")?.toString() != SCHEMA_VERSION.toString()) {
            throw ArtifactException(
                "$FILE has another schema version",
                expected = SCHEMA_VERSION.toString(),
                got = root?.get("schema_version")?.toString() ?: "none",
                fix = "run cdfi-export --android again",
            )
        }
        val fields = JsonFields(root, FILE, "index")
        fields.int("schema_version")
        val found = fields.children("artifacts").map(::artifact)
        fields.end()
        return found
    }

    private fun artifact(fields: JsonFields) = ShippedArtifact(
        file = fields.string("file"),
        network = fields.string("network"),
        precision = fields.string("precision"),
        dynamic = fields.boolean("dynamic"),
        width = fields.intOrNull("width"),
        height = fields.intOrNull("height"),
        bytes = fields.long("bytes"),
        sha256 = fields.string("sha256"),
    ).also { fields.end() }
}
