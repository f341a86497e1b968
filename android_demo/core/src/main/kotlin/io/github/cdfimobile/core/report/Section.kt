package io.github.cdfimobile.core.report

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonNull
import com.google.gson.JsonObject
import com.google.gson.JsonPrimitive

/**
 * One part of a report. It keeps the rule of all reports: what was not measured is null, and `unmeasured`
 * says why.
 */
internal class Section {
    private val json = JsonObject()
    private val reasons = JsonObject()

    fun put(name: String, value: JsonElement): Section = apply { json.add(name, value) }

    fun put(name: String, value: String): Section = put(name, JsonPrimitive(value))

    fun put(name: String, value: Number): Section = put(name, JsonPrimitive(value))

    fun put(name: String, value: Boolean): Section = put(name, JsonPrimitive(value))

    /** [value], or null because [why]. */
    fun put(name: String, value: JsonElement?, why: String): Section {
        json.add(name, value ?: JsonNull.INSTANCE)
        if (value == null) reasons.addProperty(name, why)
        return this
    }

    fun put(name: String, value: String?, why: String): Section = put(name, value?.let(::JsonPrimitive), why)

    fun put(name: String, value: Number?, why: String): Section = put(name, value?.let(::JsonPrimitive), why)

    fun put(name: String, value: Boolean?, why: String): Section = put(name, value?.let(::JsonPrimitive), why)

    /** Null because [why]. */
    fun missing(name: String, why: String): Section = put(name, null as JsonElement?, why)

    fun end(): JsonObject = json.apply { add("unmeasured", reasons) }

    companion object {
        fun numbers(values: Iterable<Number>): JsonArray = JsonArray().apply { values.forEach(::add) }

        fun strings(values: Iterable<String>): JsonArray = JsonArray().apply { values.forEach(::add) }

        fun objects(values: Iterable<JsonObject>): JsonArray = JsonArray().apply { values.forEach(::add) }
    }
}
