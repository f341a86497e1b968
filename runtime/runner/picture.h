// From a network's output to what a screen shows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "options.h"

namespace runner {

struct Picture {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> rgb;  // interleaved
};

// Sets the picture's size by an output of shape 1x3xHxW or 1xHxWx3; throws Failure (kUsage) for any
// other one.
Picture picture_of(const Shape &shape);

// Clips to [0, 1] and rounds, halves up, as cdfi_runtime.frames does; NaN is black.
void fill(Picture &picture, const Shape &shape, const float *values);

std::string as_ppm(const Picture &picture);

}  // namespace runner
