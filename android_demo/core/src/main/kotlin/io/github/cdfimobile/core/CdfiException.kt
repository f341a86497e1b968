package io.github.cdfimobile.core

/**
 * What went wrong, in the form that the Python packages use: the problem, what was expected, what came,
 * and what to do.
 */
public open class CdfiException(
    public val problem: String,
    public val expected: String? = null,
    public val got: String? = null,
    public val fix: String? = null,
    cause: Throwable? = null,
) : Exception(describe(problem, expected, got, fix), cause)

/** What the caller gave cannot be used: sizes, frames, options. */
public class InputException(
    problem: String,
    expected: String? = null,
    got: String? = null,
    fix: String? = null,
    cause: Throwable? = null,
) : CdfiException(problem, expected, got, fix, cause)

/** An artifact or its manifest is broken, foreign, or not what it says. */
public class ArtifactException(
    problem: String,
    expected: String? = null,
    got: String? = null,
    fix: String? = null,
    cause: Throwable? = null,
) : CdfiException(problem, expected, got, fix, cause)

private fun describe(problem: String, expected: String?, got: String?, fix: String?): String = listOfNotNull(
    problem,
    expected?.let { "expected: $it" },
    got?.let { "got: $it" },
    fix?.let { "fix: $it" },
).joinToString("\n  ")
