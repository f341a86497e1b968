package io.github.cdfimobile.demo.system

import io.github.cdfimobile.core.ArtifactException
import io.github.cdfimobile.core.CdfiException
import io.github.cdfimobile.core.InputException
import java.io.IOException

/** Which [Problem] a failure is. */
object Problems {
    /** Linux' name of the error "no space left on device", as Android puts it into messages. */
    private const val NO_SPACE = "ENOSPC"

    /** The problem that [failure], or what caused it, is. */
    fun of(failure: Throwable): Problem {
        val causes = generateSequence(failure) { it.cause }.take(MOST_CAUSES).toList()
        return when {
            causes.any(::isNoSpace) -> Problem.DISK_FULL
            else -> causes.firstNotNullOfOrNull(::known) ?: Problem.UNEXPECTED
        }
    }

    private fun known(failure: Throwable): Problem? = when (failure) {
        is ProblemException -> failure.problem
        is OutOfMemoryError -> Problem.OUT_OF_MEMORY
        is SecurityException -> Problem.ACCESS_LOST
        is ArtifactException -> Problem.NETWORK_BROKEN
        // Sizes are all that the app gives to a network of its own.
        is InputException -> Problem.FRAME_TOO_LARGE
        is CdfiException -> Problem.RUNTIME_FAILED
        else -> null
    }

    private fun isNoSpace(failure: Throwable): Boolean =
        failure is IOException && failure.message.orEmpty().contains(NO_SPACE)

    // A failure that names itself as its cause's cause would never end.
    private const val MOST_CAUSES = 16
}
