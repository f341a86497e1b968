// Runs calls of the C interface that another program wrote: how the tests reach a build for a machine
// that they do not run on. Little-endian, from standard input to standard output.
//
// A call is kFields int64 and the arrays of its entry; the answer is the status as int64 and, if it
// is CDFI_OK, the output.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cdfi_native.h"

namespace {

// entry, level, batch, channels, image height and width, height, width, taps, dilation, offset maps,
// padding, sampling, logits, threads, and one unused.
constexpr size_t kFields = 16;
enum Entry : int64_t { kReport = 0, kWarp = 1 };

std::vector<float> read_floats(int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  if (std::fread(values.data(), sizeof(float), values.size(), stdin) != values.size()) std::abort();
  return values;
}

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

void warp(const int64_t *fields) {
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
  const int64_t plane = args.batch * args.height * args.width;
  const auto image =
      read_floats(args.batch * args.channels * args.image_height * args.image_width);
  const auto weight = read_floats(args.taps * args.taps * plane);
  const auto alpha = read_floats(args.offset_maps * plane);
  const auto beta = read_floats(args.offset_maps * plane);
  std::vector<float> out(static_cast<size_t>(args.channels * plane));
  args.image = image.data();
  args.weight = weight.data();
  args.alpha = alpha.data();
  args.beta = beta.data();
  args.out = out.data();
  write_answer(cdfi_warp(&args), out);
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
        warp(fields);
        break;
      default:
        std::fprintf(stderr, "unknown entry %lld\n", static_cast<long long>(fields[0]));
        return 1;
    }
  }
  return 0;
}
