package android.os;

/** For the compile check only: what the app uses, of API 29. */
public final class PowerManager {
    PowerManager() {}

    /** API 29. */
    public int getCurrentThermalStatus() {
        throw new UnsupportedOperationException();
    }
}
