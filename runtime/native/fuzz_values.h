// What the fuzzers of all entries share: random numbers, arrays, comparison.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <random>

#include "cdfi_native.h"

namespace fuzz {

using Random = std::mt19937;

inline int64_t between(Random &random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

// A block of its own, so that the sanitizers see what is read beside it.
template <class T>
struct ArrayOf {
  int64_t size;
  std::unique_ptr<T[]> data;
  explicit ArrayOf(int64_t count) : size(count), data(new T[size_t(count)]) {}
};
using Array = ArrayOf<float>;

// Of a normal distribution; every fourth is one of the worst if `hostile`.
inline Array values(Random &random, int64_t count, float scale, bool hostile) {
  const float worst[] = {std::numeric_limits<float>::quiet_NaN(),
                         std::numeric_limits<float>::infinity(),
                         -std::numeric_limits<float>::infinity(),
                         std::numeric_limits<float>::max(),
                         std::numeric_limits<float>::lowest(),
                         std::numeric_limits<float>::denorm_min(),
                         2147483648.0f,
                         -2147483904.0f,
                         8388607.5f,
                         -8388608.0f,
                         -0.0f};
  std::normal_distribution<float> normal(0.0f, scale);
  Array array(count);
  for (int64_t i = 0; i < count; ++i)
    array.data[size_t(i)] =
        hostile && between(random, 0, 3) == 0 ? worst[between(random, 0, 10)] : normal(random);
  return array;
}

// How far apart two results may be, given how large their terms can get: extrapolating corners of
// weights and image values of a normal distribution.
inline bool close(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::fabs(a - b) <= 1e-4f + 1e-4f * std::fabs(b);
}

// One round each; nonzero, and a line on standard output, if something is wrong.
int run_warp(Random &random, int round);  // forward, then backward
int run_half(Random &random, int round);
int run_heads(Random &random, int round);
// Every value of float16.
int run_all_halves();

}  // namespace fuzz
