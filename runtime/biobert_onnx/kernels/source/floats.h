/* Sixteen floats, and the operations on them that every CPU computes to the same bits.

   Each is one IEEE 754 operation a lane: addition, subtraction, multiplication, division, fused multiply-add, or a
   comparison. A vector is one register of AVX-512, two of AVX2, four of NEON, or an array in plain C. Where lanes are added
   up (`v_sum`) or compared (`v_largest`, `v_least`), the order is the same everywhere: lane i with lane i + 8, then + 4,
   + 2, + 1. Estimates (rcp, rsqrt) and the functions of libm differ between CPUs and are used nowhere.

   VECTOR is one of PLAIN, AVX2, AVX512 and NEON. */

#ifndef FLOATS_H
#define FLOATS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "kinds.h"
#include "model.h"

#if VECTOR == PLAIN
#define INLINE static inline __attribute__((unused))
#define UNROLL
#else
#define INLINE static inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("GCC unroll 32") /* so that arrays of vectors become registers */
#endif

#if VECTOR == AVX2 || VECTOR == AVX512

#include <immintrin.h>

/* The rest of `v_largest` and `v_least`. */
INLINE float largest_of_eight(__m256 eight) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
INLINE float least_of_eight(__m256 eight) {
    __m128 four = _mm_min_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_min_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_min_ss(two, _mm_movehdup_ps(two)));
}

#endif

#if VECTOR == AVX512

typedef __m512 floats;

INLINE floats v_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(float *p, floats v) { _mm512_storeu_ps(p, v); }
INLINE floats v_set(float x) { return _mm512_set1_ps(x); }
INLINE floats v_add(floats a, floats b) { return _mm512_add_ps(a, b); }
INLINE floats v_sub(floats a, floats b) { return _mm512_sub_ps(a, b); }
INLINE floats v_mul(floats a, floats b) { return _mm512_mul_ps(a, b); }
INLINE floats v_div(floats a, floats b) { return _mm512_div_ps(a, b); }
INLINE floats v_fma(floats a, floats b, floats c) { return _mm512_fmadd_ps(a, b, c); }
INLINE floats v_fnma(floats a, floats b, floats c) { return _mm512_fnmadd_ps(a, b, c); }
INLINE floats v_max(floats a, floats b) { return _mm512_max_ps(a, b); }
INLINE floats v_min(floats a, floats b) { return _mm512_min_ps(a, b); }
INLINE floats v_from_int32(const int32_t *p) { return _mm512_cvtepi32_ps(_mm512_loadu_si512(p)); }
INLINE floats v_from_int8(const int8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
INLINE void v_store_bytes(uint8_t *p, floats v) { _mm_storeu_si128((__m128i *)p, _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(v))); }
INLINE floats v_scale_by_power(floats v, floats n) {
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(v), _mm512_slli_epi32(_mm512_castps_si512(n), 23)));
}
INLINE float v_sum(floats v) {
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
INLINE float v_largest(floats v) {
    return largest_of_eight(_mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}
INLINE float v_least(floats v) {
    return least_of_eight(_mm256_min_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)));
}
/* Keeps a vector in a register: without this, gcc loads it anew for each product. */
#define KEEP(v) __asm__("" : "+v"(v))

#elif VECTOR == AVX2

typedef struct {
    __m256 low, high;
} floats;

#define BOTH(low, high) ((floats){low, high})

