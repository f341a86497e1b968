// A graph, loaded, with its tensors.
#pragma once

#include <string>
#include <vector>

#include "library.h"
#include "options.h"

namespace runner {

// One input of a graph: what it wants, and what it is given.
struct Input {
  std::string name;
  Shape shape;  // -1: left open
  std::vector<float> values;
};

class Session {
 public:
  // The model itself, with the options of the Python runtime (cdfi_runtime.backends.onnxruntime).
  static Session of_model(const Library &library, const Options &options);
  // The yardstick: on the CPU, its threads at rest between runs.
  static Session of_reference(const Library &library, const Options &options);

  std::vector<Input> &inputs() { return inputs_; }
  const ort::Session *handle() const { return session_.get(); }

  // Makes tensors of the inputs' values, which must stay where they are from now on.
  void bind();
  // Runs once; the output is kept until the next run. Throws Failure (kRefused).
  void run();

  // Of the last run.
  const Shape &output_shape() const { return output_shape_; }
  const float *output() const;
  size_t output_count() const;

 private:
  using SetOptions = void (*)(const Library &, ort::SessionOptions *, const Options &);
  Session(const Library &library, const std::string &file, const Options &options, SetOptions set);
  std::string name_of(size_t index, bool of_input) const;
  Input input_of(size_t index) const;

  const Library *library_;
  Owned<ort::Env, ort::ReleaseEnv> env_;
  Owned<ort::Session, ort::ReleaseSession> session_;
  Owned<ort::RunOptions, ort::ReleaseRunOptions> run_options_;
  std::vector<Input> inputs_;
  std::vector<Owned<ort::Value, ort::ReleaseValue>> tensors_;
  Owned<ort::Value, ort::ReleaseValue> output_;
  std::string output_name_;
  Shape output_shape_;
};

size_t count_of(const Shape &shape);
std::string in_words(const Shape &shape);  // "1x3x?x?"

}  // namespace runner
