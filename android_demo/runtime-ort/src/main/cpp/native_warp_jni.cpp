// What Kotlin asks the native warp itself; ONNX Runtime loads its operators without JNI.
#include <jni.h>

#include "cdfi_native.h"

extern "C" {

JNIEXPORT jint JNICALL
Java_io_github_cdfimobile_runtime_ort_NativeWarp_version(JNIEnv *, jobject) {
  return cdfi_native_version();
}

JNIEXPORT jint JNICALL
Java_io_github_cdfimobile_runtime_ort_NativeWarp_builtFor(JNIEnv *, jobject) {
  return CDFI_NATIVE_ABI;
}

JNIEXPORT jint JNICALL
Java_io_github_cdfimobile_runtime_ort_NativeWarp_dispatch(JNIEnv *, jobject) {
  return cdfi_native_dispatch();
}

}  // extern "C"
