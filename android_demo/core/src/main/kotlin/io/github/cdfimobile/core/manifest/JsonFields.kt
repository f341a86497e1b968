package io.github.cdfimobile.core.manifest

import com.google.gson.JsonElement
import com.google.gson.JsonObject
import io.github.cdfimobile.core.ArtifactException

/**
 * The fields of one JSON object, read strictly: a field that is missing, of another type or left over is
 * an error, as in the Python reader. [path] names the object in errors.
 */
internal class JsonFields(private val json: JsonObject, private val source: String, private val path: String) {
    private val known = mutableSetOf<String>()

    fun string(name: String): String = required(name) { text(it) }

    fun string(name: String, default: String): String = optional(name, default) { text(it) }

    fun stringOrNull(name: String): String? = nullable(name) { text(it) }

    fun int(name: String): Int = required(name) { whole(it).toIntExact(it) }

    fun int(name: String, default: Int): Int = optional(name, default) { whole(it).toIntExact(it) }

    fun intOrNull(name: String): Int? = nullable(name) { whole(it).toIntExact(it) }

    fun long(name: String): Long = required(name) { whole(it) }

    fun longOrNull(name: String): Long? = nullable(name) { whole(it) }

    fun double(name: String): Double = required(name) { number(it) }

    fun double(name: String, default: Double): Double = optional(name, default) { number(it) }

    fun doubleOrNull(name: String): Double? = nullable(name) { number(it) }

    /** A number or null, but never left out. */
    fun doubleOrStatedNull(name: String): Double? {
        if (!json.has(name)) misfit(name, "a number or null", "nothing")
        return doubleOrNull(name)
    }

    /** [value] if [fits]; else it is refused as something other than [expected]. */
    fun <T> require(name: String, value: T, expected: String, fits: (T) -> Boolean): T =
        if (fits(value)) value else misfit(name, expected, value.toString())

    /** One of [choices]. */
    fun choice(name: String, value: String, vararg choices: String): String =
        require(name, value, choices.joinToString(" or ")) { it in choices }

    fun boolean(name: String): Boolean = required(name) { truth(it) }

    fun boolean(name: String, default: Boolean): Boolean = optional(name, default) { truth(it) }

    fun json(name: String): String = required(name) { asObject(it).toString() }

    fun child(name: String): JsonFields = required(name) { fields(it, "$path.$name") }

    /** Null where it is left out; it may not be null itself. */
    fun childOrDefault(name: String): JsonFields? = optional(name, null) { fields(it, "$path.$name") }

    fun childOrNull(name: String): JsonFields? = nullable(name) { fields(it, "$path.$name") }

    fun children(name: String): List<JsonFields> = required(name) { list(it, name) }

    fun childrenOrEmpty(name: String): List<JsonFields> = optional(name, emptyList()) { list(it, name) }

    fun <T> items(name: String, read: (JsonElement) -> T): List<T> = required(name) { all(it, read) }

    fun <T> items(name: String, default: List<T>, read: (JsonElement) -> T): List<T> =
        optional(name, default) { all(it, read) }

    fun <T> itemsOrNull(name: String, read: (JsonElement) -> T): List<T>? = nullable(name) { all(it, read) }

    fun <T> entries(name: String, read: (JsonElement) -> T): Map<String, T> =
        optional(name, emptyMap()) { element -> asObject(element).entrySet().associate { it.key to read(it.value) } }

    /** Refuses fields that were never asked for. */
    fun end() {
        val others = json.keySet() - known
        if (others.isNotEmpty()) misfit(others.first(), "no such field", others.joinToString())
    }

    fun misfit(name: String, expected: String, got: String): Nothing = throw ArtifactException(
        "the manifest $source does not fit its schema",
        expected = "$path.$name: $expected",
        got = got,
        fix = "export the artifact again with cdfi-export",
    )

    fun text(element: JsonElement): String {
        if (!element.isJsonPrimitive || !element.asJsonPrimitive.isString) throw Misfit("text", element)
        return element.asString
    }

    fun number(element: JsonElement): Double {
        if (!element.isJsonPrimitive || !element.asJsonPrimitive.isNumber) throw Misfit("a number", element)
        return element.asDouble
    }

    fun whole(element: JsonElement): Long {
        val value = number(element)
        if (value != Math.rint(value)) throw Misfit("a whole number", element)
        return element.asBigDecimal.longValueExact()
    }

    private fun truth(element: JsonElement): Boolean {
        if (!element.isJsonPrimitive || !element.asJsonPrimitive.isBoolean) throw Misfit("true or false", element)
        return element.asBoolean
    }

    private fun asObject(element: JsonElement): JsonObject {
        if (!element.isJsonObject) throw Misfit("an object", element)
        return element.asJsonObject
    }

    private fun fields(element: JsonElement, path: String) = JsonFields(asObject(element), source, path)

    private fun <T> all(element: JsonElement, read: (JsonElement) -> T): List<T> {
        if (!element.isJsonArray) throw Misfit("a list", element)
        return element.asJsonArray.map(read)
    }

    private fun list(element: JsonElement, name: String): List<JsonFields> {
        if (!element.isJsonArray) throw Misfit("a list", element)
        return element.asJsonArray.mapIndexed { index, each -> fields(each, "$path.$name.$index") }
    }

    private fun <T> required(name: String, read: (JsonElement) -> T): T {
        known += name
        val element = json.get(name) ?: misfit(name, "a value", "nothing")
        return fit(name, element, read)
    }

    private fun <T> optional(name: String, default: T, read: (JsonElement) -> T): T {
        known += name
        val element = json.get(name) ?: return default
        return fit(name, element, read)
    }

    private fun <T> nullable(name: String, read: (JsonElement) -> T): T? {
        known += name
        val element = json.get(name)
        if (element == null || element.isJsonNull) return null
        return fit(name, element, read)
    }

    private fun <T> fit(name: String, element: JsonElement, read: (JsonElement) -> T): T = try {
        read(element)
    } catch (error: Misfit) {
        misfit(name, error.expected, error.got)
    } catch (error: ArithmeticException) {
        misfit(name, "a number in range", element.toString())
    }

    private fun Long.toIntExact(element: JsonElement): Int =
        if (this in Int.MIN_VALUE..Int.MAX_VALUE) toInt() else throw Misfit("a 32-bit number", element)

    private class Misfit(val expected: String, element: JsonElement) : Exception() {
        val got: String = element.toString().take(MOST_SHOWN)
    }

    private companion object {
        const val MOST_SHOWN = 60
    }
}
