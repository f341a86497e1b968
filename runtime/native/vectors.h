// Vectors of CDFI_LANES floats, by the vector extensions of GCC and Clang.
//
// Included by one file per instruction set, each compiled with its own flags: everything here has
// internal linkage, so that no linker can take the AVX-512 body of a function for all of them.
#pragma once

#include <cstdint>
#include <cstring>

namespace {

template <int N>
struct Lanes {
  typedef float Float __attribute__((vector_size(4 * N)));
  typedef int32_t Int __attribute__((vector_size(4 * N)));
  typedef uint32_t Bits __attribute__((vector_size(4 * N)));
};

using Float = Lanes<CDFI_LANES>::Float;
using Int = Lanes<CDFI_LANES>::Int;
using Bits = Lanes<CDFI_LANES>::Bits;

template <class V, class T>
inline V load(const T *from) {
  V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <class V, class T>
inline void store(T *to, V value) {
  std::memcpy(to, &value, sizeof value);
}

// The same bits, read as another type.
template <class To, class From>
inline To as(From value) {
  static_assert(sizeof(To) == sizeof(From), "as many bits");
  To result;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

inline Float every(float value) { return value - Float{}; }

inline Int clamp(Int value, int32_t low, int32_t high) {
  value = value < low ? Int{} + low : value;
  return value > high ? Int{} + high : value;
}

// Float16 from its bits, exactly: the exponent is moved by a multiplication, which also takes care of
// subnormal numbers; infinities and NaN keep theirs.
inline float from_half(uint16_t half) {
  const uint32_t bits = uint32_t(half & 0x7fff) << 13, sign = uint32_t(half & 0x8000) << 16;
  const float magnitude = as<float>(bits) * 5.192296858534828e33f;  // 2^112
  const uint32_t infinite = (half & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
  return as<float>(as<uint32_t>(magnitude) | infinite | sign);
}

// exp(x) for x <= 0, within 2 ulp; 0 below -87.3, where the result would be subnormal; NaN stays.
// Cody and Waite's reduction to |r| <= ln(2) / 2 and the Taylor polynomial of degree 7.
inline Float exp_of_negative(Float x) {
  const Float bottom = every(-87.3f);
  const Float bounded = x < bottom ? bottom : x;
  const float to_integer = 12582912.0f;  // 1.5 * 2^23: adding it leaves a whole number in the low bits
  const Float shifted = bounded * 1.44269504f + to_integer;
  const Float whole = shifted - to_integer;
  const Float rest = (bounded - whole * 0.693145752f) - whole * 1.42860677e-6f;
  Float sum = every(1.0f / 5040);
  sum = sum * rest + 1.0f / 720;
  sum = sum * rest + 1.0f / 120;
  sum = sum * rest + 1.0f / 24;
  sum = sum * rest + 1.0f / 6;
  sum = sum * rest + 0.5f;
  sum = sum * rest + 1.0f;
  sum = sum * rest + 1.0f;
  const Bits power = as<Bits>(shifted) << 23;  // the low bits, moved to the exponent
  const Float result = as<Float>(as<Bits>(sum) + power);
  return x < bottom ? Float{} : (x != x ? x : result);
}

}  // namespace
