/* The product with registers of 32 bytes: 16 accumulators, weights and one input hold all there are.

   AVX2 multiplies bytes to pairs of 16 bits (vpmaddubsw), which the weights are bounded for (see export's int8.py), then
   adds pairs of pairs to 32 bits. AVX-VNNI does both in one instruction. */

#if PRODUCT == AVX_VNNI
enum { ROWS = 6 }; /* 12 sums, 2 weights and 1 input: an instruction may wait 5 cycles for its sum, two start a cycle */
INLINE __m256i add_products(__m256i sum, __m256i x, __m256i w) { return _mm256_dpbusd_avx_epi32(sum, x, w); }
#else
enum { ROWS = 4 }; /* 8 sums, 2 weights, 1 input, and what is between bytes and sums */
INLINE __m256i add_products(__m256i sum, __m256i x, __m256i w) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, w), _mm256_set1_epi16(1)));
}
#endif

/* Sum `rows` tokens x 16 outputs over all inputs, from `start` on. */
INLINE void sum_rows(const int rows, const uint8_t *x, const int8_t *w, int64_t inputs, const int32_t *start,
                     int32_t *sums) {
    __m256i low[ROWS], high[ROWS];
    UNROLL for (int i = 0; i < rows; i++) {
        low[i] = _mm256_loadu_si256((const __m256i *)start);
        high[i] = _mm256_loadu_si256((const __m256i *)(start + 8));
    }
    for (int64_t k = 0; k < inputs; k += TILE_INPUTS, x += TILE_BYTES, w += TILE_BYTES) {
        for (int four = 0; four < TILE_INPUTS / 4; four++) {
            __m256i w_low = _mm256_loadu_si256((const __m256i *)(w + four * 64));
            __m256i w_high = _mm256_loadu_si256((const __m256i *)(w + four * 64 + 32));
            UNROLL for (int i = 0; i < rows; i++) {
                int32_t bytes;
                memcpy(&bytes, x + i * TILE_INPUTS + four * 4, sizeof bytes);
                __m256i inputs_of_row = _mm256_set1_epi32(bytes);
                low[i] = add_products(low[i], inputs_of_row, w_low);
                high[i] = add_products(high[i], inputs_of_row, w_high);
            }
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        _mm256_storeu_si256((__m256i *)(sums + LANES * i), low[i]);
        _mm256_storeu_si256((__m256i *)(sums + LANES * i + 8), high[i]);
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
            int row = 0;
            for (; row + ROWS <= LANES && row < used; row += ROWS)
                sum_rows(ROWS, x + row * TILE_INPUTS, w, matrix->inputs, matrix->start + column, sums + LANES * row);
            if (LANES % ROWS != 0 && row < used)
                sum_rows(LANES % ROWS, x + row * TILE_INPUTS, w, matrix->inputs, matrix->start + column,
                         sums + LANES * row);
            finish_tile(kind, to, matrix, sums, tile * LANES, used, (int)column, (int)(column - head));
        }
    }
}
