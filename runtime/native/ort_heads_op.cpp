// cdfi::AdaCoFHeadsWarp for ONNX Runtime: see cdfi_heads_args.
//
//   AdaCoFHeadsWarp(frame0, frame1 (B, 3, H, W),
//                   hidden (B, C, h, w), weight (F*F, C, 3, 3), bias (F*F) of each of the six heads:
//                     tap logits, row and column offsets of frame 0, then of frame 1,
//                   feature levels (B, C, h, w), none or more)
//     -> (B, 6 + 2 * all feature channels, H, W), or with `group` the frames (B, 6, H, W) and as
//       many (B, group, H, W) as the features fill, zeros behind them; all float32
//   attributes: taps, dilation (ints), sampling ("truncate" or "bilinear"),
//     group = 0 (channels of the outputs that hold features; 0 for one output)
#include <vector>

#include "cdfi_native.h"
#include "ort_host.h"

namespace {

constexpr char kName[] = "cdfi::AdaCoFHeadsWarp";
constexpr size_t kFirstHead = 2, kHeadInputs = 3, kFirstLevel = kFirstHead + 6 * kHeadInputs;

struct Kernel {
  ort::Host host;
  cdfi_heads_args fixed;  // the attributes
};

void compute(const Kernel &kernel, const ort::Call &call) {
  const size_t inputs = call.inputs();
  if (inputs < kFirstLevel)
    kernel.host.fail("two frames and six heads are expected, 20 inputs, got " +
                     std::to_string(inputs));
  cdfi_heads_args args = kernel.fixed;
  const int64_t taps = int64_t(args.taps) * args.taps;
  const ort::Tensor frame = call.input(0);
  const auto [batch, colours, height, width] = frame.sides;
  if (colours != 3)
    kernel.host.fail("frames are expected with 3 channels, got " + std::to_string(colours));
  args.frames[0] = frame.floats();
  args.frames[1] = call.input(1, "the second frame", frame.sides).floats();
  const ort::Sides hidden = call.input(kFirstHead).sides;
  for (size_t i = 0; i < 6; ++i) {
    const size_t at = kFirstHead + kHeadInputs * i;
    const int64_t channels = call.input(at).sides[1];
    args.heads[i / 3][i % 3] = {
        call.input(at, "a hidden map", {batch, channels, hidden[2], hidden[3]}).floats(),
        call.input(at + 1, "a head's weight", {taps, channels, 3, 3}).floats(),
        call.input(at + 2, "a head's bias", {taps, 1, 1, 1}).floats(), channels};
  }
  std::vector<cdfi_feature_level> levels;
  int64_t channels = 3;
  for (size_t i = kFirstLevel; i < inputs; ++i) {
    const ort::Tensor level = call.input(i);
    if (level.sides[0] != batch) kernel.host.fail("feature levels are expected with as many images");
    levels.push_back({level.floats(), level.sides[1], level.sides[2], level.sides[3]});
    channels += level.sides[1];
  }
  args.features = levels.data();
  args.levels = int32_t(levels.size());
  args.batch = batch;
  args.height = height;
  args.width = width;
  args.hidden_height = hidden[2];
  args.hidden_width = hidden[3];
  const int64_t features = 2 * channels - 6;
  const size_t outputs =
      args.group ? size_t(1 + (features + args.group - 1) / args.group) : size_t(1);
  if (call.outputs() != outputs)
    kernel.host.fail(std::to_string(outputs) + " outputs are expected, got " +
                     std::to_string(call.outputs()));
  std::vector<float *> out;
  for (size_t i = 0; i < outputs; ++i) {
    const int64_t held = !args.group ? 2 * channels : i ? args.group : 6;
    out.push_back(call.output({batch, held, height, width}, i));
  }
  args.out = out.data();
  if (const int32_t status = cdfi::heads_warp(args, call.threads()))
    kernel.host.fail(cdfi_native_error(status));
}

ort::Status *create(const ort::CustomOp *, const ort::Api *, const ort::KernelInfo *info,
                    void **out) {
  const ort::Host host{ort::registered(), kName};
  return host.guarded([&] {
    cdfi_heads_args fixed = {};
    fixed.taps = host.size(info, "taps");
    fixed.dilation = host.size(info, "dilation");
    fixed.sampling = host.sampling(info);
    fixed.group = host.integer(info, "group", 0);
    if (fixed.group < 0) host.fail("group is expected to be 0 or more");
    fixed.threads = ort::kShares;
    fixed.level = CDFI_LEVEL_AUTO;
    *out = new Kernel{host, fixed};
  });
}

ort::CustomOp describe() {
  ort::CustomOp op;
  op.get_name = [](const ort::CustomOp *) { return "AdaCoFHeadsWarp"; };
  op.get_input_type = [](const ort::CustomOp *, size_t) { return ort::kFloat; };
  op.get_input_count = [](const ort::CustomOp *) -> size_t { return 1; };
  op.get_input_characteristic = [](const ort::CustomOp *, size_t) { return ort::kVariadic; };
  op.variadic_input_least = [](const ort::CustomOp *) { return int(kFirstLevel); };
  op.get_output_characteristic = [](const ort::CustomOp *, size_t) { return ort::kVariadic; };
  op.create_kernel_v2 = create;
  op.compute_v2 = [](void *kernel, ort::KernelContext *context) {
    const Kernel &own = *static_cast<const Kernel *>(kernel);
    return own.host.guarded([&] { compute(own, ort::Call(own.host, context)); });
  };
  op.destroy_kernel = [](void *kernel) { delete static_cast<Kernel *>(kernel); };
  return op;
}

}  // namespace

const ort::CustomOp &cdfi::ort_heads_op() {
  static const ort::CustomOp op = describe();
  return op;
}
