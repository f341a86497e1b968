package io.github.cdfimobile.demo.benchmark

import io.github.cdfimobile.core.InputException
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.demo.selftest.SyntheticPair
import java.io.File
import java.io.IOException

/** The folders through which the host and a benchmark exchange files, in the app's own [root]. */
class BenchmarkFolders(root: File) {
    /** Pushed artifacts with their manifests. */
    val artifacts = File(root, "artifacts")

    /** Pushed frames. */
    val frames = File(root, "frames")

    /** What benchmarks write. */
    val benchmarks = File(root, "benchmarks")

    /**
     * Makes all of them: what the shell makes may be closed to the app.
     *
     * @throws IOException there is no such storage now.
     */
    fun make() = listOf(artifacts, frames, benchmarks).forEach { folder ->
        if (!folder.isDirectory && !folder.mkdirs()) throw IOException("cannot make $folder")
    }

    /**
     * The frames for a run: the pushed ones of [size], or the built-in ones.
     *
     * @throws InputException they were not pushed, or are of another size.
     */
    fun pair(size: BenchmarkRequest.PairSize?): Pair<RgbFrame, RgbFrame> =
        if (size == null) {
            SyntheticPair.of(BUILT_IN_WIDTH, BUILT_IN_HEIGHT)
        } else {
            read("first.rgb", size) to read("second.rgb", size)
        }

    private fun read(name: String, size: BenchmarkRequest.PairSize): RgbFrame {
        val bytes = try {
            File(frames, name).readBytes()
        } catch (error: IOException) {
            throw InputException(
                "the frame $name cannot be read",
                got = error.message,
                fix = "push it to $frames, or leave out the extra 'pair'",
                cause = error,
            )
        }
        return RgbFrame(size.width, size.height, bytes)
    }

    private companion object {
        const val BUILT_IN_WIDTH = 448
        const val BUILT_IN_HEIGHT = 256
    }
}
