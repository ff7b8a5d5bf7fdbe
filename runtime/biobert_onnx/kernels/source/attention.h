/* softmax(Q K') V of one head and one text, in float32.

   Queries lie in lanes and the loops run over keys one by one, so the products, the maximum and the sum of a query never
   leave its lane, and the order of every sum is the order of the keys, whatever the CPU. Blocks only decide what stays in
   registers (keys, channels) and in the first cache (KEYS_AT_ONCE). */

#ifndef ATTENTION_H
#define ATTENTION_H

#include "functions.h"

enum { QUERIES = 2 * LANES, KEYS_AT_ONCE = 64, MOST_HEAD_SIZE = 64, MOST_KEYS = 12, MOST_QUERIES = 6 };

#if VECTOR == AVX512
enum { SCORED_KEYS = 12, SCORED_VECTORS = 2, WEIGHED_VECTORS = 4 };
#else
enum { SCORED_KEYS = 6, SCORED_VECTORS = 1, WEIGHED_VECTORS = 1 };
#endif

/* What attention needs beside the head's tensors; a thread's own. */
typedef struct {
    float *queries; /* (head_size, QUERIES): a block of queries, transposed */
    float *scores;  /* (keys, QUERIES) */
    float *sums;    /* (QUERIES, head_size): what a block of queries gathers */
} attention_buffers;

