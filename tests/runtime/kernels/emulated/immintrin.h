/* AVX-512, AVX-VNNI and AMX on any CPU with AVX2, so that the tests run every x86 kernel wherever they run.

   Found before the compiler's own header, which it includes, it replaces the instructions that the kernels use by C that
   does what "Intel 64 and IA-32 Architectures Software Developer's Manual", volume 2, says of each. A kernel that uses an
   instruction that is not here does not compile without the flags of its CPU: add it here.

   What breaks the manual's rules for tiles, and would be a fault on the CPU, ends the program with one line. */

#ifndef EMULATED_IMMINTRIN_H
#define EMULATED_IMMINTRIN_H

#include_next <immintrin.h>

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVXVNNI__) || defined(__AMX_TILE__)
#error "compiled for a CPU that has these instructions, nothing would be emulated"
#endif

#define EMULATED static inline __attribute__((__always_inline__, unused))

/* Empty: the one assembly statement behind this header, KEEP of floats.h, holds a register that is not there. */
#define __asm__(...)

typedef int32_t emulated_int32 __attribute__((vector_size(64)));

typedef union {
    __m512 floats;
    __m512i integers;
    emulated_int32 int32;
    __m256 half[2];
    __m256i integer_half[2];
    float lane[16];
    uint32_t word[16];
} emulated_register;

/* AVX-512: vectors of 16 floats or 16 integers. */

#define _mm512_loadu_ps emulated_loadu_ps
#define _mm512_storeu_ps emulated_storeu_ps
#define _mm512_loadu_si512 emulated_loadu_si512
#define _mm512_storeu_si512 emulated_storeu_si512
#define _mm512_set1_ps emulated_set1_ps
#define _mm512_set1_epi32 emulated_set1_epi32
#define _mm512_add_ps emulated_add_ps
#define _mm512_sub_ps emulated_sub_ps
#define _mm512_mul_ps emulated_mul_ps
#define _mm512_div_ps emulated_div_ps
#define _mm512_fmadd_ps emulated_fmadd_ps
#define _mm512_fnmadd_ps emulated_fnmadd_ps
#define _mm512_max_ps emulated_max_ps
#define _mm512_min_ps emulated_min_ps
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
#define _mm512_cvtepi8_epi32 emulated_cvtepi8_epi32
#define _mm512_cvtps_epi32 emulated_cvtps_epi32
#define _mm512_cvtusepi32_epi8 emulated_cvtusepi32_epi8
#define _mm512_castsi512_ps emulated_castsi512_ps
#define _mm512_castps_si512 emulated_castps_si512
#define _mm512_castps512_ps256 emulated_castps512_ps256
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps emulated_extractf32x8_ps
#define _mm512_add_epi32 emulated_add_epi32
#define _mm512_slli_epi32 emulated_slli_epi32

EMULATED __m512 emulated_loadu_ps(const void *from) {
    emulated_register r;
    memcpy(&r, from, sizeof r);
    return r.floats;
}
EMULATED void emulated_storeu_ps(void *to, __m512 v) { memcpy(to, &v, sizeof v); }
EMULATED __m512i emulated_loadu_si512(const void *from) {
    emulated_register r;
    memcpy(&r, from, sizeof r);
    return r.integers;
}
EMULATED void emulated_storeu_si512(void *to, __m512i v) { memcpy(to, &v, sizeof v); }

EMULATED __m512 emulated_set1_ps(float x) {
    const __m256 half = _mm256_set1_ps(x);
    return ((emulated_register){.half = {half, half}}).floats;
}
EMULATED __m512i emulated_set1_epi32(int32_t x) {
    const __m256i half = _mm256_set1_epi32(x);
    return ((emulated_register){.integer_half = {half, half}}).integers;
}

EMULATED __m512 emulated_add_ps(__m512 a, __m512 b) { return a + b; }
EMULATED __m512 emulated_sub_ps(__m512 a, __m512 b) { return a - b; }
EMULATED __m512 emulated_mul_ps(__m512 a, __m512 b) { return a * b; }
EMULATED __m512 emulated_div_ps(__m512 a, __m512 b) { return a / b; }

/* a * b + c, or c - a * b, with one rounding. */
EMULATED __m512 emulated_fmadd_ps(__m512 a, __m512 b, __m512 c) {
    const emulated_register x = {a}, y = {b}, z = {c};
    return ((emulated_register){.half = {_mm256_fmadd_ps(x.half[0], y.half[0], z.half[0]),
                                         _mm256_fmadd_ps(x.half[1], y.half[1], z.half[1])}}).floats;
}
EMULATED __m512 emulated_fnmadd_ps(__m512 a, __m512 b, __m512 c) { return emulated_fmadd_ps(-a, b, c); }

