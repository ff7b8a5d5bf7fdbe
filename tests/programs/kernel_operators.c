/* The operators that kernels are made of, each alone, as a library for the tests. VECTOR is set by the compiler's
   command line; vectors decide how operators are written, so each kind of vector is one build. */

#include "kinds.h"

#define PRODUCT PLAIN_PRODUCT

#include "product.h"
#include "attention.h"
#include "normalize.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT void exps(const float *x, int64_t count, float *out) {
    for (int64_t i = 0; i < count; i += LANES) v_store(out + i, v_exp(v_load(x + i)));
}

EXPORT void tanhs(const float *x, int64_t count, float *out) {
    for (int64_t i = 0; i < count; i += LANES) v_store(out + i, v_tanh(v_load(x + i)));
}

/* The activation of each number, as `finish_rows` computes it. */
EXPORT void activations(int64_t activation, const float *x, int64_t count, float *out) {
    for (int64_t i = 0; i < count; i += LANES) {
        floats y = v_load(x + i), gate;
        activation_gates(1, (int)activation, &y, &gate, NULL);
        floats halved = v_mul(y, v_set(0.5f));
        v_store(out + i, v_fma(halved, gate, halved));
    }
}

EXPORT void round_to_uint8(const float *x, int64_t count, uint8_t *out) {
    for (int64_t i = 0; i < count; i += LANES) v_store_uint8(out + i, v_load(x + i));
}

EXPORT void largest_and_least(const float *a, const float *b, int64_t count, float *largest, float *least) {
    for (int64_t i = 0; i < count; i += LANES) {
        v_store(largest + i, v_max(v_load(a + i), v_load(b + i)));
        v_store(least + i, v_min(v_load(a + i), v_load(b + i)));
    }
}

EXPORT void sums_of_sixteen(const float *x, int64_t count, float *out) {
    for (int64_t i = 0; i < count; i += LANES) out[i / LANES] = v_sum(v_load(x + i));
}

/* The least and the largest of each row of 16 numbers. */
EXPORT void ends_of_sixteen(const float *x, int64_t count, float *least, float *largest) {
    for (int64_t i = 0; i < count; i += LANES) {
        least[i / LANES] = v_least(v_load(x + i));
        largest[i / LANES] = v_largest(v_load(x + i));
    }
}

/* Normalize a row in place; the uint8 input of the site behind it goes to `out`, a row of tiles. */
EXPORT void normalize(float *x, int64_t hidden, const norm *norm, float epsilon, const site *site, uint8_t *out,
                      float *values, token_scale *own) {
    normalize_row(x, hidden, norm, epsilon, site, out, values, own);
}

EXPORT void quantize(const float *values, int64_t count, uint8_t *out, token_scale *own) {
    *own = quantize_row(values, count, out);
}

/* One head: float32 rows (queries, size) go to `out`. The buffers are the caller's, as in workspace.h. */
EXPORT void attend(int64_t size, const float *query, int64_t queries, const float *key, const float *value, int64_t keys,
                   const float *bias, float *buffers, float *out) {
    const attention_buffers own = {buffers, buffers + MOST_HEAD_SIZE * QUERIES,
                                   buffers + (MOST_HEAD_SIZE + keys) * QUERIES};
    const site unused = {.per_token = 1};
    const context to = {&unused, NULL, out, (size_t)size};
    (size == 32 ? attend_32 : attend_64)(query, (int)queries, key, value, (int)keys, bias, &own, &to, 0, 0);
}

/* Multiply rows of tiles, without activation (scale, bias and residual as in `finish_rows`). `scales`: of the tokens, or
   NULL. */
EXPORT void multiply(const matrix *matrix, const uint8_t *input, int64_t tiles, const token_scale *scales,
                     float *residual) {
    const finish to = {.floats = residual, .stride = (size_t)matrix->outputs, .token_scales = scales};
    product(TO_RESIDUAL, &to, matrix, input, 0, (int)tiles, (int)tiles * LANES, 0, matrix->outputs, 0);
}
