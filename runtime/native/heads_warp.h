// What the dispatcher of the heads' warp hands to the kernel of one instruction set.
#pragma once

#include <cstdint>

#include "adacof_warp.h"
#include "resampling.h"

namespace cdfi {

// Planes that are resized on their way to channels last.
struct Source {
  const float *planes;  // (channels, height, width)
  int64_t channels, height, width;
  const Blend *rows, *columns;  // for every row and column of the target
};

// Rows of a channels-last image that some of its channels are filled into.
struct Target {
  float *pixels;  // of row 0, column 0 and the first of the channels
  int64_t line, stride, width;
};

// A map's last convolution: 3x3 over the hidden map at full size, which is never stored whole.
struct Head {
  Source hidden;        // half size; columns has `width` entries, rows has `height`
  const float *packed;  // (3, 3 * channels, lanes): row, column and channel, tap
  const float *bias;    // (lanes)
};

// One side of one image.
struct HeadsTask {
  RingedImage image;  // replicate-padded by (taps - 1) * dilation / 2 on each side, then ringed
  Head heads[3];      // tap logits, row offsets, column offsets
  int64_t height, width;
  int32_t taps;   // F * F
  int32_t lanes;  // the same, rounded up to kTapBlock; more have a logit of kNoTap
  const int32_t *tap_rows, *tap_columns;  // where each tap looks without its offset, (lanes)
  bool bilinear;
  float *const *out;  // the plane of each channel of the image
  int64_t channels;
};

constexpr float kNoTap = -1e30f;  // its exponential is 0
constexpr int kHeadTile = 24;     // pixels of a row whose maps exist at a time

// Floats of scratch memory for one share.
inline int64_t heads_scratch(const HeadsTask &task) {
  int64_t hidden = 0;
  for (const Head &head : task.heads)
    hidden += (3 * (task.width + 2 + kHeadTile) + head.hidden.width) * head.hidden.channels;
  return hidden + int64_t(kHeadTile) * (3 * task.lanes + task.image.stride);
}

struct HeadsKernel {
  // Rows [begin, end) of the target; `scratch` holds source.width * source.channels floats.
  void (*resize_rows)(const Source &source, const Target &target, int64_t begin, int64_t end,
                      float *scratch);
  // Warps rows [begin, end); `scratch` holds heads_scratch(task) floats.
  void (*warp_rows)(const HeadsTask &task, int64_t begin, int64_t end, float *scratch);
};

extern const HeadsKernel heads_scalar, heads_vector4, heads_avx2, heads_avx512;

}  // namespace cdfi