INLINE floats v_load(const float *p) { return BOTH(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
INLINE void v_store(float *p, floats v) {
    _mm256_storeu_ps(p, v.low);
    _mm256_storeu_ps(p + 8, v.high);
}
INLINE floats v_set(float x) {
    __m256 v = _mm256_set1_ps(x);
    return BOTH(v, v);
}
INLINE floats v_add(floats a, floats b) { return BOTH(_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)); }
INLINE floats v_sub(floats a, floats b) { return BOTH(_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)); }
INLINE floats v_mul(floats a, floats b) { return BOTH(_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)); }
INLINE floats v_div(floats a, floats b) { return BOTH(_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)); }
INLINE floats v_fma(floats a, floats b, floats c) {
    return BOTH(_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high));
}
INLINE floats v_fnma(floats a, floats b, floats c) {
    return BOTH(_mm256_fnmadd_ps(a.low, b.low, c.low), _mm256_fnmadd_ps(a.high, b.high, c.high));
}
INLINE floats v_max(floats a, floats b) { return BOTH(_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)); }
INLINE floats v_min(floats a, floats b) { return BOTH(_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)); }
INLINE __m256 eight_from_int32(const int32_t *p) { return _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)p)); }
INLINE floats v_from_int32(const int32_t *p) { return BOTH(eight_from_int32(p), eight_from_int32(p + 8)); }
INLINE __m256 eight_from_int8(const int8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
INLINE floats v_from_int8(const int8_t *p) { return BOTH(eight_from_int8(p), eight_from_int8(p + 8)); }
INLINE void v_store_bytes(uint8_t *p, floats v) {
    __m256i words = _mm256_packs_epi32(_mm256_cvtps_epi32(v.low), _mm256_cvtps_epi32(v.high));
    words = _mm256_permute4x64_epi64(words, 0xd8); /* packs works on each half alone */
    __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)p, bytes);
}
INLINE __m256 eight_scaled(__m256 v, __m256 n) {
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(v), _mm256_slli_epi32(_mm256_castps_si256(n), 23)));
}
INLINE floats v_scale_by_power(floats v, floats n) { return BOTH(eight_scaled(v.low, n.low), eight_scaled(v.high, n.high)); }
INLINE float v_sum(floats v) {
    __m256 eight = _mm256_add_ps(v.low, v.high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
INLINE float v_largest(floats v) { return largest_of_eight(_mm256_max_ps(v.low, v.high)); }
INLINE float v_least(floats v) { return least_of_eight(_mm256_min_ps(v.low, v.high)); }
#define KEEP(v) __asm__("" : "+x"((v).low), "+x"((v).high))

#elif VECTOR == NEON

#include <arm_neon.h>

typedef struct {
    float32x4_t part[4];
} floats;

#define EACH(expression)                \
    floats result;                      \
    UNROLL for (int i = 0; i < 4; i++) { \
        result.part[i] = expression;    \
    }                                   \
    return result

INLINE floats v_load(const float *p) { EACH(vld1q_f32(p + 4 * i)); }
INLINE void v_store(float *p, floats v) {
    UNROLL for (int i = 0; i < 4; i++) vst1q_f32(p + 4 * i, v.part[i]);
}
INLINE floats v_set(float x) { EACH(vdupq_n_f32(x)); }
INLINE floats v_add(floats a, floats b) { EACH(vaddq_f32(a.part[i], b.part[i])); }
INLINE floats v_sub(floats a, floats b) { EACH(vsubq_f32(a.part[i], b.part[i])); }
INLINE floats v_mul(floats a, floats b) { EACH(vmulq_f32(a.part[i], b.part[i])); }
INLINE floats v_div(floats a, floats b) { EACH(vdivq_f32(a.part[i], b.part[i])); }
INLINE floats v_fma(floats a, floats b, floats c) { EACH(vfmaq_f32(c.part[i], a.part[i], b.part[i])); }
INLINE floats v_fnma(floats a, floats b, floats c) { EACH(vfmsq_f32(c.part[i], a.part[i], b.part[i])); }
/* Not vmaxq: of a NaN it makes another value than x86 does. */
INLINE floats v_max(floats a, floats b) { EACH(vbslq_f32(vcgtq_f32(a.part[i], b.part[i]), a.part[i], b.part[i])); }
INLINE floats v_min(floats a, floats b) { EACH(vbslq_f32(vcltq_f32(a.part[i], b.part[i]), a.part[i], b.part[i])); }
INLINE floats v_from_int32(const int32_t *p) { EACH(vcvtq_f32_s32(vld1q_s32(p + 4 * i))); }
INLINE floats v_from_int8(const int8_t *p) {
    int16x8_t low = vmovl_s8(vld1_s8(p)), high = vmovl_s8(vld1_s8(p + 8));
    floats result;
    result.part[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(low)));
    result.part[1] = vcvtq_f32_s32(vmovl_s16(vget_high_s16(low)));
    result.part[2] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(high)));
    result.part[3] = vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)));
    return result;
}
INLINE void v_store_bytes(uint8_t *p, floats v) {
    UNROLL for (int i = 0; i < 2; i++) {
        uint16x4_t low = vqmovun_s32(vcvtnq_s32_f32(v.part[2 * i]));
        uint16x4_t high = vqmovun_s32(vcvtnq_s32_f32(v.part[2 * i + 1]));
        vst1_u8(p + 8 * i, vqmovn_u16(vcombine_u16(low, high)));
    }
}
INLINE floats v_scale_by_power(floats v, floats n) {
    EACH(vreinterpretq_f32_s32(
        vaddq_s32(vreinterpretq_s32_f32(v.part[i]), vshlq_n_s32(vreinterpretq_s32_f32(n.part[i]), 23))));
}
INLINE float v_sum(floats v) {
    float32x4_t four = vaddq_f32(vaddq_f32(v.part[0], v.part[2]), vaddq_f32(v.part[1], v.part[3]));
    float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
INLINE float32x4_t larger(float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
INLINE float32x4_t lesser(float32x4_t a, float32x4_t b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
INLINE float v_largest(floats v) {
    float32x4_t four = larger(larger(v.part[0], v.part[2]), larger(v.part[1], v.part[3]));
    float32x4_t two = larger(four, vextq_f32(four, four, 2));
    return vgetq_lane_f32(larger(two, vextq_f32(two, two, 1)), 0);
}
INLINE float v_least(floats v) {
    float32x4_t four = lesser(lesser(v.part[0], v.part[2]), lesser(v.part[1], v.part[3]));
    float32x4_t two = lesser(four, vextq_f32(four, four, 2));
    return vgetq_lane_f32(lesser(two, vextq_f32(two, two, 1)), 0);
}
#define KEEP(v)

#else

typedef struct {
    float lane[LANES];
} floats;

#define EACH(expression)                    \
    floats result;                          \
    for (int i = 0; i < LANES; i++) {       \
        result.lane[i] = expression;        \
    }                                       \
    return result

INLINE floats v_load(const float *p) { EACH(p[i]); }
INLINE void v_store(float *p, floats v) { memcpy(p, v.lane, sizeof v.lane); }
INLINE floats v_set(float x) { EACH(x); }
INLINE floats v_add(floats a, floats b) { EACH(a.lane[i] + b.lane[i]); }
INLINE floats v_sub(floats a, floats b) { EACH(a.lane[i] - b.lane[i]); }
INLINE floats v_mul(floats a, floats b) { EACH(a.lane[i] * b.lane[i]); }
INLINE floats v_div(floats a, floats b) { EACH(a.lane[i] / b.lane[i]); }
INLINE floats v_fma(floats a, floats b, floats c) { EACH(fmaf(a.lane[i], b.lane[i], c.lane[i])); }
INLINE floats v_fnma(floats a, floats b, floats c) { EACH(fmaf(-a.lane[i], b.lane[i], c.lane[i])); }
INLINE floats v_max(floats a, floats b) { EACH(a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]); }
INLINE floats v_min(floats a, floats b) { EACH(a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]); }
INLINE floats v_from_int32(const int32_t *p) { EACH((float)p[i]); }
INLINE floats v_from_int8(const int8_t *p) { EACH((float)p[i]); }
INLINE void v_store_bytes(uint8_t *p, floats v) {
    for (int i = 0; i < LANES; i++) p[i] = (uint8_t)rintf(v.lane[i]);
}
INLINE floats v_scale_by_power(floats v, floats n) {
    floats result;
    for (int i = 0; i < LANES; i++) {
        uint32_t value, power;
        memcpy(&value, &v.lane[i], sizeof value);
        memcpy(&power, &n.lane[i], sizeof power);
        value += power << 23;
        memcpy(&result.lane[i], &value, sizeof value);
    }
    return result;
}
INLINE float v_sum(floats v) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) v.lane[i] += v.lane[i + width];
    return v.lane[0];
}
INLINE float v_largest(floats v) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) v.lane[i] = v.lane[i] > v.lane[i + width] ? v.lane[i] : v.lane[i + width];
    return v.lane[0];
}
INLINE float v_least(floats v) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) v.lane[i] = v.lane[i] < v.lane[i + width] ? v.lane[i] : v.lane[i + width];
    return v.lane[0];
}
#define KEEP(v)

#endif

/* Store `v`, rounded to whole numbers (ties to even) and cut to 0 .. 255, as 16 bytes; a NaN becomes 0. */
INLINE void v_store_uint8(uint8_t *p, floats v) { v_store_bytes(p, v_min(v_max(v, v_set(0.0f)), v_set(255.0f))); }

#endif
