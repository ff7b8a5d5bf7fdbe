/* What becomes of a tile of integer sums, while it lies in the first cache: scale and bias, then the residual is added,
   or the activation is applied and the result rounded to uint8 for the next product. */

#ifndef FINISH_H
#define FINISH_H

#include "functions.h"

enum finish_kind {
    TO_HEADS,    /* queries, keys and values of one head, float32, each (rows, head_size) */
    TO_RESIDUAL, /* added to the residual stream */
    TO_UINT8,    /* activation, then uint8 tiles, by a static scale */
    TO_FLOATS    /* activation, then float32 rows, whose tokens get a scale of their own later */
};

typedef struct {
    float *heads;     /* TO_HEADS: queries, then keys, then values */
    size_t rows;      /* TO_HEADS: rows of each */
    int head_size;
    float *floats;    /* TO_RESIDUAL and TO_FLOATS: rows of `stride` floats */
    size_t stride;
    uint8_t *bytes;   /* TO_UINT8: tiles, `tiles_in_row` for 16 tokens */
    size_t tiles_in_row;
    float inverse_scale, zero_point; /* TO_UINT8 */
    int activation;
    int32_t *sums; /* of the AMX kernel: room for sums of blocks of 32 tokens, `block_sums` in workspace.h */
    const token_scale *token_scales; /* of the input of a site with a scale for each token; else NULL */
} finish;

/* Finish `count` rows of sums (count, 16) from token `row` on. They are 16 outputs from `column` on, which is `place`
   outputs behind the first of the head (TO_HEADS). */
INLINE void finish_rows(const int count, const int kind, const finish *to, const matrix *matrix, const int32_t *sums,
                        int row, int column, int place, weave *weave) {
    floats scale = v_load(matrix->scale + column), bias = v_load(matrix->bias + column);
    floats y[MOST_ROWS], gates[MOST_ROWS];
    if (to->token_scales != NULL) {
        const token_scale *tokens = to->token_scales + row;
        const floats of_weights = v_load(matrix->weight_sums + column);
        UNROLL for (int i = 0; i < count; i++) {
            floats start = v_fma(v_set(tokens[i].least), of_weights, bias);
            y[i] = v_fma(v_mul(v_from_int32(sums + LANES * i), scale), v_set(tokens[i].scale), start);
        }
    } else {
        UNROLL for (int i = 0; i < count; i++) y[i] = v_fma(v_from_int32(sums + LANES * i), scale, bias);
    }
    weave_next(weave);
    if (kind == TO_HEADS) {
        int part = place / to->head_size, channel = place % to->head_size;
        float *out = to->heads + (part * to->rows + row) * to->head_size + channel;
        UNROLL for (int i = 0; i < count; i++) {
            v_store(out + i * to->head_size, y[i]);
            if (i < 5) weave_next(weave);
        }
    } else if (kind == TO_RESIDUAL) {
        float *out = to->floats + row * to->stride + column;
        UNROLL for (int i = 0; i < count; i++) {
            v_store(out + i * to->stride, v_add(y[i], v_load(out + i * to->stride)));
            if (i < 5) weave_next(weave);
        }
    } else {
        activation_gates(count, to->activation, y, gates, weave);
        if (kind == TO_UINT8) {
            floats half = v_set(0.5f * to->inverse_scale), zero_point = v_set(to->zero_point);
            uint8_t *out = to->bytes + ((size_t)(row / LANES) * to->tiles_in_row + column / TILE_INPUTS) * TILE_BYTES +
                           (row % LANES) * TILE_INPUTS + column % TILE_INPUTS;
            UNROLL for (int i = 0; i < count; i++) {
                floats halved = v_mul(y[i], half);
                v_store_uint8(out + i * TILE_INPUTS, v_fma(halved, gates[i], v_add(halved, zero_point)));
            }
        } else {
            float *out = to->floats + row * to->stride + column;
            UNROLL for (int i = 0; i < count; i++) {
                floats halved = v_mul(y[i], v_set(0.5f));
                v_store(out + i * to->stride, v_fma(halved, gates[i], halved));
            }
        }
    }
}

#if VECTOR == AVX512 || VECTOR == PLAIN
enum { FINISHED_ROWS = 8 };
#else
enum { FINISHED_ROWS = 2 };
#endif

/* Finish the first `used` rows, or a few more, of a tile of sums (16, 16), whose first token is `row`. */
INLINE void finish_tile(const int kind, const finish *to, const matrix *matrix, const int32_t *sums, int row, int used,
                        int column, int place) {
    for (int i = 0; i < used; i += FINISHED_ROWS)
        finish_rows(FINISHED_ROWS, kind, to, matrix, sums + LANES * i, row + i, column, place, NULL);
}

#endif
