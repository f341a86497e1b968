package io.github.cdfimobile.runtime.ort

import com.google.gson.JsonParseException
import com.google.gson.JsonParser

/**
 * What ONNX Runtime's profile tells of a run.
 *
 * Its Java API does not say which provider took which node, but its profile does: a list of events,
 * of which each node's kernel has one, with its provider's name.
 */
internal object OrtProfile {
    private const val KERNEL = "_kernel_time"

    /**
     * How many nodes each provider ran, by short name; null if [json] is no profile.
     *
     * A node that ran more often is counted once.
     */
    fun nodesByProvider(json: String): Map<String, Int>? = try {
        JsonParser.parseString(json).asJsonArray
            .map { it.asJsonObject }
            .filter { it["cat"]?.asString == "Node" && it["name"].asString.endsWith(KERNEL) }
            .distinctBy { it["name"].asString }
            .groupingBy { OrtSessions.shortName(it["args"].asJsonObject["provider"].asString) }
            .eachCount()
    } catch (_: JsonParseException) {
        null
    } catch (_: IllegalStateException) { // another kind of JSON value than expected
        null
    }
}
