// The delegate for LiteRT (TFLite) that runs the custom operators of this library.
//
// LiteRT's wheels export no way to add a custom operator, but they load delegates from libraries,
// and so do its packages for Android: the delegate takes the nodes of these operators and leaves
// all others to whoever takes them, e.g. XNNPACK. It is written against the C structs only
// (litert_abi.h).
#include "litert_host.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "cdfi_native.h"

namespace litert {
namespace {

constexpr const Operator *kOperators[] = {&warp_op, &heads_op};

std::string spelt(const Sides &sides) {
  std::string text;
  for (const int side : sides) text += (text.empty() ? "(" : ", ") + std::to_string(side);
  return text + ")";
}

const Operator *operator_of(const Registration *registration) {
  for (const Operator *op : kOperators)
    if (registration->custom_name && !std::strcmp(registration->custom_name, op->name)) return op;
  return nullptr;
}

std::vector<int32_t> read_options(const Operator &op, const Node &node) {
  std::vector<int32_t> all(2 + op.numbers);
  const size_t bytes = all.size() * sizeof all[0];
  if (node.custom_initial_data_size != int(bytes)) return {};
  std::memcpy(all.data(), node.custom_initial_data, bytes);
  if (std::memcmp(all.data(), "CDFI", 4) || all[1] != op.version) return {};
  return {all.begin() + 2, all.end()};
}

std::vector<int> listed(const IntArray *array) {
  return {array->data, array->data + array->size};
}

// The interpreter makes one of these for each node that was replaced.
void *init(Context *context, const char *buffer, size_t) {
  const auto *params = reinterpret_cast<const DelegateParams *>(buffer);
  Node *node = nullptr;
  Registration *registration = nullptr;
  if (params->nodes_to_replace->size != 1 ||
      context->get_node_and_registration(context, params->nodes_to_replace->data[0], &node,
                                         &registration))
    return nullptr;
  const Operator *op = operator_of(registration);
  if (!op) return nullptr;
  try {
    return new Kernel{op, listed(node->inputs), listed(node->outputs), read_options(*op, *node)};
  } catch (const std::bad_alloc &) {
    return nullptr;
  }
}

void release(Context *, void *kernel) { delete static_cast<Kernel *>(kernel); }

int run(Context *context, const Node *node, bool computes) {
  const auto *kernel = static_cast<const Kernel *>(node->user_data);
  if (!kernel) {
    context->report_error(context, "%s", "cdfi: a node was not handed over as it is in the file");
    return kError;
  }
  const char *name = kernel->op->name;
  try {
    if (kernel->numbers.empty()) throw Failure{"its options cannot be read"};
    kernel->op->run(Call(context, *kernel, computes));
    return kOk;
  } catch (const Failure &failure) {
    context->report_error(context, "%s: %s", name, failure.message.c_str());
  } catch (const std::bad_alloc &) {
    context->report_error(context, "%s: no memory", name);
  }
  return kError;
}

int prepare(Context *context, Node *node) { return run(context, node, false); }
int invoke(Context *context, Node *node) { return run(context, node, true); }

// Takes each node by itself: two that were taken together would be one kernel.
int take_nodes(Context *context, Delegate *delegate) {
  IntArray *plan = nullptr;
  if (context->get_execution_plan(context, &plan)) return kError;
  for (const int index : listed(plan)) {
    Node *node = nullptr;
    Registration *registration = nullptr;
    if (context->get_node_and_registration(context, index, &node, &registration)) return kError;
    const Operator *op = operator_of(registration);
    if (!op) continue;
    Registration own = {};
    own.init = init;
    own.free = release;
    own.prepare = prepare;
    own.invoke = invoke;
    own.custom_name = op->name;
    own.version = op->version;
    alignas(IntArray) int storage[2] = {1, index};
    const auto *single = reinterpret_cast<const IntArray *>(storage);
    if (context->replace_node_subsets_with_delegate_kernels(context, own, single, delegate))
      return kError;
  }
  return kOk;
}

}  // namespace

int32_t Call::size(size_t index, const char *name) const {
  const int32_t value = number(index);
  if (value < 1 || value > 1024)
    fail(std::string(name) + " is expected in 1 ... 1024, got " + std::to_string(value));
  return value;
}

Floats Call::tensor(int index, const std::string &name) const {
  const Tensor *found = index < 0 ? nullptr : context_->tensors + index;
  if (!found || found->type != kFloat32 || found->dims->size > 4)
    fail(name + " is expected to be float32 with at most 4 axes");
  Floats floats{static_cast<const float *>(found->data), {1, 1, 1, 1}};
  std::copy_n(found->dims->data, found->dims->size, floats.sides.begin());
  return floats;
}

Floats Call::input(size_t index) const {
  return tensor(kernel_.inputs[index], "input " + std::to_string(index));
}

Floats Call::input(size_t index, const char *name, const Sides &sides) const {
  const Floats floats = input(index);
  if (floats.sides != sides)
    fail(std::string(name) + " is expected to be " + spelt(sides) + ", got " +
         spelt(floats.sides));
  return floats;
}

float *Call::output(const Sides &sides) const {
  if (kernel_.outputs.size() != 1) fail("one output is expected");
  const Floats floats = tensor(kernel_.outputs[0], "the output");
  if (floats.sides != sides)
    fail("the output is expected to be " + spelt(sides) + ", got " + spelt(floats.sides));
  return const_cast<float *>(floats.data);
}

int32_t Call::threads() const { return std::max(1, context_->recommended_num_threads); }

void Call::check(int32_t status) const {
  if (status) fail(cdfi_native_error(status));
}

}  // namespace litert

// The two entries that LiteRT looks for in a library of a delegate.
extern "C" CDFI_API litert::Delegate *tflite_plugin_create_delegate(const char *const *,
                                                                    const char *const *, size_t,
                                                                    void (*)(const char *)) {
  auto *delegate = new (std::nothrow) litert::Delegate{};
  if (!delegate) return nullptr;
  delegate->prepare = litert::take_nodes;
  // The shapes in the file are final; without this flag the interpreter would first prepare all
  // nodes by itself, and it has no kernel for these.
  delegate->flags = litert::kAllowDynamic;
  return delegate;
}

extern "C" CDFI_API void tflite_plugin_destroy_delegate(litert::Delegate *delegate) {
  delete delegate;
}
