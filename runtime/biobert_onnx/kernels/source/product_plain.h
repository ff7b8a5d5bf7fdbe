/* The product in plain C: the reading version, and what the tests compare every other one with. */

INLINE void product(const int kind, const finish *to, const matrix *matrix, const uint8_t *input, int first_tile,
                    int end_tile, int rows, int64_t first, int64_t end, int64_t head) {
    for (int64_t column = first; column < end; column += LANES) {
        for (int tile = first_tile; tile < end_tile; tile++) {
            const uint8_t *x = tile_row(matrix, input, tile);
            const int8_t *w = tiles_of_output(matrix, column);
            const int used = used_rows(tile, rows);
            int32_t sums[LANES * LANES];
            for (int i = 0; i < LANES; i++) memcpy(sums + LANES * i, matrix->start + column, LANES * sizeof *sums);
            for (int64_t k = 0; k < matrix->inputs; k += TILE_INPUTS, x += TILE_BYTES, w += TILE_BYTES)
                for (int row = 0; row < used; row++)
                    for (int channel = 0; channel < TILE_INPUTS; channel++)
                        for (int output = 0; output < LANES; output++)
                            sums[row * LANES + output] += (int32_t)x[row * TILE_INPUTS + channel] *
                                                          w[channel / 4 * TILE_INPUTS + output * 4 + channel % 4];
            finish_tile(kind, to, matrix, sums, tile * LANES, used, (int)column, (int)(column - head));
        }
    }
}
