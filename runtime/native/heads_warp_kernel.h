// The heads' warp for one instruction set. A file that defines CDFI_LANES and CDFI_HEADS and
// includes this one defines that table; see vectors.h for why everything else stays local.
//
// Row by row: (1) the hidden maps are resized to the rows that a 3x3 convolution sees, channels
// last; (2) a tile of pixels gets its tap logits and offsets, taps last, by a register-blocked
// matrix product; (3) each pixel normalises its logits, finds its corners across the taps and adds
// them up across the channels of the image.
#include "heads_warp.h"
#include "sampling.h"

namespace {

using cdfi::Blend;
using cdfi::Head;
using cdfi::HeadsTask;
using cdfi::kHeadTile;
using cdfi::Source;
using cdfi::Target;

constexpr int N = CDFI_LANES;
constexpr int kMaxLanes = 1024;  // F up to 31
// Values of the inner loop whose weights stay in the first cache.
constexpr int64_t kDepth = 72;
// How a matrix product is blocked: sums held in registers, and vectors of weights that each broadcast
// value meets. More sums than here and GCC keeps one of them in memory, even with 32 registers of
// NEON; AVX-512 folds the broadcasts into its multiplications.
#if defined(__AVX512F__)
constexpr int kSums = 24, kWideVectors = 4;
#elif defined(__AVX2__)
constexpr int kSums = 12, kWideVectors = 2;
#elif defined(__aarch64__)
constexpr int kSums = 16, kWideVectors = 4;
#else
constexpr int kSums = 12, kWideVectors = 4;
#endif

// Pixels of a block: as many as the sums allow, so that a tile is whole blocks.
constexpr int block_pixels(int vectors) {
  int pixels = kSums / vectors;
  while (kHeadTile % pixels) --pixels;
  return pixels;
}

// One row of the source at the target's width, channels last. `mixed` holds a row of the source.
inline void resize_row(const Source &source, const Blend &row, float *to, int64_t stride,
                       int64_t width, float *mixed) {
  const int64_t channels = source.channels, plane = source.height * source.width;
  for (int64_t channel = 0; channel < channels; ++channel) {
    const float *low = source.planes + channel * plane + row.low * source.width;
    const float *high = source.planes + channel * plane + row.high * source.width;
    for (int64_t column = 0; column < source.width; ++column)
      mixed[column * channels + channel] = low[column] + (high[column] - low[column]) * row.part;
  }
  for (int64_t column = 0; column < width; ++column, to += stride) {
    const Blend blend = source.columns[column];
    const float *low = mixed + blend.low * channels, *high = mixed + blend.high * channels;
    int64_t channel = 0;
    for (; channel + N <= channels; channel += N) {
      const Float left = load<Float>(low + channel);
      store(to + channel, left + (load<Float>(high + channel) - left) * blend.part);
    }
    for (; channel < channels; ++channel)
      to[channel] = low[channel] + (high[channel] - low[channel]) * blend.part;
  }
}

void resize_rows(const Source &source, const Target &target, int64_t begin, int64_t end,
                 float *scratch) {
  for (int64_t row = begin; row < end; ++row)
    resize_row(source, source.rows[row], target.pixels + row * target.line, target.stride,
               target.width, scratch);
}

// sums(pixel, tap) += values(pixel, k) * weights(k, tap), for P pixels and V vectors of taps. Never
// inlined: among what its caller holds, the pixels' addresses would not stay in registers.
template <int P, int V>
__attribute__((noinline)) void multiply_block(const float *values, int64_t stride, int64_t depth,
                                              const float *weights, int64_t lanes, float *sums) {
  Float sum[P][V];
#pragma GCC unroll 32
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[p][v] = load<Float>(sums + p * lanes + v * N);
  for (int64_t k = 0; k < depth; ++k, weights += lanes) {
    Float weight[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) weight[v] = load<Float>(weights + v * N);
#pragma GCC unroll 32
    for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sum[p][v] += weight[v] * values[p * stride + k];
  }
#pragma GCC unroll 32
  for (int p = 0; p < P; ++p)
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) store(sums + p * lanes + v * N, sum[p][v]);
}

template <int V>
inline void multiply_tile(const float *values, int64_t stride, int64_t depth, const float *weights,
                          int64_t lanes, int64_t pixels, float *sums) {
  constexpr int P = block_pixels(V);
  for (int64_t pixel = 0; pixel < pixels; pixel += P)
    multiply_block<P, V>(values + pixel * stride, stride, depth, weights, lanes,
                         sums + pixel * lanes);
}

