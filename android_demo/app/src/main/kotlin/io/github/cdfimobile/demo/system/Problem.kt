package io.github.cdfimobile.demo.system

/** What may go wrong, as the user has to understand it; the words are in the string resources. */
enum class Problem {
    NOT_A_VIDEO,
    TOO_SHORT,
    NO_DECODER,
    NO_ENCODER,
    UNSUPPORTED_COLOURS,
    ACCESS_LOST,
    FILE_GONE,
    DISK_FULL,
    CANNOT_WRITE,
    FRAME_TOO_LARGE,
    OUT_OF_MEMORY,
    NO_NETWORK,
    NETWORK_BROKEN,
    RUNTIME_FAILED,
    CODEC_FAILED,
    UNEXPECTED,
}

/** A failure whose [problem] is known where it happens; [detail] is for developers. */
class ProblemException(val problem: Problem, detail: String, cause: Throwable? = null) :
    Exception(detail, cause)
