package io.github.cdfimobile.demo.player

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ComponentCallbacks2
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import android.view.Menu
import android.view.MenuItem
import android.view.WindowManager
import android.widget.Toast
import io.github.cdfimobile.demo.R
import io.github.cdfimobile.demo.settings.SettingsActivity
import io.github.cdfimobile.demo.settings.SettingsStore

/** Opens a video, plays it before and after in a split view, and saves it. */
@Suppress("DEPRECATION", "OVERRIDE_DEPRECATION") // retained instances: a ViewModel needs AndroidX
class PlayerActivity : Activity(), PlayerSession.Screen {
    private lateinit var session: PlayerSession
    private lateinit var screen: PlayerScreen
    private val main = Handler(Looper.getMainLooper())
    private val showSpeed = object : Runnable {
        override fun run() {
            val (fps, median, slow) = session.speeds
            if (session.state.hasClip) screen.showSpeed(fps, median, slow)
            main.postDelayed(this, SPEED_EVERY_MS)
        }
    }

    override val view: SplitView get() = screen.split

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        setContentView(R.layout.activity_player)
        screen = PlayerScreen(this)
        screen.open.setOnClickListener { pickVideo() }
        screen.play.setOnClickListener { if (session.state.canPause) session.pause() else session.play() }
        screen.cancel.setOnClickListener { session.cancelSaving() }

        val kept = lastNonConfigurationInstance as? PlayerSession
        session = kept ?: PlayerSession(this)
        session.screen = this
        savedInstanceState?.let { screen.split.fraction = it.getFloat(DIVIDER, screen.split.fraction) }
        if (kept == null) openFirst(savedInstanceState)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        intent.data?.let(session::open)
    }

    override fun onStart() {
        super.onStart()
        main.post(showSpeed)
    }

    override fun onStop() {
        main.removeCallbacks(showSpeed)
        // Codecs are few: another app may need them. Turning the screen keeps them.
        if (!isChangingConfigurations) session.release(forMemory = false)
        super.onStop()
    }

    override fun onDestroy() {
        if (isChangingConfigurations) session.screen = null else session.close()
        super.onDestroy()
    }

    override fun onRetainNonConfigurationInstance(): Any = session

    override fun onSaveInstanceState(outState: Bundle) {
        super.onSaveInstanceState(outState)
        outState.putParcelable(DOCUMENT, session.uri)
        outState.putFloat(DIVIDER, screen.split.fraction)
    }

    override fun onTrimMemory(level: Int) {
        super.onTrimMemory(level)
        // Android 13 and earlier send the first one.
        val isCritical = level == ComponentCallbacks2.TRIM_MEMORY_RUNNING_CRITICAL
        val isCached = level >= ComponentCallbacks2.TRIM_MEMORY_BACKGROUND
        if (isCritical || isCached) session.release(forMemory = true)
    }

    override fun onCreateOptionsMenu(menu: Menu): Boolean {
        menuInflater.inflate(R.menu.player, menu)
        return true
    }

    override fun onPrepareOptionsMenu(menu: Menu): Boolean {
        val state = session.state
        menu.findItem(R.id.action_open).isEnabled = state.canOpen
        menu.findItem(R.id.action_save).isEnabled = state.canSave
        menu.findItem(R.id.action_settings).isEnabled = state.canOpen
        menu.findItem(R.id.action_self_test).isEnabled = state.canOpen && session.uri != null
        return super.onPrepareOptionsMenu(menu)
    }

    override fun onOptionsItemSelected(item: MenuItem): Boolean {
        when (item.itemId) {
            R.id.action_open -> pickVideo()
            R.id.action_save -> pickPlace()
            R.id.action_settings ->
                ask(Intent(this, SettingsActivity::class.java), REQUEST_SETTINGS)
            R.id.action_self_test -> session.testAgain()
            else -> return super.onOptionsItemSelected(item)
        }
        return true
    }

    override fun onActivityResult(requestCode: Int, resultCode: Int, data: Intent?) {
        super.onActivityResult(requestCode, resultCode, data)
        if (resultCode != RESULT_OK) return
        val document = data?.data
        when (requestCode) {
            REQUEST_OPEN -> document?.let(session::open)
            REQUEST_SAVE -> document?.let(session::save)
            REQUEST_SETTINGS -> session.reopen()
        }
    }

    override fun onChange() {
        screen.show(session.state, session.report)
        invalidateOptionsMenu()
        val isWorking = session.state.canPause || !session.state.canOpen
        val keepOn = WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON
        if (isWorking) window.addFlags(keepOn) else window.clearFlags(keepOn)
    }

    /** What it was started with, or what was open before Android ended the process. */
    private fun openFirst(saved: Bundle?) {
        val before = saved?.getParcelable<Uri>(DOCUMENT)
        (before ?: intent.data)?.let(session::open)
    }

    private fun pickVideo() {
        val intent = Intent(Intent.ACTION_OPEN_DOCUMENT)
            .addCategory(Intent.CATEGORY_OPENABLE)
            .setType("video/*")
        ask(intent, REQUEST_OPEN)
    }

    private fun pickPlace() {
        val factor = SettingsStore(this).load().factor
        val intent = Intent(Intent.ACTION_CREATE_DOCUMENT)
            .addCategory(Intent.CATEGORY_OPENABLE)
            .setType("video/mp4")
            .putExtra(Intent.EXTRA_TITLE, getString(R.string.saved_name, factor))
        ask(intent, REQUEST_SAVE)
    }

    private fun ask(intent: Intent, request: Int) {
        try {
            startActivityForResult(intent, request)
        } catch (_: ActivityNotFoundException) {
            Toast.makeText(this, R.string.no_document_picker, Toast.LENGTH_LONG).show()
        }
    }

    private companion object {
        const val REQUEST_OPEN = 1
        const val REQUEST_SAVE = 2
        const val REQUEST_SETTINGS = 3
        const val DOCUMENT = "document"
        const val DIVIDER = "divider"
        const val SPEED_EVERY_MS = 500L
    }
}
