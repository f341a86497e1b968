package io.github.cdfimobile.demo.settings

import android.app.Activity
import android.os.Bundle
import android.view.MenuItem
import android.view.View
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.Spinner
import io.github.cdfimobile.core.CdfiException
import io.github.cdfimobile.demo.R
import io.github.cdfimobile.demo.artifacts.ArtifactStore
import io.github.cdfimobile.demo.artifacts.Choice

/** The user's choices; each is kept as soon as it is made. Its result is OK if one was changed. */
class SettingsActivity : Activity() {
    private val store by lazy { SettingsStore(this) }
    private val choice by lazy { Choice(shipped()) }
    private var settings = Settings()
    private var isChanged = false

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.activity_settings)
        actionBar?.setDisplayHomeAsUpEnabled(true)
        settings = store.load()
        isChanged = savedInstanceState?.getBoolean(CHANGED) == true
        if (isChanged) setResult(RESULT_OK)
        offerNetworks()
        offer(R.id.provider, Settings.PROVIDERS, settings.provider, ::name) {
            copy(provider = it)
        }
        offer(R.id.threads, (0..Settings.MOST_THREADS).toList(), settings.threads, ::threads) {
            copy(threads = it)
        }
        offer(R.id.factor, Settings.FACTORS, settings.factor, ::factor) { copy(factor = it) }
        offer(R.id.frame_size, FrameSize.entries, settings.frameSize, ::name) {
            copy(frameSize = it)
        }
    }

    override fun onSaveInstanceState(outState: Bundle) {
        super.onSaveInstanceState(outState)
        outState.putBoolean(CHANGED, isChanged)
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        if (item.itemId != android.R.id.home) return super.onOptionsItemSelected(item)
        finish() // back to the player that waits for the result
        return true
    }

    private fun offerNetworks() {
        val current = choice.of(settings)
        val none = getString(R.string.no_choice)
        offer(R.id.network, choice.networks, current?.network, { it }, none) {
            copy(network = it, precision = null)
        }
        val precisions = current?.let { choice.precisions(it.network) }.orEmpty()
        offer(R.id.precision, precisions, current?.precision, { it }, none) {
            copy(precision = it)
        }
    }

    private fun <T> offer(
        id: Int,
        values: List<T>,
        current: T?,
        text: (T) -> String,
        none: String = "",
        change: Settings.(T) -> Settings,
    ) {
        val spinner = findViewById(id) as Spinner
        val words = values.map(text).ifEmpty { listOf(none) }
        spinner.adapter = ArrayAdapter(this, android.R.layout.simple_spinner_item, words).apply {
            setDropDownViewResource(android.R.layout.simple_spinner_dropdown_item)
        }
        spinner.isEnabled = values.size > 1
        spinner.setSelection(maxOf(values.indexOf(current), 0), false)
        spinner.onItemSelectedListener = Selected { position ->
            values.getOrNull(position)?.let { keep(settings.change(it)) }
        }
    }

    private fun keep(next: Settings) {
        if (next == settings || choice.of(next) == choice.of(settings) && isSameElse(next)) return
        val isOtherNetwork = choice.of(next)?.network != choice.of(settings)?.network
        settings = next
        store.save(next)
        isChanged = true
        setResult(RESULT_OK)
        if (isOtherNetwork) offerNetworks() // it has precisions of its own
    }

    /** Whether only names differ that mean the same artifact. */
    private fun isSameElse(next: Settings) =
        next.copy(network = settings.network, precision = settings.precision) == settings

    private fun shipped() = try {
        ArtifactStore(assets).shipped()
    } catch (_: CdfiException) {
        emptyList() // the player says what is wrong with them
    }

    private fun name(provider: String): String = getString(
        when (provider) {
            "xnnpack" -> R.string.provider_xnnpack
            "nnapi" -> R.string.provider_nnapi
            else -> R.string.provider_cpu
        },
    )

    private fun name(size: FrameSize): String = getString(
        when (size) {
            FrameSize.SMALL -> R.string.size_small
            FrameSize.MEDIUM -> R.string.size_medium
            FrameSize.LARGE -> R.string.size_large
            FrameSize.FULL -> R.string.size_full
        },
    )

    private fun threads(count: Int): String =
        if (count == 0) getString(R.string.threads_auto) else count.toString()

    private fun factor(factor: Int): String = getString(R.string.factor_value, factor)

    private class Selected(private val onSelect: (Int) -> Unit) :
        AdapterView.OnItemSelectedListener {
        override fun onItemSelected(parent: AdapterView<*>?, view: View?, position: Int, id: Long) =
            onSelect(position)

        override fun onNothingSelected(parent: AdapterView<*>?) = Unit
    }

    private companion object {
        const val CHANGED = "changed"
    }
}