/* Of two zeros, or if one is a NaN, the second. */
EMULATED __m512 emulated_chosen(emulated_int32 is_first, __m512 a, __m512 b) {
    return (__m512)((is_first & (emulated_int32)a) | (~is_first & (emulated_int32)b));
}
EMULATED __m512 emulated_max_ps(__m512 a, __m512 b) { return emulated_chosen(a > b, a, b); }
EMULATED __m512 emulated_min_ps(__m512 a, __m512 b) { return emulated_chosen(a < b, a, b); }

EMULATED __m512 emulated_cvtepi32_ps(__m512i v) { return __builtin_convertvector((emulated_int32)v, __m512); }
EMULATED __m512i emulated_cvtepi8_epi32(__m128i v) {
    return ((emulated_register){.integer_half = {_mm256_cvtepi8_epi32(v), _mm256_cvtepi8_epi32(_mm_srli_si128(v, 8))}})
        .integers;
}
EMULATED __m512i emulated_cvtps_epi32(__m512 v) {
    const emulated_register r = {v};
    return ((emulated_register){.integer_half = {_mm256_cvtps_epi32(r.half[0]), _mm256_cvtps_epi32(r.half[1])}}).integers;
}

/* Unsigned 32 bits to 8; what is above 255 becomes 255. */
EMULATED __m128i emulated_cvtusepi32_epi8(__m512i v) {
    const emulated_register r = {.integers = v};
    uint8_t bytes[16];
    for (int i = 0; i < 16; i++) bytes[i] = r.word[i] < 255 ? (uint8_t)r.word[i] : 255;
    return _mm_loadu_si128((const __m128i *)bytes);
}

EMULATED __m512 emulated_castsi512_ps(__m512i v) { return (__m512)v; }
EMULATED __m512i emulated_castps_si512(__m512 v) { return (__m512i)v; }
EMULATED __m256 emulated_castps512_ps256(__m512 v) { return ((emulated_register){v}).half[0]; }
EMULATED __m256 emulated_extractf32x8_ps(__m512 v, int half) { return ((emulated_register){v}).half[half]; }
EMULATED __m512i emulated_add_epi32(__m512i a, __m512i b) {
    emulated_register x = {.integers = a};
    const emulated_register y = {.integers = b};
    for (int i = 0; i < 16; i++) x.word[i] += y.word[i]; /* unsigned: it wraps */
    return x.integers;
}
EMULATED __m512i emulated_slli_epi32(__m512i v, unsigned bits) {
    emulated_register r = {.integers = v};
    for (int i = 0; i < 16; i++) r.word[i] <<= bits;
    return r.integers;
}

/* VNNI: to each 32 bits of `sum`, which wrap, four products of an unsigned byte of `a` and a signed one of `b`. */

#define _mm256_dpbusd_avx_epi32 emulated_dpbusd_avx_epi32
#define _mm512_dpbusd_epi32 emulated_dpbusd_epi32

EMULATED __m256i emulated_dpbusd_avx_epi32(__m256i sum, __m256i a, __m256i b) {
    /* Even bytes and odd ones alone, as 16 bits: their products fit 16 bits as no sum of two does. */
    const __m256i even = _mm256_set1_epi16(0xff);
    const __m256i even_b = _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8), odd_b = _mm256_srai_epi16(b, 8);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_and_si256(a, even), even_b));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_srli_epi16(a, 8), odd_b));
}
EMULATED __m512i emulated_dpbusd_epi32(__m512i sum, __m512i a, __m512i b) {
    const emulated_register x = {.integers = a}, y = {.integers = b};
    emulated_register z = {.integers = sum};
    for (int i = 0; i < 2; i++)
        z.integer_half[i] = emulated_dpbusd_avx_epi32(z.integer_half[i], x.integer_half[i], y.integer_half[i]);
    return z.integers;
}

/* AMX: eight tiles of up to 16 rows of up to 64 bytes, a thread's own. */

enum { EMULATED_TILES = 8, EMULATED_ROWS = 16, EMULATED_ROW_BYTES = 64 };

typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes_of_row[16];
    uint8_t rows[16];
} __attribute__((packed)) emulated_configuration;

typedef struct {
    int rows, bytes; /* 0: the tile is not configured */
    uint8_t row[EMULATED_ROWS][EMULATED_ROW_BYTES];
} emulated_tile;

