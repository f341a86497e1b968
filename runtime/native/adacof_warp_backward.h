// What the dispatcher hands to the backward kernel of one instruction set.
#pragma once

#include "adacof_warp.h"

namespace cdfi {

// The gradient of the result, and where those of the inputs go; null where one is not wanted.
struct WarpGradients {
  const float *out;     // planes of the maps' size, one a channel
  float *image;         // as RingedImage::pixels; it is added to
  float *weight;        // planes, overwritten, and so are the next two
  float *alpha, *beta;  // one plane if offsets are shared
};

// Works on rows [begin, end). `out` holds kTile * image.stride floats and is overwritten.
using WarpBackwardRows = void (*)(const RingedImage &image, const WarpMaps &maps,
                                  const WarpGradients &gradients, int64_t begin, int64_t end,
                                  float *out);

void warp_backward_rows_scalar(const RingedImage &, const WarpMaps &, const WarpGradients &,
                               int64_t, int64_t, float *);
void warp_backward_rows_vector4(const RingedImage &, const WarpMaps &, const WarpGradients &,
                                int64_t, int64_t, float *);
void warp_backward_rows_avx2(const RingedImage &, const WarpMaps &, const WarpGradients &, int64_t,
                             int64_t, float *);
void warp_backward_rows_avx512(const RingedImage &, const WarpMaps &, const WarpGradients &,
                               int64_t, int64_t, float *);

}  // namespace cdfi