// The map of a tile. `rows` are the three rows of the hidden map above, at and below it, from the
// pixel before the tile on.
inline void convolve(const Head &head, const float *const rows[3], int64_t lanes, int64_t pixels,
                     float *map) {
  const int64_t channels = head.hidden.channels, depth = 3 * channels;
  for (int64_t pixel = 0; pixel < kHeadTile; ++pixel)
    std::memcpy(map + pixel * lanes, head.bias, size_t(lanes) * sizeof(float));
  for (int row = 0; row < 3; ++row)
    for (int64_t k = 0; k < depth; k += kDepth) {
      const int64_t part = depth - k < kDepth ? depth - k : kDepth;
      const float *values = rows[row] + k;
      const float *weights = head.packed + (row * depth + k) * lanes;
      int64_t tap = 0;
      for (; tap + kWideVectors * N <= lanes; tap += kWideVectors * N)
        multiply_tile<kWideVectors>(values, channels, part, weights + tap, lanes, pixels, map + tap);
      for (; tap + 2 * N <= lanes; tap += 2 * N)
        multiply_tile<2>(values, channels, part, weights + tap, lanes, pixels, map + tap);
      for (; tap < lanes; tap += N)
        multiply_tile<1>(values, channels, part, weights + tap, lanes, pixels, map + tap);
    }
}

// The corners of all taps of one pixel.
struct PixelCorners {
  int32_t first[kMaxLanes];  // element of the upper left corner in the ringed image
  float weight[4][kMaxLanes];  // upper left, upper right, lower left, lower right
};

inline float highest_of(const float *logits, int64_t lanes) {
  Float highest = load<Float>(logits);
  for (int64_t tap = N; tap < lanes; tap += N) {
    const Float value = load<Float>(logits + tap);
    highest = value > highest ? value : highest;
  }
  float result = highest[0];
  for (int i = 1; i < N; ++i) result = highest[i] > result ? highest[i] : result;
  return result;
}

// Returns the sum of the weights, by which the pixel is to be divided.
inline float find_pixel_corners(const HeadsTask &task, const float *logits, const float *alpha,
                                const float *beta, int64_t row, int64_t column,
                                PixelCorners &corners) {
  const cdfi::RingedImage &image = task.image;
  const int32_t line = (image.width + 2) * image.stride;
  const Float highest = every(highest_of(logits, task.lanes));
  Float total = {};
  for (int64_t tap = 0; tap < task.lanes; tap += N) {
    const Axis y = corner_on_axis(load<Float>(alpha + tap), load<Int>(task.tap_rows + tap) + int32_t(row),
                                  image.height, task.bilinear);
    const Axis x = corner_on_axis(load<Float>(beta + tap),
                                  load<Int>(task.tap_columns + tap) + int32_t(column), image.width,
                                  task.bilinear);
    store(corners.first + tap, y.low * line + x.low * image.stride);
    const Float share = exp_of_negative(load<Float>(logits + tap) - highest);
    total += share;
    const Float lower = share * y.part, upper = share - lower;
    const Float lower_right = lower * x.part, upper_right = upper * x.part;
    store(corners.weight[0] + tap, upper - upper_right);
    store(corners.weight[1] + tap, upper_right);
    store(corners.weight[2] + tap, lower - lower_right);
    store(corners.weight[3] + tap, lower_right);
  }
  float sum = 0;
  for (int i = 0; i < N; ++i) sum += total[i];
  return sum;
}

// All taps of channels [channel, channel + L * K), in `Chains` sums so that an addition rarely waits
// for the one before it.
template <int L, int K, int Chains>
inline void add_pixel(const HeadsTask &task, const PixelCorners &corners, int channel, float scale,
                      float *to) {
  using V = typename Lanes<L>::Float;
  const cdfi::RingedImage &image = task.image;
  const int64_t line = int64_t(image.width + 2) * image.stride;
  V sum[Chains][K] = {};
  for (int tap = 0; tap < task.taps; ++tap) {
    const float *upper = image.pixels + corners.first[tap] + channel;
    const float *places[4] = {upper, upper + image.stride, upper + line,
                              upper + line + image.stride};
#pragma GCC unroll 4
    for (int corner = 0; corner < 4; ++corner) {
      const float share = corners.weight[corner][tap];
#pragma GCC unroll 4
      for (int i = 0; i < K; ++i)
        sum[corner % Chains][i] += load<V>(places[corner] + i * L) * share;
    }
  }
  for (int i = 0; i < K; ++i) {
    for (int chain = 1; chain < Chains; ++chain) sum[0][i] += sum[chain][i];
    store(to + channel + i * L, sum[0][i] * scale);
  }
}

