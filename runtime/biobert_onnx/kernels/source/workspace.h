/* The memory of one running micro-batch: what all its threads share, and what each has for itself. */

#ifndef WORKSPACE_H
#define WORKSPACE_H

#include <stdbool.h>

#include "model.h"

enum { CACHE_LINE = 64, ROWS_READ_BEYOND = 32, QUERIES_AT_ONCE = 32 };

typedef struct {
    size_t stream_stride, inner_stride; /* floats; not multiples of 4,096 bytes, whose lines would share a few places */
    float *stream, *first_stream;       /* (rows, stream_stride) of all tokens, of [CLS] */
    uint8_t *input, *first_input;       /* tiles (rows, hidden) */
    token_scale *input_scales, *first_scales; /* (rows,) */
    uint8_t *context;                   /* tiles (rows, hidden) */
    float *context_floats;              /* (rows, hidden), for scales of tokens */
    uint8_t *inner;                     /* tiles (rows, inner) */
    float *inner_floats;                /* (rows, inner_stride), for scales of tokens */
    token_scale *inner_scales;          /* (rows,) */
    float *units;                       /* (rows, OUTLIER_UNITS) */
    /* a thread's own */
    float *heads;      /* (3, rows, head_size), and ROWS_READ_BEYOND rows more */
    float *queries;    /* (head_size, QUERIES_AT_ONCE) */
    float *scores;     /* (tokens, QUERIES_AT_ONCE) */
    float *sums;       /* (QUERIES_AT_ONCE, head_size) */
    float *row_values; /* (hidden,) */
    int32_t *block_sums; /* (rows / 32, 4, 16, 16), of the AMX kernel */
} workspace;

/* The tiles that `rows` rows take. */
static inline int tiles_of(int rows) { return (rows + LANES - 1) / LANES; }

static inline void *take(uint8_t **next, size_t bytes) {
    void *taken = *next;
    *next += (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    return taken;
}

/* Lay the workspace of thread `part` of `parts` out from `base` on; returns the bytes of all parts together. */
static inline size_t arrange(workspace *space, uint8_t *base, const model *model, int batch, int tokens, int parts,
                             int part) {
    const size_t rows = (size_t)tiles_of(batch * tokens) * LANES, texts = (size_t)tiles_of(batch) * LANES;
    const size_t hidden = (size_t)model->hidden, inner = (size_t)model->inner, size = (size_t)model->head_size;
    bool context_is_float = false, inner_is_float = false, has_outliers = false;
    for (int64_t index = 0; index < model->layers; index++) {
        context_is_float |= model->layer[index].sites[1].per_token;
        inner_is_float |= model->layer[index].sites[3].per_token;
        has_outliers |= model->layer[index].outliers.into != NULL;
    }
    const bool reads_first_only = model->pooling == CLS || model->pooling == POOLER;
    space->stream_stride = hidden + LANES;
    space->inner_stride = inner + LANES;
    uint8_t *next = base;
    space->stream = take(&next, rows * space->stream_stride * sizeof(float));
    space->input = take(&next, rows * hidden);
    space->input_scales = take(&next, rows * sizeof(token_scale));
    space->context = take(&next, rows * hidden);
    space->context_floats = take(&next, context_is_float ? rows * hidden * sizeof(float) : 0);
    space->inner = take(&next, rows * inner);
    space->inner_floats = take(&next, inner_is_float ? rows * space->inner_stride * sizeof(float) : 0);
    space->inner_scales = take(&next, rows * sizeof(token_scale));
    space->units = take(&next, has_outliers ? rows * OUTLIER_UNITS * sizeof(float) : 0);
    space->first_stream = take(&next, reads_first_only ? texts * space->stream_stride * sizeof(float) : 0);
    space->first_input = take(&next, reads_first_only ? texts * hidden : 0);
    space->first_scales = take(&next, texts * sizeof(token_scale));
    const size_t shared = (size_t)(next - base);

    uint8_t *own = next;
    space->heads = take(&next, (3 * rows + ROWS_READ_BEYOND) * size * sizeof(float));
    space->queries = take(&next, size * QUERIES_AT_ONCE * sizeof(float));
    space->scores = take(&next, (size_t)tokens * QUERIES_AT_ONCE * sizeof(float));
    space->sums = take(&next, QUERIES_AT_ONCE * size * sizeof(float));
    space->row_values = take(&next, hidden * sizeof(float));
    space->block_sums = take(&next, (rows + 2 * LANES) / (2 * LANES) * 4 * LANES * LANES * sizeof(int32_t));
    const size_t bytes_of_own = (size_t)(next - own), shift = bytes_of_own * (size_t)part;
    space->heads += shift / sizeof(float);
    space->queries += shift / sizeof(float);
    space->scores += shift / sizeof(float);
    space->sums += shift / sizeof(float);
    space->row_values += shift / sizeof(float);
    space->block_sums += shift / sizeof(int32_t);
    return shared + bytes_of_own * (size_t)parts;
}

#endif
