// Gradients of the AdaCoF warp: dispatch, threads, and the image's gradient back to channels first.
#include "adacof_warp_backward.h"

#include <algorithm>
#include <memory>
#include <new>

#include "cdfi_native.h"
#include "dispatch.h"
#include "shares.h"

namespace cdfi {
namespace {

WarpBackwardRows kernel_of(int32_t level) {
  switch (level) {
#ifdef __x86_64__
    case CDFI_LEVEL_AVX512:
      return warp_backward_rows_avx512;
    case CDFI_LEVEL_AVX2:
      return warp_backward_rows_avx2;
#endif
    case CDFI_LEVEL_VECTOR4:
      return warp_backward_rows_vector4;
    default:
      return warp_backward_rows_scalar;
  }
}

// Rows [begin, end) of the image's gradient: the sum of all shares, in their order. Elements of the
// ring go to the pixels that it repeats.
void collect_rows(const float *shares, int64_t count, const RingedImage &image, int64_t channels,
                  float *planes, int64_t begin, int64_t end) {
  const int64_t height = image.height, width = image.width, stride = image.stride;
  const int64_t line = (width + 2) * stride, size = (height + 2) * line;
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t channel = 0; channel < channels; ++channel)
      std::fill_n(planes + (channel * height + row) * width, width, 0.0f);
    const int64_t first = row == 0 ? 0 : row + 1, last = row == height - 1 ? height + 1 : row + 1;
    for (int64_t share = 0; share < count; ++share)
      for (int64_t ringed = first; ringed <= last; ++ringed)
        for (int64_t column = 0; column < width + 2; ++column) {
          const float *from = shares + share * size + ringed * line + column * stride;
          float *to = planes + row * width + std::clamp<int64_t>(column - 1, 0, width - 1);
          for (int64_t channel = 0; channel < channels; ++channel)
            to[channel * height * width] += from[channel];
        }
  }
}

bool wants_any(const cdfi_warp_backward_args &args) {
  const float *wanted[] = {args.grad_image, args.grad_weight, args.grad_alpha, args.grad_beta};
  return std::any_of(std::begin(wanted), std::end(wanted), [](const float *p) { return p; });
}

int32_t warp_backward(const cdfi_warp_backward_args &args) {
  const cdfi_warp_args &warp = args.warp;
  if (const int32_t status = check_warp(warp)) return status;
  if (!args.grad_out || warp.map_type != CDFI_FLOAT32) return CDFI_BAD_ARGUMENT;
  const int32_t level = chosen_level(warp.level);
  if (level < 0) return CDFI_NO_LEVEL;
  const WarpBackwardRows kernel = kernel_of(level);
  if (!wants_any(args)) return CDFI_OK;
  const int32_t stride = int32_t((warp.channels + 3) / 4 * 4);
  const int64_t rows = warp.image_height + 2, line = (warp.image_width + 2) * stride;
  const int64_t shares = std::min<int64_t>(warp.threads, warp.height);
  const std::unique_ptr<float[]> ringed(new float[size_t(rows * line)]);
  const RingedImage image{ringed.get(), int32_t(warp.image_height), int32_t(warp.image_width),
                          stride};
  const int64_t tile_size = int64_t(kTile) * stride;
  const std::unique_ptr<float[]> tiles(new float[size_t(shares * tile_size)]);
  // Taps of any row may land on any pixel: each share adds to an image of its own.
  const std::unique_ptr<float[]> sums(
      args.grad_image ? new float[size_t(shares * rows * line)] : nullptr);
  const int64_t plane = warp.height * warp.width, maps_size = warp.taps * warp.taps * plane;
  const int64_t offsets_size = warp.offset_maps * plane;
  const int64_t image_size = warp.channels * warp.image_height * warp.image_width;
  const auto of_image = [](float *first, int64_t offset) {
    return first ? first + offset : nullptr;
  };
  for (int64_t b = 0; b < warp.batch; ++b) {
    run_on_threads(shares, [&](int64_t share) {
      fill_rows(warp.image + b * image_size, warp.channels, image, ringed.get(),
                rows * share / shares, rows * (share + 1) / shares);
    });
    const WarpMaps maps{static_cast<const float *>(warp.weight) + b * maps_size,
                        static_cast<const float *>(warp.alpha) + b * offsets_size,
                        static_cast<const float *>(warp.beta) + b * offsets_size,
                        nullptr,
                        warp.height,
                        warp.width,
                        warp.channels,
                        warp.taps,
                        warp.dilation,
                        warp.padding,
                        warp.offset_maps == 1,
                        warp.sampling == CDFI_BILINEAR,
                        warp.logits != 0,
                        false};
    run_on_threads(shares, [&](int64_t share) {
      float *own = of_image(sums.get(), share * rows * line);
      if (own) std::fill_n(own, rows * line, 0.0f);
      const WarpGradients gradients{args.grad_out + b * warp.channels * plane, own,
                                    of_image(args.grad_weight, b * maps_size),
                                    of_image(args.grad_alpha, b * offsets_size),
                                    of_image(args.grad_beta, b * offsets_size)};
      kernel(image, maps, gradients, warp.height * share / shares,
             warp.height * (share + 1) / shares, tiles.get() + share * tile_size);
    });
    if (!args.grad_image) continue;
    run_on_threads(shares, [&](int64_t share) {
      collect_rows(sums.get(), shares, image, warp.channels, args.grad_image + b * image_size,
                   warp.image_height * share / shares, warp.image_height * (share + 1) / shares);
    });
  }
  return CDFI_OK;
}

}  // namespace
}  // namespace cdfi

extern "C" int32_t cdfi_warp_backward(const cdfi_warp_backward_args *args) {
  if (!args) return CDFI_BAD_ARGUMENT;
  try {
    return cdfi::warp_backward(*args);
  } catch (const std::bad_alloc &) {
    return CDFI_NO_MEMORY;
  }
}
