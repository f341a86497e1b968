package io.github.cdfimobile.demo.artifacts

import io.github.cdfimobile.core.manifest.ShippedArtifact
import io.github.cdfimobile.demo.settings.Settings
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test

class ChoiceTest {
    private fun artifact(file: String, network: String, precision: String, dynamic: Boolean = true) =
        ShippedArtifact(file, network, precision, dynamic, null, null, 1, "0".repeat(64))

    private val choice = Choice(
        listOf(
            artifact("fixed", "cdfi_mobile", "float32", dynamic = false),
            artifact("any", "cdfi_mobile", "float32"),
            artifact("half", "cdfi_mobile", "float16"),
            artifact("large", "cdfi", "int8"),
        ),
    )

    private fun chosen(network: String?, precision: String?) =
        choice.of(Settings(network = network, precision = precision))?.file

    @Test
    fun `the first network is the default, and any size goes before a fixed one`() {
        assertEquals("any", chosen(null, null))
    }

    @Test
    fun `what was chosen is found`() {
        assertEquals("half", chosen("cdfi_mobile", "float16"))
        assertEquals("large", chosen("cdfi", "int8"))
    }

    @Test
    fun `what is no longer there gives way`() {
        assertEquals("any", chosen("gone", "float32"))
        assertEquals("large", chosen("cdfi", "float32"))
    }

    @Test
    fun `networks and precisions are offered once, the default first`() {
        assertEquals(listOf("cdfi_mobile", "cdfi"), choice.networks)
        assertEquals(listOf("float32", "float16"), choice.precisions("cdfi_mobile"))
    }

    @Test
    fun `an app without artifacts has no choice`() {
        assertNull(Choice(emptyList()).of(Settings()))
    }
}
