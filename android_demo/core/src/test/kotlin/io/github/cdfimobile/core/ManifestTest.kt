package io.github.cdfimobile.core

import com.google.gson.JsonArray
import com.google.gson.JsonElement
import com.google.gson.JsonNull
import com.google.gson.JsonObject
import io.github.cdfimobile.core.manifest.Artifact
import io.github.cdfimobile.core.manifest.ArtifactIndex
import io.github.cdfimobile.core.manifest.Layout
import io.github.cdfimobile.core.manifest.Manifest
import io.github.cdfimobile.core.manifest.PaddingMode
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.ByteArrayInputStream
import java.io.FileNotFoundException

class ManifestTest {
    private val golden = Golden.json("manifests.json").asJsonObject
    private val full = golden.getAsJsonObject("manifest")

    @Test
    fun `every field is read`() {
        val manifest = Manifest.parse(full.toString(), "full")
        assertEquals("cdfi_mobile", manifest.network.name)
        assertEquals(123L, manifest.network.macs)
        assertEquals(listOf(448, 256), manifest.network.macsSize)
        assertEquals("other.onnx", manifest.artifact.portable)
        assertEquals("shared", manifest.warp.offsets)
        assertEquals(mapOf("Conv" to 3), manifest.graph.operators)
        assertEquals(listOf("one"), manifest.graph.remarks)
        assertEquals(Layout.NCHW, manifest.inputs.first().layout)
        assertEquals(PaddingMode.REFLECT, manifest.padding.mode)
        assertEquals(16, manifest.tiling?.halo)
        assertEquals(99.5, manifest.parity.single().psnrDb)
        assertEquals(full.getAsJsonObject("artifact").get("sha256").asString, manifest.artifact.sha256)
    }

    @Test
    fun `what the Python reader accepts is accepted and what it refuses is refused`() {
        val wrong = golden.getAsJsonArray("cases").map { it.asJsonObject }.filter { case ->
            accepts(changed(case)) != case.get("accepted").asBoolean
        }
        assertTrue(wrong.isEmpty()) { "differently from Python: $wrong" }
    }

    @Test
    fun `what is no JSON is an artifact error`() {
        for (text in listOf("", "{", "[]", "{\"schema_version\": 1", "null")) {
            assertThrows(ArtifactException::class.java, { Manifest.parse(text, "broken") }, text)
        }
        // What parsers like to forgive.
        val whole = full.toString()
        for (text in listOf("$whole {}", "/* */ $whole", whole.replaceFirst("\"", "'").replaceFirst("\"", "'"))) {
            assertThrows(ArtifactException::class.java, { Manifest.parse(text, "broken") }, text.take(20))
        }
    }

    @Test
    fun `an artifact is checked against its manifest`() {
        val bytes = "the file".toByteArray()
        val json = full.deepCopy()
        json.getAsJsonObject("artifact").addProperty("sha256", Artifact.sha256(bytes))
        val files = mutableMapOf("a.onnx" to bytes, "a.onnx.manifest.json" to json.toString().toByteArray())
        val open = { name: String -> ByteArrayInputStream(files[name] ?: throw FileNotFoundException(name)) }
        assertArrayEquals(bytes, Artifact.load("a.onnx", open).bytes)
        files["a.onnx"] = "the fil".toByteArray()
        val error = assertThrows(ArtifactException::class.java) { Artifact.load("a.onnx", open) }
        assertTrue("is not the file its manifest describes" in error.problem)
        files.remove("a.onnx")
        assertThrows(ArtifactException::class.java) { Artifact.load("a.onnx", open) }
    }

    @Test
    fun `the hash is that of the standard`() {
        val empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assertEquals(empty, Artifact.sha256(ByteArray(0)))
    }

    @Test
    fun `the index of shipped artifacts is read strictly`() {
        val entry = """{"file": "n.onnx", "network": "n", "precision": "float32", "dynamic": true,
            "width": null, "height": null, "bytes": 5, "sha256": "ab"}"""
        val found = ArtifactIndex.parse("""{"schema_version": 1, "artifacts": [$entry]}""").single()
        assertEquals("n.onnx", found.file)
        assertTrue(found.dynamic && found.width == null)
        val broken = listOf("{}", "no", """{"schema_version": 2, "artifacts": []}""", entry) +
            """{"schema_version": 1, "artifacts": [{"file": "n"}]}"""
        for (text in broken) assertThrows(ArtifactException::class.java, { ArtifactIndex.parse(text) }, text)
    }

    private fun accepts(json: JsonElement): Boolean = try {
        Manifest.parse(json.toString(), "case")
        true
    } catch (_: ArtifactException) {
        false
    }

    private fun changed(case: JsonObject): JsonElement {
        val json = full.deepCopy()
        val path = case.getAsJsonArray("path").toList()
        if (path.isEmpty()) return json
        val inner = path.dropLast(1).fold(json as JsonElement) { at, key -> step(at, key) }.asJsonObject
        val last = path.last().asString
        when (case.get("op").asString) {
            "remove" -> inner.remove(last)
            "null" -> inner.add(last, JsonNull.INSTANCE)
            else -> inner.add(last, case.get("value"))
        }
        return json
    }

    private fun step(at: JsonElement, key: JsonElement): JsonElement =
        if (at is JsonArray) at[key.asInt] else at.asJsonObject[key.asString]
}
