package io.github.cdfimobile.demo.player

import io.github.cdfimobile.demo.system.Problem

/** Where the player is. */
enum class Stage {
    EMPTY,
    OPENING,
    TESTING,
    PLAYING,
    PAUSED,
    ENDED,
    SAVING,
    COPYING,
}

/** What the user is told, beside what the stage says. */
sealed interface Notice {
    /** A video was saved. */
    data object Saved : Notice

    /** Saving was stopped by the user. */
    data object SaveStopped : Notice

    /** Playback was let go of, since the phone needed the memory. */
    data object Released : Notice

    /** Something went wrong; [detail] is for developers. */
    data class Failed(val problem: Problem, val detail: String) : Notice
}

/** What happens to a player. */
sealed interface PlayerEvent {
    /** A document was chosen. */
    data object Open : PlayerEvent

    /** The clip is open, and the speed of this phone is being tested. */
    data object Test : PlayerEvent

    /** All is there to play. */
    data object Ready : PlayerEvent

    data object Play : PlayerEvent

    data object Pause : PlayerEvent

    /** The last frame was shown. */
    data object End : PlayerEvent

    /** Playback was let go of; [forMemory] if the phone asked for it. */
    data class Release(val forMemory: Boolean) : PlayerEvent

    data object Save : PlayerEvent

    /** [percent] of the clip is encoded. */
    data class Progress(val percent: Int) : PlayerEvent

    /** All is encoded; the file goes to its place. */
    data object Copy : PlayerEvent

    data object Saved : PlayerEvent

    data object SaveStopped : PlayerEvent

    data class Fail(val problem: Problem, val detail: String) : PlayerEvent
}

/**
 * The player as its screen shows it: a value that [on] leads from one to the next.
 *
 * @property hasClip Whether a clip is open that can be played or saved.
 * @property percent How far saving is.
 */
data class PlayerState(
    val stage: Stage = Stage.EMPTY,
    val hasClip: Boolean = false,
    val notice: Notice? = null,
    val percent: Int = 0,
) {
    /** Whether a clip may be opened, or settings changed: not while one is saved. */
    val canOpen: Boolean get() = stage != Stage.SAVING && stage != Stage.COPYING

    val canPlay: Boolean get() = hasClip && (stage == Stage.PAUSED || stage == Stage.ENDED)

    val canPause: Boolean get() = stage == Stage.PLAYING

    val canSave: Boolean get() = canPlay || canPause

    val canCancel: Boolean get() = stage == Stage.SAVING

    /** Whether the user has to wait without knowing how long. */
    val isBusy: Boolean
        get() = stage == Stage.OPENING || stage == Stage.TESTING || stage == Stage.COPYING

    /** The state after [event]; this one if the event comes too late to mean anything. */
    fun on(event: PlayerEvent): PlayerState = when (event) {
        PlayerEvent.Open -> if (canOpen) PlayerState(Stage.OPENING) else this
        PlayerEvent.Test -> from(Stage.OPENING) { copy(stage = Stage.TESTING) }
        PlayerEvent.Ready -> from(Stage.OPENING, Stage.TESTING) {
            PlayerState(Stage.PAUSED, hasClip = true)
        }
        PlayerEvent.Play -> if (canPlay) PlayerState(Stage.PLAYING, hasClip = true) else this
        PlayerEvent.Pause -> from(Stage.PLAYING) { copy(stage = Stage.PAUSED) }
        PlayerEvent.End -> from(Stage.PLAYING) { copy(stage = Stage.ENDED) }
        is PlayerEvent.Release -> from(Stage.PLAYING, Stage.PAUSED) {
            copy(stage = Stage.ENDED, notice = if (event.forMemory) Notice.Released else notice)
        }
        PlayerEvent.Save -> if (canSave) PlayerState(Stage.SAVING, hasClip = true) else this
        is PlayerEvent.Progress -> from(Stage.SAVING) { copy(percent = event.percent) }
        PlayerEvent.Copy -> from(Stage.SAVING) { copy(stage = Stage.COPYING) }
        PlayerEvent.Saved -> from(Stage.COPYING) { ended(Notice.Saved) }
        PlayerEvent.SaveStopped -> from(Stage.SAVING) { ended(Notice.SaveStopped) }
        is PlayerEvent.Fail -> failed(Notice.Failed(event.problem, event.detail))
    }

    private inline fun from(vararg stages: Stage, next: () -> PlayerState): PlayerState =
        if (stage in stages) next() else this

    private fun ended(notice: Notice) = PlayerState(Stage.ENDED, hasClip = true, notice = notice)

    /** A clip that cannot be opened is gone; one that could not be saved can still be played. */
    private fun failed(notice: Notice) = when (stage) {
        Stage.EMPTY, Stage.OPENING, Stage.TESTING -> PlayerState(notice = notice)
        else -> ended(notice)
    }
}
