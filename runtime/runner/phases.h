// The order in which a graph is loaded, run and timed.
#pragma once

#include "result.h"

namespace runner {

// Runs every phase that `options` ask for and writes the output and the picture. `result` grows as
// it is measured, so that it holds the part that was done when this throws Stopped or Failure.
void run_phases(const Options &options, Result &result);

}  // namespace runner
