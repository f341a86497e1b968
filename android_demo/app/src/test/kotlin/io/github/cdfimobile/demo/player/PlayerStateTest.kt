package io.github.cdfimobile.demo.player

import io.github.cdfimobile.demo.system.Problem
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class PlayerStateTest {
    private val fail = PlayerEvent.Fail(Problem.NOT_A_VIDEO, "why")

    private fun after(vararg events: PlayerEvent) = events.fold(PlayerState()) { state, event -> state.on(event) }

    private val ready = after(PlayerEvent.Open, PlayerEvent.Test, PlayerEvent.Ready)
    private val playing = ready.on(PlayerEvent.Play)
    private val saving = playing.on(PlayerEvent.Save)
    private val copying = saving.on(PlayerEvent.Copy)

    @Test
    fun `a clip is opened, tested, played to its end and played again`() {
        assertEquals(Stage.TESTING, after(PlayerEvent.Open, PlayerEvent.Test).stage)
        assertEquals(PlayerState(Stage.PAUSED, hasClip = true), ready)
        assertEquals(PlayerState(Stage.PLAYING, hasClip = true), playing)
        assertEquals(PlayerState(Stage.PAUSED, hasClip = true), playing.on(PlayerEvent.Pause))
        val ended = playing.on(PlayerEvent.End)
        assertEquals(Stage.ENDED, ended.stage)
        assertEquals(Stage.PLAYING, ended.on(PlayerEvent.Play).stage)
    }

    @Test
    fun `a tested phone is ready without another test`() {
        assertEquals(ready, after(PlayerEvent.Open, PlayerEvent.Ready))
    }

    @Test
    fun `saving goes by per cent to the copy and the end`() {
        assertEquals(40, saving.on(PlayerEvent.Progress(40)).percent)
        assertTrue(saving.canCancel && !copying.canCancel)
        val saved = copying.on(PlayerEvent.Saved)
        assertEquals(Notice.Saved, saved.notice)
        assertTrue(saved.canPlay && saved.canSave)
        assertEquals(Notice.SaveStopped, saving.on(PlayerEvent.SaveStopped).notice)
    }

    @Test
    fun `nothing is opened while a clip is saved`() {
        for (state in listOf(saving, copying)) {
            assertFalse(state.canOpen || state.canSave || state.canPlay || state.canPause)
            assertSame(state, state.on(PlayerEvent.Open))
            assertSame(state, state.on(PlayerEvent.Play))
            assertSame(state, state.on(PlayerEvent.Save))
        }
    }

    @Test
    fun `events that come too late change nothing`() {
        val ended = playing.on(PlayerEvent.End)
        val late = listOf(
            PlayerEvent.Test,
            PlayerEvent.Ready,
            PlayerEvent.Pause,
            PlayerEvent.Progress(7),
            PlayerEvent.Copy,
            PlayerEvent.Saved,
            PlayerEvent.SaveStopped,
            PlayerEvent.Release(forMemory = true),
        )
        for (event in late) assertSame(ended, ended.on(event), event.toString())
        assertSame(saving, saving.on(PlayerEvent.End))
    }

    @Test
    fun `a clip that cannot be opened is gone, one that cannot be saved stays`() {
        val notice = Notice.Failed(Problem.NOT_A_VIDEO, "why")
        assertEquals(PlayerState(notice = notice), after(PlayerEvent.Open, fail))
        assertEquals(PlayerState(notice = notice), after(PlayerEvent.Open, PlayerEvent.Test, fail))
        for (state in listOf(playing, saving, copying)) {
            val failed = state.on(fail)
            assertEquals(notice, failed.notice)
            assertTrue(failed.canPlay)
        }
    }

    @Test
    fun `the next clip forgets what was said of the last`() {
        assertEquals(PlayerState(Stage.OPENING), copying.on(PlayerEvent.Saved).on(PlayerEvent.Open))
    }

    @Test
    fun `only memory is a reason to tell the user why it stopped`() {
        val paused = playing.on(PlayerEvent.Pause)
        assertEquals(Notice.Released, playing.on(PlayerEvent.Release(forMemory = true)).notice)
        assertEquals(null, paused.on(PlayerEvent.Release(forMemory = false)).notice)
        assertTrue(paused.on(PlayerEvent.Release(forMemory = false)).canPlay)
    }

    @Test
    fun `the user waits where nothing tells how long`() {
        assertTrue(after(PlayerEvent.Open).isBusy)
        assertTrue(copying.isBusy)
        assertFalse(saving.isBusy || playing.isBusy || PlayerState().isBusy)
    }
}
