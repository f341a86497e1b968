// Everything that is measured, and its JSON.
#pragma once

#include "device.h"
#include "options.h"
#include "providers.h"

namespace runner {

using Durations = std::vector<int64_t>;  // ns
using Readings = std::vector<std::pair<int64_t, Reading>>;

struct Result {
  bool complete = false;
  std::string stopped, error;  // empty: null
  std::string version, machine;
  std::vector<std::string> providers;
  Assignment assigned{{}, "the graph was not loaded"};
  std::vector<int> affinity;
  std::optional<std::string> emulator;
  std::optional<int64_t> load_ns, first_run_ns, before_load_bytes, peak_bytes;
  int warm_up = 0;  // runs that were made
  Durations burst, reference, end_to_end, sustained;
  std::optional<Readings> frequency, thermal;  // none: cannot be read here
  Shape output_shape;

  std::string json(const Options &options) const;
};

}  // namespace runner
