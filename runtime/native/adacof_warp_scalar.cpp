// The definition without vectors: one lane.
#define CDFI_LANES 1
#define CDFI_WARP_ROWS warp_rows_scalar
#include "adacof_warp_kernel.h"
#define CDFI_WARP_BACKWARD_ROWS warp_backward_rows_scalar
#include "adacof_warp_backward_kernel.h"
