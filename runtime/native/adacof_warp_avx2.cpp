// Eight lanes.
#define CDFI_LANES 8
#define CDFI_WARP_ROWS warp_rows_avx2
#include "adacof_warp_kernel.h"