inline void warp_pixel(const HeadsTask &task, const PixelCorners &corners, float scale, float *to) {
  constexpr int Narrow = N < 4 ? N : 4;
  const int stride = task.image.stride;
  int channel = 0;
  for (; channel + 4 * N <= stride; channel += 4 * N)
    add_pixel<N, 4, 2>(task, corners, channel, scale, to);
  for (; channel + N <= stride; channel += N)
    add_pixel<N, 1, 4>(task, corners, channel, scale, to);
  for (; channel < stride; channel += Narrow)
    add_pixel<Narrow, 1, 4>(task, corners, channel, scale, to);
}

// The rows of a hidden map that a convolution sees at a time; row r lies in slot (r + 1) % 3.
struct HiddenRows {
  float *slots, *mixed;
  int64_t size;  // of a slot: a pixel of zeros, the row, zeros to the end of the last tile
};

inline void fill_hidden(const HeadsTask &task, const Head &head, const HiddenRows &rows,
                        int64_t row) {
  const int64_t channels = head.hidden.channels;
  float *slot = rows.slots + (row + 1) % 3 * rows.size;
  if (row < 0 || row >= task.height) {
    std::memset(slot, 0, size_t(rows.size) * sizeof(float));
    return;
  }
  std::memset(slot, 0, size_t(channels) * sizeof(float));
  resize_row(head.hidden, head.hidden.rows[row], slot + channels, channels, task.width, rows.mixed);
  const int64_t used = (task.width + 1) * channels;
  std::memset(slot + used, 0, size_t(rows.size - used) * sizeof(float));
}

void warp_rows(const HeadsTask &task, int64_t begin, int64_t end, float *scratch) {
  HiddenRows hidden[3];
  for (int i = 0; i < 3; ++i) {
    const Source &source = task.heads[i].hidden;
    const int64_t size = (task.width + 2 + kHeadTile) * source.channels;
    hidden[i] = {scratch, scratch + 3 * size, size};
    scratch += 3 * size + source.width * source.channels;
    fill_hidden(task, task.heads[i], hidden[i], begin - 1);
    fill_hidden(task, task.heads[i], hidden[i], begin);
  }
  const int64_t map_size = int64_t(kHeadTile) * task.lanes;
  float *sums = scratch + 3 * map_size;
  PixelCorners corners;
  for (int64_t row = begin; row < end; ++row) {
    for (int i = 0; i < 3; ++i) fill_hidden(task, task.heads[i], hidden[i], row + 1);
    for (int64_t column = 0; column < task.width; column += kHeadTile) {
      const int64_t left = task.width - column, count = left < kHeadTile ? left : kHeadTile;
      for (int i = 0; i < 3; ++i) {
        const Head &head = task.heads[i];
        const float *rows[3];
        for (int above = 0; above < 3; ++above)
          rows[above] = hidden[i].slots + (row + above) % 3 * hidden[i].size +
                        column * head.hidden.channels;
        convolve(head, rows, task.lanes, count, scratch + i * map_size);
      }
      for (int64_t pixel = 0; pixel < count; ++pixel) {
        const float *logits = scratch + pixel * task.lanes;
        const float total = find_pixel_corners(task, logits, logits + map_size, logits + 2 * map_size,
                                               row, column + pixel, corners);
        warp_pixel(task, corners, 1.0f / total, sums + pixel * task.image.stride);
      }
      const int64_t at = row * task.width + column;
      for (int64_t channel = 0; channel < task.channels; ++channel) {
        float *out = task.out[channel] + at;
        for (int64_t pixel = 0; pixel < count; ++pixel)
          out[pixel] = sums[pixel * task.image.stride + channel];
      }
    }
  }
}

}  // namespace

const cdfi::HeadsKernel cdfi::CDFI_HEADS = {resize_rows, warp_rows};
