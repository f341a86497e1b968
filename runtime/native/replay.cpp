// Runs calls of the C interface that another program wrote: how the tests reach a build for a machine
// that they do not run on. Little-endian, from standard input to standard output.
//
// A call is kFields int64 and the arrays of its entry; the answer is the status as int64 and, if it
// is CDFI_OK, the outputs.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cdfi_native.h"

namespace {

// Of the warp and its gradients: entry, level, batch, channels, image height and width, height, width,
// taps, dilation, offset maps, padding, sampling, logits, threads, and one unused.
// Of the heads' warp: entry, level, batch, height, width, hidden height and width, taps, dilation,
// sampling, threads, feature levels, and four unused.
constexpr size_t kFields = 16;
enum Entry : int64_t { kReport = 0, kWarp = 1, kBackward = 2, kHeads = 3 };

template <class T>
std::vector<T> read_array(int64_t count) {
  std::vector<T> values(static_cast<size_t>(count));
  if (std::fread(values.data(), sizeof(T), values.size(), stdin) != values.size()) std::abort();
  return values;
}

std::vector<float> read_floats(int64_t count) { return read_array<float>(count); }

void write_answer(int64_t status, const std::vector<float> &values) {
  std::fwrite(&status, sizeof status, 1, stdout);
  if (status == CDFI_OK) std::fwrite(values.data(), sizeof(float), values.size(), stdout);
}

// Which levels there are, 1 or 0 each, and the one that CDFI_LEVEL_AUTO stands for.
void report() {
  std::vector<float> levels;
  for (int32_t level = CDFI_LEVEL_SCALAR; level <= CDFI_LEVEL_AVX512; ++level)
    levels.push_back(cdfi_native_has_level(level) ? 1.0f : 0.0f);
  levels.push_back(static_cast<float>(cdfi_native_dispatch()));
  write_answer(CDFI_OK, levels);
}

// All of a call but its arrays.
cdfi_warp_args warp_args(const int64_t *fields) {
  cdfi_warp_args args = {};
  args.level = static_cast<int32_t>(fields[1]);
  args.batch = fields[2];
  args.channels = fields[3];
  args.image_height = fields[4];
  args.image_width = fields[5];
  args.height = fields[6];
  args.width = fields[7];
  args.taps = static_cast<int32_t>(fields[8]);
  args.dilation = static_cast<int32_t>(fields[9]);
  args.offset_maps = static_cast<int32_t>(fields[10]);
  args.padding = static_cast<int32_t>(fields[11]);
  args.sampling = static_cast<int32_t>(fields[12]);
  args.logits = static_cast<int32_t>(fields[13]);
  args.threads = static_cast<int32_t>(fields[14]);
  return args;
}

// The warp; after its arrays the gradient of the result, if `backward`, for all four gradients.
void warp(const int64_t *fields, bool backward) {
  cdfi_warp_args args = warp_args(fields);
  const int64_t plane = args.batch * args.height * args.width;
  const int64_t sizes[4] = {args.batch * args.channels * args.image_height * args.image_width,
                            args.taps * args.taps * plane, args.offset_maps * plane,
                            args.offset_maps * plane};
  const auto image = read_floats(sizes[0]), weight = read_floats(sizes[1]);
  const auto alpha = read_floats(sizes[2]), beta = read_floats(sizes[3]);
  args.image = image.data();
  args.weight = weight.data();
  args.alpha = alpha.data();
  args.beta = beta.data();
  if (!backward) {
    std::vector<float> out(static_cast<size_t>(args.channels * plane));
    args.out = out.data();
    write_answer(cdfi_warp(&args), out);
    return;
  }
  const auto grad_out = read_floats(args.channels * plane);
  std::vector<float> gradients(static_cast<size_t>(sizes[0] + sizes[1] + sizes[2] + sizes[3]));
  cdfi_warp_backward_args call = {args, grad_out.data(), gradients.data(), nullptr, nullptr, nullptr};
  call.grad_weight = call.grad_image + sizes[0];
  call.grad_alpha = call.grad_weight + sizes[1];
  call.grad_beta = call.grad_alpha + sizes[2];
  write_answer(cdfi_warp_backward(&call), gradients);
}

// After the fields, as int64: the channels of the six heads, and channels, height and width of each
// feature level. Then both frames, each head's hidden map, weights and biases, and the levels.
void heads(const int64_t *fields) {
  cdfi_heads_args args = {};
  args.level = static_cast<int32_t>(fields[1]);
  args.batch = fields[2];
  args.height = fields[3];
  args.width = fields[4];
  args.hidden_height = fields[5];
  args.hidden_width = fields[6];
  args.taps = static_cast<int32_t>(fields[7]);
  args.dilation = static_cast<int32_t>(fields[8]);
  args.sampling = static_cast<int32_t>(fields[9]);
  args.threads = static_cast<int32_t>(fields[10]);
  args.levels = static_cast<int32_t>(fields[11]);
  const auto widths = read_array<int64_t>(6), shapes = read_array<int64_t>(3 * fields[11]);
  const int64_t plane = args.batch * args.height * args.width, taps = args.taps * args.taps;
  const int64_t hidden = args.batch * args.hidden_height * args.hidden_width;
  std::vector<std::vector<float>> held;  // whose elements stay where they are when it grows
  const auto next = [&](int64_t count) -> const float * {
    held.push_back(read_floats(count));
    return held.back().data();
  };
  for (auto &frame : args.frames) frame = next(3 * plane);
  for (size_t i = 0; i < 6; ++i) {
    cdfi_head &head = args.heads[i / 3][i % 3];
    head.channels = widths[i];
    head.hidden = next(widths[i] * hidden);
    head.weight = next(taps * widths[i] * 9);
    head.bias = next(taps);
  }
  std::vector<cdfi_feature_level> levels;
  int64_t channels = 6;
  for (size_t i = 0; i < shapes.size(); i += 3) {
    const float *planes = next(args.batch * shapes[i] * shapes[i + 1] * shapes[i + 2]);
    levels.push_back({planes, shapes[i], shapes[i + 1], shapes[i + 2]});
    channels += 2 * shapes[i];
  }
  args.features = levels.data();
  std::vector<float> out(static_cast<size_t>(channels * plane));
  float *const outs[] = {out.data()};
  args.out = outs;
  write_answer(cdfi_heads_warp(&args), out);
}

}  // namespace

int main() {
  int64_t fields[kFields];
  while (std::fread(fields, sizeof fields, 1, stdin) == 1) {
    switch (fields[0]) {
      case kReport:
        report();
        break;
      case kWarp:
        warp(fields, false);
        break;
      case kBackward:
        warp(fields, true);
        break;
      case kHeads:
        heads(fields);
        break;
      default:
        std::fprintf(stderr, "unknown entry %lld\n", static_cast<long long>(fields[0]));
        return 1;
    }
  }
  return 0;
}
