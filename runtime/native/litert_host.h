// What the operators for LiteRT share: options, tensors, messages.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "litert_abi.h"

namespace litert {

using Sides = std::array<int, 4>;

// Carries a message up to the entry that reports it.
struct Failure {
  std::string message;
};

class Call;

// One custom operator. Its `custom_options` are little-endian int32: "CDFI", the version, then
// `numbers` of its own.
struct Operator {
  const char *name;
  int32_t version;
  size_t numbers;
  // Fails on what does not fit, and computes if the call is more than a check of the shapes.
  void (*run)(const Call &call);
};

extern const Operator warp_op, heads_op;

// A node of the graph, as it was before the delegate took it.
struct Kernel {
  const Operator *op;
  std::vector<int> inputs, outputs;
  std::vector<int32_t> numbers;  // empty if the options cannot be read
};

struct Floats {
  const float *data;  // undefined unless the call computes
  Sides sides;        // missing axes are 1, at the end
};

// One call of an operator, or the check before the first one.
class Call {
 public:
  Call(const Context *context, const Kernel &kernel, bool computes)
      : context_(context), kernel_(kernel), computes_(computes) {}

  [[noreturn]] void fail(const std::string &message) const { throw Failure{message}; }
  int32_t number(size_t index) const { return kernel_.numbers[index]; }
  int32_t size(size_t index, const char *name) const;  // 1 ... 1024
  size_t inputs() const { return kernel_.inputs.size(); }
  Floats input(size_t index) const;
  Floats input(size_t index, const char *name, const Sides &sides) const;  // of just these sides
  float *output(const Sides &sides) const;
  int32_t threads() const;
  // Calls a function of cdfi_native.h, if this call computes.
  template <class Args>
  void compute(int32_t (*function)(const Args *), const Args &args) const {
    if (computes_) check(function(&args));
  }

 private:
  Floats tensor(int index, const std::string &name) const;
  void check(int32_t status) const;

  const Context *context_;
  const Kernel &kernel_;
  const bool computes_;
};

}  // namespace litert
