/* The product with NEON: 4 tokens x 16 outputs in 16 of 32 registers.

   USDOT (i8mm) multiplies unsigned by signed bytes. SDOT multiplies signed bytes only: there 128 is subtracted from each
   input by turning its highest bit, and 128 x the sum of the weights is added to the start. */

enum { ROWS = 4 };

#if PRODUCT == NEON_I8MM
#define ADD_PRODUCTS(sum, x, w, lane) vsudotq_laneq_s32(sum, w, x, lane)
typedef uint8x16_t input_bytes;
INLINE input_bytes load_inputs(const uint8_t *p) { return vld1q_u8(p); }
#else
#define ADD_PRODUCTS(sum, x, w, lane) vdotq_laneq_s32(sum, w, x, lane)
typedef int8x16_t input_bytes;
INLINE input_bytes load_inputs(const uint8_t *p) { return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(p), vdupq_n_u8(128))); }
#endif

INLINE int32x4_t first_sum(const matrix *matrix, int64_t column) {
    int32x4_t start = vld1q_s32(matrix->start + column);
#if PRODUCT == NEON_DOT
    start = vaddq_s32(start, vshlq_n_s32(vld1q_s32(matrix->sums + column), 7));
#endif
    return start;
}

#define ADD_LANE(lane)                                                                                 \
    UNROLL for (int v = 0; v < 4; v++) {                                                               \
        int8x16_t weights = vld1q_s8(w + (four * 4 + lane) * 64 + v * 16);                             \
        UNROLL for (int i = 0; i < ROWS; i++) sum[i][v] = ADD_PRODUCTS(sum[i][v], x_of[i], weights, lane); \
    }

/* Sum 4 tokens x 16 outputs over all inputs. */
INLINE void sum_rows(const matrix *matrix, const uint8_t *x, const int8_t *w, int64_t column, int32_t *sums) {
    int32x4_t sum[ROWS][4];
    UNROLL for (int i = 0; i < ROWS; i++) {
        UNROLL for (int v = 0; v < 4; v++) sum[i][v] = first_sum(matrix, column + 4 * v);
    }
    for (int64_t k = 0; k < matrix->inputs; k += TILE_INPUTS, x += TILE_BYTES, w += TILE_BYTES) {
        for (int four = 0; four < TILE_INPUTS / 16; four++) {
            input_bytes x_of[ROWS];
            UNROLL for (int i = 0; i < ROWS; i++) x_of[i] = load_inputs(x + i * TILE_INPUTS + four * 16);
            ADD_LANE(0)
            ADD_LANE(1)
            ADD_LANE(2)
            ADD_LANE(3)
        }
    }
    UNROLL for (int i = 0; i < ROWS; i++) {
        UNROLL for (int v = 0; v < 4; v++) vst1q_s32(sums + LANES * i + 4 * v, sum[i][v]);
    }
}

INLINE void product(const int kind, const finish *to, const matrix *matrix, const uint8_t *input, int first_tile,
                    int end_tile, int rows, int64_t first, int64_t end, int64_t head) {
    int32_t sums[LANES * LANES] __attribute__((aligned(64)));
    for (int64_t column = first; column < end; column += LANES) {
        const int8_t *w = tiles_of_output(matrix, column);
        for (int tile = first_tile; tile < end_tile; tile++) {
            const uint8_t *x = tile_row(matrix, input, tile);
            const int used = used_rows(tile, rows);
            for (int row = 0; row < used; row += ROWS)
                sum_rows(matrix, x + row * TILE_INPUTS, w, column, sums + LANES * row);
            finish_tile(kind, to, matrix, sums, tile * LANES, used, (int)column, (int)(column - head));
        }
    }
}
