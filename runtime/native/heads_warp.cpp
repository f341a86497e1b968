// The heads' warp: checks, packing, the padded image of a side, dispatch and threads.
#include "heads_warp.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <vector>

#include "cdfi_native.h"
#include "dispatch.h"
#include "shares.h"

namespace cdfi {
namespace {

constexpr int64_t kFrameChannels = 3;

using Floats = std::unique_ptr<float[]>;

Floats floats(int64_t count) { return Floats(new float[size_t(count)]); }

const HeadsKernel &kernel_of(int32_t level) {
  switch (level) {
#ifdef __x86_64__
    case CDFI_LEVEL_AVX512:
      return heads_avx512;
    case CDFI_LEVEL_AVX2:
      return heads_avx2;
#endif
    case CDFI_LEVEL_VECTOR4:
      return heads_vector4;
    default:
      return heads_scalar;
  }
}

int64_t channels_of(const cdfi_heads_args &args) {
  int64_t channels = kFrameChannels;
  for (int32_t i = 0; i < args.levels; ++i) channels += args.features[i].channels;
  return channels;
}

// Arrays in `out`.
int64_t outputs_of(const cdfi_heads_args &args) {
  if (!args.group) return 1;
  const int64_t features = 2 * (channels_of(args) - kFrameChannels);
  return 1 + (features + args.group - 1) / args.group;
}

int32_t check(const cdfi_heads_args &args) {
  if (!args.frames[0] || !args.frames[1] || !args.out || args.levels < 0 ||
      (args.levels && !args.features))
    return CDFI_BAD_ARGUMENT;
  int64_t least = std::min({args.batch, args.height, args.width, args.hidden_height,
                            args.hidden_width, int64_t(args.taps), int64_t(args.dilation),
                            int64_t(args.threads)});
  int64_t most = std::max({args.height, args.width, args.hidden_height, args.hidden_width});
  int64_t widest = 0;
  for (const auto &side : args.heads)
    for (const cdfi_head &head : side) {
      if (!head.hidden || !head.weight || !head.bias) return CDFI_BAD_ARGUMENT;
      least = std::min(least, head.channels);
      widest = std::max(widest, head.channels);
    }
  for (int32_t i = 0; i < args.levels; ++i) {
    const cdfi_feature_level &level = args.features[i];
    if (!level.planes) return CDFI_BAD_ARGUMENT;
    least = std::min({least, level.channels, level.height, level.width});
    most = std::max({most, level.height, level.width});
    widest = std::max(widest, level.channels);
  }
  if (least < 1 || args.group < 0 || args.taps % 2 == 0 || args.sampling < CDFI_TRUNCATE ||
      args.sampling > CDFI_BILINEAR)
    return CDFI_BAD_ARGUMENT;
  constexpr int64_t kSide = 1 << 22;  // so that positions plus 2^23 pixels of offset fit 32 bits
  const int64_t reach = int64_t(args.taps - 1) * args.dilation / 2;
  if (args.taps > 31 || std::max({most, widest, reach}) > kSide) return CDFI_TOO_LARGE;
  for (int64_t i = 0; i < outputs_of(args); ++i)
    if (!args.out[i]) return CDFI_BAD_ARGUMENT;
  const double elements = double(args.height + 2 * reach + 2) * double(args.width + 2 * reach + 2) *
                          double(channels_of(args) + 3);
  return elements > std::numeric_limits<int32_t>::max() ? CDFI_TOO_LARGE : CDFI_OK;
}

// The weights of a head in the order in which the kernel reads them, then its biases.
Floats packed(const cdfi_head &head, int32_t taps, int32_t lanes, float no_tap) {
  const int64_t rows = 9 * head.channels;
  Floats all = floats((rows + 1) * lanes);
  std::fill_n(all.get(), rows * lanes, 0.0f);
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t channel = 0; channel < head.channels; ++channel)
      for (int64_t at = 0; at < 9; ++at)
        all[size_t((at * head.channels + channel) * lanes + tap)] =
            head.weight[(tap * head.channels + channel) * 9 + at];
  float *bias = all.get() + rows * lanes;
  std::fill_n(bias, lanes, no_tap);
  std::copy_n(head.bias, taps, bias);
  return all;
}

// What all images and sides of a call have in common.
class Call {
 public:
  Call(const cdfi_heads_args &args, const HeadsKernel &kernel, const RunShares &run)
      : args_(args),
        kernel_(kernel),
        run_(run),
        reach_((args.taps - 1) * args.dilation / 2),
        taps_(args.taps * args.taps),
        lanes_((taps_ + kTapBlock - 1) / kTapBlock * kTapBlock),
        channels_(channels_of(args)),
        shares_(std::min<int64_t>(args.threads, args.height)),
        image_{nullptr, int32_t(args.height + 2 * reach_), int32_t(args.width + 2 * reach_),
               int32_t((channels_ + 3) / 4 * 4)},
        hidden_rows_(aligned_blends(args.hidden_height, args.height)),
        hidden_columns_(aligned_blends(args.hidden_width, args.width)),
        tap_rows_(size_t(lanes_)),
        tap_columns_(size_t(lanes_)) {
    const int64_t pixels = int64_t(image_.height + 2) * (image_.width + 2) * image_.stride;
    ring_ = floats(pixels);
    image_.pixels = ring_.get();
    if (image_.stride != channels_) std::fill_n(ring_.get(), pixels, 0.0f);
    for (int32_t tap = 0; tap < taps_; ++tap) {
      tap_rows_[size_t(tap)] = tap / args.taps * args.dilation;
      tap_columns_[size_t(tap)] = tap % args.taps * args.dilation;
    }
    for (int side = 0; side < 2; ++side)
      for (int map = 0; map < 3; ++map)
        packed_[side][map] = packed(args.heads[side][map], taps_, lanes_, map ? 0.0f : kNoTap);
  }

