package android.os;

/** For the compile check only: API 23's class with the version codes that the app asks for. */
public class Build {
    public static final String FINGERPRINT = String.valueOf("unknown");
    public static final String HARDWARE = String.valueOf("unknown");

    public static class VERSION {
        public static final int SDK_INT = Integer.parseInt("0");
    }

    public static class VERSION_CODES {
        /** Android 10. */
        public static final int Q = 29;
    }
}