static _Thread_local struct {
    int configured;
    emulated_tile tile[EMULATED_TILES];
} emulated_tiles __attribute__((unused));

EMULATED void emulated_rule(int is_kept, const char *rule) {
    if (is_kept) return;
    fprintf(stderr, "emulated AMX: %s\n", rule);
    abort();
}

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_loadd
#undef _tile_stream_loadd
#undef _tile_stored
#undef _tile_dpbusd
#define _tile_loadconfig emulated_tile_loadconfig
#define _tile_release emulated_tile_release
#define _tile_loadd emulated_tile_loadd
#define _tile_stream_loadd emulated_tile_loadd
#define _tile_stored emulated_tile_stored
#define _tile_dpbusd emulated_tile_dpbusd

__attribute__((unused)) static void emulated_tile_loadconfig(const void *from) {
    emulated_configuration wanted;
    memcpy(&wanted, from, sizeof wanted);
    emulated_rule(sizeof wanted == 64 && wanted.palette == 1 && wanted.start_row == 0, "palette 1 from row 0 on");
    for (int i = 0; i < 14; i++) emulated_rule(wanted.reserved[i] == 0, "reserved bytes of a configuration are 0");
    /* Allowed by the CPU, but a thread that keeps its tiles makes every switch of the system save them. */
    emulated_rule(!emulated_tiles.configured, "tiles are released after each encoding");
    memset(&emulated_tiles, 0, sizeof emulated_tiles);
    for (int i = 0; i < 16; i++) {
        const int rows = wanted.rows[i], bytes = wanted.bytes_of_row[i];
        if (i >= EMULATED_TILES) {
            emulated_rule(rows == 0 && bytes == 0, "palette 1 has eight tiles");
            continue;
        }
        emulated_rule(rows <= EMULATED_ROWS && bytes <= EMULATED_ROW_BYTES, "a tile has 16 rows of 64 bytes at most");
        emulated_rule((rows == 0) == (bytes == 0), "a tile with rows has bytes");
        emulated_tiles.tile[i].rows = rows;
        emulated_tiles.tile[i].bytes = bytes;
    }
    emulated_tiles.configured = 1;
}

__attribute__((unused)) static void emulated_tile_release(void) { memset(&emulated_tiles, 0, sizeof emulated_tiles); }

EMULATED emulated_tile *emulated_configured(int number) {
    emulated_rule(number >= 0 && number < EMULATED_TILES, "tiles have the numbers 0 to 7");
    emulated_tile *tile = &emulated_tiles.tile[number];
    emulated_rule(emulated_tiles.configured && tile->rows > 0, "a tile is configured before it is used");
    return tile;
}

__attribute__((unused)) static void emulated_tile_loadd(int number, const void *from, size_t stride) {
    emulated_tile *tile = emulated_configured(number);
    memset(tile->row, 0, sizeof tile->row);
    for (int row = 0; row < tile->rows; row++) memcpy(tile->row[row], (const char *)from + row * stride, (size_t)tile->bytes);
}

__attribute__((unused)) static void emulated_tile_stored(int number, void *to, size_t stride) {
    const emulated_tile *tile = emulated_configured(number);
    for (int row = 0; row < tile->rows; row++) memcpy((char *)to + row * stride, tile->row[row], (size_t)tile->bytes);
}

__attribute__((unused)) static void emulated_tile_dpbusd(int sum, int a, int b) {
    emulated_tile *sums = emulated_configured(sum);
    const emulated_tile *left = emulated_configured(a), *right = emulated_configured(b);
    emulated_rule(sums != left && sums != right && left != right, "a product takes three tiles");
    emulated_rule(left->rows == sums->rows && right->bytes == sums->bytes && left->bytes == 4 * right->rows,
                  "the tiles of a product fit");
    for (int m = 0; m < sums->rows; m++) {
        for (int k = 0; k < right->rows; k++) {
            int32_t four;
            memcpy(&four, left->row[m] + 4 * k, sizeof four);
            for (int n = 0; n < right->bytes; n += 32) {
                __m256i *eight = (__m256i *)(sums->row[m] + n);
                const __m256i weights = _mm256_loadu_si256((const __m256i *)(right->row[k] + n));
                _mm256_storeu_si256(eight, emulated_dpbusd_avx_epi32(_mm256_loadu_si256(eight), _mm256_set1_epi32(four),
                                                                     weights));
            }
        }
    }
}

#endif
