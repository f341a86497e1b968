// Where a tap lands on one axis. Included by kernels after CDFI_LANES is defined; see vectors.h.
#pragma once

#include "vectors.h"

namespace {

struct Axis {
  Int low;     // the corner before the position, 0 for the ring
  Float part;  // what is left of the offset: the weight of the corner after it
};

// `origin` is the position of the tap without its offset, `count` the pixels along this axis.
inline Axis corner_on_axis(Float offset, Int origin, int32_t count, bool bilinear) {
  const float far = 8388608.0f;  // 2^23: floats from here on are whole
  offset = offset == offset ? offset : Float{};
  offset = offset < -far ? every(-far) : offset;
  offset = offset > far ? every(far) : offset;
  Int step = __builtin_convertvector(offset, Int);
  Float whole = __builtin_convertvector(step, Float);
  if (bilinear) {
    const Int above = whole > offset;  // -1 where truncation went up
    step += above;
    whole = __builtin_convertvector(step, Float);
  }
  return {clamp(origin + step, -1, count - 1) + 1, offset - whole};
}

}  // namespace
