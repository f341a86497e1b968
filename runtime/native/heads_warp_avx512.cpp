// Sixteen lanes.
#define CDFI_LANES 16
#define CDFI_HEADS heads_avx512
#include "heads_warp_kernel.h"
