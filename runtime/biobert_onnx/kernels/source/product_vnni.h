/* The product with AVX-512 VNNI: 8 tokens x 48 outputs in 24 of 32 registers, beside 3 of weights and 1 of inputs.

   The weights of the next outputs are fetched into the second cache meanwhile: the hardware does not see that far. */

enum { ROWS = 8, WIDEST = 3 };

/* Sum 8 tokens x `vectors` * 16 outputs over all inputs, from `start` on; `next` is where to fetch `lines` cache lines a
   tile from. A function of its own: inlined, gcc runs out of registers. */
#define SUM_ROWS(NAME, VECTORS)                                                                                       \
    static __attribute__((noinline)) void NAME(const uint8_t *x, const int8_t *w, size_t stride, int64_t inputs,      \
                                               const int32_t *start, int32_t *sums, const int8_t *next, int lines) {  \
        __m512i sum[ROWS][VECTORS];                                                                                   \
        UNROLL for (int v = 0; v < VECTORS; v++) {                                                                    \
            UNROLL for (int i = 0; i < ROWS; i++) sum[i][v] = _mm512_loadu_si512(start + LANES * v);                  \
        }                                                                                                             \
        for (int64_t k = 0; k < inputs; k += TILE_INPUTS, x += TILE_BYTES, w += TILE_BYTES) {                         \
            for (int line = 0; line < lines; line++, next += 64) _mm_prefetch((const char *)next, _MM_HINT_T1);       \
            for (int four = 0; four < TILE_INPUTS / 4; four++) {                                                      \
                __m512i weights[VECTORS];                                                                             \
                UNROLL for (int v = 0; v < VECTORS; v++) weights[v] = _mm512_loadu_si512(w + v * stride + four * 64); \
                UNROLL for (int i = 0; i < ROWS; i++) {                                                               \
                    int32_t bytes;                                                                                    \
                    memcpy(&bytes, x + i * TILE_INPUTS + four * 4, sizeof bytes);                                     \
                    __m512i input = _mm512_set1_epi32(bytes);                                                         \
                    UNROLL for (int v = 0; v < VECTORS; v++)                                                          \
                        sum[i][v] = _mm512_dpbusd_epi32(sum[i][v], input, weights[v]);                                \
                }                                                                                                     \
            }                                                                                                         \
        }                                                                                                             \
        UNROLL for (int i = 0; i < ROWS; i++) {                                                                       \
            UNROLL for (int v = 0; v < VECTORS; v++)                                                                  \
                _mm512_storeu_si512(sums + v * LANES * LANES + i * LANES, sum[i][v]);                                 \
        }                                                                                                             \
    }

SUM_ROWS(sum_rows_1, 1)
SUM_ROWS(sum_rows_2, 2)
SUM_ROWS(sum_rows_3, 3)

INLINE void product(const int kind, const finish *to, const matrix *matrix, const uint8_t *input, int first_tile,
                    int end_tile, int rows, int64_t first, int64_t end, int64_t head) {
    int32_t sums[WIDEST * LANES * LANES] __attribute__((aligned(64)));
    const int tiles = end_tile - first_tile;
    const size_t stride = (size_t)matrix->inputs * LANES; /* bytes from 16 outputs to the next */
    for (int64_t column = first; column < end;) {
        const int vectors = (int)(end - column) / LANES < WIDEST ? (int)(end - column) / LANES : WIDEST;
        void (*const sum_rows)(const uint8_t *, const int8_t *, size_t, int64_t, const int32_t *, int32_t *,
                               const int8_t *, int) = vectors == 3   ? sum_rows_3
                                                      : vectors == 2 ? sum_rows_2
                                                                     : sum_rows_1;
        const int8_t *w = tiles_of_output(matrix, column), *next = w + vectors * stride;
        const bool is_last = column + vectors * LANES >= matrix->outputs;
        const int lines = is_last ? 0 : (8 * vectors + tiles - 1) / tiles; /* 16 * vectors lines for each 2 * tiles calls */
        for (int tile = first_tile; tile < end_tile; tile++) {
            const uint8_t *x = tile_row(matrix, input, tile);
            const int used = used_rows(tile, rows);
            UNROLL for (int half = 0; half < 2; half++) {
                if (half * ROWS >= used) break;
                sum_rows(x + half * ROWS * TILE_INPUTS, w, stride, matrix->inputs, matrix->start + column,
                         sums + half * ROWS * LANES, next, lines);
                next += (size_t)lines * TILE_INPUTS * (matrix->inputs / TILE_INPUTS);
            }
            for (int v = 0; v < vectors; v++)
                finish_tile(kind, to, matrix, sums + v * LANES * LANES, tile * LANES, used, (int)column + v * LANES,
                            (int)(column - head) + v * LANES);
        }
        column += vectors * LANES;
    }
}
