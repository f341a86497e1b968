#include "session.h"

#include "failure.h"
#include "files.h"
#include "providers.h"

namespace runner {
namespace {

// Elements of an input from which memory is given back after each run, as the Python runtime does:
// what such a frame leaves in the arena does not fit the next one.
constexpr size_t kLargeInput = size_t(3) * 1280 * 720;

void set_common(const Library &library, ort::SessionOptions *session, const Options &options) {
  const ort::Api *api = library.api();
  const auto check = [&](ort::Status *status) { library.check(status, "session options"); };
  check(ort::SetSessionLogSeverityLevel::call(api, session, ort::kLogErrors));
  check(ort::SetIntraOpNumThreads::call(api, session, options.threads));
  check(ort::SetInterOpNumThreads::call(api, session, 1));
}

void set_model(const Library &library, ort::SessionOptions *session, const Options &options) {
  const ort::Api *api = library.api();
  set_common(library, session, options);
  library.check(ort::DisableMemPattern::call(api, session), "session options");
  library.check(ort::AddSessionConfigEntry::call(
                    api, session, "session.record_ep_graph_assignment_info", "1"),
                "session options");
  if (!options.operators.empty())
    library.check(ort::RegisterCustomOpsLibrary_V2::call(api, session, options.operators.c_str()),
                  "registering the operators of " + options.operators);
  append_provider(library, session, options);
}

void set_reference(const Library &library, ort::SessionOptions *session, const Options &options) {
  set_common(library, session, options);
  library.check(ort::AddSessionConfigEntry::call(library.api(), session,
                                                 "session.intra_op.allow_spinning", "0"),
                "session options");
}

Shape sides_of(const Library &library, const ort::TensorShape *info) {
  size_t axes = 0;
  library.check(ort::GetDimensionsCount::call(library.api(), info, &axes), "reading a shape");
  Shape shape(axes);
  library.check(ort::GetDimensions::call(library.api(), info, shape.data(), axes),
                "reading a shape");
  return shape;
}

}  // namespace

size_t count_of(const Shape &shape) {
  size_t count = 1;
  for (const int64_t side : shape)
    if (__builtin_mul_overflow(count, size_t(side), &count))
      throw Failure(kUsage, "a tensor of " + in_words(shape) + " is too large");
  return count;
}

std::string in_words(const Shape &shape) {
  std::string text;
  for (const int64_t side : shape)
    text += (text.empty() ? "" : "x") + (side < 0 ? std::string("?") : std::to_string(side));
  return text;
}

Session Session::of_model(const Library &library, const Options &options) {
  return {library, options.model, options, set_model};
}

Session Session::of_reference(const Library &library, const Options &options) {
  return {library, options.reference, options, set_reference};
}

Session::Session(const Library &library, const std::string &file, const Options &options,
                 SetOptions set)
    : library_(&library),
      env_(nullptr, {library.api()}),
      session_(nullptr, {library.api()}),
      run_options_(nullptr, {library.api()}),
      output_(nullptr, {library.api()}) {
  const ort::Api *api = library.api();
  ort::Env *env = nullptr;
  library.check(ort::CreateEnv::call(api, ort::kLogErrors, "cdfi_runner", &env), "starting");
  env_.reset(env);
  ort::SessionOptions *made = nullptr;
  library.check(ort::CreateSessionOptions::call(api, &made), "session options");
  const Owned<ort::SessionOptions, ort::ReleaseSessionOptions> session_options(made, {api});
  set(library, made, options);
  ort::Session *session = nullptr;
  library.check(ort::CreateSession::call(api, env, file.c_str(), made, &session),
                "cannot load " + file);
  session_.reset(session);

  size_t inputs = 0, outputs = 0;
  library.check(ort::SessionGetInputCount::call(api, session, &inputs), "reading the graph");
  library.check(ort::SessionGetOutputCount::call(api, session, &outputs), "reading the graph");
  if (outputs != 1)
    throw Failure(kUsage, file + " is expected to have one output, got " + std::to_string(outputs));
  for (size_t index = 0; index < inputs; ++index) inputs_.push_back(input_of(index));
  output_name_ = name_of(0, false);
}

std::string Session::name_of(size_t index, bool of_input) const {
  const ort::Api *api = library_->api();
  ort::Allocator *allocator = nullptr;
  library_->check(ort::GetAllocatorWithDefaultOptions::call(api, &allocator), "reading the graph");
  char *text = nullptr;
  library_->check(
      of_input ? ort::SessionGetInputName::call(api, session_.get(), index, allocator, &text)
               : ort::SessionGetOutputName::call(api, session_.get(), index, allocator, &text),
      "reading the graph");
  const std::string name = text;
  library_->message(ort::AllocatorFree::call(api, allocator, text));
  return name;
}

Input Session::input_of(size_t index) const {
  const ort::Api *api = library_->api();
  ort::TypeInfo *type = nullptr;
  library_->check(ort::SessionGetInputTypeInfo::call(api, session_.get(), index, &type),
                  "reading the graph");
  const Owned<ort::TypeInfo, ort::ReleaseTypeInfo> owned(type, {api});
  const ort::TensorShape *info = nullptr;
  library_->check(ort::CastTypeInfoToTensorInfo::call(api, type, &info), "reading the graph");
  const std::string name = name_of(index, true);
  int element = 0;
  if (info)
    library_->check(ort::GetTensorElementType::call(api, info, &element), "reading the graph");
  if (element != ort::kFloat) throw Failure(kUsage, "the input '" + name + "' is not float32");
  return {name, sides_of(*library_, info), {}};
}

void Session::bind() {
  const ort::Api *api = library_->api();
  ort::MemoryInfo *made = nullptr;
  library_->check(
      ort::CreateCpuMemoryInfo::call(api, ort::kDeviceAllocator, ort::kDefaultMemory, &made),
      "making tensors");
  const Owned<ort::MemoryInfo, ort::ReleaseMemoryInfo> memory(made, {api});
  bool large = false;
  for (Input &input : inputs_) {
    ort::Value *tensor = nullptr;
    library_->check(ort::CreateTensorWithDataAsOrtValue::call(
                        api, made, input.values.data(), input.values.size() * sizeof(float),
                        input.shape.data(), input.shape.size(), ort::kFloat, &tensor),
                    "making the tensor " + input.name);
    tensors_.emplace_back(tensor, Releaser<ort::ReleaseValue>{api});
    large |= input.values.size() >= kLargeInput;
  }
  if (!large || sizeof(void *) < 8) return;  // 32-bit builds have no arena
  ort::RunOptions *run_options = nullptr;
  library_->check(ort::CreateRunOptions::call(api, &run_options), "run options");
  run_options_.reset(run_options);
  library_->check(ort::AddRunConfigEntry::call(
                      api, run_options, "memory.enable_memory_arena_shrinkage", "cpu:0"),
                  "run options");
}

void Session::run() {
  std::vector<const char *> names;
  std::vector<const ort::Value *> values;
  for (const Input &input : inputs_) names.push_back(input.name.c_str());
  for (const auto &tensor : tensors_) values.push_back(tensor.get());
  const char *const output_name = output_name_.c_str();
  const ort::Api *api = library_->api();
  output_.reset();
  ort::Value *output = nullptr;
  library_->check(ort::Run::call(api, session_.get(), run_options_.get(), names.data(),
                                 values.data(), values.size(), &output_name, 1, &output),
                  "a run failed");
  output_.reset(output);
  if (!output_shape_.empty()) return;
  ort::TensorShape *info = nullptr;
  library_->check(ort::GetTensorTypeAndShape::call(api, output, &info), "reading the output");
  const Owned<ort::TensorShape, ort::ReleaseTensorTypeAndShapeInfo> owned(info, {api});
  int element = 0;
  library_->check(ort::GetTensorElementType::call(api, info, &element), "reading the output");
  if (element != ort::kFloat) throw Failure(kUsage, "the output is not float32");
  output_shape_ = sides_of(*library_, info);
}

const float *Session::output() const {
  void *data = nullptr;
  library_->check(ort::GetTensorMutableData::call(library_->api(), output_.get(), &data),
                  "reading the output");
  return static_cast<const float *>(data);
}

size_t Session::output_count() const { return count_of(output_shape_); }

}  // namespace runner
