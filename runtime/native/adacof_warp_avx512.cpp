// Sixteen lanes.
#define CDFI_LANES 16
#define CDFI_WARP_ROWS warp_rows_avx512
#include "adacof_warp_kernel.h"
