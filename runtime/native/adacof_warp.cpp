// The AdaCoF warp: checks, the change to channels last, dispatch and threads.
#include "adacof_warp.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <new>

#include "cdfi_native.h"
#include "dispatch.h"
#include "shares.h"

namespace cdfi {
namespace {

WarpRows kernel_of(int32_t level) {
  switch (level) {
#ifdef __x86_64__
    case CDFI_LEVEL_AVX512:
      return warp_rows_avx512;
    case CDFI_LEVEL_AVX2:
      return warp_rows_avx2;
#endif
    case CDFI_LEVEL_VECTOR4:
      return warp_rows_vector4;
    default:
      return warp_rows_scalar;
  }
}

const void *map_of(const cdfi_warp_args &args, const void *map, int64_t elements) {
  const int64_t bytes = args.map_type == CDFI_FLOAT16 ? 2 : 4;
  return static_cast<const char *>(map) + elements * bytes;
}

}  // namespace

void fill_rows(const float *planes, int64_t channels, const RingedImage &image, float *ringed,
               int64_t begin, int64_t end) {
  const int64_t width = image.width, plane = int64_t(image.height) * width;
  const int64_t stride = image.stride, line = (width + 2) * stride;
  constexpr int64_t kBlock = 16;  // pixels whose channels stay in the first cache
  for (int64_t row = begin; row < end; ++row) {
    const float *from = planes + std::clamp<int64_t>(row - 1, 0, image.height - 1) * width;
    float *to = ringed + row * line + stride;
    for (int64_t start = 0; start < width; start += kBlock) {
      const int64_t stop = std::min(start + kBlock, width);
      for (int64_t channel = 0; channel < stride; ++channel)
        for (int64_t column = start; column < stop; ++column)
          to[column * stride + channel] =
              channel < channels ? from[channel * plane + column] : 0.0f;
    }
    std::copy_n(to, stride, to - stride);
    std::copy_n(to + (width - 1) * stride, stride, to + width * stride);
  }
}

int32_t check_warp(const cdfi_warp_args &args) {
  const void *arrays[] = {args.image, args.weight, args.alpha, args.beta};
  if (std::any_of(std::begin(arrays), std::end(arrays), [](const void *p) { return !p; }))
    return CDFI_BAD_ARGUMENT;
  const int64_t sizes[] = {args.batch,  args.channels, args.image_height, args.image_width,
                           args.height, args.width,    args.taps,         args.dilation,
                           args.threads};
  if (*std::min_element(std::begin(sizes), std::end(sizes)) < 1) return CDFI_BAD_ARGUMENT;
  constexpr int64_t kSide = 1 << 22;  // so that positions plus 2^23 pixels of offset fit 32 bits
  const int64_t sides[] = {args.image_height, args.image_width, args.height, args.width,
                           args.channels, int64_t(args.taps) * args.dilation};
  if (*std::max_element(std::begin(sides), std::end(sides)) > kSide || args.taps > 1024)
    return CDFI_TOO_LARGE;
  const int32_t taps = args.taps * args.taps;
  if (args.map_type != CDFI_FLOAT32 && args.map_type != CDFI_FLOAT16) return CDFI_BAD_ARGUMENT;
  if (args.padding < 0 || args.padding > kSide || args.sampling < CDFI_TRUNCATE ||
      args.sampling > CDFI_BILINEAR || (args.offset_maps != taps && args.offset_maps != 1))
    return CDFI_BAD_ARGUMENT;
  const double elements = double(args.image_height + 2) * double(args.image_width + 2) *
                          double((args.channels + 3) / 4 * 4);
  return elements > std::numeric_limits<int32_t>::max() ? CDFI_TOO_LARGE : CDFI_OK;
}

int32_t warp(const cdfi_warp_args &args, const RunShares &run) {
  if (const int32_t status = check_warp(args)) return status;
  if (!args.out) return CDFI_BAD_ARGUMENT;
  const int32_t level = chosen_level(args.level);
  if (level < 0) return CDFI_NO_LEVEL;
  const WarpRows kernel = kernel_of(level);
  const int32_t stride = int32_t((args.channels + 3) / 4 * 4);
  const int64_t rows = args.image_height + 2, line = (args.image_width + 2) * stride;
  const std::unique_ptr<float[]> ringed(new float[size_t(rows * line)]);
  const RingedImage image{ringed.get(), int32_t(args.image_height), int32_t(args.image_width),
                          stride};
  const int64_t shares = std::min<int64_t>(args.threads, args.height);
  const int64_t sums_size = int64_t(kTile) * stride;
  const std::unique_ptr<float[]> sums(new float[size_t(shares * sums_size)]);
  const int64_t taps = args.taps * args.taps, plane = args.height * args.width;
  for (int64_t b = 0; b < args.batch; ++b) {
    const float *planes = args.image + b * args.channels * args.image_height * args.image_width;
    run(shares, [&](int64_t share) {
      fill_rows(planes, args.channels, image, ringed.get(), rows * share / shares,
                rows * (share + 1) / shares);
    });
    const WarpMaps maps{map_of(args, args.weight, b * taps * plane),
                        map_of(args, args.alpha, b * args.offset_maps * plane),
                        map_of(args, args.beta, b * args.offset_maps * plane),
                        args.out + b * args.channels * plane,
                        args.height,
                        args.width,
                        args.channels,
                        args.taps,
                        args.dilation,
                        args.padding,
                        args.offset_maps == 1,
                        args.sampling == CDFI_BILINEAR,
                        args.logits != 0,
                        args.map_type == CDFI_FLOAT16};
    run(shares, [&](int64_t share) {
      kernel(image, maps, args.height * share / shares, args.height * (share + 1) / shares,
             sums.get() + share * sums_size);
    });
  }
  return CDFI_OK;
}

}  // namespace cdfi

extern "C" {

int32_t cdfi_warp(const cdfi_warp_args *args) {
  if (!args) return CDFI_BAD_ARGUMENT;
  try {
    return cdfi::warp(*args, cdfi::run_on_threads);
  } catch (const std::bad_alloc &) {
    return CDFI_NO_MEMORY;
  }
}

}  // extern "C"
