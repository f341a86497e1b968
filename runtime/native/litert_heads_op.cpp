// cdfi.AdaCoFHeadsWarp for LiteRT: see cdfi_heads_args.
//
//   AdaCoFHeadsWarp(inputs as those of the operator for ONNX Runtime: ort_heads_op.cpp)
//     -> (B, 6 + 2 * all feature channels, H, W); all float32
//   options: taps, dilation, sampling
#include "cdfi_native.h"
#include "litert_host.h"

namespace {

constexpr size_t kFirstHead = 2, kHeadInputs = 3, kFirstLevel = kFirstHead + 6 * kHeadInputs;
enum { kTaps, kDilation, kSampling, kNumbers };

void run(const litert::Call &call) {
  const size_t inputs = call.inputs();
  if (inputs < kFirstLevel)
    call.fail("two frames and six heads are expected, 20 inputs, got " + std::to_string(inputs));
  cdfi_heads_args args = {};
  args.taps = call.size(kTaps, "taps");
  args.dilation = call.size(kDilation, "dilation");
  args.sampling = call.number(kSampling);
  const int taps = args.taps * args.taps;
  const litert::Floats frame = call.input(0);
  const auto [batch, colours, height, width] = frame.sides;
  if (colours != 3)
    call.fail("frames are expected with 3 channels, got " + std::to_string(colours));
  args.frames[0] = frame.data;
  args.frames[1] = call.input(1, "the second frame", frame.sides).data;
  const litert::Sides hidden = call.input(kFirstHead).sides;
  for (size_t i = 0; i < 6; ++i) {
    const size_t at = kFirstHead + kHeadInputs * i;
    const int channels = call.input(at).sides[1];
    args.heads[i / 3][i % 3] = {
        call.input(at, "a hidden map", {batch, channels, hidden[2], hidden[3]}).data,
        call.input(at + 1, "a head's weight", {taps, channels, 3, 3}).data,
        call.input(at + 2, "a head's bias", {taps, 1, 1, 1}).data, channels};
  }
  std::vector<cdfi_feature_level> levels;
  int channels = 3;
  for (size_t i = kFirstLevel; i < inputs; ++i) {
    const litert::Floats level = call.input(i);
    if (level.sides[0] != batch) call.fail("feature levels are expected with as many images");
    levels.push_back({level.data, level.sides[1], level.sides[2], level.sides[3]});
    channels += level.sides[1];
  }
  args.features = levels.data();
  args.levels = int32_t(levels.size());
  args.batch = batch;
  args.height = height;
  args.width = width;
  args.hidden_height = hidden[2];
  args.hidden_width = hidden[3];
  float *const out = call.output({batch, 2 * channels, height, width});
  args.out = &out;
  args.threads = call.threads();
  args.level = CDFI_LEVEL_AUTO;
  call.compute(cdfi_heads_warp, args);
}

}  // namespace

const litert::Operator litert::heads_op = {"cdfi.AdaCoFHeadsWarp", 1, kNumbers, run};
