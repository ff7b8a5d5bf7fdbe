/* Products of uint8 activations and int8 weights, exact in int32: 255 * 128 * inputs stays below 2^31 for up to 65,793
   inputs. Each kernel has its own loop; PRODUCT names it.

   All of them: for each block of outputs, whose weights then stay in the cache, for each tile of 16 tokens, sum over the
   inputs in registers, then `finish_tile` while the sums are in the first cache.

   product(kind, to, matrix, input, first_tile, end_tile, rows, first, end, head): the tokens of tiles first_tile to
   end_tile (not included) of `input`, whose texts take `rows` rows, the outputs first to end, multiples of 16 (of AMX,
   32). `head`: the output where the head begins. Rows behind `rows` may be left out. */

#ifndef PRODUCT_H
#define PRODUCT_H

#include "finish.h"

INLINE const uint8_t *tile_row(const matrix *matrix, const uint8_t *input, int tile) {
    return input + (size_t)tile * matrix->inputs * LANES;
}

/* The rows of a tile that the first `rows` rows fill. */
INLINE int used_rows(int tile, int rows) { return rows - tile * LANES < LANES ? rows - tile * LANES : LANES; }

INLINE const int8_t *tiles_of_output(const matrix *matrix, int64_t output) {
    return matrix->tiles + (size_t)output * matrix->inputs;
}

#if PRODUCT == AMX
#include "product_amx.h"
#elif PRODUCT == VNNI
#include "product_vnni.h"
#elif PRODUCT == AVX_VNNI || PRODUCT == AVX2_PRODUCT
#include "product_avx2.h"
#elif PRODUCT == NEON_DOT || PRODUCT == NEON_I8MM
#include "product_neon.h"
#else
#include "product_plain.h"
#endif

#endif
