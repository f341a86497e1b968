// Bilinear resizing along one axis, as torch and ONNX define it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace cdfi {

// Between which two source pixels an output pixel lies: low * (1 - part) + high * part.
struct Blend {
  int32_t low, high;
  float part;
};

inline Blend blend_at(double position, int64_t size) {
  position = std::clamp(position, 0.0, double(size - 1));
  const int64_t low = int64_t(position);
  return {int32_t(low), int32_t(std::min(low + 1, size - 1)), float(position - double(low))};
}

// First and last pixels fall on each other (align_corners).
inline std::vector<Blend> aligned_blends(int64_t from, int64_t to) {
  std::vector<Blend> blends;
  const double step = to > 1 ? double(from - 1) / double(to - 1) : 0.0;
  for (int64_t i = 0; i < to; ++i) blends.push_back(blend_at(double(i) * step, from));
  return blends;
}

// The images' edges fall on each other (half pixels), for the pixels [begin, end) of `to`; those
// outside show the border.
inline std::vector<Blend> half_pixel_blends(int64_t from, int64_t to, int64_t begin, int64_t end) {
  std::vector<Blend> blends;
  const double step = double(from) / double(to);
  for (int64_t i = begin; i < end; ++i) {
    const double inside = double(std::clamp<int64_t>(i, 0, to - 1));
    blends.push_back(blend_at((inside + 0.5) * step - 0.5, from));
  }
  return blends;
}

// The same pixels, shifted by `before` and repeated at the border, for [0, count).
inline std::vector<Blend> replicated_blends(int64_t from, int64_t before, int64_t count) {
  std::vector<Blend> blends;
  for (int64_t i = 0; i < count; ++i) blends.push_back(blend_at(double(i - before), from));
  return blends;
}

}  // namespace cdfi
