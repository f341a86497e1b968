// Gradients of the AdaCoF warp for one instruction set. A file that includes adacof_warp_kernel.h,
// defines CDFI_WARP_BACKWARD_ROWS and includes this one defines that function.
//
// All gradients but the image's follow from four numbers a tap: the products of its corners with the
// gradient of the result, summed over the channels. Per tile of pixels and block of taps: (1) across
// pixels, where the taps land; (2) across channels, these products, and what the corners of the image
// get; (3) across pixels, the gradients of weights and offsets.
#include "adacof_warp_backward.h"

namespace {

using cdfi::WarpGradients;

constexpr int kNarrow = CDFI_LANES < 4 ? 1 : 4;
using Part = Lanes<kNarrow>::Float;

struct Landing {
  int32_t first[kTapBlock][kTile];  // element of the upper left corner in the ringed image
  float share[kTapBlock][kTile];    // tap weight, normalised
  float down[kTapBlock][kTile], right[kTapBlock][kTile];  // what is left of the offsets
  float corner[kTapBlock][4][kTile];    // weights of the corners, in the order of Corners
  float product[kTapBlock][4][kTile];   // sums over channels: corner times gradient of the result
};

// Sums over the taps of one tile. With logits: their maximum, 1 / (sum of exponentials), and the
// mean of the weights' gradients, which a softmax takes off each of them.
struct TileSums {
  float highest[kTile] = {}, scale[kTile] = {}, mean[kTile] = {};
  float alpha[kTile] = {}, beta[kTile] = {};
};

inline Float tap_share(const WarpMaps &maps, const TileSums &sums, Float weight, int lane) {
  if (!maps.logits) return weight;
  return exp_of_negative(weight - load<Float>(sums.highest + lane)) *
         load<Float>(sums.scale + lane);
}

inline void find_scale(const WarpMaps &maps, const Tile &tile, TileSums &sums) {
  find_highest(maps, tile, sums.highest);
  const int64_t at = tile.row * maps.width + tile.column;
  float total[kTile] = {};
  for (int tap = 0; tap < maps.taps * maps.taps; ++tap) {
    const TileRow weight(maps.weight, tap * maps.height * maps.width + at, tile.count);
    for (int lane = 0; lane < kTile; lane += CDFI_LANES) {
      const Float above = load<Float>(weight.data + lane) - load<Float>(sums.highest + lane);
      store(total + lane, load<Float>(total + lane) + exp_of_negative(above));
    }
  }
  for (int pixel = 0; pixel < kTile; ++pixel) sums.scale[pixel] = 1.0f / total[pixel];
}

inline void find_landing(const RingedImage &image, const WarpMaps &maps, const Tile &tile, int tap,
                         const TileSums &sums, Landing &landing, int slot) {
  const int64_t plane = maps.height * maps.width;
  const int64_t at = tile.row * maps.width + tile.column;
  const int64_t own = maps.shared ? 0 : tap;
  const TileRow weight(maps.weight, tap * plane + at, tile.count);
  const TileRow alpha(maps.alpha, own * plane + at, tile.count);
  const TileRow beta(maps.beta, own * plane + at, tile.count);
  const int32_t below = tap / maps.taps * maps.dilation - maps.padding;
  const int32_t beyond = tap % maps.taps * maps.dilation - maps.padding;
  const int32_t line = (image.width + 2) * image.stride;
  for (int lane = 0; lane < kTile; lane += CDFI_LANES) {
    Int column = {};
    for (int i = 0; i < CDFI_LANES; ++i) column[i] = int32_t(tile.column) + lane + i + beyond;
    const Axis y = corner_on_axis(load<Float>(alpha.data + lane), Int{} + int32_t(tile.row) + below,
                                  image.height, maps.bilinear);
    const Axis x = corner_on_axis(load<Float>(beta.data + lane), column, image.width, maps.bilinear);
    const Float share = tap_share(maps, sums, load<Float>(weight.data + lane), lane);
    const Float lower = share * y.part, upper = share - lower;
    store(&landing.first[slot][lane], y.low * line + x.low * image.stride);
    store(&landing.share[slot][lane], share);
    store(&landing.down[slot][lane], y.part);
    store(&landing.right[slot][lane], x.part);
    store(&landing.corner[slot][0][lane], upper - upper * x.part);
    store(&landing.corner[slot][1][lane], upper * x.part);
    store(&landing.corner[slot][2][lane], lower - lower * x.part);
    store(&landing.corner[slot][3][lane], lower * x.part);
  }
}

// N channels of the four corners of one tap of one pixel.
template <int N, bool Image, bool Products>
inline void visit_channels(const float *pixels, float *gradient, const int64_t *corners,
                           const float *shares, const float *out,
                           typename Lanes<N>::Float *products) {
  using V = typename Lanes<N>::Float;
  const V from = load<V>(out);
  for (int corner = 0; corner < 4; ++corner) {
    if (Products) products[corner] += load<V>(pixels + corners[corner]) * from;
    if (Image) {
      float *to = gradient + corners[corner];
      store(to, load<V>(to) + from * shares[corner]);
    }
  }
}

// Lanes i, i + 4, i + 8, ... added up.
template <int N>
inline Part fold(typename Lanes<N>::Float value) {
  if constexpr (N == kNarrow) {
    return value;
  } else {
    using Half = typename Lanes<N / 2>::Float;
    Half halves[2];
    std::memcpy(halves, &value, sizeof value);
    return fold<N / 2>(halves[0] + halves[1]);
  }
}

template <bool Image, bool Products>
inline void visit_pixel(const RingedImage &image, float *gradient, const Landing &landing, int slot,
                        int pixel, const float *out, Part *products) {
  constexpr int N = CDFI_LANES;
  const int64_t first = landing.first[slot][pixel], stride = image.stride;
  const int64_t below = first + (image.width + 2) * stride;
  const int64_t corners[4] = {first, first + stride, below, below + stride};
  float shares[4];
  for (int corner = 0; corner < 4; ++corner) shares[corner] = landing.corner[slot][corner][pixel];
  int channel = 0;
  if (N > kNarrow && stride >= N) {
    Float wide[4] = {};
    for (; channel + N <= stride; channel += N)
      visit_channels<N, Image, Products>(image.pixels + channel, gradient + channel, corners,
                                         shares, out + channel, wide);
    for (int corner = 0; corner < 4; ++corner) products[corner] = fold<N>(wide[corner]);
  }
  for (; channel < stride; channel += kNarrow)
    visit_channels<kNarrow, Image, Products>(image.pixels + channel, gradient + channel, corners,
                                             shares, out + channel, products);
}

// Lanes A to D of `a` and, from 4 on, of `b`.
template <int A, int B, int C, int D, class V>
inline V shuffle(V a, V b) {
#ifdef __clang__
  return __builtin_shufflevector(a, b, A, B, C, D);
#else
  return __builtin_shuffle(a, b, Lanes<4>::Int{A, B, C, D});
#endif
}

// Lane i of the result is the sum of the lanes of `parts[i * step]`.
template <int N>
inline typename Lanes<N>::Float add_lanes(const typename Lanes<N>::Float *parts, int step) {
  using V = typename Lanes<N>::Float;
  if constexpr (N == 1) {
    return parts[0];
  } else {
    const auto pair = [](V a, V b) {  // a0 + a2, b0 + b2, a1 + a3, b1 + b3
      return shuffle<0, 4, 1, 5>(a, b) + shuffle<2, 6, 3, 7>(a, b);
    };
    const V first = pair(parts[0], parts[step]), second = pair(parts[2 * step], parts[3 * step]);
    return shuffle<0, 1, 4, 5>(first, second) + shuffle<2, 3, 6, 7>(first, second);
  }
}

template <bool Image, bool Products>
inline void visit_taps(const RingedImage &image, float *gradient, Landing &landing,
                       const Tile &tile, int taps, const float *out) {
  // The last group may go beyond the tile: those pixels lie inside, and their gradient is 0.
  for (int pixel = 0; pixel < tile.count; pixel += kNarrow) {
    for (int slot = 0; slot < taps; ++slot) {
      Part products[kNarrow][4] = {};
      for (int i = 0; i < kNarrow; ++i)
        visit_pixel<Image, Products>(image, gradient, landing, slot, pixel + i,
                                     out + (pixel + i) * image.stride, products[i]);
      if (!Products) continue;
      for (int corner = 0; corner < 4; ++corner)
        store(&landing.product[slot][corner][pixel], add_lanes<kNarrow>(products[0] + corner, 4));
    }
  }
}

// The first `tile.count` values to the tile's place in a plane.
inline void put(float *plane, const WarpMaps &maps, const Tile &tile, const float *values) {
  std::memcpy(plane + tile.row * maps.width + tile.column, values,
              size_t(tile.count) * sizeof(float));
}

inline void map_gradients(const WarpMaps &maps, const WarpGradients &gradients, const Tile &tile,
                          int tap, const Landing &landing, int slot, TileSums &sums) {
  float weight[kTile], alpha[kTile], beta[kTile];
  for (int lane = 0; lane < kTile; lane += CDFI_LANES) {
    const Float down = load<Float>(&landing.down[slot][lane]);
    const Float right = load<Float>(&landing.right[slot][lane]);
    const Float share = load<Float>(&landing.share[slot][lane]);
    const Float first = load<Float>(&landing.product[slot][0][lane]);
    const Float third = load<Float>(&landing.product[slot][2][lane]);
    const Float across_upper = load<Float>(&landing.product[slot][1][lane]) - first;
    const Float across_lower = load<Float>(&landing.product[slot][3][lane]) - third;
    const Float upper = first + across_upper * right;
    const Float climb = third + across_lower * right - upper;
    const Float sample = upper + climb * down;
    store(weight + lane, sample);
    store(alpha + lane, share * climb);
    store(beta + lane, share * (across_upper + (across_lower - across_upper) * down));
    if (maps.logits) store(sums.mean + lane, load<Float>(sums.mean + lane) + share * sample);
    if (maps.shared) {
      store(sums.alpha + lane, load<Float>(sums.alpha + lane) + load<Float>(alpha + lane));
      store(sums.beta + lane, load<Float>(sums.beta + lane) + load<Float>(beta + lane));
    }
  }
  const int64_t plane = maps.height * maps.width;
  if (gradients.weight) put(gradients.weight + tap * plane, maps, tile, weight);
  if (maps.shared) return;
  if (gradients.alpha) put(gradients.alpha + tap * plane, maps, tile, alpha);
  if (gradients.beta) put(gradients.beta + tap * plane, maps, tile, beta);
}

// From gradients of the weights to gradients of their logits.
inline void through_softmax(const WarpMaps &maps, float *gradient, const Tile &tile,
                            const TileSums &sums) {
  const int64_t at = tile.row * maps.width + tile.column, plane = maps.height * maps.width;
  for (int tap = 0; tap < maps.taps * maps.taps; ++tap) {
    const TileRow weight(maps.weight, tap * plane + at, tile.count);
    const TileRow before(gradient, tap * plane + at, tile.count);
    float values[kTile];
    for (int lane = 0; lane < kTile; lane += CDFI_LANES) {
      const Float share = tap_share(maps, sums, load<Float>(weight.data + lane), lane);
      store(values + lane,
            share * (load<Float>(before.data + lane) - load<Float>(sums.mean + lane)));
    }
    put(gradient + tap * plane, maps, tile, values);
  }
}

// Channels last, zeros beyond the channels and beyond the tile.
inline void gather_out(const WarpMaps &maps, const float *from, const Tile &tile, int32_t stride,
                       float *out) {
  std::memset(out, 0, size_t(kTile) * size_t(stride) * sizeof(float));
  const float *first = from + tile.row * maps.width + tile.column;
  for (int64_t channel = 0; channel < maps.channels; ++channel)
    for (int64_t pixel = 0; pixel < tile.count; ++pixel)
      out[pixel * stride + channel] = first[channel * maps.height * maps.width + pixel];
}

}  // namespace

