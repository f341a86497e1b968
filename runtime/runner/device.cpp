#include "device.h"

#include <sched.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "failure.h"

namespace runner {

std::optional<int64_t> peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::stoll(line.substr(6)) * 1024;
  return {};
}

void pin(const std::vector<int> &cpus) {
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(size_t(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set))
    throw Failure(kUsage, std::string("--affinity names no CPU that this process may use: ") +
                              std::strerror(errno));
}

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set)) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(size_t(cpu), &set)) cpus.push_back(cpu);
  return cpus;
}

std::string machine() {
  utsname name;
  return uname(&name) ? "" : name.machine;
}

}  // namespace runner
