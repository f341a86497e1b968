// Random calls of the heads' warp.
#include <algorithm>
#include <vector>

#include "fuzz_values.h"

namespace fuzz {
namespace {

// What may be wrong with the values of a call.
enum Kind {
  kPlain,    // nothing: offsets of some pixels, that each level rounds in its own way
  kBiases,   // offsets are biases alone, any values: the same at each level, to the bit
  kHostile,  // everything: results are of no use
};

struct HeadArrays {
  Array hidden, weight, bias;
};

HeadArrays head_arrays(Random &random, const cdfi_heads_args &args, int64_t channels, bool offsets,
                       Kind kind) {
  const int64_t taps = args.taps * args.taps, hidden = args.hidden_height * args.hidden_width;
  const bool zero = offsets && kind == kBiases, worst = kind == kHostile;
  HeadArrays arrays{
      values(random, args.batch * channels * hidden, 1.0f, worst),
      values(random, taps * channels * 9, 1.0f / std::sqrt(float(channels)), worst),
      values(random, taps, 4.0f, worst || zero)};
  if (zero) std::fill_n(arrays.weight.data.get(), arrays.weight.size, 0.0f);
  return arrays;
}

// Sizes of a call, none of which has to do with another one.
cdfi_heads_args sizes(Random &random) {
  const int32_t taps[] = {1, 3, 3, 5, 5, 7, 11, int32_t(13 + 2 * between(random, 0, 9))};
  cdfi_heads_args args = {};
  args.taps = taps[between(random, 0, 7)];
  args.dilation = int32_t(between(random, 1, args.taps > 11 ? 2 : 3));
  args.batch = between(random, 1, 2);
  args.height = between(random, 1, args.taps > 5 ? 2 : 6);
  args.width = between(random, 1, args.taps > 11 ? 3 : args.taps > 5 ? 26 : 60);
  args.hidden_height = between(random, 1, 7);
  args.hidden_width = between(random, 1, 30);
  args.levels = int32_t(between(random, 0, 5));
  args.group = between(random, 0, 1) ? between(random, 1, 30) : 0;
  args.sampling = int32_t(between(random, 0, 1));
  args.threads = int32_t(between(random, 1, 3));
  return args;
}

int64_t some_channels(Random &random, const cdfi_heads_args &args) {
  // More than 24 are more than the kernel multiplies at a time.
  const bool many = args.taps <= 5 && args.width < 10 && between(random, 0, 3) == 0;
  return many ? between(random, 24, 50) : between(random, 1, 5);
}

std::vector<Array> outputs(const cdfi_heads_args &args) {
  int64_t features = 0;
  for (int32_t i = 0; i < args.levels; ++i) features += 2 * args.features[i].channels;
  const int64_t plane = args.batch * args.height * args.width;
  std::vector<Array> arrays;
  arrays.emplace_back((args.group ? 6 : 6 + features) * plane);
  for (int64_t left = args.group ? features : 0; left > 0; left -= args.group)
    arrays.emplace_back(args.group * plane);
  return arrays;
}

int compare(const std::vector<Array> &got, const std::vector<Array> &expected, int32_t level,
            int round) {
  for (size_t array = 0; array < got.size(); ++array)
    for (int64_t i = 0; i < got[array].size; ++i) {
      const float one = got[array].data[size_t(i)], other = expected[array].data[size_t(i)];
      if (std::isfinite(one) && close(one, other)) continue;
      std::printf("round %d, heads, level %d, array %d, element %lld: %g, not %g\n", round, level,
                  int(array), static_cast<long long>(i), double(one), double(other));
      return 1;
    }
  return 0;
}

}  // namespace

int run_heads(Random &random, int round) {
  cdfi_heads_args args = sizes(random);
  const Kind kind = Kind(between(random, kPlain, kHostile));
  const int64_t frame = args.batch * 3 * args.height * args.width;
  const Array frames[2] = {values(random, frame, 1.0f, kind == kHostile),
                           values(random, frame, 1.0f, kind == kHostile)};
  std::vector<HeadArrays> heads;
  for (int i = 0; i < 6; ++i) {
    const int64_t channels = some_channels(random, args);
    heads.push_back(head_arrays(random, args, channels, i % 3 != 0, kind));
    const HeadArrays &arrays = heads.back();
    args.heads[i / 3][i % 3] = {arrays.hidden.data.get(), arrays.weight.data.get(),
                                arrays.bias.data.get(), channels};
  }
  std::vector<Array> planes;
  const std::unique_ptr<cdfi_feature_level[]> levels(new cdfi_feature_level[size_t(args.levels)]);
  for (int i = 0; i < args.levels; ++i) {
    const int64_t channels = between(random, 1, 20), height = between(random, 1, 12),
                  width = between(random, 1, 30);
    const int64_t size = args.batch * channels * height * width;
    planes.push_back(values(random, size, 1.0f, kind == kHostile));
    levels[size_t(i)] = {planes.back().data.get(), channels, height, width};
  }
  args.frames[0] = frames[0].data.get();
  args.frames[1] = frames[1].data.get();
  args.features = args.levels ? levels.get() : nullptr;
  const std::vector<Array> expected = outputs(args);
  for (args.level = CDFI_LEVEL_SCALAR; args.level <= CDFI_LEVEL_AVX512; ++args.level) {
    if (!cdfi_native_has_level(args.level)) continue;
    const bool scalar = args.level == CDFI_LEVEL_SCALAR;
    const std::vector<Array> own = outputs(args);
    const std::unique_ptr<float *[]> out(new float *[own.size()]);
    for (size_t i = 0; i < own.size(); ++i) {
      const Array &array = (scalar ? expected : own)[i];
      std::fill_n(array.data.get(), array.size, std::numeric_limits<float>::quiet_NaN());
      out[i] = array.data.get();
    }
    args.out = out.get();
    if (const int32_t status = cdfi_heads_warp(&args)) {
      std::printf("round %d, heads, level %d: %s\n", round, args.level, cdfi_native_error(status));
      return 1;
    }
    // Truncation jumps at whole numbers, where each level may round to another side.
    if (scalar || kind == kHostile || (kind == kPlain && args.sampling == CDFI_TRUNCATE)) continue;
    if (compare(own, expected, args.level, round)) return 1;
  }
  return 0;
}

}  // namespace fuzz
