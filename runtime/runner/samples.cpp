#include "samples.h"

#include <cerrno>
#include <cstring>
#include <ctime>

#include "failure.h"

namespace runner {

int64_t now_ns() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t(time.tv_sec) * 1000000000 + time.tv_nsec;
}

Samples::Samples(const std::string &path) : path_(path), file_(std::fopen(path.c_str(), "ab")) {
  if (!file_) throw Failure(kUsage, "cannot write " + path + ": " + std::strerror(errno));
}

Samples::~Samples() { std::fclose(file_); }

int64_t Samples::run(const char *phase, int64_t end_ns, int64_t duration_ns) {
  return write(phase, end_ns, std::to_string(duration_ns));
}

int64_t Samples::reading(const char *kind, const std::string &values) {
  return write(kind, now_ns(), values);
}

int64_t Samples::write(const char *kind, int64_t at_ns, const std::string &rest) {
  if (origin_ns_ < 0) origin_ns_ = at_ns;
  const int64_t time = at_ns - origin_ns_;
  const std::string line = std::string(kind) + " " + std::to_string(time) + " " + rest + "\n";
  if (std::fwrite(line.data(), 1, line.size(), file_) != line.size() || std::fflush(file_))
    throw Failure(kUsage, "cannot write " + path_ + ": " + std::strerror(errno));
  return time;
}

}  // namespace runner
