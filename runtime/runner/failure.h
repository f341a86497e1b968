// How the program ends, and the exception that carries a message up to main.
#pragma once

#include <stdexcept>
#include <string>

namespace runner {

enum Exit : int {
  kDone = 0,
  kUsage = 2,       // options, files that cannot be read or written
  kRefused = 3,     // the runtime: no such provider, a corrupt model, a failed run
  kTerminated = 4,  // SIGTERM, SIGINT or SIGHUP
  kAbandoned = 5,   // nobody touched the --alive file any more
};

struct Failure : std::runtime_error {
  Failure(Exit exit, const std::string &message) : std::runtime_error(message), code(exit) {}
  Exit code;
};

}  // namespace runner
