package android.os;

import java.util.concurrent.Executor;

/** Thermal status, since API 29. For compiling only. */
public final class PowerManager {
    private PowerManager() {}

    public native int getCurrentThermalStatus();

    public native void addThermalStatusListener(OnThermalStatusChangedListener listener);

    public native void addThermalStatusListener(
            Executor executor, OnThermalStatusChangedListener listener);

    public native void removeThermalStatusListener(OnThermalStatusChangedListener listener);

    public native boolean isPowerSaveMode();

    public interface OnThermalStatusChangedListener {
        void onThermalStatusChanged(int status);
    }
}
