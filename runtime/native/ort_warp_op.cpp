// cdfi::AdaCoFWarp for ONNX Runtime.
//
//   AdaCoFWarp(image (B, C, h, w), weight (B, F*F, H, W), alpha, beta (B, F*F or 1, H, W))
//     -> (B, C, H, W); all float32, the three maps float16 if all of them are
//   attributes: taps, dilation (ints), sampling ("truncate" or "bilinear"),
//     logits = 0 (softmax the weights over the taps first),
//     padded = 0 (the image has its (F - 1) * d / 2 pixels of padding on each side already)
#include "cdfi_native.h"
#include "ort_host.h"

namespace {

constexpr char kName[] = "cdfi::AdaCoFWarp";

struct Kernel {
  ort::Host host;
  cdfi_warp_args fixed;  // the attributes
  bool padded;
};

void compute(const Kernel &kernel, const ort::Call &call) {
  const ort::Tensor image = call.input(0);
  cdfi_warp_args args = kernel.fixed;
  const int32_t reach = (args.taps - 1) * args.dilation / 2, taps = args.taps * args.taps;
  const int64_t border = kernel.padded ? 2 * reach : 0;
  const auto [batch, channels, image_height, image_width] = image.sides;
  const int64_t height = image_height - border, width = image_width - border;
  const ort::Tensor weight = call.input(1, "weight", {batch, taps, height, width});
  const int64_t own = call.input(2).sides[1] == 1 ? 1 : taps;
  const ort::Tensor alpha = call.input(2, "alpha", {batch, own, height, width});
  const ort::Tensor beta = call.input(3, "beta", {batch, own, height, width});
  const bool half = weight.type == ort::kFloat16;
  if ((!half && weight.type != ort::kFloat) || alpha.type != weight.type ||
      beta.type != weight.type)
    kernel.host.fail("weight, alpha and beta are expected to be all float32 or all float16");
  args.out = call.output({batch, channels, height, width});
  args.image = image.floats();
  args.weight = weight.data;
  args.alpha = alpha.data;
  args.beta = beta.data;
  args.batch = batch;
  args.channels = channels;
  args.image_height = image_height;
  args.image_width = image_width;
  args.height = height;
  args.width = width;
  args.offset_maps = int32_t(own);
  args.padding = kernel.padded ? 0 : reach;
  args.map_type = half ? CDFI_FLOAT16 : CDFI_FLOAT32;
  if (const int32_t status = cdfi::warp(args, call.threads()))
    kernel.host.fail(cdfi_native_error(status));
}

ort::Status *create(const ort::CustomOp *, const ort::Api *, const ort::KernelInfo *info,
                    void **out) {
  // The table that is given is of the operator's version, which is older.
  const ort::Host host{ort::registered(), kName};
  return host.guarded([&] {
    cdfi_warp_args fixed = {};
    fixed.taps = host.size(info, "taps");
    fixed.dilation = host.size(info, "dilation");
    fixed.sampling = host.sampling(info);
    fixed.logits = host.integer(info, "logits", 0) != 0;
    fixed.threads = ort::kShares;
    fixed.level = CDFI_LEVEL_AUTO;
    *out = new Kernel{host, fixed, host.integer(info, "padded", 0) != 0};
  });
}

ort::CustomOp describe() {
  ort::CustomOp op;
  op.get_name = [](const ort::CustomOp *) { return "AdaCoFWarp"; };
  op.get_input_type = [](const ort::CustomOp *, size_t index) {
    return index ? ort::kAnyType : ort::kFloat;
  };
  op.get_input_count = [](const ort::CustomOp *) -> size_t { return 4; };
  op.create_kernel_v2 = create;
  op.compute_v2 = [](void *kernel, ort::KernelContext *context) {
    const Kernel &own = *static_cast<const Kernel *>(kernel);
    return own.host.guarded([&] { compute(own, ort::Call(own.host, context)); });
  };
  op.destroy_kernel = [](void *kernel) { delete static_cast<Kernel *>(kernel); };
  return op;
}

}  // namespace

const ort::CustomOp &cdfi::ort_warp_op() {
  static const ort::CustomOp op = describe();
  return op;
}