  void warp_all() {
    for (int64_t image = 0; image < args_.batch; ++image) {
      fill_features(image);
      for (int side = 0; side < 2; ++side) {
        fill_frame(image, side);
        warp_side(image, side);
      }
      fill_rest(image);
    }
  }

 private:
  // Resizes planes into channels [channel, ...) of the ringed image.
  void fill(const Source &source, int64_t channel) {
    const int64_t rows = image_.height + 2, line = int64_t(image_.width + 2) * image_.stride;
    const Target target{ring_.get() + channel, line, image_.stride, image_.width + 2};
    const int64_t size = source.width * source.channels;
    const Floats scratch = floats(shares_ * size);
    run_(shares_, [&](int64_t share) {
      kernel_.resize_rows(source, target, rows * share / shares_, rows * (share + 1) / shares_,
                          scratch.get() + share * size);
    });
  }

  void fill_features(int64_t image) {
    int64_t channel = kFrameChannels;
    for (int32_t i = 0; i < args_.levels; ++i) {
      const cdfi_feature_level &level = args_.features[i];
      const auto rows = half_pixel_blends(level.height, image_.height, -1, image_.height + 1);
      const auto columns = half_pixel_blends(level.width, image_.width, -1, image_.width + 1);
      fill({level.planes + image * level.channels * level.height * level.width, level.channels,
            level.height, level.width, rows.data(), columns.data()},
           channel);
      channel += level.channels;
    }
  }

  void fill_frame(int64_t image, int side) {
    const auto rows = replicated_blends(args_.height, reach_ + 1, image_.height + 2);
    const auto columns = replicated_blends(args_.width, reach_ + 1, image_.width + 2);
    const float *planes = args_.frames[side] + image * kFrameChannels * args_.height * args_.width;
    fill({planes, kFrameChannels, args_.height, args_.width, rows.data(), columns.data()}, 0);
  }

  void warp_side(int64_t image, int side) {
    const std::vector<float *> out = planes_of(image, side);
    HeadsTask task{image_,  {},          args_.height,        args_.width,
                   taps_,   lanes_,      tap_rows_.data(),    tap_columns_.data(),
                   args_.sampling == CDFI_BILINEAR, out.data(), channels_};
    for (int map = 0; map < 3; ++map) {
      const cdfi_head &head = args_.heads[side][map];
      const int64_t size = head.channels * args_.hidden_height * args_.hidden_width;
      const float *weights = packed_[side][map].get();
      task.heads[map] = {{head.hidden + image * size, head.channels, args_.hidden_height,
                          args_.hidden_width, hidden_rows_.data(), hidden_columns_.data()},
                         weights, weights + 9 * head.channels * lanes_};
    }
    const int64_t size = heads_scratch(task);
    const Floats scratch = floats(shares_ * size);
    run_(shares_, [&](int64_t share) {
      kernel_.warp_rows(task, args_.height * share / shares_, args_.height * (share + 1) / shares_,
                        scratch.get() + share * size);
    });
  }

  float *plane_of(int64_t image, int64_t channel) const {
    const int64_t plane = args_.height * args_.width, frames = 2 * kFrameChannels;
    if (!args_.group) return args_.out[0] + (image * 2 * channels_ + channel) * plane;
    if (channel < frames) return args_.out[0] + (image * frames + channel) * plane;
    const int64_t feature = channel - frames, array = 1 + feature / args_.group;
    return args_.out[array] + (image * args_.group + feature % args_.group) * plane;
  }

  // Where each channel of a side's image goes.
  std::vector<float *> planes_of(int64_t image, int side) const {
    int64_t next = 0;
    std::vector<float *> planes;
    const auto add = [&](int64_t channels) {
      for (int64_t i = 0; i < channels; ++i)
        planes.push_back(plane_of(image, next + side * channels + i));
      next += 2 * channels;
    };
    add(kFrameChannels);
    for (int32_t i = 0; i < args_.levels; ++i) add(args_.features[i].channels);
    return planes;
  }

  void fill_rest(int64_t image) const {
    const int64_t held = 2 * kFrameChannels + (outputs_of(args_) - 1) * args_.group;
    for (int64_t channel = 2 * channels_; channel < held; ++channel)
      std::fill_n(plane_of(image, channel), args_.height * args_.width, 0.0f);
  }

  const cdfi_heads_args &args_;
  const HeadsKernel &kernel_;
  const RunShares &run_;
  const int32_t reach_, taps_, lanes_;
  const int64_t channels_, shares_;
  RingedImage image_;
  const std::vector<Blend> hidden_rows_, hidden_columns_;
  std::vector<int32_t> tap_rows_, tap_columns_;
  Floats ring_, packed_[2][3];
};

}  // namespace

int32_t heads_warp(const cdfi_heads_args &args, const RunShares &run) {
  if (const int32_t status = check(args)) return status;
  const int32_t level = chosen_level(args.level);
  if (level < 0) return CDFI_NO_LEVEL;
  Call(args, kernel_of(level), run).warp_all();
  return CDFI_OK;
}

}  // namespace cdfi

extern "C" int32_t cdfi_heads_warp(const cdfi_heads_args *args) {
  if (!args) return CDFI_BAD_ARGUMENT;
  try {
    return cdfi::heads_warp(*args, cdfi::run_on_threads);
  } catch (const std::bad_alloc &) {
    return CDFI_NO_MEMORY;
  }
}
