// cdfi::AdaCoFWarp for ONNX Runtime: SessionOptions.register_custom_ops_library(this library).
//
//   AdaCoFWarp(image (B, C, h, w), weight (B, F*F, H, W), alpha, beta (B, F*F or 1, H, W))
//     -> (B, C, H, W); all float32
//   attributes: taps, dilation (ints), sampling ("truncate" or "bilinear"),
//     logits = 0 (softmax the weights over the taps first),
//     padded = 0 (the image has its (F - 1) * d / 2 pixels of padding on each side already)
//
// The rows are shared out on ONNX Runtime's own threads (intra_op_num_threads).
#include <array>
#include <cstring>
#include <new>
#include <string>

#include "cdfi_native.h"
#include "ort_abi.h"
#include "shares.h"

namespace {

using Sides = std::array<int64_t, 4>;

// More shares than most hosts have threads; each costs a few KiB.
constexpr int64_t kShares = 32;

// Carries a status of the host, or a message of our own, up to the entry that returns it.
struct Failure {
  ort::Status *status;
};

struct Kernel {
  const ort::Api *api;
  cdfi_warp_args fixed;  // the attributes
  bool padded;
};

[[noreturn]] void fail(const ort::Api *api, const std::string &message) {
  const std::string text = "cdfi::AdaCoFWarp: " + message;
  throw Failure{ort::CreateStatus::call(api, ort::kInvalidArgument, text.c_str())};
}

void check(ort::Status *status) {
  if (status) throw Failure{status};
}

// Runs `body`; what it throws becomes the status that ONNX Runtime reports.
template <class Body>
ort::Status *guarded(const ort::Api *api, const Body &body) {
  try {
    body();
    return nullptr;
  } catch (const Failure &failure) {
    return failure.status;
  } catch (const std::bad_alloc &) {
    return ort::CreateStatus::call(api, ort::kInvalidArgument, "cdfi::AdaCoFWarp: no memory");
  }
}

int64_t flag(const ort::Api *api, const ort::KernelInfo *info, const char *name) {
  int64_t value = 0;
  if (ort::Status *absent = ort::KernelInfoGetAttribute_int64::call(api, info, name, &value)) {
    ort::ReleaseStatus::call(api, absent);
    return 0;
  }
  return value;
}

int32_t attribute(const ort::Api *api, const ort::KernelInfo *info, const char *name) {
  int64_t value = 0;
  check(ort::KernelInfoGetAttribute_int64::call(api, info, name, &value));
  if (value < 1 || value > 1024)
    fail(api, std::string(name) + " is expected in 1 ... 1024, got " + std::to_string(value));
  return int32_t(value);
}

int32_t sampling_of(const ort::Api *api, const ort::KernelInfo *info) {
  char text[16] = {};
  size_t size = sizeof text;
  check(ort::KernelInfoGetAttribute_string::call(api, info, "sampling", text, &size));
  if (!std::strcmp(text, "truncate")) return CDFI_TRUNCATE;
  if (!std::strcmp(text, "bilinear")) return CDFI_BILINEAR;
  fail(api, std::string("sampling is expected to be truncate or bilinear, got ") + text);
}

std::string spelt(const Sides &sides) {
  std::string text;
  for (const int64_t side : sides) text += (text.empty() ? "(" : ", ") + std::to_string(side);
  return text + ")";
}

struct Tensor {
  const float *data;
  Sides sides;
};

Tensor input(const ort::Api *api, ort::KernelContext *context, size_t index) {
  const ort::Value *value = nullptr;
  ort::TensorShape *shape = nullptr;
  check(ort::KernelContext_GetInput::call(api, context, index, &value));
  check(ort::GetTensorTypeAndShape::call(api, value, &shape));
  size_t axes = 0;
  Sides sides = {};
  ort::Status *status = ort::GetDimensionsCount::call(api, shape, &axes);
  if (!status && axes == 4) status = ort::GetDimensions::call(api, shape, sides.data(), 4);
  ort::ReleaseTensorTypeAndShapeInfo::call(api, shape);
  check(status);
  if (axes != 4)
    fail(api, "input " + std::to_string(index) + " is expected with 4 axes, got " +
                  std::to_string(axes));
  void *data = nullptr;
  check(ort::GetTensorMutableData::call(api, const_cast<ort::Value *>(value), &data));
  return {static_cast<const float *>(data), sides};
}

void expect(const ort::Api *api, const char *name, const Tensor &tensor, const Sides &sides) {
  if (tensor.sides != sides)
    fail(api, std::string(name) + " is expected to be " + spelt(sides) + ", got " +
                  spelt(tensor.sides));
}

void run_on_host(const ort::Api *api, const ort::KernelContext *context, int64_t count,
                 const cdfi::Share &share) {
  const auto call = [](void *work, size_t index) {
    (*static_cast<const cdfi::Share *>(work))(int64_t(index));
  };
  check(ort::KernelContext_ParallelFor::call(api, context, call, size_t(count), 0,
                                             const_cast<cdfi::Share *>(&share)));
}

void compute(const Kernel &kernel, ort::KernelContext *context) {
  const ort::Api *api = kernel.api;
  const Tensor image = input(api, context, 0), weight = input(api, context, 1);
  const Tensor alpha = input(api, context, 2), beta = input(api, context, 3);
  cdfi_warp_args args = kernel.fixed;
  const int32_t reach = (args.taps - 1) * args.dilation / 2, taps = args.taps * args.taps;
  const int64_t border = kernel.padded ? 2 * reach : 0;
  const auto [batch, channels, image_height, image_width] = image.sides;
  const int64_t height = image_height - border, width = image_width - border;
  const int64_t own = alpha.sides[1] == 1 ? 1 : taps;
  expect(api, "weight", weight, {batch, taps, height, width});
  expect(api, "alpha", alpha, {batch, own, height, width});
  expect(api, "beta", beta, {batch, own, height, width});
  const Sides sides = {batch, channels, height, width};
  ort::Value *result = nullptr;
  void *out = nullptr;
  check(ort::KernelContext_GetOutput::call(api, context, 0, sides.data(), 4, &result));
  check(ort::GetTensorMutableData::call(api, result, &out));
  args.image = image.data;
  args.weight = weight.data;
  args.alpha = alpha.data;
  args.beta = beta.data;
  args.out = static_cast<float *>(out);
  args.batch = batch;
  args.channels = channels;
  args.image_height = image_height;
  args.image_width = image_width;
  args.height = height;
  args.width = width;
  args.offset_maps = int32_t(own);
  args.padding = kernel.padded ? 0 : reach;
  const int32_t status = cdfi::warp(args, [&](int64_t count, const cdfi::Share &share) {
    run_on_host(api, context, count, share);
  });
  if (status) fail(api, cdfi_native_error(status));
}

// The table of this process's ONNX Runtime; set when the library is registered.
const ort::Api *registered = nullptr;

ort::Status *create_kernel(const ort::CustomOp *, const ort::Api *, const ort::KernelInfo *info,
                           void **out) {
  const ort::Api *api = registered;  // the one given is of the operator's version, which is older
  return guarded(api, [&] {
    cdfi_warp_args fixed = {};
    fixed.taps = attribute(api, info, "taps");
    fixed.dilation = attribute(api, info, "dilation");
    fixed.sampling = sampling_of(api, info);
    fixed.logits = flag(api, info, "logits") != 0;
    fixed.threads = kShares;
    fixed.level = CDFI_LEVEL_AUTO;
    *out = new Kernel{api, fixed, flag(api, info, "padded") != 0};
  });
}

ort::Status *compute_kernel(void *kernel, ort::KernelContext *context) {
  const Kernel &own = *static_cast<const Kernel *>(kernel);
  return guarded(own.api, [&] { compute(own, context); });
}

ort::CustomOp describe() {
  ort::CustomOp op;
  op.get_name = [](const ort::CustomOp *) { return "AdaCoFWarp"; };
  op.get_execution_provider = [](const ort::CustomOp *) -> const char * { return nullptr; };
  op.get_input_type = op.get_output_type = [](const ort::CustomOp *, size_t) {
    return ort::kFloat;
  };
  op.get_input_count = [](const ort::CustomOp *) -> size_t { return 4; };
  op.get_output_count = [](const ort::CustomOp *) -> size_t { return 1; };
  op.get_input_characteristic = op.get_output_characteristic = op.get_input_memory =
      [](const ort::CustomOp *, size_t) { return 0; };  // required; the default memory
  op.variadic_input_least = op.variadic_input_same_type = op.variadic_output_least =
      op.variadic_output_same_type = [](const ort::CustomOp *) { return 1; };
  op.create_kernel_v2 = create_kernel;
  op.compute_v2 = compute_kernel;
  op.destroy_kernel = [](void *kernel) { delete static_cast<Kernel *>(kernel); };
  return op;
}

}  // namespace

// The entry that ONNX Runtime looks for in a library of custom operators.
extern "C" CDFI_API ort::Status *RegisterCustomOps(ort::SessionOptions *options,
                                                   const ort::ApiBase *base) {
  static const ort::CustomOp op = describe();
  const ort::Api *api = base->get_api(ort::kApiVersion);
  if (!api) {  // an older ONNX Runtime: its first table can still say so
    api = base->get_api(1);
    return ort::CreateStatus::call(api, ort::kInvalidArgument,
                                   "cdfi::AdaCoFWarp needs ONNX Runtime 1.17 or newer");
  }
  registered = api;
  // Sessions use the domain as long as they live, so it is never released: some bytes for each
  // registration.
  ort::CustomOpDomain *domain = nullptr;
  if (ort::Status *status = ort::CreateCustomOpDomain::call(api, "cdfi", &domain)) return status;
  ort::Status *status = ort::CustomOpDomain_Add::call(api, domain, &op);
  if (!status) status = ort::AddCustomOpDomain::call(api, options, domain);
  if (status) ort::ReleaseCustomOpDomain::call(api, domain);
  return status;
}
