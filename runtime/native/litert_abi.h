// The few structs of TensorFlow Lite's C interface that a delegate touches.
//
// LiteRT's wheels ship no headers, and none are wanted in this tree. A delegate loaded by
// `load_delegate` links to nothing: the interpreter hands it a context full of function pointers.
// The structs are those of tensorflow/lite/core/c/common.h, where each member is documented. They
// have only grown at their ends since 2.4; of those that the interpreter makes, the members up to
// the last one used are declared, and of those that are handed to it, all.
#pragma once

#include <cstddef>
#include <cstdint>

namespace litert {

constexpr int kOk = 0, kError = 1;     // TfLiteStatus
constexpr int kFloat32 = 1;            // TfLiteType
constexpr int64_t kAllowDynamic = 1;   // kTfLiteDelegateFlagsAllowDynamicTensors
constexpr int32_t kBuiltinCustom = 32; // kTfLiteBuiltinCustom

struct IntArray {
  int size;
  int data[];
};

// TfLiteQuantizationParams, the older one that is held by value.
struct QuantizationParams {
  float scale;
  int32_t zero_point;
};

// Made by the interpreter in one array, so its size counts.
struct Tensor {
  int type;
  void *data;
  IntArray *dims;
  QuantizationParams params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  void *delegate;
  int buffer_handle;
  bool data_is_stale, is_variable;
  int quantization_type;
  void *quantization;
  void *sparsity;
  const IntArray *dims_signature;
};

struct Node {
  IntArray *inputs, *outputs, *intermediates, *temporaries;
  void *user_data, *builtin_data;
  const void *custom_initial_data;
  int custom_initial_data_size;
};

struct Context;

// Passed by value to the interpreter, so it must be whole; a newer one's further members are read
// from `reserved`.
struct Registration {
  void *(*init)(Context *, const char *buffer, size_t length);
  void (*free)(Context *, void *user_data);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code;
  const char *custom_name;
  int version;
  void *registration_external;
  void *async_kernel;
  uint64_t inplace_operator;
  uint64_t reserved[4];
};

struct Delegate {
  void *data;
  int (*prepare)(Context *, Delegate *);
  void *copy_from_buffer_handle, *copy_to_buffer_handle, *free_buffer_handle;
  int64_t flags;
  void *opaque_delegate_builder;
  uint64_t reserved[4];
};

struct DelegateParams {
  Delegate *delegate;
  IntArray *nodes_to_replace, *input_tensors, *output_tensors;
};

struct Context {
  size_t tensors_size;
  int (*get_execution_plan)(Context *, IntArray **plan);
  Tensor *tensors;
  void *impl;
  int (*resize_tensor)(Context *, Tensor *, IntArray *new_size);
  void (*report_error)(Context *, const char *format, ...);
  int (*add_tensors)(Context *, int count, int *first);
  int (*get_node_and_registration)(Context *, int node, Node **, Registration **);
  int (*replace_node_subsets_with_delegate_kernels)(Context *, Registration,
                                                    const IntArray *nodes, Delegate *);
  int recommended_num_threads;
};

}  // namespace litert
