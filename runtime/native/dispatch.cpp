// Levels, and what a host may ask the library about itself.
#include "dispatch.h"

#include "cdfi_native.h"

namespace cdfi {

bool has_level(int32_t level) {
  switch (level) {
    case CDFI_LEVEL_SCALAR:
    case CDFI_LEVEL_VECTOR4:
      return true;
#ifdef __x86_64__
    case CDFI_LEVEL_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CDFI_LEVEL_AVX512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    default:
      return false;
  }
}

int32_t chosen_level(int32_t asked) {
  static const int32_t best = [] {
    int32_t level = CDFI_LEVEL_AVX512;
    while (!has_level(level)) --level;
    return level;
  }();
  if (asked == CDFI_LEVEL_AUTO) return best;
  return has_level(asked) ? asked : -1;
}

}  // namespace cdfi

extern "C" {

const char *cdfi_native_error(int32_t status) {
  switch (status) {
    case CDFI_OK:
      return "no error";
    case CDFI_BAD_ARGUMENT:
      return "an argument is null, too small or unknown";
    case CDFI_TOO_LARGE:
      return "the image has more elements than 32-bit offsets reach";
    case CDFI_NO_MEMORY:
      return "memory ran out";
    case CDFI_NO_LEVEL:
      return "this build or this processor lacks the instruction set";
    default:
      return "an unknown status";
  }
}

int32_t cdfi_native_version(void) { return CDFI_NATIVE_ABI; }

int32_t cdfi_native_dispatch(void) { return cdfi::chosen_level(CDFI_LEVEL_AUTO); }

int32_t cdfi_native_has_level(int32_t level) { return cdfi::has_level(level); }

}  // extern "C"
