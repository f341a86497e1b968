// Sixteen lanes.
#define CDFI_LANES 16
#define CDFI_WARP_ROWS warp_rows_avx512
#include "adacof_warp_kernel.h"
#define CDFI_WARP_BACKWARD_ROWS warp_backward_rows_avx512
#include "adacof_warp_backward_kernel.h"
