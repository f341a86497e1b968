package io.github.cdfimobile.demo.video

import android.media.MediaCodec
import android.media.MediaCodecInfo.CodecCapabilities
import android.media.MediaFormat
import android.media.MediaMuxer
import io.github.cdfimobile.core.image.RgbFrame
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException
import java.io.File
import java.io.IOException

/**
 * Writes frames to an MP4 file as H.264, without sound.
 *
 * Blocks while the encoder is busy: for a thread of its own. The file is complete after [finish];
 * [close] without it leaves a broken one, which the caller removes.
 */
internal class Mp4Writer private constructor(
    private val codec: MediaCodec,
    private val muxer: MediaMuxer,
    private val settings: EncoderSettings,
    private val colours: FrameColours,
) : AutoCloseable {
    private val info = MediaCodec.BufferInfo()
    private var track = -1
    private var ended = false
    private var aligned: RgbFrame? = null

    /** Adds [frame] at [timeUs]; its right and lower edge beyond the settings' size are cut off. */
    fun write(frame: RgbFrame, timeUs: Long) = guarded {
        val index = freeInput()
        val image = codec.getInputImage(index)
            ?: throw ProblemException(Problem.NO_ENCODER, "${codec.name} takes no YUV images")
        colours.write(cut(frame), image)
        codec.queueInputBuffer(index, 0, settings.width * settings.height * 3 / 2, timeUs, 0)
    }

    /** [frame] without what the encoder's alignment leaves out at its right and lower edge. */
    private fun cut(frame: RgbFrame): RgbFrame {
        if (frame.width == settings.width && frame.height == settings.height) return frame
        val part = aligned ?: RgbFrame(settings.width, settings.height).also { aligned = it }
        Reducer.reduce(frame, 1, part)
        return part
    }

    /** Writes all that is left and completes the file. */
    fun finish() = guarded {
        codec.queueInputBuffer(freeInput(), 0, 0, 0, MediaCodec.BUFFER_FLAG_END_OF_STREAM)
        while (!ended) drain(TIMEOUT_US)
        muxer.stop()
    }

    override fun close() {
        codec.release()
        try {
            muxer.release()
        } catch (_: IllegalStateException) {
            // It holds no frame, or the disk is full: there is no file to complete.
        }
    }

    private fun freeInput(): Int {
        while (true) {
            val index = codec.dequeueInputBuffer(TIMEOUT_US)
            if (index >= 0) return index
            drain(0)
        }
    }

    private fun drain(timeoutUs: Long) {
        var wait = timeoutUs
        while (!ended) {
            val index = codec.dequeueOutputBuffer(info, wait)
            wait = 0
            when {
                index == MediaCodec.INFO_OUTPUT_FORMAT_CHANGED -> {
                    track = muxer.addTrack(codec.outputFormat)
                    muxer.start()
                }
                index >= 0 -> take(index)
                index == MediaCodec.INFO_TRY_AGAIN_LATER -> return
            }
        }
    }

    private fun take(index: Int) {
        // The codec's own set-up is in the track's format already.
        val setUp = info.flags and MediaCodec.BUFFER_FLAG_CODEC_CONFIG != 0
        val buffer = codec.getOutputBuffer(index)
        if (buffer != null && info.size > 0 && !setUp) {
            buffer.position(info.offset)
            buffer.limit(info.offset + info.size)
            muxer.writeSampleData(track, buffer, info)
        }
        ended = info.flags and MediaCodec.BUFFER_FLAG_END_OF_STREAM != 0
        codec.releaseOutputBuffer(index, false)
    }

    private inline fun guarded(body: () -> Unit) = try {
        body()
    } catch (error: MediaCodec.CodecException) {
        throw ProblemException(Problem.CODEC_FAILED, error.diagnosticInfo, error)
    } catch (error: IllegalStateException) { // of the muxer too, when the disk is full
        throw ProblemException(Problem.CODEC_FAILED, "the encoder failed", error)
    }

    companion object {
        private const val TIMEOUT_US = 10_000L
        private const val SECONDS_BETWEEN_KEY_FRAMES = 1

        /**
         * Begins [file], of frames of [width] x [height] pixels at about [frameRate], to be turned by
         * [rotation] degrees when they are shown.
         *
         * @throws ProblemException there is no encoder for such frames, or the file cannot be made.
         */
        fun open(file: File, width: Int, height: Int, frameRate: Float?, rotation: Int): Mp4Writer {
            var codec: MediaCodec? = null
            try {
                codec = MediaCodec.createEncoderByType(MediaFormat.MIMETYPE_VIDEO_AVC)
                val able = codec.codecInfo
                    .getCapabilitiesForType(MediaFormat.MIMETYPE_VIDEO_AVC).videoCapabilities
                val settings = EncoderSettings
                    .of(width, height, frameRate, able.widthAlignment, able.heightAlignment)
                    ?.takeIf { able.isSizeSupported(it.width, it.height) }
                    ?: throw ProblemException(Problem.NO_ENCODER, "not at $width x $height pixels")
                val colours = FrameColours.forSaving(settings.height)
                val format = format(settings).apply(colours::describe)
                codec.configure(format, null, null, MediaCodec.CONFIGURE_FLAG_ENCODE)
                codec.start()
                return Mp4Writer(codec, muxer(file, rotation), settings, colours)
            } catch (failure: Throwable) {
                codec?.release()
                throw asProblem(failure)
            }
        }

        private fun format(settings: EncoderSettings) = MediaFormat.createVideoFormat(
            MediaFormat.MIMETYPE_VIDEO_AVC,
            settings.width,
            settings.height,
        ).apply {
            setInteger(MediaFormat.KEY_COLOR_FORMAT, CodecCapabilities.COLOR_FormatYUV420Flexible)
            setInteger(MediaFormat.KEY_BIT_RATE, settings.bitRate)
            setInteger(MediaFormat.KEY_FRAME_RATE, settings.frameRate)
            setInteger(MediaFormat.KEY_I_FRAME_INTERVAL, SECONDS_BETWEEN_KEY_FRAMES)
        }

        private fun muxer(file: File, rotation: Int): MediaMuxer = try {
            MediaMuxer(file.path, MediaMuxer.OutputFormat.MUXER_OUTPUT_MPEG_4)
                .apply { setOrientationHint(rotation) }
        } catch (error: IOException) {
            throw ProblemException(Problem.CANNOT_WRITE, "cannot write ${file.name}", error)
        }

        private fun asProblem(failure: Throwable): Throwable = when (failure) {
            is IOException, is MediaCodec.CodecException, is IllegalArgumentException,
            is IllegalStateException,
            -> ProblemException(Problem.NO_ENCODER, "no encoder can be started", failure)
            else -> failure
        }
    }
}
