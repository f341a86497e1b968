// The AdaCoF warp for one instruction set. A file that defines CDFI_LANES and CDFI_WARP_ROWS and
// includes this one defines that function; see vectors.h for why everything else stays local.
//
// Per tile of pixels: (1) across pixels, where each tap lands and the weights of its corners;
// (2) across channels, each pixel gathers its corners, which are contiguous with channels last.
#include "adacof_warp.h"
#include "sampling.h"

namespace {

using cdfi::kTapBlock;
using cdfi::kTile;
using cdfi::RingedImage;
using cdfi::WarpMaps;

// What part 1 leaves for part 2, a block of taps at a time.
struct Corners {
  int32_t first[kTapBlock][kTile];  // element of the upper left corner in the ringed image
  float weight[kTapBlock][4][kTile];  // upper left, upper right, lower left, lower right
};

struct Tile {
  int64_t row, column, count;  // count <= kTile pixels from (row, column) on
};

// `count` values of a plane as float32; the lanes beyond are 0.
struct TileRow {
  float values[kTile];
  const float *data = values;
  TileRow(const void *map, int64_t offset, int64_t count, bool half = false) {
    // A tile reads a line of each of up to 3 * F * F planes: more streams than processors foresee.
    if (half) {
      const uint16_t *from = static_cast<const uint16_t *>(map) + offset;
      __builtin_prefetch(from + 2 * kTile);
      for (int i = 0; i < kTile; ++i) values[i] = i < count ? from_half(from[i]) : 0.0f;
      return;
    }
    const float *from = static_cast<const float *>(map) + offset;
    __builtin_prefetch(from + 2 * kTile);
    if (count == kTile) {
      data = from;
      return;
    }
    std::memset(values, 0, sizeof values);
    std::memcpy(values, from, size_t(count) * sizeof(float));
  }
};

inline void find_corners(const RingedImage &image, const WarpMaps &maps, const Tile &tile, int tap,
                         const float *highest, float *total, Corners &corners, int slot) {
  const int64_t plane = maps.height * maps.width;
  const int64_t at = tile.row * maps.width + tile.column;
  const int64_t own = maps.shared ? 0 : tap;
  const TileRow weight(maps.weight, tap * plane + at, tile.count, maps.half);
  const TileRow alpha(maps.alpha, own * plane + at, tile.count, maps.half);
  const TileRow beta(maps.beta, own * plane + at, tile.count, maps.half);
  const int32_t down = tap / maps.taps * maps.dilation - maps.padding;
  const int32_t right = tap % maps.taps * maps.dilation - maps.padding;
  const int32_t line = (image.width + 2) * image.stride;
  for (int lane = 0; lane < kTile; lane += CDFI_LANES) {
    Int column = {};
    for (int i = 0; i < CDFI_LANES; ++i) column[i] = int32_t(tile.column) + lane + i + right;
    const Axis y = corner_on_axis(load<Float>(alpha.data + lane), Int{} + int32_t(tile.row) + down,
                                  image.height, maps.bilinear);
    const Axis x = corner_on_axis(load<Float>(beta.data + lane), column, image.width, maps.bilinear);
    store(&corners.first[slot][lane], y.low * line + x.low * image.stride);
    Float share = load<Float>(weight.data + lane);
    if (maps.logits) {
      share = exp_of_negative(share - load<Float>(highest + lane));
      store(total + lane, load<Float>(total + lane) + share);
    }
    const Float lower = share * y.part, upper = share - lower;
    const Float lower_right = lower * x.part, upper_right = upper * x.part;
    store(&corners.weight[slot][0][lane], upper - upper_right);
    store(&corners.weight[slot][1][lane], upper_right);
    store(&corners.weight[slot][2][lane], lower - lower_right);
    store(&corners.weight[slot][3][lane], lower_right);
  }
}

// Adds `taps` taps of one pixel to its channels [channel, channel + N * K). Corners are summed apart
// in `Chains` sums, so that an addition rarely waits for the one before it.
template <int N, int K, int Chains>
inline void add_channels(const RingedImage &image, const Corners &corners, int pixel, int taps,
                         int channel, bool first, float *sums) {
  using V = typename Lanes<N>::Float;
  V sum[Chains][K] = {};
  const int64_t line = int64_t(image.width + 2) * image.stride;
  for (int tap = 0; tap < taps; ++tap) {
    const float *upper = image.pixels + corners.first[tap][pixel] + channel;
    const float *places[4] = {upper, upper + image.stride, upper + line,
                              upper + line + image.stride};
    for (int corner = 0; corner < 4; ++corner) {
      const float share = corners.weight[tap][corner][pixel];
      for (int i = 0; i < K; ++i)
        sum[corner % Chains][i] += load<V>(places[corner] + i * N) * share;
    }
  }
  for (int i = 0; i < K; ++i) {
    for (int chain = 1; chain < Chains; ++chain) sum[0][i] += sum[chain][i];
    if (!first) sum[0][i] += load<V>(sums + channel + i * N);
    store(sums + channel + i * N, sum[0][i]);
  }
}

inline void add_taps(const RingedImage &image, const Corners &corners, const Tile &tile, int taps,
                     bool first, float *sums) {
  constexpr int N = CDFI_LANES, Narrow = N < 4 ? N : 4;
  for (int pixel = 0; pixel < tile.count; ++pixel, sums += image.stride) {
    int channel = 0;
    for (; channel + 4 * N <= image.stride; channel += 4 * N)
      add_channels<N, 4, 2>(image, corners, pixel, taps, channel, first, sums);
    for (; channel + N <= image.stride; channel += N)
      add_channels<N, 1, 4>(image, corners, pixel, taps, channel, first, sums);
    for (; channel < image.stride; channel += Narrow)
      add_channels<Narrow, 1, 4>(image, corners, pixel, taps, channel, first, sums);
  }
}

inline void find_highest(const WarpMaps &maps, const Tile &tile, float *highest) {
  const int64_t plane = maps.height * maps.width;
  const int64_t at = tile.row * maps.width + tile.column;
  for (int tap = 0; tap < maps.taps * maps.taps; ++tap) {
    const TileRow weight(maps.weight, tap * plane + at, tile.count, maps.half);
    for (int lane = 0; lane < kTile; lane += CDFI_LANES) {
      const Float value = load<Float>(weight.data + lane);
      const Float before = tap ? load<Float>(highest + lane) : value;
      store(highest + lane, value > before ? value : before);
    }
  }
}

}  // namespace

void cdfi::CDFI_WARP_ROWS(const RingedImage &image, const WarpMaps &maps, int64_t begin,
                          int64_t end, float *sums) {
  const int taps = maps.taps * maps.taps;
  Corners corners;
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t column = 0; column < maps.width; column += kTile) {
      const int64_t left = maps.width - column;
      const Tile tile{row, column, left < kTile ? left : kTile};
      float highest[kTile] = {}, total[kTile] = {};
      if (maps.logits) find_highest(maps, tile, highest);
      for (int tap = 0; tap < taps; tap += kTapBlock) {
        const int count = taps - tap < kTapBlock ? taps - tap : kTapBlock;
        for (int slot = 0; slot < count; ++slot)
          find_corners(image, maps, tile, tap + slot, highest, total, corners, slot);
        add_taps(image, corners, tile, count, tap == 0, sums);
      }
      float *out = maps.out + row * maps.width + column;
      for (int64_t pixel = 0; pixel < tile.count; ++pixel) {
        const float scale = maps.logits ? 1.0f / total[pixel] : 1.0f;
        for (int64_t channel = 0; channel < maps.channels; ++channel)
          out[channel * maps.height * maps.width + pixel] =
              sums[pixel * image.stride + channel] * scale;
      }
    }
  }
}
