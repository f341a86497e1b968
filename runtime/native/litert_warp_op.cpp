// cdfi.AdaCoFWarp for LiteRT: see cdfi_warp_args.
//
//   AdaCoFWarp(image, weight, alpha, beta) -> the warped image; all float32
//   options: taps, dilation, sampling, logits, padded
#include "cdfi_native.h"
#include "litert_host.h"

namespace {

enum { kImage, kWeight, kAlpha, kBeta, kInputs };
enum { kTaps, kDilation, kSampling, kLogits, kPadded, kNumbers };

void run(const litert::Call &call) {
  if (call.inputs() != kInputs)
    call.fail("4 inputs are expected, got " + std::to_string(call.inputs()));
  cdfi_warp_args args = {};
  args.taps = call.size(kTaps, "taps");
  args.dilation = call.size(kDilation, "dilation");
  const int taps = args.taps * args.taps;
  const int reach = (args.taps - 1) * args.dilation / 2;
  const bool padded = call.number(kPadded);
  const litert::Floats image = call.input(kImage);
  const auto [batch, channels, image_height, image_width] = image.sides;
  const int border = padded ? 2 * reach : 0;
  const int height = image_height - border, width = image_width - border;
  const int own = call.input(kAlpha).sides[1] == 1 ? 1 : taps;
  args.image = image.data;
  args.weight = call.input(kWeight, "weight", {batch, taps, height, width}).data;
  args.alpha = call.input(kAlpha, "alpha", {batch, own, height, width}).data;
  args.beta = call.input(kBeta, "beta", {batch, own, height, width}).data;
  args.out = call.output({batch, channels, height, width});
  args.batch = batch;
  args.channels = channels;
  args.image_height = image_height;
  args.image_width = image_width;
  args.height = height;
  args.width = width;
  args.offset_maps = own;
  args.padding = padded ? 0 : reach;
  args.sampling = call.number(kSampling);
  args.logits = call.number(kLogits);
  args.threads = call.threads();
  args.level = CDFI_LEVEL_AUTO;
  call.compute(cdfi_warp, args);
}

}  // namespace

const litert::Operator litert::warp_op = {"cdfi.AdaCoFWarp", 1, kNumbers, run};
