package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.InputException
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class BenchmarkRequestTest {
    private val least = mapOf<String, Any?>("run" to "r-1", "artifact" to "net.onnx")

    @Test
    fun `what is left out has the contract's values`() {
        assertEquals(
            BenchmarkRequest("r-1", "net.onnx", "cpu", 0, 3, 30, 0, 0, null),
            BenchmarkRequest.of(least),
        )
    }

    @Test
    fun `all extras are taken`() {
        val all = least + mapOf(
            "provider" to "nnapi",
            "threads" to 4,
            "warmup" to 0,
            "iterations" to 7,
            "end_to_end" to 5,
            "sustained" to 60,
            "pair" to true,
            "width" to 448,
            "height" to 256,
        )
        assertEquals(
            BenchmarkRequest(
                "r-1",
                "net.onnx",
                "nnapi",
                4,
                0,
                7,
                5,
                60,
                BenchmarkRequest.PairSize(448, 256),
            ),
            BenchmarkRequest.of(all),
        )
    }

    @Test
    fun `what does not fit is refused by its name`() {
        val unfit = mapOf<String, Any?>(
            "run" to "../etc",
            "artifact" to "a/../secret",
            "provider" to "cuda",
            "threads" to "4",
            "warmup" to -1,
            "iterations" to 0,
            "sustained" to 1_000_000,
            "pair" to "yes",
        )
        for ((name, value) in unfit) {
            val error = assertThrows(InputException::class.java) {
                BenchmarkRequest.of(least + (name to value))
            }
            assertTrue("'$name'" in error.problem, error.problem)
            assertEquals(value.toString(), error.got)
        }
        for (name in least.keys) {
            val error = assertThrows(InputException::class.java) { BenchmarkRequest.of(least - name) }
            assertEquals("nothing", error.got)
        }
    }

    @Test
    fun `a pair needs its size`() {
        val error = assertThrows(InputException::class.java) {
            BenchmarkRequest.of(least + mapOf("pair" to true, "width" to 448))
        }
        assertTrue("'height'" in error.problem)
    }

    @Test
    fun `a refusal is written under a name that is fit for one`() {
        assertEquals("r-1", BenchmarkRequest.runOf(least))
        listOf<Any?>(null, 7, "", "a/b", "x".repeat(65)).forEach {
            assertNull(BenchmarkRequest.runOf(mapOf("run" to it)))
        }
    }
}
