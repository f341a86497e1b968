// The custom operator "cdfi.AdaCoFWarp" for LiteRT (TFLite), as a delegate.
//
// LiteRT's wheels export no way to add a custom operator, but they load delegates from libraries,
// and so do its packages for Android: the delegate takes the nodes of this one operator and leaves
// all others to whoever takes them, e.g. XNNPACK. It is written against the C structs only
// (litert_abi.h).
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "cdfi_native.h"
#include "litert_abi.h"

namespace {

constexpr char kName[] = "cdfi.AdaCoFWarp";
enum { kImage, kWeight, kAlpha, kBeta, kInputs };

// `custom_options` of the operator: seven little-endian int32, as cdfi_export writes them.
struct Options {
  char magic[4];  // "CDFI"
  int32_t version, taps, dilation, sampling, logits, padded;
};
constexpr int32_t kVersion = 1;

struct Kernel {
  Options options;
  int inputs[kInputs], output;
};

template <class... Args>
int fail(litert::Context *context, const char *format, Args... args) {
  context->report_error(context, format, args...);
  return litert::kError;
}

const litert::Tensor *tensor(const litert::Context *context, int index) {
  return context->tensors + index;
}

bool read_options(const litert::Node *node, Options *options) {
  if (node->custom_initial_data_size != int(sizeof *options)) return false;
  std::memcpy(options, node->custom_initial_data, sizeof *options);
  return !std::memcmp(options->magic, "CDFI", 4) && options->version == kVersion;
}

bool has_sides(const litert::Tensor *tensor, const std::array<int, 4> &sides) {
  return tensor->type == litert::kFloat32 && tensor->dims->size == 4 &&
         std::equal(sides.begin(), sides.end(), tensor->dims->data);
}

// Fills in all of `args` but the arrays; says what does not fit.
int measure(litert::Context *context, const Kernel &kernel, cdfi_warp_args *args) {
  const Options &options = kernel.options;
  const litert::Tensor *all[kInputs];
  for (int input = 0; input < kInputs; ++input) {
    all[input] = tensor(context, kernel.inputs[input]);
    if (all[input]->type != litert::kFloat32 || all[input]->dims->size != 4)
      return fail(context, "%s: input %d is expected to be float32 with 4 axes", kName, input);
  }
  if (options.taps < 1 || options.taps > 1024 || options.dilation < 1 || options.dilation > 1024)
    return fail(context, "%s: taps and dilation are expected in 1 ... 1024, got %d and %d", kName,
                int(options.taps), int(options.dilation));
  const int taps = options.taps * options.taps;
  const int reach = (options.taps - 1) * options.dilation / 2;
  const int border = options.padded ? 2 * reach : 0;
  const int *image = all[kImage]->dims->data;
  const int own = all[kAlpha]->dims->data[1] == 1 ? 1 : taps;
  const int batch = image[0], channels = image[1];
  const int height = image[2] - border, width = image[3] - border;
  if (!has_sides(all[kWeight], {batch, taps, height, width}) ||
      !has_sides(all[kAlpha], {batch, own, height, width}) ||
      !has_sides(all[kBeta], {batch, own, height, width}))
    return fail(context, "%s: the maps are expected to be (%d, %d, %d, %d), offsets with %d channels",
                kName, batch, taps, height, width, own);
  if (!has_sides(tensor(context, kernel.output), {batch, channels, height, width}))
    return fail(context, "%s: the output is expected to be (%d, %d, %d, %d)", kName, batch,
                channels, height, width);
  *args = {};
  args->batch = batch;
  args->channels = channels;
  args->image_height = image[2];
  args->image_width = image[3];
  args->height = height;
  args->width = width;
  args->taps = options.taps;
  args->dilation = options.dilation;
  args->offset_maps = own;
  args->padding = options.padded ? 0 : reach;
  args->sampling = options.sampling;
  args->logits = options.logits;
  args->threads = context->recommended_num_threads > 0 ? context->recommended_num_threads : 1;
  args->level = CDFI_LEVEL_AUTO;
  return litert::kOk;
}

// The interpreter makes one of these for each node that was replaced.
void *init(litert::Context *context, const char *buffer, size_t) {
  const auto *params = reinterpret_cast<const litert::DelegateParams *>(buffer);
  litert::Node *node = nullptr;
  litert::Registration *registration = nullptr;
  std::unique_ptr<Kernel> kernel(new (std::nothrow) Kernel{});
  if (!kernel || params->nodes_to_replace->size != 1 ||
      context->get_node_and_registration(context, params->nodes_to_replace->data[0], &node,
                                         &registration) ||
      !read_options(node, &kernel->options))
    return nullptr;
  std::copy_n(node->inputs->data, int(kInputs), kernel->inputs);
  kernel->output = node->outputs->data[0];
  return kernel.release();
}

void release(litert::Context *, void *kernel) { delete static_cast<Kernel *>(kernel); }

int prepare(litert::Context *context, litert::Node *node) {
  if (!node->user_data) return fail(context, "%s: its options cannot be read", kName);
  cdfi_warp_args args;
  return measure(context, *static_cast<const Kernel *>(node->user_data), &args);
}

int invoke(litert::Context *context, litert::Node *node) {
  const Kernel &kernel = *static_cast<const Kernel *>(node->user_data);
  cdfi_warp_args args;
  if (const int status = measure(context, kernel, &args)) return status;
  args.image = static_cast<const float *>(tensor(context, kernel.inputs[kImage])->data);
  args.weight = static_cast<const float *>(tensor(context, kernel.inputs[kWeight])->data);
  args.alpha = static_cast<const float *>(tensor(context, kernel.inputs[kAlpha])->data);
  args.beta = static_cast<const float *>(tensor(context, kernel.inputs[kBeta])->data);
  args.out = static_cast<float *>(tensor(context, kernel.output)->data);
  const int32_t status = cdfi_warp(&args);
  return status ? fail(context, "%s: %s", kName, cdfi_native_error(status)) : litert::kOk;
}

litert::Registration registration() {
  litert::Registration own = {};
  own.init = init;
  own.free = release;
  own.prepare = prepare;
  own.invoke = invoke;
  own.custom_name = kName;
  own.version = kVersion;
  return own;
}

bool is_ours(const litert::Node *node, const litert::Registration *registration) {
  return registration->custom_name && !std::strcmp(registration->custom_name, kName) &&
         node->inputs->size == kInputs && node->outputs->size == 1;
}

// Takes each node of the operator by itself: two that were taken together would be one kernel.
int take_nodes(litert::Context *context, litert::Delegate *delegate) {
  litert::IntArray *plan = nullptr;
  if (context->get_execution_plan(context, &plan)) return litert::kError;
  const std::vector<int> nodes(plan->data, plan->data + plan->size);
  for (const int index : nodes) {
    litert::Node *node = nullptr;
    litert::Registration *registered = nullptr;
    if (context->get_node_and_registration(context, index, &node, &registered))
      return litert::kError;
    if (!is_ours(node, registered)) continue;
    alignas(litert::IntArray) int storage[2] = {1, index};
    const auto *single = reinterpret_cast<const litert::IntArray *>(storage);
    if (context->replace_node_subsets_with_delegate_kernels(context, registration(), single,
                                                            delegate))
      return litert::kError;
  }
  return litert::kOk;
}

}  // namespace

// The two entries that LiteRT looks for in a library of a delegate.
extern "C" CDFI_API litert::Delegate *tflite_plugin_create_delegate(const char *const *,
                                                                    const char *const *, size_t,
                                                                    void (*)(const char *)) {
  auto *delegate = new (std::nothrow) litert::Delegate{};
  if (!delegate) return nullptr;
  delegate->prepare = take_nodes;
  // The shapes in the file are final; without this flag the interpreter would first prepare all
  // nodes by itself, and it has no kernel for this one.
  delegate->flags = litert::kAllowDynamic;
  return delegate;
}

extern "C" CDFI_API void tflite_plugin_destroy_delegate(litert::Delegate *delegate) {
  delete delegate;
}
