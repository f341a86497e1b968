package io.github.cdfimobile.demo.artifacts

import android.content.res.AssetManager
import io.github.cdfimobile.core.manifest.Artifact
import io.github.cdfimobile.core.manifest.ArtifactIndex
import io.github.cdfimobile.core.manifest.ShippedArtifact
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException
import java.io.FileNotFoundException

/** The artifacts in the app's assets, as `cdfi-export --android` wrote them. */
class ArtifactStore(private val assets: AssetManager) {
    /**
     * What is shipped, the default first; nothing if the app was built without.
     *
     * @throws io.github.cdfimobile.core.ArtifactException the index is broken.
     */
    fun shipped(): List<ShippedArtifact> = try {
        ArtifactIndex.parse(assets.open(path(ArtifactIndex.FILE)).use { it.readBytes() }.decodeToString())
    } catch (_: FileNotFoundException) {
        emptyList()
    }

    /** Whether [name] is among the assets. */
    fun has(name: String): Boolean = name in assets.list(FOLDER).orEmpty()

    /**
     * The artifact [name], checked against its manifest.
     *
     * @throws io.github.cdfimobile.core.ArtifactException it is missing or not what its manifest says.
     */
    fun load(name: String): Artifact = Artifact.load(name) { assets.open(path(it)) }

    /** The first of [shipped], or words for an app without one. */
    fun require(artifact: ShippedArtifact?): ShippedArtifact =
        artifact ?: throw ProblemException(Problem.NO_NETWORK, "no artifact in the assets")

    private fun path(name: String) = "$FOLDER/$name"

    private companion object {
        const val FOLDER = "artifacts"
    }
}
