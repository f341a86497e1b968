/* The C interface of CDFI's native kernels. Plain C: ctypes, JNI and other hosts bind to it. */
#ifndef CDFI_NATIVE_H
#define CDFI_NATIVE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CDFI_API __attribute__((visibility("default")))

/* Raised whenever a function joins, or a struct or the meaning of an argument changes. */
#define CDFI_NATIVE_ABI 2

enum cdfi_sampling {
  CDFI_TRUNCATE = 0, /* offsets are rounded toward zero, as the published CUDA kernel does */
  CDFI_BILINEAR = 1, /* offsets are floored: bilinear sampling */
};

enum cdfi_type {
  CDFI_FLOAT32 = 0,
  CDFI_FLOAT16 = 1, /* IEEE half precision; computed with in float32 */
};

enum cdfi_level {
  CDFI_LEVEL_AUTO = -1,  /* the best one this processor has */
  CDFI_LEVEL_SCALAR = 0, /* one pixel at a time: what the others are compared with */
  CDFI_LEVEL_VECTOR4 = 1, /* four lanes: SSE2 on x86-64, NEON on aarch64 */
  CDFI_LEVEL_AVX2 = 2,    /* eight lanes, with FMA */
  CDFI_LEVEL_AVX512 = 3,  /* sixteen lanes: F, BW, DQ and VL */
};

enum cdfi_status {
  CDFI_OK = 0,
  CDFI_BAD_ARGUMENT = 1, /* a null pointer, a size below one, an unknown enumerator */
  CDFI_TOO_LARGE = 2,    /* one image has more elements than 32-bit offsets reach */
  CDFI_NO_MEMORY = 3,
  CDFI_NO_LEVEL = 4, /* this build or this processor lacks the level that was asked for */
};

/* One AdaCoF warp (AdaCoF, CVPR 2020, equation 3) of `batch` images:
 *
 *   out(i, j) = sum over k, l of W_kl(i, j) * S(i + k*d - padding + alpha_kl(i, j),
 *                                               j + l*d - padding + beta_kl(i, j))
 *
 * S weights four corners by what is left of the offset after rounding (`sampling`); each corner is
 * clamped to the image by itself, which equals a replicate padding of `padding` pixels. All arrays
 * are float32 (the maps float16 if `map_type` says so), contiguous, N, C, H, W; none may overlap
 * `out`. NaN offsets count as 0; offsets
 * beyond 2^23 pixels count as 2^23. Nothing outside the arrays is read, whatever their values are.
 */
typedef struct cdfi_warp_args {
  const float *image;  /* (batch, channels, image_height, image_width) */
  const void *weight;  /* (batch, taps * taps, height, width); tap (k, l) is channel k * taps + l */
  const void *alpha;   /* row offsets in pixels, (batch, offset_maps, height, width) */
  const void *beta;    /* column offsets, the same shape */
  float *out;          /* (batch, channels, height, width) */
  int64_t batch, channels;
  int64_t image_height, image_width;
  int64_t height, width;
  int32_t taps;        /* F */
  int32_t dilation;    /* d */
  int32_t offset_maps; /* F * F; 1 if all taps of a pixel share one offset */
  int32_t padding;     /* (F - 1) * d / 2 for an unpadded image; 0 if the image is padded already */
  int32_t sampling;    /* enum cdfi_sampling */
  int32_t logits;      /* nonzero: `weight` is softmaxed over the taps first */
  int32_t threads;     /* rows are shared out among so many threads; at least 1 */
  int32_t level;       /* enum cdfi_level */
  int32_t map_type;    /* enum cdfi_type of weight, alpha and beta */
} cdfi_warp_args;

/* Returns an enum cdfi_status; `out` is undefined unless it is CDFI_OK. Thread-safe. */
CDFI_API int32_t cdfi_warp(const cdfi_warp_args *args);

/* A map's head: its hidden map at half size and its last convolution, 3x3 with zeros around. */
typedef struct cdfi_head {
  const float *hidden; /* (batch, channels, hidden_height, hidden_width) */
  const float *weight; /* (taps * taps, channels, 3, 3) */
  const float *bias;   /* (taps * taps) */
  int64_t channels;
} cdfi_head;

/* One level of a feature pyramid. */
typedef struct cdfi_feature_level {
  const float *planes; /* (batch, channels, height, width) */
  int64_t channels, height, width;
} cdfi_feature_level;

/* The last layers of a kernel-estimation network and both its warps in one go (CDFI, CVPR 2021,
 * section 3.2; AdaCoF without features), tile by tile, so that no map of F * F channels ever exists:
 *
 *   map = conv3x3(resize(hidden)); the tap weights are softmaxed, the offsets taken as they are;
 *   out = warp(frames[0]), warp(frames[1]), then for each level warp(level) by the maps of frame 0
 *   and by those of frame 1.
 *
 * `hidden` is resized to the frames' size with aligned corners. A frame is padded by its border
 * pixels, (F - 1) * d / 2 on each side; a feature level is resized to that padded size, half pixels,
 * and both are warped as cdfi_warp does.
 */
typedef struct cdfi_heads_args {
  const float *frames[2];             /* (batch, 3, height, width) */
  cdfi_head heads[2][3];              /* for each frame: tap logits, row offsets, column offsets */
  const cdfi_feature_level *features; /* `levels` of them; may be null if there are none */
  float *const *out;                  /* one array of all channels, 6 + 2 * all levels'; with `group`
                                       * the first holds the frames' 6, the others `group` channels
                                       * each, the last one filled up by zeros */
  int64_t group;                      /* 0, or channels of the arrays that hold features */
  int64_t batch, height, width;
  int64_t hidden_height, hidden_width;
  int32_t levels;
  int32_t taps, dilation, sampling, threads, level; /* as in cdfi_warp_args; F at most 31 */
} cdfi_heads_args;

/* Returns an enum cdfi_status; `out` is undefined unless it is CDFI_OK. Thread-safe. */
CDFI_API int32_t cdfi_heads_warp(const cdfi_heads_args *args);

/* The gradients of one call of cdfi_warp: each is what the derivative of its result, summed with
 * `grad_out`, gives. Whole steps of an offset have none, so an offset's gradient is the difference of
 * its corners; a clamped corner's goes to the pixel it was clamped to. Null gradients are left out.
 */
typedef struct cdfi_warp_backward_args {
  cdfi_warp_args warp;   /* as in the forward call, float32; `out` is not looked at */
  const float *grad_out; /* (batch, channels, height, width) */
  float *grad_image;     /* the shape of warp.image, and so on */
  float *grad_weight;    /* with `logits`, the gradient of the logits */
  float *grad_alpha;     /* of a shared offset, the sum over the taps */
  float *grad_beta;
} cdfi_warp_backward_args;

/* Returns an enum cdfi_status; gradients are undefined unless it is CDFI_OK. Thread-safe. The same
 * `threads` give the same bits; grad_image needs a copy of one image for each of them.
 */
CDFI_API int32_t cdfi_warp_backward(const cdfi_warp_backward_args *args);

/* One English sentence for a status; never null. */
CDFI_API const char *cdfi_native_error(int32_t status);

/* CDFI_NATIVE_ABI of the library. */
CDFI_API int32_t cdfi_native_version(void);

/* The level that CDFI_LEVEL_AUTO stands for here. */
CDFI_API int32_t cdfi_native_dispatch(void);

/* Nonzero if this build and this processor have the level. */
CDFI_API int32_t cdfi_native_has_level(int32_t level);

#ifdef __cplusplus
}
#endif
#endif
