// Four lanes: SSE2 or NEON, which every x86-64 or aarch64 processor has.
#define CDFI_LANES 4
#define CDFI_WARP_ROWS warp_rows_vector4
#include "adacof_warp_kernel.h"
#define CDFI_WARP_BACKWARD_ROWS warp_backward_rows_vector4
#include "adacof_warp_backward_kernel.h"