void cdfi::CDFI_WARP_BACKWARD_ROWS(const RingedImage &image, const WarpMaps &maps,
                                   const WarpGradients &gradients, int64_t begin, int64_t end,
                                   float *out) {
  const int taps = maps.taps * maps.taps;
  const bool products = gradients.weight || gradients.alpha || gradients.beta;
  const auto visit = !gradients.image ? visit_taps<false, true>
                     : products       ? visit_taps<true, true>
                                      : visit_taps<true, false>;
  Landing landing = {};
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t column = 0; column < maps.width; column += kTile) {
      const int64_t left = maps.width - column;
      const Tile tile{row, column, left < kTile ? left : kTile};
      TileSums sums;
      gather_out(maps, gradients.out, tile, image.stride, out);
      if (maps.logits) find_scale(maps, tile, sums);
      for (int tap = 0; tap < taps; tap += kTapBlock) {
        const int count = taps - tap < kTapBlock ? taps - tap : kTapBlock;
        for (int slot = 0; slot < count; ++slot)
          find_landing(image, maps, tile, tap + slot, sums, landing, slot);
        visit(image, gradients.image, landing, tile, count, out);
        for (int slot = 0; products && slot < count; ++slot)
          map_gradients(maps, gradients, tile, tap + slot, landing, slot, sums);
      }
      if (maps.logits && gradients.weight) through_softmax(maps, gradients.weight, tile, sums);
      if (maps.shared && gradients.alpha) put(gradients.alpha, maps, tile, sums.alpha);
      if (maps.shared && gradients.beta) put(gradients.beta, maps, tile, sums.beta);
    }
  }
}
