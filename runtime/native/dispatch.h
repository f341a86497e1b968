// Which instruction set level serves, and threads for hosts without a pool.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <system_error>
#include <thread>
#include <vector>

#include "cdfi_native.h"
#include "shares.h"

namespace cdfi {

// Whether this build and this processor have the level.
inline bool has_level(int32_t level) {
  switch (level) {
    case CDFI_LEVEL_SCALAR:
    case CDFI_LEVEL_VECTOR4:
      return true;
#ifdef __x86_64__
    case CDFI_LEVEL_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CDFI_LEVEL_AVX512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    default:
      return false;
  }
}

// The level to use for the one that is asked for; -1 if there is none.
inline int32_t chosen_level(int32_t asked) {
  static const int32_t best = [] {
    int32_t level = CDFI_LEVEL_AVX512;
    while (!has_level(level)) --level;
    return level;
  }();
  if (asked == CDFI_LEVEL_AUTO) return best;
  return has_level(asked) ? asked : -1;
}

// A thread for each share but the first, which is the caller's.
inline void run_on_threads(int64_t count, const Share &share) {
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
