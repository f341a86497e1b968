package android.os;

/** What the demo reads of the device; newer versions than the android.jar's. For compiling only. */
public class Build {
    public static final String BRAND = read();
    public static final String DEVICE = read();
    public static final String FINGERPRINT = read();
    public static final String HARDWARE = read();
    public static final String MANUFACTURER = read();
    public static final String MODEL = read();
    public static final String PRODUCT = read();
    public static final String[] SUPPORTED_ABIS = {};

    // A call, so that no compiler takes a value of this file for the device's.
    private static String read() {
        throw new UnsupportedOperationException("for compiling only");
    }

    public static class VERSION {
        public static final String RELEASE = read();
        public static final int SDK_INT = read().length();
    }

    public static class VERSION_CODES {
        public static final int M = 23;
        public static final int N = 24;
        public static final int N_MR1 = 25;
        public static final int O = 26;
        public static final int O_MR1 = 27;
        public static final int P = 28;
        public static final int Q = 29;
        public static final int R = 30;
        public static final int S = 31;
        public static final int TIRAMISU = 33;
        public static final int UPSIDE_DOWN_CAKE = 34;
        public static final int VANILLA_ICE_CREAM = 35;
    }
}
