#include "options.h"

#include <cerrno>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <functional>

#include "failure.h"

namespace runner {

const char *const kUsageText = R"(Runs and times a graph on this device.

  --library FILE          libonnxruntime.so
  --model FILE            the .onnx or .ort file
  --input NAME=FILE       raw little-endian float32; once for each input of the graph
  --shape NAME=1,3,H,W    that input's sides; needed where the graph leaves them open
  --output FILE           the graph's only output of the last burst run, raw float32
  --result FILE           what was measured, as JSON
  --samples FILE          each sample as it is measured; appended to
  --reference FILE        an ONNX file that is timed in turn with the model
  --threads N             threads within an operator; 0 (default): the runtime's choice
  --warm-up N             runs after the first one that are not kept; default 3
  --runs N                runs of the burst; default 30
  --end-to-end N          runs from input files to an 8 bit RGB picture; default 0
  --picture FILE          the last one's picture, as PPM
  --sustained SECONDS     runs back to back for that long; default 0
  --provider NAME         cpu (default), xnnpack, nnapi, qnn or coreml
  --provider-option K=V   an option of that provider; may be repeated
  --operators FILE        libcdfi_native.so, for graphs with its operators
  --affinity 0,2-3        CPUs to run on
  --alive FILE            stop when nobody has touched this file ...
  --alive-seconds S       ... for so long; default 60
  --sysfs DIR             where frequencies and temperatures are read; default /sys

Exit codes: 0 done, 2 usage or files, 3 the runtime refused, 4 terminated, 5 abandoned.
)";

namespace {

[[noreturn]] void refuse(const std::string &option, const std::string &expected,
                         const std::string &got) {
  throw Failure(kUsage, option + " expects " + expected + ", got '" + got + "'");
}

int64_t integer(const std::string &option, const std::string &text, int64_t least, int64_t most) {
  char *end = nullptr;
  errno = 0;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end || errno || value < least || value > most)
    refuse(option, "a whole number in " + std::to_string(least) + " ... " + std::to_string(most),
           text);
  return value;
}

double seconds(const std::string &option, const std::string &text) {
  char *end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end || !std::isfinite(value) || value < 0)
    refuse(option, "a number of seconds", text);
  return value;
}

std::pair<std::string, std::string> pair(const std::string &option, const std::string &text) {
  const size_t sign = text.find('=');
  if (sign == std::string::npos || sign == 0 || sign + 1 == text.size())
    refuse(option, "NAME=VALUE", text);
  return {text.substr(0, sign), text.substr(sign + 1)};
}

std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> parts(1);
  for (const char letter : text)
    if (letter == ',')
      parts.emplace_back();
    else
      parts.back() += letter;
  return parts;
}

std::vector<int> cpus(const std::string &option, const std::string &text) {
  std::vector<int> found;
  for (const std::string &part : split(text)) {
    const size_t dash = part.find('-');
    const int64_t first = integer(option, part.substr(0, dash), 0, 1023);
    const int64_t last =
        dash == std::string::npos ? first : integer(option, part.substr(dash + 1), first, 1023);
    for (int64_t cpu = first; cpu <= last; ++cpu) found.push_back(int(cpu));
  }
  return found;
}

using Setter = std::function<void(const std::string &option, const std::string &value)>;

std::map<std::string, Setter> setters(Options &o) {
  const auto text = [](std::string &out) {
    return [&out](const std::string &option, const std::string &value) {
      if (value.empty()) refuse(option, "a value", value);
      out = value;
    };
  };
  const auto number = [](int &out) {
    return [&out](const std::string &option, const std::string &value) {
      out = int(integer(option, value, 0, INT_MAX));
    };
  };
  const auto time = [](double &out) {
    return [&out](const std::string &option, const std::string &v) { out = seconds(option, v); };
  };
  return {
      {"--library", text(o.library)},
      {"--model", text(o.model)},
      {"--output", text(o.output)},
      {"--result", text(o.result)},
      {"--samples", text(o.samples)},
      {"--reference", text(o.reference)},
      {"--operators", text(o.operators)},
      {"--picture", text(o.picture)},
      {"--alive", text(o.alive)},
      {"--provider", text(o.provider)},
      {"--sysfs", text(o.sysfs)},
      {"--threads", number(o.threads)},
      {"--warm-up", number(o.warm_up)},
      {"--runs", number(o.runs)},
      {"--end-to-end", number(o.end_to_end)},
      {"--sustained", time(o.sustained_seconds)},
      {"--alive-seconds", time(o.alive_seconds)},
      {"--affinity",
       [&o](const std::string &option, const std::string &v) { o.affinity = cpus(option, v); }},
      {"--provider-option",
       [&o](const std::string &option, const std::string &v) {
         o.provider_options.push_back(pair(option, v));
       }},
      {"--input",
       [&o](const std::string &option, const std::string &v) {
         const auto [name, file] = pair(option, v);
         o.inputs[name] = file;
       }},
      {"--shape",
       [&o](const std::string &option, const std::string &v) {
         const auto [name, sides] = pair(option, v);
         Shape shape;
         for (const std::string &side : split(sides))
           shape.push_back(integer(option, side, 1, INT_MAX));
         o.shapes[name] = shape;
       }},
  };
}

}  // namespace

void parse(int count, char **arguments, Options &options) {
  const auto known = setters(options);
  for (int index = 1; index < count; ++index) {
    const std::string option = arguments[index];
    if (option == "--help" || option == "-h") {
      options.help = true;
      return;
    }
    const auto found = known.find(option);
    if (found == known.end()) throw Failure(kUsage, "unknown option '" + option + "'; see --help");
    if (++index == count) throw Failure(kUsage, option + " expects a value");
    found->second(option, arguments[index]);
  }
  const std::pair<const char *, const std::string &> required[] = {
      {"--library", options.library}, {"--model", options.model},     {"--output", options.output},
      {"--result", options.result},   {"--samples", options.samples},
  };
  for (const auto &[name, value] : required)
    if (value.empty()) throw Failure(kUsage, std::string(name) + " is missing; see --help");
  if (options.runs == 0) throw Failure(kUsage, "--runs expects at least 1");
  if (options.picture.size() && !options.end_to_end)
    throw Failure(kUsage, "--picture needs --end-to-end");
}

}  // namespace runner
