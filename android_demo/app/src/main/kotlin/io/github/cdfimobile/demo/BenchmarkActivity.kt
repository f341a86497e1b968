package io.github.cdfimobile.demo

import android.app.Activity
import android.content.Intent
import android.os.Build
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.util.Log
import android.view.View
import android.view.WindowManager
import android.widget.TextView
import io.github.cdfimobile.core.CdfiException
import io.github.cdfimobile.core.manifest.Artifact
import io.github.cdfimobile.core.report.BenchmarkResult
import io.github.cdfimobile.core.stats.Statistics
import io.github.cdfimobile.demo.artifacts.ArtifactStore
import io.github.cdfimobile.demo.benchmark.BenchmarkFolders
import io.github.cdfimobile.demo.benchmark.BenchmarkRequest
import io.github.cdfimobile.demo.benchmark.BenchmarkRun
import io.github.cdfimobile.demo.benchmark.DeviceFacts
import io.github.cdfimobile.demo.benchmark.OrtSubject
import io.github.cdfimobile.demo.system.ThermalWatch
import io.github.cdfimobile.demo.system.describeDevice
import io.github.cdfimobile.runtime.ort.OrtOptions
import io.github.cdfimobile.runtime.ort.OrtTensorRunner
import io.github.cdfimobile.runtime.ort.Provider
import java.io.File
import java.io.IOException
import java.util.concurrent.atomic.AtomicBoolean
import java.util.concurrent.atomic.AtomicReference

/**
 * Measures one artifact for a host that starts it by `am start`; `android_demo/BENCHMARK.md` is the
 * contract. One run at a time, on a thread of its own.
 */
class BenchmarkActivity : Activity() {
    private val main = Handler(Looper.getMainLooper())
    private val isStopped = AtomicBoolean()
    private lateinit var status: TextView

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        setContentView(R.layout.activity_benchmark)
        status = findViewById(R.id.status) as TextView
        take(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        take(intent)
    }

    override fun onDestroy() {
        isStopped.set(true)
        super.onDestroy()
    }

    private fun take(intent: Intent) {
        val folders = BenchmarkFolders(getExternalFilesDir(null) ?: return say(noStorage()))
        try {
            folders.make()
        } catch (error: IOException) {
            Log.e(TAG, "no folders", error)
            return say(noStorage())
        }
        if (intent.getBooleanExtra(PREPARE, false)) {
            if (running.get() == null) finish()
            return
        }
        val extras = extras(intent)
        try {
            val request = BenchmarkRequest.of(extras)
            if (!running.compareAndSet(null, request.run)) throw busy()
            start(request, folders)
        } catch (refusal: CdfiException) {
            refuse(extras, folders, refusal)
        }
    }

    private fun start(request: BenchmarkRequest, folders: BenchmarkFolders) {
        status.text = getString(R.string.benchmark_running, request.artifact)
        Thread({
            try {
                val result = run(request, folders)
                main.post { show(result, folders.benchmarks) }
            } catch (error: IOException) { // there is nowhere to say it but here
                Log.e(TAG, "the result cannot be written", error)
                main.post { say(getString(R.string.benchmark_failed, error.message)) }
            } finally {
                running.set(null)
            }
        }, "benchmark").start()
    }

    private fun run(request: BenchmarkRequest, folders: BenchmarkFolders): BenchmarkResult {
        val assets = ArtifactStore(assets)
        val source = when {
            File(folders.artifacts, request.artifact).isFile -> "files"
            assets.has(request.artifact) -> "assets"
            else -> null
        }
        val provider = Provider.of(request.provider) ?: Provider.CPU
        return BenchmarkRun(request, folders.benchmarks, facts(), source, isStopped::get) {
            val artifact = if (source == "assets") {
                assets.load(request.artifact)
            } else {
                Artifact.load(request.artifact) { File(folders.artifacts, it).inputStream() }
            }
            val (first, second) = folders.pair(request.pair)
            OrtSubject(artifact, OrtOptions(provider, request.threads), first, second)
        }.run()
    }

    private fun refuse(extras: Map<String, Any?>, folders: BenchmarkFolders, why: CdfiException) {
        Log.e(TAG, "refused", why)
        val run = BenchmarkRequest.runOf(extras)
        val artifact = extras["artifact"]?.toString().orEmpty()
        // Not over the answer of the run that is under way, should both have one name.
        if (run != null && run != running.get()) {
            BenchmarkRun.refuse(folders.benchmarks, run, artifact, facts(), why)
        }
        if (running.get() == null) {
            say(getString(R.string.benchmark_failed, why.message))
            finish()
        }
    }

    private fun show(result: BenchmarkResult, folder: File) {
        val failure = result.failure
        val burst = result.samples.burstNs
        say(
            if (failure != null || burst.isEmpty()) {
                getString(R.string.benchmark_failed, failure?.message)
            } else {
                val median = Statistics.median(DoubleArray(burst.size) { burst[it] / NS_PER_MS })
                getString(R.string.benchmark_done, "%.1f".format(median), folder.path)
            },
        )
        finish()
    }

    private fun facts(): DeviceFacts {
        val emulator = Build.HARDWARE.takeIf { it in EMULATORS }
        return DeviceFacts(
            packageName = packageName,
            version = packageManager.getPackageInfo(packageName, 0).versionName.orEmpty(),
            runtimeVersion = OrtTensorRunner.version(),
            providers = OrtTensorRunner.providers(),
            emulated = emulator,
            emulationKnown = emulator != null,
            device = describeDevice(this),
            thermalStatus = ThermalWatch(this)::status,
        )
    }

    private fun extras(intent: Intent): Map<String, Any?> {
        val bundle = intent.extras ?: return emptyMap()
        @Suppress("DEPRECATION") // the typed ones cannot tell a wrong type from a missing one
        return bundle.keySet().associateWith { bundle.get(it) }
    }

    private fun say(text: String) {
        status.text = text
        (findViewById(R.id.busy) as View).visibility = View.GONE
    }

    private fun noStorage() = getString(R.string.benchmark_failed, getString(R.string.no_storage))

    private fun busy() = CdfiException(
        "another benchmark is running",
        expected = "one run at a time",
        fix = "wait for it, or end the app",
    )

    private companion object {
        const val TAG = "BenchmarkActivity"
        const val PREPARE = "prepare"
        const val NS_PER_MS = 1e6

        /** `Build.HARDWARE` of Google's emulators, whose times mean nothing. */
        val EMULATORS = setOf("goldfish", "ranchu")

        /** The run of this process: another Activity of this kind may be there for a moment. */
        val running = AtomicReference<String?>()
    }
}
