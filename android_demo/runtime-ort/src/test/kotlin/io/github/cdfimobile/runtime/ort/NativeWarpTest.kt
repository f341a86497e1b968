package io.github.cdfimobile.runtime.ort

import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.core.interpolate.Interpolator
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.condition.EnabledIfSystemProperty
import java.io.File
import kotlin.math.abs

/**
 * The native warp in the real ONNX Runtime, on a machine that has both.
 *
 * Properties beside those of [OrtTensorRunnerTest]: `io.github.cdfimobile.native` the path of
 * `libcdfi_native.so`, which with `libcdfi_native_jni.so` is in `java.library.path`; `cdfi.fused` an
 * artifact of `--warp fused` for frames of `cdfi.pair.size`.
 */
@EnabledIfSystemProperty(named = "io.github.cdfimobile.native", matches = ".+")
class NativeWarpTest {
    @Test
    fun `the library is there and names its level`() {
        assertNull(NativeWarp.missing)
        assertTrue(NativeWarp.level in listOf("scalar", "vector4", "avx2", "avx512"))
    }

    @Test
    fun `a fused artifact gives the picture of the portable one`() {
        val file = File(System.getProperty("cdfi.fused"))
        val folder = File(System.getProperty("cdfi.pair"))
        val (width, height) = System.getProperty("cdfi.pair.size").split("x").map(String::toInt)

        fun frame(name: String) = RgbFrame(width, height, File(folder, name).readBytes())

        val runner = OrtTensorRunner.open(file.name) { File(file.parentFile, it).inputStream() }
        assertEquals(file.name, runner.manifest.artifact.file)
        assertNull(runner.provider.fallback)
        assertTrue(NativeWarp.isNeeded(runner.manifest.graph.operators.keys))
        val picture = Interpolator(runner).use { it.middle(frame("first.rgb"), frame("second.rgb")).pixels }

        val expected = frame("middle.rgb").pixels
        val most = picture.indices.maxOf { abs((picture[it].toInt() and 255) - (expected[it].toInt() and 255)) }
        assertTrue(most <= 1, "expected at most 1 of 255 apart, got $most")
    }
}
