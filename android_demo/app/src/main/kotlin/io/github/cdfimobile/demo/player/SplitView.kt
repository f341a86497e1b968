package io.github.cdfimobile.demo.player

import android.content.Context
import android.graphics.Canvas
import android.graphics.Matrix
import android.graphics.Paint
import android.os.Bundle
import android.util.AttributeSet
import android.view.KeyEvent
import android.view.MotionEvent
import android.view.View
import android.view.accessibility.AccessibilityNodeInfo
import io.github.cdfimobile.demo.R
import kotlin.math.roundToInt

/**
 * The clip as it was on the left of a divider, and interpolated on the right of it.
 *
 * The divider is moved by a finger, by the arrow keys or by an accessibility service, to which it is
 * a control that scrolls. Main thread only.
 */
class SplitView @JvmOverloads constructor(context: Context, attributes: AttributeSet? = null) :
    View(context, attributes) {
    private val picture = Paint(Paint.FILTER_BITMAP_FLAG)
    private val line = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = context.getColor(R.color.divider_handle)
        setShadowLayer(SHADOW, 0f, 0f, context.getColor(R.color.divider_shadow))
    }
    private val lineWidth = resources.getDimension(R.dimen.divider_width)
    private val handle = resources.getDimension(R.dimen.divider_handle)
    private val matrix = Matrix()
    private var shown: ShownFrame? = null

    /** Where the divider is: 0 (all interpolated) to 1 (all original). */
    var fraction = 0.5f
        set(value) {
            field = value.coerceIn(0f, 1f)
            describe()
            invalidate()
        }

    init {
        isFocusable = true
        describe()
    }

    /** Shows [frame] from the next drawing on; null shows nothing. */
    fun show(frame: ShownFrame?) {
        shown = frame
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val frame = shown ?: return
        val place = geometry(frame)
        val x = place.dividerX(fraction)
        place(frame, place)
        half(canvas, place.left, x, place) { canvas.drawBitmap(frame.before, matrix, picture) }
        half(canvas, x, place.right, place) { canvas.drawBitmap(frame.after, matrix, picture) }
        canvas.drawRect(x - lineWidth / 2, place.top, x + lineWidth / 2, place.bottom, line)
        canvas.drawCircle(x, (place.top + place.bottom) / 2, handle, line)
    }

    override fun onTouchEvent(event: MotionEvent): Boolean {
        val frame = shown ?: return super.onTouchEvent(event)
        when (event.actionMasked) {
            MotionEvent.ACTION_DOWN -> parent.requestDisallowInterceptTouchEvent(true)
            MotionEvent.ACTION_UP -> performClick()
        }
        fraction = geometry(frame).fractionAt(event.x)
        return true
    }

    override fun performClick(): Boolean {
        super.performClick()
        return true
    }

    override fun onKeyDown(keyCode: Int, event: KeyEvent): Boolean {
        val step = when (keyCode) {
            KeyEvent.KEYCODE_DPAD_LEFT -> -STEP
            KeyEvent.KEYCODE_DPAD_RIGHT -> STEP
            else -> return super.onKeyDown(keyCode, event)
        }
        fraction += step
        return true
    }

    override fun onInitializeAccessibilityNodeInfo(info: AccessibilityNodeInfo) {
        super.onInitializeAccessibilityNodeInfo(info)
        info.className = "android.widget.SeekBar"
        info.isScrollable = true
        info.addAction(AccessibilityNodeInfo.AccessibilityAction.ACTION_SCROLL_FORWARD)
        info.addAction(AccessibilityNodeInfo.AccessibilityAction.ACTION_SCROLL_BACKWARD)
    }

    override fun performAccessibilityAction(action: Int, arguments: Bundle?): Boolean {
        when (action) {
            AccessibilityNodeInfo.ACTION_SCROLL_FORWARD -> fraction += STEP
            AccessibilityNodeInfo.ACTION_SCROLL_BACKWARD -> fraction -= STEP
            else -> return super.performAccessibilityAction(action, arguments)
        }
        return true
    }

    private fun geometry(frame: ShownFrame) =
        SplitGeometry(width, height, frame.after.width, frame.after.height, frame.rotation)

    private fun place(frame: ShownFrame, place: SplitGeometry) {
        val bitmap = frame.after
        matrix.setTranslate(-bitmap.width / 2f, -bitmap.height / 2f)
        matrix.postRotate(frame.rotation.toFloat())
        matrix.postScale(place.scale, place.scale)
        matrix.postTranslate(width / 2f, height / 2f)
    }

    private inline fun half(
        canvas: Canvas,
        from: Float,
        to: Float,
        place: SplitGeometry,
        draw: () -> Unit,
    ) {
        canvas.save()
        canvas.clipRect(from, place.top, to, place.bottom)
        draw()
        canvas.restore()
    }

    private fun describe() {
        val percent = (fraction * PERCENT).roundToInt()
        contentDescription = context.getString(R.string.split_description, percent)
    }

    private companion object {
        const val STEP = 0.05f
        const val SHADOW = 6f
        const val PERCENT = 100
    }
}
