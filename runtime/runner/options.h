// The command line.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace runner {

using Shape = std::vector<int64_t>;

struct Options {
  std::string library, model, output, result, samples;  // all required
  std::map<std::string, std::string> inputs;            // name -> file
  std::map<std::string, Shape> shapes;                  // name -> sides; the graph's own if absent
  std::string reference, operators, picture, alive;     // empty: none
  std::string provider = "cpu";
  std::vector<std::pair<std::string, std::string>> provider_options;
  int threads = 0;  // 0: the runtime's choice
  int warm_up = 3, runs = 30, end_to_end = 0;
  double sustained_seconds = 0, alive_seconds = 60;
  std::vector<int> affinity;  // empty: as it is
  std::string sysfs = "/sys";
  bool help = false;
};

extern const char *const kUsageText;

// Fills `options` as far as it comes, so that a result file can tell of the error.
// Throws Failure (kUsage).
void parse(int count, char **arguments, Options &options);

}  // namespace runner
