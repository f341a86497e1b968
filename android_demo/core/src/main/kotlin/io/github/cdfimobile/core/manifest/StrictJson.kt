package io.github.cdfimobile.core.manifest

import com.google.gson.Gson
import com.google.gson.JsonElement
import com.google.gson.JsonParseException
import com.google.gson.stream.JsonReader
import com.google.gson.stream.JsonToken
import java.io.IOException
import java.io.StringReader

/** JSON as the standard has it; Gson's own parser also takes comments, bare words and what follows the end. */
internal object StrictJson {
    private val elements = Gson().getAdapter(JsonElement::class.java)

    /**
     * The value in [text].
     *
     * @throws JsonParseException no JSON.
     */
    fun parse(text: String): JsonElement {
        val reader = JsonReader(StringReader(text))
        try {
            val value = elements.read(reader)
            if (reader.peek() != JsonToken.END_DOCUMENT) throw JsonParseException("text after the end")
            return value
        } catch (error: IOException) {
            throw JsonParseException(error)
        }
    }
}