#if VECTOR == AVX512 || VECTOR == AVX2
/* Transpose 8 x 8 floats. */
INLINE void transpose_eight(const float *from, size_t stride, float *to, size_t to_stride) {
    __m256 r[8], t[8];
    UNROLL for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(from + i * stride);
    UNROLL for (int i = 0; i < 4; i++) {
        t[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    UNROLL for (int i = 0; i < 2; i++) {
        r[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
        r[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
        r[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
        r[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(to + i * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(to + (i + 4) * to_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}
#else
INLINE void transpose_eight(const float *from, size_t stride, float *to, size_t to_stride) {
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) to[j * to_stride + i] = from[i * stride + j];
}
#endif

/* Score `keys` keys for `vectors` * 16 queries: into `scores`, and the largest so far into `largest`. `bias`: that of the
   first key for the first query, which stands one place further back for each next key; or NULL. */
INLINE void score_keys(const int keys, const int vectors, const int size, const float *key, const float *queries,
                       float *scores, floats *largest, const float *bias) {
    floats score[MOST_KEYS][2];
    UNROLL for (int i = 0; i < keys; i++) {
        UNROLL for (int v = 0; v < vectors; v++) score[i][v] = bias != NULL ? v_load(bias - i + LANES * v) : v_set(0.0f);
    }
    for (int channel = 0; channel < size; channel++) {
        floats query[2];
        UNROLL for (int v = 0; v < vectors; v++) {
            query[v] = v_load(queries + channel * QUERIES + LANES * v);
            KEEP(query[v]);
        }
        UNROLL for (int i = 0; i < keys; i++) {
            floats x = v_set(key[i * size + channel]);
            UNROLL for (int v = 0; v < vectors; v++) score[i][v] = v_fma(x, query[v], score[i][v]);
        }
    }
    UNROLL for (int i = 0; i < keys; i++) {
        UNROLL for (int v = 0; v < vectors; v++) {
            v_store(scores + i * QUERIES + LANES * v, score[i][v]);
            largest[v] = v_max(largest[v], score[i][v]);
        }
    }
}

/* Score all `keys` for `vectors` * 16 queries. */
INLINE void score_all(const int vectors, const int size, const float *key, int keys, const float *queries, float *scores,
                      floats *largest, const float *bias) {
    int j = 0;
    for (; j + SCORED_KEYS <= keys; j += SCORED_KEYS)
        score_keys(SCORED_KEYS, vectors, size, key + j * size, queries, scores + j * QUERIES, largest,
                   bias != NULL ? bias - j : NULL);
    for (; j + 2 <= keys; j += 2)
        score_keys(2, vectors, size, key + j * size, queries, scores + j * QUERIES, largest,
                   bias != NULL ? bias - j : NULL);
    if (j < keys)
        score_keys(1, vectors, size, key + j * size, queries, scores + j * QUERIES, largest,
                   bias != NULL ? bias - j : NULL);
}

/* Add the values of `keys` keys, each times its weight, to the sums of `queries` queries. `is_first`: they begin here. */
INLINE void weigh_values(const int queries, const int size, const float *weights, const float *value, int keys,
                         float *sums, bool is_first) {
    for (int channel = 0; channel < size; channel += LANES * (size < LANES * WEIGHED_VECTORS ? 2 : WEIGHED_VECTORS)) {
        const int vectors = size < LANES * WEIGHED_VECTORS ? 2 : WEIGHED_VECTORS;
        floats sum[MOST_QUERIES][4];
        UNROLL for (int i = 0; i < queries; i++) {
            UNROLL for (int v = 0; v < vectors; v++)
                sum[i][v] = is_first ? v_set(0.0f) : v_load(sums + i * size + channel + LANES * v);
        }
        for (int j = 0; j < keys; j++) {
            floats x[4];
            UNROLL for (int v = 0; v < vectors; v++) {
                x[v] = v_load(value + j * size + channel + LANES * v);
                KEEP(x[v]);
            }
            UNROLL for (int i = 0; i < queries; i++) {
                floats weight = v_set(weights[j * QUERIES + i]);
                UNROLL for (int v = 0; v < vectors; v++) sum[i][v] = v_fma(weight, x[v], sum[i][v]);
            }
        }
        UNROLL for (int i = 0; i < queries; i++) {
            UNROLL for (int v = 0; v < vectors; v++) v_store(sums + i * size + channel + LANES * v, sum[i][v]);
        }
    }
}

/* Where the result of a head goes: uint8 tiles by a static scale, or, if `bytes` is NULL, float32 rows. */
typedef struct {
    const site *site;
    uint8_t *bytes; /* tiles of all channels */
    float *floats;  /* rows of `channels` floats */
    size_t channels;
} context;

INLINE void store_context(const int size, const context *to, const float *sums, float scale, size_t row, size_t channel) {
    floats factor = v_set(scale), zero_point = v_set(to->site->zero_point);
    if (to->bytes != NULL) {
        uint8_t *out = to->bytes + row / LANES * to->channels * LANES + row % LANES * TILE_INPUTS;
        for (int i = 0; i < size; i += LANES) {
            const size_t place = channel + i;
            v_store_uint8(out + place / TILE_INPUTS * TILE_BYTES + place % TILE_INPUTS,
                          v_fma(v_load(sums + i), factor, zero_point));
        }
    } else {
        float *out = to->floats + row * to->channels + channel;
        for (int i = 0; i < size; i += LANES) v_store(out + i, v_mul(v_load(sums + i), factor));
    }
}

/* Attend with `count` queries, at most `vectors` * 16; the first one is row `row` of the result. */
INLINE void attend_block(const int vectors, const int size, const float *query, int count, const float *key,
                         const float *value, int keys, const float *bias, const attention_buffers *buffers,
                         const context *to, size_t row, size_t channel) {
    for (int i = 0; i < vectors * LANES; i += 8)
        for (int c = 0; c < size; c += 8)
            transpose_eight(query + i * size + c, size, buffers->queries + c * QUERIES + i, QUERIES);

    floats largest[2], total[2];
    for (int v = 0; v < vectors; v++) {
        largest[v] = v_set(-3e38f);
        total[v] = v_set(0.0f);
    }
    for (int v = 0; v < vectors; v += SCORED_VECTORS)
        score_all(vectors < SCORED_VECTORS ? vectors : SCORED_VECTORS, size, key, keys, buffers->queries + LANES * v,
                  buffers->scores + LANES * v, largest + v, bias != NULL ? bias + LANES * v : NULL);
    for (int j = 0; j < keys; j++) {
        for (int v = 0; v < vectors; v++) {
            float *score = buffers->scores + (size_t)j * QUERIES + LANES * v;
            floats weight = v_exp(v_sub(v_load(score), largest[v]));
            total[v] = v_add(total[v], weight);
            v_store(score, weight);
        }
    }

    for (int begun = 0; begun < keys; begun += KEYS_AT_ONCE) {
        const int some = keys - begun < KEYS_AT_ONCE ? keys - begun : KEYS_AT_ONCE;
        const float *weights = buffers->scores + (size_t)begun * QUERIES, *values = value + (size_t)begun * size;
        int i = 0;
        for (; i + MOST_QUERIES <= count; i += MOST_QUERIES)
            weigh_values(MOST_QUERIES, size, weights + i, values, some, buffers->sums + i * size, begun == 0);
        for (; i + 2 <= count; i += 2)
            weigh_values(2, size, weights + i, values, some, buffers->sums + i * size, begun == 0);
        if (i < count) weigh_values(1, size, weights + i, values, some, buffers->sums + i * size, begun == 0);
    }

    float scales[QUERIES];
    for (int v = 0; v < vectors; v++)
        v_store(scales + LANES * v, v_div(v_set(to->bytes != NULL ? to->site->inverse_scale : 1.0f), total[v]));
    for (int i = 0; i < count; i++) store_context(size, to, buffers->sums + i * size, scales[i], row + i, channel);
}

/* Attend with the `queries` queries of one head and text to its `keys` keys. Rows of 32 queries behind the last one are
   read, and mean nothing. `bias`: (2 * positions - 1 + 16,) the head's, by query - key + positions - 1, or NULL. */
INLINE void attend_sized(const int size, const float *query, int queries, const float *key, const float *value, int keys,
                         const float *bias, const attention_buffers *buffers, const context *to, size_t row,
                         size_t channel) {
    int i = 0;
    for (; queries - i > LANES; i += QUERIES) {
        const int count = queries - i < QUERIES ? queries - i : QUERIES;
        attend_block(2, size, query + (size_t)i * size, count, key, value, keys, bias != NULL ? bias + i : NULL, buffers,
                     to, row + i, channel);
    }
    if (i < queries)
        attend_block(1, size, query + (size_t)i * size, queries - i, key, value, keys, bias != NULL ? bias + i : NULL,
                     buffers, to, row + i, channel);
}

static void attend_32(const float *query, int queries, const float *key, const float *value, int keys, const float *bias,
                      const attention_buffers *buffers, const context *to, size_t row, size_t channel) {
    attend_sized(32, query, queries, key, value, keys, bias, buffers, to, row, channel);
}

static void attend_64(const float *query, int queries, const float *key, const float *value, int keys, const float *bias,
                      const attention_buffers *buffers, const context *to, size_t row, size_t channel) {
    attend_sized(64, query, queries, key, value, keys, bias, buffers, to, row, channel);
}

#endif
