// What the operators for ONNX Runtime share: errors, attributes, tensors, the host's threads.
#pragma once

#include <array>
#include <new>
#include <string>

#include "ort_abi.h"
#include "shares.h"

namespace ort {

using Sides = std::array<int64_t, 4>;

// More shares than most hosts have threads; each costs some scratch memory.
constexpr int64_t kShares = 32;

// Carries a status of the host, or a message of our own, up to the entry that returns it.
struct Failure {
  Status *status;
};

// One operator's way to the host.
struct Host {
  const Api *api;
  const char *name;  // of the operator, for messages

  [[noreturn]] void fail(const std::string &message) const;
  void check(Status *status) const;

  int64_t integer(const KernelInfo *info, const char *attribute, int64_t otherwise) const;
  int32_t size(const KernelInfo *info, const char *attribute) const;  // 1 ... 1024
  int32_t sampling(const KernelInfo *info) const;                     // enum cdfi_sampling

  // Runs `body`; what it throws becomes the status that ONNX Runtime reports.
  template <class Body>
  Status *guarded(const Body &body) const {
    try {
      body();
      return nullptr;
    } catch (const Failure &failure) {
      return failure.status;
    } catch (const std::bad_alloc &) {
      return CreateStatus::call(api, kInvalidArgument, (std::string(name) + ": no memory").c_str());
    }
  }
};

struct Tensor {
  const void *data;
  Sides sides;  // missing axes are 1, at the end
  size_t axes;
  int type;  // ONNXTensorElementDataType
  const float *floats() const { return static_cast<const float *>(data); }
};

// One call of an operator.
class Call {
 public:
  Call(const Host &host, KernelContext *context) : host_(host), context_(context) {}
  Tensor input(size_t index) const;
  Tensor input(size_t index, const char *name, const Sides &sides) const;  // of just these sides
  float *output(const Sides &sides, size_t index = 0) const;
  size_t inputs() const;
  size_t outputs() const;
  // Runs shares on ONNX Runtime's own threads (intra_op_num_threads).
  cdfi::RunShares threads() const;

 private:
  const Host &host_;
  KernelContext *context_;
};

// The table of this process's ONNX Runtime; null until the library is registered.
const Api *registered();

}  // namespace ort

namespace cdfi {

const ort::CustomOp &ort_warp_op();
const ort::CustomOp &ort_heads_op();

}  // namespace cdfi
