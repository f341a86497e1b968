// Float16 maps against the same maps as float32: each level gives the same bits.
#include <cstring>

#include "fuzz_values.h"

namespace fuzz {
namespace {

using Halves = ArrayOf<uint16_t>;

// By the definition of the format, and so apart from the kernels' way.
float value_of(uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  float magnitude = exponent ? std::ldexp(float(1024 + fraction), exponent - 25)
                             : std::ldexp(float(fraction), -24);
  if (exponent == 31)
    magnitude = fraction ? std::numeric_limits<float>::quiet_NaN()
                         : std::numeric_limits<float>::infinity();
  return half >> 15 ? -magnitude : magnitude;
}

Array widened(const Halves &halves) {
  Array array(halves.size);
  for (int64_t i = 0; i < halves.size; ++i)
    array.data[size_t(i)] = value_of(halves.data[size_t(i)]);
  return array;
}

// Any bits if `hostile`, else magnitudes below 8.
Halves halves_of(Random &random, int64_t count, bool hostile) {
  Halves halves(count);
  for (int64_t i = 0; i < count; ++i)
    halves.data[size_t(i)] = uint16_t(between(random, 0, hostile ? 0x7fff : 0x47ff) |
                                      between(random, 0, 1) << 15);
  return halves;
}

bool same(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || !std::memcmp(&a, &b, sizeof a);
}

// Runs `args`, whose maps are still to be set, by both types at every level.
int compare(cdfi_warp_args args, const Halves maps[3], int round) {
  const Array wide[3] = {widened(maps[0]), widened(maps[1]), widened(maps[2])};
  const int64_t size = args.batch * args.channels * args.height * args.width;
  const Array expected(size), got(size);
  for (args.level = CDFI_LEVEL_SCALAR; args.level <= CDFI_LEVEL_AVX512; ++args.level) {
    if (!cdfi_native_has_level(args.level)) continue;
    for (const int32_t type : {CDFI_FLOAT32, CDFI_FLOAT16}) {
      const auto map = [&](int i) -> const void * {
        return type == CDFI_FLOAT16 ? static_cast<const void *>(maps[i].data.get())
                                    : wide[i].data.get();
      };
      args.map_type = type;
      args.weight = map(0);
      args.alpha = map(1);
      args.beta = map(2);
      args.out = (type == CDFI_FLOAT16 ? got : expected).data.get();
      if (const int32_t status = cdfi_warp(&args)) {
        std::printf("round %d, float16, level %d: %s\n", round, args.level,
                    cdfi_native_error(status));
        return 1;
      }
    }
    for (int64_t i = 0; i < size; ++i) {
      const float one = got.data[size_t(i)], other = expected.data[size_t(i)];
      if (same(one, other)) continue;
      std::printf("round %d, float16, level %d, element %lld: %g, not %g\n", round, args.level,
                  static_cast<long long>(i), double(one), double(other));
      return 1;
    }
  }
  return 0;
}

}  // namespace

int run_half(Random &random, int round) {
  cdfi_warp_args args = {};
  args.batch = between(random, 1, 2);
  args.channels = between(random, 1, 9);
  args.height = between(random, 1, 7);
  args.width = between(random, 1, 40);
  args.image_height = between(random, 1, 9);
  args.image_width = between(random, 1, 40);
  args.taps = int32_t(between(random, 1, 5));
  args.dilation = int32_t(between(random, 1, 3));
  args.padding = int32_t(between(random, 0, 8));
  args.offset_maps = between(random, 0, 1) ? args.taps * args.taps : 1;
  args.sampling = int32_t(between(random, 0, 1));
  args.logits = int32_t(between(random, 0, 1));
  args.threads = int32_t(between(random, 1, 3));
  const bool hostile = between(random, 0, 1);
  const int64_t plane = args.batch * args.height * args.width;
  const Array image = values(
      random, args.batch * args.channels * args.image_height * args.image_width, 1.0f, false);
  args.image = image.data.get();
  const Halves maps[3] = {halves_of(random, args.taps * args.taps * plane, hostile),
                          halves_of(random, args.offset_maps * plane, hostile),
                          halves_of(random, args.offset_maps * plane, hostile)};
  return compare(args, maps, round);
}

// Each of the 65536 once as a weight, once as a row offset (where an infinity shows as the border,
// and not a number as no offset) and once as a column offset.
int run_all_halves() {
  cdfi_warp_args args = {};
  args.batch = args.channels = 1;
  args.height = args.width = args.image_height = args.image_width = 256;
  args.taps = args.dilation = args.offset_maps = args.threads = 1;
  const int64_t count = 65536;
  Array image(count);
  for (int64_t i = 0; i < count; ++i) image.data[size_t(i)] = float(i + 1);
  args.image = image.data.get();
  const Halves all(count), one(count), none(count);
  for (int64_t i = 0; i < count; ++i) {
    all.data[size_t(i)] = uint16_t(i);
    one.data[size_t(i)] = 0x3c00;
    none.data[size_t(i)] = 0;
  }
  for (int which = 0; which < 3; ++which) {
    Halves maps[3] = {Halves(count), Halves(count), Halves(count)};
    for (int map = 0; map < 3; ++map) {
      const Halves &from = map == which ? all : map == 0 ? one : none;
      std::memcpy(maps[map].data.get(), from.data.get(), size_t(count) * sizeof(uint16_t));
    }
    if (compare(args, maps, -1)) return 1;
  }
  return 0;
}

}  // namespace fuzz
