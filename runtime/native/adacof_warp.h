// What the dispatcher hands to the kernel of one instruction set.
#pragma once

#include <cstdint>

#include "cdfi_native.h"

namespace cdfi {

// An image with channels last, padded by zeros to `stride` channels, and by one replicated pixel on
// each side. That ring makes the four corners of any clamped position neighbours of each other: the
// corner before the first pixel and the one after the last show the border, as clamping would.
struct RingedImage {
  const float *pixels;  // ((height + 2), (width + 2), stride)
  int32_t height, width;
  int32_t stride;  // channels, a multiple of 4
};

// The maps and the result of one image; planes of `height * width`.
struct WarpMaps {
  const void *weight, *alpha, *beta;  // float16 if `half`, else float32
  float *out;
  int64_t height, width, channels;
  int32_t taps, dilation, padding;
  bool shared, bilinear, logits, half;
};

// Pixels of a row that are worked on together, and taps whose corners are found before any is added.
constexpr int kTile = 16;
constexpr int kTapBlock = 16;

// Warps rows [begin, end). `sums` holds kTile * image.stride floats and is overwritten.
using WarpRows = void (*)(const RingedImage &image, const WarpMaps &maps, int64_t begin,
                          int64_t end, float *sums);

void warp_rows_scalar(const RingedImage &, const WarpMaps &, int64_t, int64_t, float *);
void warp_rows_vector4(const RingedImage &, const WarpMaps &, int64_t, int64_t, float *);
void warp_rows_avx2(const RingedImage &, const WarpMaps &, int64_t, int64_t, float *);
void warp_rows_avx512(const RingedImage &, const WarpMaps &, int64_t, int64_t, float *);

// Rows [begin, end) of the ringed image from planes of `height * width`; `ringed` is its pixels.
void fill_rows(const float *planes, int64_t channels, const RingedImage &image, float *ringed,
               int64_t begin, int64_t end);

// An enum cdfi_status for everything but `out`.
int32_t check_warp(const cdfi_warp_args &args);

}  // namespace cdfi
