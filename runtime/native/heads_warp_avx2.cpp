// Eight lanes.
#define CDFI_LANES 8
#define CDFI_HEADS heads_avx2
#include "heads_warp_kernel.h"
