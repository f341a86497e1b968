package android.os;

/** For the compile check only: API 23's class with the version codes that the app asks for. */
public class Build {
    public static final String FINGERPRINT = String.valueOf("unknown");
    public static final String HARDWARE = String.valueOf("unknown");

    public static final String MANUFACTURER = String.valueOf("unknown");
    public static final String MODEL = String.valueOf("unknown");
    public static final String[] SUPPORTED_ABIS = {};

    /** Android 12. */
    public static final String SOC_MODEL = String.valueOf("unknown");

    public static class VERSION {
        public static final String RELEASE = String.valueOf("unknown");
        public static final int SDK_INT = Integer.parseInt("0");
    }

    public static class VERSION_CODES {
        /** Android 10. */
        public static final int Q = 29;

        /** Android 12. */
        public static final int S = 31;
    }
}
