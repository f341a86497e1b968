#include "ort_host.h"

#include <cstring>

#include "cdfi_native.h"

namespace ort {
namespace {

const Api *table = nullptr;

std::string spelt(const Sides &sides) {
  std::string text;
  for (const int64_t side : sides) text += (text.empty() ? "(" : ", ") + std::to_string(side);
  return text + ")";
}

}  // namespace

const Api *registered() { return table; }

void Host::fail(const std::string &message) const {
  const std::string text = std::string(name) + ": " + message;
  throw Failure{CreateStatus::call(api, kInvalidArgument, text.c_str())};
}

void Host::check(Status *status) const {
  if (status) throw Failure{status};
}

int64_t Host::integer(const KernelInfo *info, const char *attribute, int64_t otherwise) const {
  int64_t value = 0;
  if (Status *absent = KernelInfoGetAttribute_int64::call(api, info, attribute, &value)) {
    ReleaseStatus::call(api, absent);
    return otherwise;
  }
  return value;
}

int32_t Host::size(const KernelInfo *info, const char *attribute) const {
  int64_t value = 0;
  check(KernelInfoGetAttribute_int64::call(api, info, attribute, &value));
  if (value < 1 || value > 1024)
    fail(std::string(attribute) + " is expected in 1 ... 1024, got " + std::to_string(value));
  return int32_t(value);
}

int32_t Host::sampling(const KernelInfo *info) const {
  char text[16] = {};
  size_t size = sizeof text;
  check(KernelInfoGetAttribute_string::call(api, info, "sampling", text, &size));
  if (!std::strcmp(text, "truncate")) return CDFI_TRUNCATE;
  if (!std::strcmp(text, "bilinear")) return CDFI_BILINEAR;
  fail(std::string("sampling is expected to be truncate or bilinear, got ") + text);
}

Tensor Call::input(size_t index) const {
  const Api *api = host_.api;
  const Value *value = nullptr;
  TensorShape *shape = nullptr;
  host_.check(KernelContext_GetInput::call(api, context_, index, &value));
  host_.check(GetTensorTypeAndShape::call(api, value, &shape));
  Tensor tensor{nullptr, {1, 1, 1, 1}, 0, 0};
  Status *status = GetDimensionsCount::call(api, shape, &tensor.axes);
  if (!status) status = GetTensorElementType::call(api, shape, &tensor.type);
  if (!status && tensor.axes <= 4)
    status = GetDimensions::call(api, shape, tensor.sides.data(), tensor.axes);
  ReleaseTensorTypeAndShapeInfo::call(api, shape);
  host_.check(status);
  if (tensor.axes > 4)
    host_.fail("input " + std::to_string(index) + " is expected with at most 4 axes, got " +
               std::to_string(tensor.axes));
  void *data = nullptr;
  host_.check(GetTensorMutableData::call(api, const_cast<Value *>(value), &data));
  tensor.data = data;
  return tensor;
}

Tensor Call::input(size_t index, const char *name, const Sides &sides) const {
  const Tensor tensor = input(index);
  if (tensor.sides != sides)
    host_.fail(std::string(name) + " is expected to be " + spelt(sides) + ", got " +
               spelt(tensor.sides));
  return tensor;
}

float *Call::output(const Sides &sides, size_t index) const {
  Value *result = nullptr;
  void *out = nullptr;
  host_.check(KernelContext_GetOutput::call(host_.api, context_, index, sides.data(), 4, &result));
  host_.check(GetTensorMutableData::call(host_.api, result, &out));
  return static_cast<float *>(out);
}

size_t Call::inputs() const {
  size_t count = 0;
  host_.check(KernelContext_GetInputCount::call(host_.api, context_, &count));
  return count;
}

size_t Call::outputs() const {
  size_t count = 0;
  host_.check(KernelContext_GetOutputCount::call(host_.api, context_, &count));
  return count;
}

cdfi::RunShares Call::threads() const {
  return [this](int64_t count, const cdfi::Share &share) {
    const auto call = [](void *work, size_t index) {
      (*static_cast<const cdfi::Share *>(work))(int64_t(index));
    };
    host_.check(KernelContext_ParallelFor::call(host_.api, context_, call, size_t(count), 0,
                                                const_cast<cdfi::Share *>(&share)));
  };
}

}  // namespace ort

// The entry that ONNX Runtime looks for in a library of custom operators.
extern "C" CDFI_API ort::Status *RegisterCustomOps(ort::SessionOptions *options,
                                                   const ort::ApiBase *base) {
  const ort::Api *api = base->get_api(ort::kApiVersion);
  if (!api) {  // an older ONNX Runtime: its first table can still say so
    api = base->get_api(1);
    return ort::CreateStatus::call(api, ort::kInvalidArgument,
                                   "the operators of 'cdfi' need ONNX Runtime 1.17 or newer");
  }
  ort::table = api;
  // Sessions use the domain as long as they live, so it is never released: some bytes for each
  // registration.
  ort::CustomOpDomain *domain = nullptr;
  if (ort::Status *status = ort::CreateCustomOpDomain::call(api, "cdfi", &domain)) return status;
  ort::Status *status = nullptr;
  for (const ort::CustomOp *op : {&cdfi::ort_warp_op(), &cdfi::ort_heads_op()})
    if (!status) status = ort::CustomOpDomain_Add::call(api, domain, op);
  if (!status) status = ort::AddCustomOpDomain::call(api, options, domain);
  if (status) ort::ReleaseCustomOpDomain::call(api, domain);
  return status;
}
