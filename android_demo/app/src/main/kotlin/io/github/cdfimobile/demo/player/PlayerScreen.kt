package io.github.cdfimobile.demo.player

import android.app.Activity
import android.content.res.Resources
import android.view.View
import android.widget.Button
import android.widget.ProgressBar
import android.widget.TextView
import io.github.cdfimobile.demo.R
import io.github.cdfimobile.demo.system.Memory
import io.github.cdfimobile.demo.system.ThermalWatch
import io.github.cdfimobile.demo.system.Words
import java.text.NumberFormat

/** The views of [PlayerActivity], and how they show a [PlayerSession]. */
internal class PlayerScreen(activity: Activity) {
    val split = activity.findViewById(R.id.split) as SplitView
    val open = activity.findViewById(R.id.open) as Button
    val play = activity.findViewById(R.id.play) as Button
    val cancel = activity.findViewById(R.id.cancel) as Button

    private val resources: Resources = activity.resources
    private val thermal = ThermalWatch(activity)
    private val labels: List<View> =
        listOf(R.id.label_before, R.id.label_after).map { activity.findViewById(it) as View }
    private val busy = activity.findViewById(R.id.busy) as View
    private val message = activity.findViewById(R.id.message) as TextView
    private val speed = activity.findViewById(R.id.speed) as TextView
    private val details = activity.findViewById(R.id.details) as TextView
    private val verdict = activity.findViewById(R.id.verdict) as TextView
    private val progress = activity.findViewById(R.id.progress) as ProgressBar

    /** Shows [state], and what is known of the clip. */
    fun show(state: PlayerState, report: ClipReport?) {
        split.isVisible(state.hasClip, View.INVISIBLE)
        labels.forEach { it.isVisible(state.hasClip) }
        open.isVisible(state.stage == Stage.EMPTY)
        busy.isVisible(state.isBusy)
        play.isVisible(state.canPlay || state.canPause)
        showPlay(state)
        cancel.isVisible(state.canCancel)
        progress.isVisible(state.stage == Stage.SAVING)
        progress.progress = state.percent
        set(message, text(state))
        set(details, report?.let(::describe))
        set(verdict, report?.let(::judge))
        speed.isVisible(state.hasClip)
    }

    /** Shows how fast it is; called again and again while the screen is seen. */
    fun showSpeed(fps: Double?, medianMs: Double?, slowMs: Double?) {
        val memory = Memory.now()
        set(
            speed,
            listOf(
                resources.getString(R.string.stats_speed, number(fps), number(medianMs), number(slowMs)),
                resources.getString(
                    R.string.stats_memory,
                    megabytes(memory.resident),
                    megabytes(memory.peak),
                ),
                resources.getString(
                    R.string.stats_thermal,
                    Words.thermal(resources, thermal.status()),
                ),
            ).joinToString("\n"),
        )
    }

    private fun showPlay(state: PlayerState) {
        val (text, icon) = when {
            state.canPause -> R.string.pause to R.drawable.ic_pause
            state.stage == Stage.ENDED -> R.string.replay to R.drawable.ic_replay
            else -> R.string.play to R.drawable.ic_play
        }
        play.setText(text)
        play.setCompoundDrawablesRelativeWithIntrinsicBounds(icon, 0, 0, 0)
    }

    private fun text(state: PlayerState): String? = when (state.stage) {
        Stage.OPENING -> resources.getString(R.string.opening)
        Stage.TESTING -> resources.getString(R.string.self_test)
        Stage.SAVING -> resources.getString(R.string.saving, state.percent)
        Stage.COPYING -> resources.getString(R.string.copying)
        else -> when (val notice = state.notice) {
            null -> if (state.hasClip) null else resources.getString(R.string.empty_hint)
            Notice.Saved -> resources.getString(R.string.saved)
            Notice.SaveStopped -> resources.getString(R.string.save_stopped)
            Notice.Released -> resources.getString(R.string.released_for_memory)
            is Notice.Failed -> Words.of(resources, notice.problem, notice.detail)
        }
    }

    private fun describe(report: ClipReport): String {
        val provider = report.provider
        val clip = resources.getString(
            R.string.stats_network,
            report.network,
            report.precision,
            report.factor,
            report.width,
            report.height,
            provider.actual,
        )
        val fallback = provider.fallback ?: return clip
        return clip + "\n" + resources.getString(R.string.fallback, provider.actual, fallback)
    }

    private fun judge(report: ClipReport): String {
        val real = report.realTime
        return resources.getString(
            if (real.offered) R.string.self_test_real_time else R.string.self_test_too_slow,
            report.width,
            report.height,
            number(real.possible),
            number(real.needed),
        )
    }

    private fun number(value: Double?): String {
        if (value == null) return resources.getString(R.string.unknown)
        val format = NumberFormat.getNumberInstance()
        format.maximumFractionDigits = 1
        return format.format(value)
    }

    private fun megabytes(bytes: Long?): String = number(bytes?.div(BYTES_PER_MB))

    private fun set(view: TextView, text: String?) {
        view.isVisible(text != null)
        // A live region speaks whenever its text is set, changed or not.
        if (view.text.toString() != text.orEmpty()) view.text = text
    }

    private fun View.isVisible(isVisible: Boolean, otherwise: Int = View.GONE) {
        visibility = if (isVisible) View.VISIBLE else otherwise
    }

    private companion object {
        const val BYTES_PER_MB = 1e6
    }
}
