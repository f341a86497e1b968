// Reasons to stop before the end: a signal, or a host that is gone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace runner {

// Thrown between runs.
struct Stopped {
  bool abandoned;  // else terminated
};

class Stop {
 public:
  // Catches SIGTERM, SIGINT and SIGHUP; a second one ends the process as usual.
  // `file`: what the host touches; empty: none.
  Stop(const std::string &file, double seconds);
  void check();  // throws Stopped

 private:
  int64_t touched() const;  // when, by the clock of the file system; -1: there is no file
  std::string file_;
  int64_t patience_ns_;
  int64_t last_touch_;
  int64_t seen_ns_;
};

}  // namespace runner
