package io.github.cdfimobile.runtime.ort

import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtSession

/**
 * The native warp: operators that ONNX Runtime loads from `libcdfi_native.so`.
 *
 * The library is optional. An app has it when it was built with `cdfi.nativeWarp=true`; artifacts
 * that need it have a portable one beside them.
 */
public object NativeWarp {
    private const val LIBRARY = "cdfi_native"
    private const val JNI = "cdfi_native_jni"
    private val LEVELS = listOf("scalar", "vector4", "avx2", "avx512")

    /** The operators of a graph that needs this library. */
    public val OPERATORS: Set<String> = setOf("AdaCoFWarp", "AdaCoFHeadsWarp")

    /** Why the library cannot be used; null if it can. Looked for once. */
    public val missing: String? by lazy(::load)

    /** The instruction set level that it works with on this processor; null without the library. */
    public val level: String? get() = if (missing == null) LEVELS.getOrNull(dispatch()) else null

    /** Whether a graph with these [operators] needs the library. */
    public fun isNeeded(operators: Collection<String>): Boolean = operators.any(OPERATORS::contains)

    /**
     * Makes the operators known to sessions with these [options].
     *
     * @throws OrtException ONNX Runtime cannot load the library.
     */
    @Throws(OrtException::class)
    internal fun register(options: OrtSession.SessionOptions) {
        check(missing == null) { "the native warp is not there: $missing" }
        options.registerCustomOpLibrary(file)
    }

    // Android's linker knows a loaded library by its name; it may lie inside the APK, without a path.
    private val file: String
        get() = System.getProperty(PATH_PROPERTY) ?: System.mapLibraryName(LIBRARY)

    /** Where the library is, on machines whose linker wants a path: for tests on a desktop. */
    internal const val PATH_PROPERTY = "io.github.cdfimobile.native"

    private fun load(): String? = try {
        System.loadLibrary(LIBRARY)
        System.loadLibrary(JNI)
        val (expected, got) = builtFor() to version()
        if (got == expected) null else "expected version $expected of its interface, got $got"
    } catch (error: UnsatisfiedLinkError) {
        error.message ?: "the library cannot be loaded"
    }

    private external fun version(): Int

    private external fun builtFor(): Int

    private external fun dispatch(): Int
}
