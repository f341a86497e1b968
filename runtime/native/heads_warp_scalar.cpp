// The definition without vectors: one lane.
#define CDFI_LANES 1
#define CDFI_HEADS heads_scalar
#include "heads_warp_kernel.h"
