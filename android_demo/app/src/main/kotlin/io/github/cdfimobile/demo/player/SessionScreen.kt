package io.github.cdfimobile.demo.player

/** A screen that shows a [PlayerSession]; it comes and goes when the phone is turned. */
internal interface SessionScreen {
    /** Where the clip is shown. */
    val view: SplitView

    /** The session's state, or what is known of the clip, is another. */
    fun onChange()
}
