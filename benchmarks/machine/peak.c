/* The most integer products that a core can make: for each kernel a loop of its instructions, in registers alone.

   Nothing is loaded, rounded or stored, so no encoder can be faster. An input is multiplied by every weight; each sum
   waits for itself alone, and there are more sums than an instruction takes cycles. Each function returns the number of
   multiply-adds that it made. */

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define UNROLL _Pragma("GCC unroll 16")

/* Let the compiler believe that a register changes: it may then not move products out of the loop. */
#define RENEW(kind, value) __asm__ volatile("" : "+" kind(value))

/* The loop of `INPUTS` x `WEIGHTS` sums; ADD(sum, x, w) makes PRODUCTS multiply-adds. */
#define PEAK(NAME, REGISTER, KIND, FILL, ADD, INPUTS, WEIGHTS, PRODUCTS)                     \
    __attribute__((visibility("default"))) int64_t NAME(int64_t rounds) {                    \
        REGISTER sum[INPUTS][WEIGHTS], x[INPUTS], w[WEIGHTS];                                \
        UNROLL for (int i = 0; i < INPUTS; i++) x[i] = FILL(0x01020304 * (i + 1));           \
        UNROLL for (int j = 0; j < WEIGHTS; j++) w[j] = FILL(0x05060708 + j);                \
        UNROLL for (int i = 0; i < INPUTS; i++) {                                            \
            UNROLL for (int j = 0; j < WEIGHTS; j++) sum[i][j] = FILL(i + j);                \
        }                                                                                    \
        UNROLL for (int j = 0; j < WEIGHTS; j++) RENEW(KIND, w[j]);                          \
        for (int64_t round = 0; round < rounds; round++) {                                   \
            UNROLL for (int i = 0; i < INPUTS; i++) RENEW(KIND, x[i]);                       \
            UNROLL for (int i = 0; i < INPUTS; i++) {                                        \
                UNROLL for (int j = 0; j < WEIGHTS; j++) sum[i][j] = ADD(sum[i][j], x[i], w[j]); \
            }                                                                                \
        }                                                                                    \
        UNROLL for (int i = 0; i < INPUTS; i++) {                                            \
            UNROLL for (int j = 0; j < WEIGHTS; j++) RENEW(KIND, sum[i][j]);                 \
        }                                                                                    \
        return rounds * INPUTS * WEIGHTS * PRODUCTS;                                         \
    }

#if defined(__AVX2__)
#define ADD_PAIRS(sum, x, w) \
    _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)))
PEAK(peak_avx2, __m256i, "x", _mm256_set1_epi32, ADD_PAIRS, 4, 2, 32)
#endif

#if defined(__AVXVNNI__)
PEAK(peak_avxvnni, __m256i, "x", _mm256_set1_epi32, _mm256_dpbusd_avx_epi32, 4, 3, 32)
#endif

#if defined(__AVX512VNNI__)
PEAK(peak_vnni, __m512i, "v", _mm512_set1_epi32, _mm512_dpbusd_epi32, 8, 2, 64)
#endif

#if defined(__AMX_INT8__)
/* Six tiles of sums; a product of two tiles is 16 x 16 x 64 multiply-adds. The process must have asked for tiles. */
__attribute__((visibility("default"))) int64_t peak_amx(int64_t rounds) {
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes_of_row[16];
        uint8_t rows[16];
    } __attribute__((packed)) configuration = {.palette = 1};
    uint8_t bytes[16 * 64];
    for (int i = 0; i < 16 * 64; i++) bytes[i] = (uint8_t)(i % 61);
    for (int tile = 0; tile < 8; tile++) {
        configuration.bytes_of_row[tile] = 64;
        configuration.rows[tile] = 16;
    }
    _tile_loadconfig(&configuration);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_loadd(6, bytes, 64);
    _tile_loadd(7, bytes, 64);
    for (int64_t round = 0; round < rounds; round++) {
        _tile_dpbusd(0, 6, 7);
        _tile_dpbusd(1, 6, 7);
        _tile_dpbusd(2, 6, 7);
        _tile_dpbusd(3, 6, 7);
        _tile_dpbusd(4, 6, 7);
        _tile_dpbusd(5, 6, 7);
    }
    _tile_release();
    return rounds * 6 * 16 * 16 * 64;
}
#endif

#if defined(__ARM_FEATURE_DOTPROD)
#define ADD_DOT(sum, x, w) vdotq_s32(sum, vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(w))
PEAK(peak_neon_dot, int32x4_t, "w", vdupq_n_s32, ADD_DOT, 4, 4, 16)
#endif

#if defined(__ARM_FEATURE_MATMUL_INT8)
#define ADD_MATRIX(sum, x, w) vusmmlaq_s32(sum, vreinterpretq_u8_s32(x), vreinterpretq_s8_s32(w))
/* usmmla makes twice the products of usdot, which the kernel uses. */
PEAK(peak_neon_i8mm, int32x4_t, "w", vdupq_n_s32, ADD_MATRIX, 4, 4, 32)
#endif
