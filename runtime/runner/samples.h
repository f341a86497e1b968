// The clock, and the log of what is measured, line by line as it happens.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace runner {

int64_t now_ns();  // monotonic

class Samples {
 public:
  // Appends to `path`; throws Failure (kUsage) if it cannot be written.
  explicit Samples(const std::string &path);
  ~Samples();
  Samples(const Samples &) = delete;
  Samples &operator=(const Samples &) = delete;

  // Both write "<kind> <ns since the first line> <rest>", and return that time.
  int64_t run(const char *phase, int64_t end_ns, int64_t duration_ns);
  int64_t reading(const char *kind, const std::string &values);

 private:
  int64_t write(const char *kind, int64_t at_ns, const std::string &rest);
  std::string path_;
  FILE *file_;
  int64_t origin_ns_ = -1;
};

}  // namespace runner
