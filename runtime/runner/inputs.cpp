#include "inputs.h"

#include <cmath>

#include "failure.h"
#include "files.h"

namespace runner {
namespace {

std::string names_of(const std::vector<Input> &inputs) {
  std::string text;
  for (const Input &input : inputs)
    text += (text.empty() ? "" : ", ") + input.name + " " + in_words(input.shape);
  return text;
}

template <class Map>
void check_names(const Map &given, const std::vector<Input> &inputs, const char *option) {
  for (const auto &[name, unused] : given) {
    bool known = false;
    for (const Input &input : inputs) known |= input.name == name;
    if (!known)
      throw Failure(kUsage, std::string(option) + " names '" + name +
                                "', but the graph's inputs are " + names_of(inputs));
  }
}

// The graph's own sides where it has any, else those asked for.
Shape settled(const Input &input, const Options &options) {
  const auto asked = options.shapes.find(input.name);
  Shape shape = asked == options.shapes.end() ? input.shape : asked->second;
  bool fits = shape.size() == input.shape.size();
  for (size_t axis = 0; fits && axis < shape.size(); ++axis)
    fits = input.shape[axis] < 0 || input.shape[axis] == shape[axis];
  if (!fits)
    throw Failure(kUsage, "the input '" + input.name + "' is expected to be " +
                              in_words(input.shape) + ", got --shape " + in_words(shape));
  for (const int64_t side : shape)
    if (side < 0)
      throw Failure(kUsage, "the graph leaves sides of '" + input.name + "' open (" +
                                in_words(shape) + "): --shape " + input.name + "=... is missing");
  return shape;
}

// Such values are no picture: another data type or byte order, most often.
void check_finite(const Input &input, const std::string &file) {
  size_t bad = 0;
  for (const float value : input.values) bad += !std::isfinite(value);
  if (bad)
    throw Failure(kUsage, file + " is expected to hold finite float32, got " +
                              std::to_string(bad) + " NaN or infinite of " +
                              std::to_string(input.values.size()));
}

}  // namespace

void feed_files(Session &session, const Options &options) {
  std::vector<Input> &inputs = session.inputs();
  check_names(options.inputs, inputs, "--input");
  check_names(options.shapes, inputs, "--shape");
  for (Input &input : inputs) {
    const auto file = options.inputs.find(input.name);
    if (file == options.inputs.end())
      throw Failure(kUsage, "--input " + input.name + "=FILE is missing");
    input.shape = settled(input, options);
    read_floats(file->second, count_of(input.shape), input.values);
    check_finite(input, file->second);
  }
  session.bind();
}

void read_again(Session &session, const Options &options) {
  for (Input &input : session.inputs())
    read_floats(options.inputs.at(input.name), input.values.size(), input.values);
}

void feed_noise(Session &session) {
  uint32_t state = 1;
  for (Input &input : session.inputs()) {
    for (const int64_t side : input.shape)
      if (side < 0) throw Failure(kUsage, "the reference leaves sides of its input open");
    input.values.resize(count_of(input.shape));
    for (float &value : input.values) {
      state = state * 1664525u + 1013904223u;
      value = float(int32_t(state)) / 2147483648.0f;
    }
  }
  session.bind();
}

}  // namespace runner
