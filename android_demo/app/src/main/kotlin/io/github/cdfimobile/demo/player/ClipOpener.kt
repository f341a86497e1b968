package io.github.cdfimobile.demo.player

import android.content.Context
import android.net.Uri
import io.github.cdfimobile.core.schedule.Pace
import io.github.cdfimobile.core.selftest.RealTime
import io.github.cdfimobile.demo.artifacts.ArtifactStore
import io.github.cdfimobile.demo.pipeline.MemoryPlan
import io.github.cdfimobile.demo.pipeline.Middle
import io.github.cdfimobile.demo.pipeline.SlowMotion
import io.github.cdfimobile.demo.selftest.SelfTest
import io.github.cdfimobile.demo.selftest.SpeedStore
import io.github.cdfimobile.demo.settings.Settings
import io.github.cdfimobile.demo.settings.SettingsStore
import io.github.cdfimobile.demo.system.MemoryBudget
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException
import io.github.cdfimobile.demo.video.VideoSource

/** A clip with the pipeline that slows it down, not started yet. */
internal class OpenClip(
    val source: VideoSource,
    val pipeline: SlowMotion,
    val settings: Settings,
)

/**
 * Opens clips, loads the network for them and tests its speed. Blocks: for one thread that may wait.
 */
internal class ClipOpener(private val context: Context) : AutoCloseable {
    private val artifacts = ArtifactStore(context.assets)
    private val settings = SettingsStore(context)
    private val speeds = SpeedStore(context)
    private var network: LoadedNetwork? = null

    /**
     * The document [uri] as its settings say, with [timings] told of each computed frame.
     *
     * @throws Exception what `Problems` knows.
     */
    fun open(uri: Uri, timings: Timings): OpenClip {
        val settings = settings.load()
        val network = load(settings)
        val source = VideoSource.open(context, uri, settings.frameSize.longestSide)
        try {
            val budget = MemoryBudget.now(context)
            val plan = MemoryPlan
                .of(source.width, source.height, settings.factor, budget.heap, budget.native)
                ?: throw ProblemException(
                    Problem.FRAME_TOO_LARGE,
                    "${source.width}x${source.height} pixels with $budget",
                )
            val middle = Middle(network.interpolator::middle)
            return OpenClip(
                source,
                SlowMotion(source, middle, settings.factor, plan, timings::add),
                settings,
            )
        } catch (failure: Throwable) {
            source.close()
            throw failure
        }
    }

    /** What is known of [clip]; [onTest] is called first if the speed has to be measured. */
    fun report(clip: OpenClip, onTest: () -> Unit): ClipReport {
        val network = load(clip.settings)
        val (width, height) = clip.source.width to clip.source.height
        val key = "${network.key} $width $height"
        val speed = speeds.load(key) ?: run {
            onTest()
            SelfTest(network.interpolator::middle).measure(width, height)
                .also { speeds.save(key, it) }
        }
        val rate = clip.source.clip.frameRate?.toDouble() ?: USUAL_FRAME_RATE
        val manifest = network.interpolator.manifest
        return ClipReport(
            network = manifest.network.name,
            precision = manifest.artifact.precision,
            factor = clip.settings.factor,
            width = width,
            height = height,
            provider = network.interpolator.provider,
            speed = speed,
            realTime = RealTime.decide(
                speed.seconds,
                rate,
                clip.settings.factor,
                Pace.SLOW_MOTION,
            ),
        )
    }

    /** Lets go of the network; the next clip loads it again. */
    override fun close() {
        network?.close()
        network = null
    }

    private fun load(settings: Settings): LoadedNetwork {
        val current = network
        network = null // if loading fails, the old one is closed already
        return LoadedNetwork.of(artifacts, settings, current).also { network = it }
    }

    private companion object {
        const val USUAL_FRAME_RATE = 30.0
    }
}
