package io.github.cdfimobile.core.report

import com.google.gson.GsonBuilder
import com.google.gson.JsonElement

/** JSON for files: indented, nulls written out, a line end at the end. */
internal object JsonText {
    private val gson = GsonBuilder().setPrettyPrinting().serializeNulls().disableHtmlEscaping().create()

    fun write(json: JsonElement): String = gson.toJson(json) + "\n"
}
