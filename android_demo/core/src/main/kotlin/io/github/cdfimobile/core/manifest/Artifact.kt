package io.github.cdfimobile.core.manifest

import io.github.cdfimobile.core.ArtifactException
import java.io.FileNotFoundException
import java.io.InputStream
import java.security.MessageDigest

/** An artifact in memory that is what its [manifest] says. */
public class Artifact private constructor(public val manifest: Manifest, public val bytes: ByteArray) {
    public companion object {
        /**
         * The artifact [name] and its manifest, from wherever [open] finds files by name (assets, a folder).
         *
         * @throws ArtifactException one of both is missing, the manifest is broken, or the bytes are not
         *   those that it describes.
         */
        public fun load(name: String, open: (String) -> InputStream): Artifact {
            val text = read(name + Manifest.SUFFIX, open).toString(Charsets.UTF_8)
            val manifest = Manifest.parse(text, name + Manifest.SUFFIX)
            val bytes = read(name, open)
            val actual = sha256(bytes)
            if (actual != manifest.artifact.sha256) {
                throw ArtifactException(
                    "$name is not the file its manifest describes",
                    expected = "sha256 ${manifest.artifact.sha256}",
                    got = "sha256 $actual",
                    fix = "copy the artifact together with its manifest, or export it again",
                )
            }
            return Artifact(manifest, bytes)
        }

        /** The SHA-256 of [bytes] in lower-case hexadecimal digits. */
        public fun sha256(bytes: ByteArray): String = MessageDigest.getInstance("SHA-256").digest(bytes)
            .joinToString("") { "%02x".format(it) }

        private fun read(name: String, open: (String) -> InputStream): ByteArray = try {
            open(name).use { it.readBytes() }
        } catch (error: FileNotFoundException) {
            throw ArtifactException(
                "$name is missing",
                expected = "an artifact of cdfi-export with its manifest beside it",
                fix = "export it again with cdfi-export --android",
                cause = error,
            )
        }
    }
}
