// What a host may ask the library about itself.
#include "cdfi_native.h"
#include "dispatch.h"

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
