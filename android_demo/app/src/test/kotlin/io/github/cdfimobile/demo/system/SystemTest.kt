package io.github.cdfimobile.demo.system

import io.github.cdfimobile.core.ArtifactException
import io.github.cdfimobile.core.CdfiException
import io.github.cdfimobile.core.InputException
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.io.File
import java.io.IOException

class SystemTest {
    @Test
    fun `memory is read in bytes`() {
        val status = "Name:\tdemo\nVmPeak:\t  900000 kB\nVmHWM:\t   51200 kB\nVmRSS:\t   40960 kB\nThreads:\t9\n"

        assertEquals(Memory(resident = 40L shl 20, peak = 50L shl 20), Memory.parse(status))
    }

    @Test
    fun `memory that nobody tells is unknown`() {
        assertEquals(Memory(null, null), Memory.parse("Name:\tdemo\nVmHWM:\tmuch\n"))
        assertEquals(Memory(null, null), Memory.now(File("/nowhere/status")))
    }

    @Test
    fun `a problem is found among the causes`() {
        val known = ProblemException(Problem.NO_DECODER, "none")
        assertEquals(Problem.NO_DECODER, Problems.of(known))
        assertEquals(Problem.NO_DECODER, Problems.of(RuntimeException("wrapped", known)))
        assertEquals(Problem.OUT_OF_MEMORY, Problems.of(OutOfMemoryError()))
        assertEquals(Problem.ACCESS_LOST, Problems.of(RuntimeException(SecurityException("no grant"))))
        assertEquals(Problem.NETWORK_BROKEN, Problems.of(ArtifactException("cut short")))
        assertEquals(Problem.FRAME_TOO_LARGE, Problems.of(InputException("too large")))
        assertEquals(Problem.RUNTIME_FAILED, Problems.of(CdfiException("runtime")))
        assertEquals(Problem.UNEXPECTED, Problems.of(IllegalStateException("?")))
    }

    @Test
    fun `a full disk is more than a file that cannot be written`() {
        val full = IOException("write failed: ENOSPC (No space left on device)")

        assertEquals(Problem.DISK_FULL, Problems.of(ProblemException(Problem.CANNOT_WRITE, "no", full)))
        assertEquals(
            Problem.CANNOT_WRITE,
            Problems.of(ProblemException(Problem.CANNOT_WRITE, "no", IOException("EIO"))),
        )
    }

    @Test
    fun `causes in a circle end`() {
        val first = RuntimeException("one")
        first.initCause(RuntimeException("two", first))

        assertEquals(Problem.UNEXPECTED, Problems.of(first))
    }
}
