// What the kernel tells of this device while a graph runs on it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace runner {

using Reading = std::map<std::string, int64_t>;

// A group of small files in sysfs that hold one number each.
class Sensors {
 public:
  static Sensors frequencies(const std::string &sysfs);   // CPU -> kHz
  static Sensors temperatures(const std::string &sysfs);  // zone -> millidegrees
  bool there() const { return !files_.empty(); }
  Reading read() const;  // without those that could not be read this time

 private:
  void add(const std::string &name, const std::string &file);
  std::map<std::string, std::string> files_;  // name -> file; those that could be read at first
};

std::optional<int64_t> peak_bytes();  // VmHWM of this process

// CPUs that this process may run on.
void pin(const std::vector<int> &cpus);  // throws Failure (kUsage)
std::vector<int> allowed_cpus();

std::string machine();  // as `uname -m` says

// The emulator that runs this process, e.g. "qemu-aarch64-static"; empty: none.
// No value: it could not be told.
std::optional<std::string> emulator();

}  // namespace runner
