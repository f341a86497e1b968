// The few entries of ONNX Runtime's C interface that a custom operator needs.
//
// Its wheels ship no headers, and none are wanted in this tree. The interface is a table of function
// pointers that only ever grows at its end, so an entry is known by its position and its type; the
// positions hold for every version from kApiVersion on. The names are those of
// onnxruntime_c_api.h, where each is documented.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ort {

constexpr uint32_t kApiVersion = 17;  // ONNX Runtime 1.17, the first with KernelContext_ParallelFor

// Objects of the host, known by address only.
struct Status;
struct Value;
struct SessionOptions;
struct CustomOpDomain;
struct KernelInfo;
struct KernelContext;
struct TensorShape;  // OrtTensorTypeAndShapeInfo

struct Api {
  void (*entries[410])();  // up to the last one used, which is runtime/runner's
};

struct ApiBase {
  const Api *(*get_api)(uint32_t version);
  const char *(*get_version_string)();
};

constexpr int kInvalidArgument = 2;  // OrtErrorCode
// ONNXTensorElementDataType; an operator's input of kAnyType takes every one.
constexpr int kAnyType = 0;
constexpr int kFloat = 1;
constexpr int kFloat16 = 10;
// OrtCustomOpInputOutputCharacteristic
constexpr int kRequired = 0;
constexpr int kVariadic = 2;

// An entry: its position in the table and the type of the function there.
template <size_t Position, class Function>
struct Entry;

template <size_t Position, class Result, class... Args>
struct Entry<Position, Result(Args...)> {
  static Result call(const Api *api, Args... args) {
    return reinterpret_cast<Result (*)(Args...)>(api->entries[Position])(args...);
  }
};

using CreateStatus = Entry<0, Status *(int code, const char *message)>;
using CreateCustomOpDomain = Entry<26, Status *(const char *domain, CustomOpDomain **out)>;
using CustomOpDomain_Add = Entry<27, Status *(CustomOpDomain *, const struct CustomOp *)>;
using AddCustomOpDomain = Entry<28, Status *(SessionOptions *, CustomOpDomain *)>;
using GetTensorMutableData = Entry<51, Status *(Value *, void **out)>;
using GetTensorElementType = Entry<60, Status *(const TensorShape *, int *out)>;
using GetDimensionsCount = Entry<61, Status *(const TensorShape *, size_t *out)>;
using GetDimensions = Entry<62, Status *(const TensorShape *, int64_t *out, size_t count)>;
using GetTensorTypeAndShape = Entry<65, Status *(const Value *, TensorShape **out)>;
using KernelInfoGetAttribute_int64 =
    Entry<86, Status *(const KernelInfo *, const char *name, int64_t *out)>;
using KernelInfoGetAttribute_string =
    Entry<87, Status *(const KernelInfo *, const char *name, char *out, size_t *size)>;
using KernelContext_GetInputCount = Entry<88, Status *(const KernelContext *, size_t *out)>;
using KernelContext_GetOutputCount = Entry<89, Status *(const KernelContext *, size_t *out)>;
using KernelContext_GetInput =
    Entry<90, Status *(const KernelContext *, size_t index, const Value **out)>;
using KernelContext_GetOutput = Entry<91, Status *(KernelContext *, size_t index,
                                                   const int64_t *sides, size_t axes, Value **out)>;
using ReleaseStatus = Entry<93, void(Status *)>;
using ReleaseTensorTypeAndShapeInfo = Entry<99, void(TensorShape *)>;
using ReleaseCustomOpDomain = Entry<101, void(CustomOpDomain *)>;
using KernelContext_ParallelFor =
    Entry<274, Status *(const KernelContext *, void (*)(void *, size_t), size_t total,
                        size_t batches, void *)>;

// OrtCustomOp up to version 16, the first whose kernels return a status. Null entries are unused; the
// others say what all our operators have in common: one float32 output, the default memory.
struct CustomOp {
  uint32_t version = 16;
  void *(*create_kernel)(const CustomOp *, const Api *, const KernelInfo *) = nullptr;
  const char *(*get_name)(const CustomOp *) = nullptr;
  const char *(*get_execution_provider)(const CustomOp *) =
      [](const CustomOp *) -> const char * { return nullptr; };
  int (*get_input_type)(const CustomOp *, size_t) = nullptr;
  size_t (*get_input_count)(const CustomOp *) = nullptr;
  int (*get_output_type)(const CustomOp *, size_t) = [](const CustomOp *, size_t) { return kFloat; };
  size_t (*get_output_count)(const CustomOp *) = [](const CustomOp *) -> size_t { return 1; };
  void (*compute)(void *, KernelContext *) = nullptr;
  void (*destroy_kernel)(void *) = nullptr;
  int (*get_input_characteristic)(const CustomOp *, size_t) = [](const CustomOp *, size_t) {
    return kRequired;
  };
  int (*get_output_characteristic)(const CustomOp *, size_t) = [](const CustomOp *, size_t) {
    return kRequired;
  };
  int (*get_input_memory)(const CustomOp *, size_t) = [](const CustomOp *, size_t) { return 0; };
  int (*variadic_input_least)(const CustomOp *) = [](const CustomOp *) { return 1; };
  int (*variadic_input_same_type)(const CustomOp *) = [](const CustomOp *) { return 1; };
  int (*variadic_output_least)(const CustomOp *) = [](const CustomOp *) { return 1; };
  int (*variadic_output_same_type)(const CustomOp *) = [](const CustomOp *) { return 1; };
  Status *(*create_kernel_v2)(const CustomOp *, const Api *, const KernelInfo *,
                              void **) = nullptr;
  Status *(*compute_v2)(void *, KernelContext *) = nullptr;
};

}  // namespace ort
