// Random calls of the warp and of its gradients.
#include "fuzz_values.h"

namespace fuzz {
namespace {

// Gradients at every level against the scalar ones; some are left out.
int run_backward(Random &random, const cdfi_warp_args &warp, bool compare, int round) {
  const int64_t plane = warp.batch * warp.height * warp.width;
  const Array out = values(random, warp.channels * plane, 1.0f, false);
  const int64_t sizes[4] = {warp.batch * warp.channels * warp.image_height * warp.image_width,
                            warp.taps * warp.taps * plane, warp.offset_maps * plane,
                            warp.offset_maps * plane};
  const Array expected[4] = {Array(sizes[0]), Array(sizes[1]), Array(sizes[2]), Array(sizes[3])};
  const Array got[4] = {Array(sizes[0]), Array(sizes[1]), Array(sizes[2]), Array(sizes[3])};
  const int64_t left_out = between(random, 0, 15);  // a bit for each gradient
  for (int32_t level = CDFI_LEVEL_SCALAR; level <= CDFI_LEVEL_AVX512; ++level) {
    if (!cdfi_native_has_level(level)) continue;
    const Array *results = level == CDFI_LEVEL_SCALAR ? expected : got;
    float *wanted[4];
    for (int i = 0; i < 4; ++i) wanted[i] = left_out >> i & 1 ? nullptr : results[i].data.get();
    cdfi_warp_backward_args args = {warp,      out.data.get(), wanted[0],
                                    wanted[1], wanted[2],      wanted[3]};
    args.warp.level = level;
    if (const int32_t status = cdfi_warp_backward(&args)) {
      std::printf("round %d, backward, level %d: %s\n", round, level, cdfi_native_error(status));
      return 1;
    }
    if (level == CDFI_LEVEL_SCALAR || !compare) continue;
    for (int which = 0; which < 4; ++which)
      for (int64_t i = 0; wanted[which] && i < sizes[which]; ++i) {
        const float one = got[which].data[size_t(i)], other = expected[which].data[size_t(i)];
        if (close(one, other)) continue;
        std::printf("round %d, backward, level %d, gradient %d, element %lld: %g, not %g\n", round,
                    level, which, static_cast<long long>(i), double(one), double(other));
        return 1;
      }
  }
  return 0;
}

}  // namespace

int run_warp(Random &random, int round) {
  cdfi_warp_args args = {};
  args.batch = between(random, 1, 2);
  args.channels = between(random, 1, 5) == 1 ? between(random, 60, 70) : between(random, 1, 12);
  args.height = between(random, 1, 9);
  args.width = between(random, 1, 40);
  args.image_height = between(random, 1, 12);
  args.image_width = between(random, 1, 40);
  args.taps = int32_t(between(random, 1, 6));
  args.dilation = int32_t(between(random, 1, 3));
  args.padding = int32_t(between(random, 0, 8));
  args.offset_maps = between(random, 0, 1) ? args.taps * args.taps : 1;
  args.sampling = int32_t(between(random, 0, 1));
  args.logits = int32_t(between(random, 0, 1));
  args.threads = int32_t(between(random, 1, 3));
  const bool hostile_maps = between(random, 0, 1), hostile_offsets = between(random, 0, 2) != 0;
  const int64_t plane = args.batch * args.height * args.width;
  const int64_t image_plane = args.batch * args.image_height * args.image_width;
  const Array image = values(random, args.channels * image_plane, 1.0f, false);
  const Array weight = values(random, args.taps * args.taps * plane, 0.3f, hostile_maps);
  const Array alpha = values(random, args.offset_maps * plane, 5.0f, hostile_offsets);
  const Array beta = values(random, args.offset_maps * plane, 5.0f, hostile_offsets);
  const Array expected(args.channels * plane), got(args.channels * plane);
  args.image = image.data.get();
  args.weight = weight.data.get();
  args.alpha = alpha.data.get();
  args.beta = beta.data.get();
  for (int32_t level = CDFI_LEVEL_SCALAR; level <= CDFI_LEVEL_AVX512; ++level) {
    if (!cdfi_native_has_level(level)) continue;
    args.level = level;
    args.out = level == CDFI_LEVEL_SCALAR ? expected.data.get() : got.data.get();
    if (const int32_t status = cdfi_warp(&args)) {
      std::printf("round %d, level %d: %s\n", round, level, cdfi_native_error(status));
      return 1;
    }
    // Hostile weights overflow in an order that depends on the level: only memory is checked.
    if (level == CDFI_LEVEL_SCALAR || hostile_maps) continue;
    for (int64_t i = 0; i < got.size; ++i) {
      if (close(got.data[size_t(i)], expected.data[size_t(i)])) continue;
      std::printf("round %d, level %d, element %lld: %g, not %g\n", round, level,
                  static_cast<long long>(i), double(got.data[size_t(i)]),
                  double(expected.data[size_t(i)]));
      return 1;
    }
  }
  return run_backward(random, args, !hostile_maps, round);
}

}  // namespace fuzz
