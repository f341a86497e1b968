package android.media;

/**
 * For the compile check only: API 23's class with what the app uses of API 24 beside it. Names,
 * types and values are those of the SDK.
 */
public final class MediaFormat {
    public static final String KEY_BIT_RATE = "bitrate";
    public static final String KEY_COLOR_FORMAT = "color-format";
    public static final String KEY_DURATION = "durationUs";
    public static final String KEY_FRAME_RATE = "frame-rate";
    public static final String KEY_HEIGHT = "height";
    public static final String KEY_I_FRAME_INTERVAL = "i-frame-interval";
    public static final String KEY_MIME = "mime";
    public static final String KEY_ROTATION = "rotation-degrees";
    public static final String KEY_WIDTH = "width";
    public static final String MIMETYPE_VIDEO_AVC = "video/avc";

    /** API 24, as are all the following. */
    public static final String KEY_COLOR_STANDARD = "color-standard";

    public static final String KEY_COLOR_RANGE = "color-range";
    public static final String KEY_COLOR_TRANSFER = "color-transfer";
    public static final int COLOR_STANDARD_BT709 = 1;
    public static final int COLOR_STANDARD_BT601_PAL = 2;
    public static final int COLOR_STANDARD_BT601_NTSC = 4;
    public static final int COLOR_RANGE_FULL = 1;
    public static final int COLOR_RANGE_LIMITED = 2;
    public static final int COLOR_TRANSFER_SDR_VIDEO = 3;

    public MediaFormat() {}

    public final boolean containsKey(String name) {
        throw new UnsupportedOperationException();
    }

    public final int getInteger(String name) {
        throw new UnsupportedOperationException();
    }

    public final long getLong(String name) {
        throw new UnsupportedOperationException();
    }

    public final float getFloat(String name) {
        throw new UnsupportedOperationException();
    }

    public final String getString(String name) {
        throw new UnsupportedOperationException();
    }

    public final void setInteger(String name, int value) {
        throw new UnsupportedOperationException();
    }

    public static final MediaFormat createVideoFormat(String mime, int width, int height) {
        throw new UnsupportedOperationException();
    }
}
