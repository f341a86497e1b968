package io.github.cdfimobile.demo.video

import android.content.Context
import android.media.Image
import android.media.MediaCodec
import android.media.MediaCodecInfo.CodecCapabilities
import android.media.MediaCodecList
import android.media.MediaFormat
import android.net.Uri
import io.github.cdfimobile.demo.system.Problem
import io.github.cdfimobile.demo.system.ProblemException
import java.io.IOException

/**
 * Decodes a document's video to YUV images, one by one and in the order they are shown.
 *
 * Blocks: for a thread of its own. [MediaCodec] is used synchronously, so that nothing is decoded
 * before it is asked for: that is the pipeline's back-pressure.
 */
internal class VideoDecoder private constructor(
    private val track: VideoTrack,
    private val codec: MediaCodec,
) : AutoCloseable {
    private val info = MediaCodec.BufferInfo()
    private var inputEnded = false
    private var ended = false

    /** The decoder's output format: colours and crop; it may change on the way. */
    var format: MediaFormat = track.format
        private set

    /** What the file says of the clip; a frame's size is that of its crop rectangle. */
    val clip = Clip(
        width = track.format.getInteger(MediaFormat.KEY_WIDTH),
        height = track.format.getInteger(MediaFormat.KEY_HEIGHT),
        rotation = track.format.integer(MediaFormat.KEY_ROTATION) ?: 0,
        durationUs = track.format.long(MediaFormat.KEY_DURATION),
        frameRate = track.format.rate(MediaFormat.KEY_FRAME_RATE),
    )

    /**
     * Gives the next image to [use] and returns its time in µs; null at the end.
     *
     * The image is valid within [use] only.
     *
     * @throws ProblemException the codec failed, or its images are not 8-bit YUV 4:2:0.
     */
    fun next(use: (Image) -> Unit): Long? = try {
        var time: Long? = null
        while (time == null && !ended) {
            feed()
            when (val index = codec.dequeueOutputBuffer(info, TIMEOUT_US)) {
                MediaCodec.INFO_OUTPUT_FORMAT_CHANGED -> format = codec.outputFormat
                else -> if (index >= 0) time = take(index, use)
            }
        }
        time
    } catch (error: MediaCodec.CodecException) {
        throw ProblemException(Problem.CODEC_FAILED, error.diagnosticInfo, error)
    } catch (error: IllegalStateException) {
        throw ProblemException(Problem.CODEC_FAILED, "the decoder of ${track.mime} failed", error)
    }

    private fun take(index: Int, use: (Image) -> Unit): Long? {
        ended = info.flags and MediaCodec.BUFFER_FLAG_END_OF_STREAM != 0
        try {
            if (info.size == 0) return null
            val image = codec.getOutputImage(index)
                ?: throw ProblemException(Problem.UNSUPPORTED_COLOURS, "no YUV from ${codec.name}")
            image.use(use)
            return info.presentationTimeUs
        } finally {
            codec.releaseOutputBuffer(index, false)
        }
    }

    private fun feed() {
        while (!inputEnded) {
            val index = codec.dequeueInputBuffer(0)
            if (index < 0) return
            val buffer = codec.getInputBuffer(index) ?: return
            val size = track.extractor.readSampleData(buffer, 0)
            inputEnded = size < 0
            if (inputEnded) {
                codec.queueInputBuffer(index, 0, 0, 0, MediaCodec.BUFFER_FLAG_END_OF_STREAM)
            } else {
                codec.queueInputBuffer(index, 0, size, track.extractor.sampleTime, 0)
                track.extractor.advance()
            }
        }
    }

    override fun close() {
        try {
            codec.release()
        } finally {
            track.close()
        }
    }

    companion object {
        private const val TIMEOUT_US = 10_000L

        /**
         * Opens the document [uri].
         *
         * @throws ProblemException there is no such video, or no codec for it.
         */
        fun open(context: Context, uri: Uri): VideoDecoder {
            val track = VideoTrack.open(context, uri)
            var codec: MediaCodec? = null
            try {
                val name = MediaCodecList(MediaCodecList.REGULAR_CODECS)
                    .findDecoderForFormat(track.format)
                    ?: throw ProblemException(Problem.NO_DECODER, "no decoder for ${track.mime}")
                codec = MediaCodec.createByCodecName(name)
                track.format.setInteger(
                    MediaFormat.KEY_COLOR_FORMAT,
                    CodecCapabilities.COLOR_FormatYUV420Flexible,
                )
                codec.configure(track.format, null, null, 0)
                codec.start()
                return VideoDecoder(track, codec)
            } catch (failure: Throwable) {
                codec?.release()
                track.close()
                throw asProblem(failure, track.mime)
            }
        }

        private fun asProblem(failure: Throwable, mime: String): Throwable = when (failure) {
            is IOException, is MediaCodec.CodecException, is IllegalArgumentException,
            is IllegalStateException,
            -> ProblemException(Problem.NO_DECODER, "the decoder of $mime cannot start", failure)
            else -> failure
        }
    }
}
