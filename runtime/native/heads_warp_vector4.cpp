// Four lanes: SSE2 or NEON, which every x86-64 or aarch64 processor has.
#define CDFI_LANES 4
#define CDFI_HEADS heads_vector4
#include "heads_warp_kernel.h"
