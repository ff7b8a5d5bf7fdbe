/* What happens to one token's row between products: LayerNorm, rounding to uint8, outlier units. */

#ifndef NORMALIZE_H
#define NORMALIZE_H

#include <float.h>

#include "functions.h"

/* The place of a token in tiles of `channels` channels; its next 64 channels lie TILE_BYTES further on. */
INLINE uint8_t *row_in_tiles(uint8_t *tiles, size_t row, size_t channels) {
    return tiles + row / LANES * channels * LANES + row % LANES * TILE_INPUTS;
}

/* The sum of four vectors in one order: pairs, then lanes. */
INLINE float sum_of_four(const floats *v) { return v_sum(v_add(v_add(v[0], v[1]), v_add(v[2], v[3]))); }

/* The smallest scale of a token, LEAST_SCALE in plan.py: 1 / scale is a float32 still. A row of equal values takes it: all
   become 0, and the product is `least` times the sum of the weights, to the last bit. */
#define LEAST_SCALE FLT_MIN

/* Round `values` by the least and the largest of them into a row of tiles; returns what brings them back. */
INLINE token_scale quantize_row(const float *values, int64_t count, uint8_t *out) {
    floats least[4], most[4];
    UNROLL for (int i = 0; i < 4; i++) least[i] = most[i] = v_load(values + LANES * i);
    for (int64_t c = TILE_INPUTS; c < count; c += TILE_INPUTS) {
        UNROLL for (int i = 0; i < 4; i++) {
            floats v = v_load(values + c + LANES * i);
            least[i] = v_min(least[i], v);
            most[i] = v_max(most[i], v);
        }
    }
    const float low = v_least(v_min(v_min(least[0], least[1]), v_min(least[2], least[3])));
    const float high = v_largest(v_max(v_max(most[0], most[1]), v_max(most[2], most[3])));
    float scale = (high - low) * (1.0f / 255);
    scale = scale > LEAST_SCALE ? scale : LEAST_SCALE;
    const floats inverse = v_set(1.0f / scale), from = v_set(low);
    for (int64_t c = 0; c < count; c += TILE_INPUTS, out += TILE_BYTES) {
        UNROLL for (int i = 0; i < TILE_INPUTS; i += LANES)
            v_store_uint8(out + i, v_mul(v_sub(v_load(values + c + i), from), inverse));
    }
    return (token_scale){scale, low};
}

/* Normalize a row of `hidden` floats in place (Ba et al. 2016, arXiv 1607.06450). The input of the site behind it goes to
   `out`, a row of tiles, unless that is NULL; with a scale for each token through `values` (hidden floats), and the scale
   to `own`. */
INLINE void normalize_row(float *x, int64_t hidden, const norm *norm, float epsilon, const site *site, uint8_t *out,
                          float *values, token_scale *own) {
    floats sum[4], squares[4];
    UNROLL for (int i = 0; i < 4; i++) sum[i] = v_load(x + LANES * i);
    for (int64_t c = TILE_INPUTS; c < hidden; c += TILE_INPUTS) {
        UNROLL for (int i = 0; i < 4; i++) sum[i] = v_add(sum[i], v_load(x + c + LANES * i));
    }
    const float one_of_hidden = 1.0f / (float)hidden;
    const floats mean = v_set(sum_of_four(sum) * one_of_hidden);
    UNROLL for (int i = 0; i < 4; i++) squares[i] = v_set(0.0f);
    for (int64_t c = 0; c < hidden; c += TILE_INPUTS) {
        UNROLL for (int i = 0; i < 4; i++) {
            floats v = v_sub(v_load(x + c + LANES * i), mean);
            squares[i] = v_fma(v, v, squares[i]);
        }
    }
    const floats inverse_deviation = v_set(1.0f / sqrtf(sum_of_four(squares) * one_of_hidden + epsilon));
    if (out == NULL) {
        for (int64_t c = 0; c < hidden; c += LANES) {
            floats n = v_mul(v_sub(v_load(x + c), mean), inverse_deviation);
            v_store(x + c, v_fma(n, v_load(norm->gain + c), v_load(norm->shift + c)));
        }
        return;
    }
    for (int64_t c = 0; c < hidden; c += TILE_INPUTS) {
        UNROLL for (int i = 0; i < TILE_INPUTS; i += LANES) {
            floats n = v_mul(v_sub(v_load(x + c + i), mean), inverse_deviation);
            v_store(x + c + i, v_fma(n, v_load(norm->gain + c + i), v_load(norm->shift + c + i)));
            floats input = v_fma(n, v_load(norm->site_gain + c + i), v_load(norm->site_shift + c + i));
            if (site->per_token)
                v_store(values + c + i, input);
            else
                v_store_uint8(out + c / TILE_INPUTS * TILE_BYTES + i, input);
        }
    }
    if (site->per_token) *own = quantize_row(values, hidden, out);
}

enum { OUTLIER_ROWS = 4 };

/* The outlier units of 4 rows of `x`: (4, OUTLIER_UNITS). */
INLINE void outlier_units(const outliers *outliers, const float *x, size_t stride, int64_t hidden, int activation,
                          float *units) {
    floats sum[OUTLIER_ROWS], gates[OUTLIER_ROWS];
    UNROLL for (int i = 0; i < OUTLIER_ROWS; i++) sum[i] = v_set(0.0f);
    for (int64_t c = 0; c < hidden; c++) {
        floats weights = v_load(outliers->into + c * OUTLIER_UNITS);
        KEEP(weights);
        UNROLL for (int i = 0; i < OUTLIER_ROWS; i++) sum[i] = v_fma(v_set(x[i * stride + c]), weights, sum[i]);
    }
    UNROLL for (int i = 0; i < OUTLIER_ROWS; i++) sum[i] = v_add(sum[i], v_load(outliers->bias));
    activation_gates(OUTLIER_ROWS, activation, sum, gates, NULL);
    UNROLL for (int i = 0; i < OUTLIER_ROWS; i++) {
        floats halved = v_mul(sum[i], v_set(0.5f));
        v_store(units + i * OUTLIER_UNITS, v_fma(halved, gates[i], halved));
    }
}

/* Add what the outlier units of 4 rows contribute to the sums `x`. */
INLINE void add_outliers(const outliers *outliers, const float *units, float *x, size_t stride, int64_t hidden) {
    for (int64_t c = 0; c < hidden; c += LANES) {
        floats sum[OUTLIER_ROWS];
        UNROLL for (int i = 0; i < OUTLIER_ROWS; i++) sum[i] = v_set(0.0f);
        for (int unit = 0; unit < OUTLIER_UNITS; unit++) {
            floats weights = v_load(outliers->out + unit * hidden + c);
            KEEP(weights);
            UNROLL for (int i = 0; i < OUTLIER_ROWS; i++)
                sum[i] = v_fma(v_set(units[i * OUTLIER_UNITS + unit]), weights, sum[i]);
        }
        UNROLL for (int i = 0; i < OUTLIER_ROWS; i++)
            v_store(x + i * stride + c, v_add(v_load(x + i * stride + c), sum[i]));
    }
}

#endif
