// Threads for hosts without a pool of their own.
#include "shares.h"

#include <system_error>
#include <thread>
#include <vector>

namespace cdfi {

void run_on_threads(int64_t count, const Share &share) {
  std::vector<std::thread> others;
  others.reserve(size_t(count));
  int64_t next = 1;
  try {
    for (; next < count; ++next) others.emplace_back(std::cref(share), next);
  } catch (const std::system_error &) {
    // No more threads: the rest is the caller's.
  }
  share(0);
  for (; next < count; ++next) share(next);
  for (std::thread &other : others) other.join();
}

}  // namespace cdfi
