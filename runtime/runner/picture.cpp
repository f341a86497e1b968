#include "picture.h"

#include "failure.h"
#include "session.h"

namespace runner {
namespace {

bool channels_first(const Shape &shape) { return shape[1] == 3; }

uint8_t rounded(float value) {
  const float clipped = value > 0 ? (value < 1 ? value : 1) : 0;
  return uint8_t(clipped * 255 + 0.5f);
}

}  // namespace

Picture picture_of(const Shape &shape) {
  if (shape.size() == 4 && shape[0] == 1) {
    if (channels_first(shape)) return {shape[3], shape[2], std::vector<uint8_t>(count_of(shape))};
    if (shape[3] == 3) return {shape[2], shape[1], std::vector<uint8_t>(count_of(shape))};
  }
  throw Failure(kUsage, "--end-to-end needs an output of 1x3xHxW or 1xHxWx3, got " +
                            in_words(shape));
}

void fill(Picture &picture, const Shape &shape, const float *values) {
  const size_t pixels = picture.rgb.size() / 3;
  uint8_t *out = picture.rgb.data();
  if (!channels_first(shape)) {
    for (size_t index = 0; index < 3 * pixels; ++index) out[index] = rounded(values[index]);
    return;
  }
  for (size_t pixel = 0; pixel < pixels; ++pixel)
    for (size_t channel = 0; channel < 3; ++channel)
      out[3 * pixel + channel] = rounded(values[channel * pixels + pixel]);
}

std::string as_ppm(const Picture &picture) {
  std::string file =
      "P6\n" + std::to_string(picture.width) + " " + std::to_string(picture.height) + "\n255\n";
  return file.append(reinterpret_cast<const char *>(picture.rgb.data()), picture.rgb.size());
}

}  // namespace runner
