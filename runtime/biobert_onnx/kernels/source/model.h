/* What an encoder is made of: its sizes, its tensors, and what the products of each site take in.

   kernels/session.py fills these structures through ctypes; `structure_sizes` in library.c guards against a difference.
   Whoever fills them has checked every size, and that each array is as long as is said here.

   Tiles: a matrix of int8 weights lies in tiles of 16 outputs x 64 inputs, 1,024 bytes each, the tiles of 16 outputs one
   after the other. Inside a tile, 4 inputs of one output lie side by side, as integer products take them:
   tile[(input / 4) * 64 + output * 4 + input % 4]. Activations (uint8) lie in tiles of 16 tokens x 64 channels, token
   after token. One layout serves every CPU. */

#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    LANES = 16,       /* floats of a vector, outputs and tokens of a tile */
    TILE_INPUTS = 64, /* inputs, or channels, of a tile */
    TILE_BYTES = LANES * TILE_INPUTS,
    OUTLIER_UNITS = 16 /* float32 units of a feed-forward block; fewer are filled up with zeros */
};

enum activation { GELU_ERF = 0, GELU_TANH = 1, RELU = 2 };
enum pooling { MEAN = 0, CLS = 1, MAX = 2, POOLER = 3 };

/* What is computed: vectors of texts, or of tokens: the output of the last layer, or the mean of the last four. */
enum output { POOLED = 0, LAST_LAYER = 1, MEAN_OF_LAST_LAYERS = 2 };
enum { LAYERS_OF_MEAN = 4 };

/* The int8 matrix of one or more products with the same input. */
typedef struct {
    int64_t inputs, outputs;
    const int8_t *tiles;
    const int32_t *start;     /* (outputs,) what each sum begins with: - zero point x `sums`, or 0 */
    const int32_t *sums;      /* (outputs,) the sum of each output's weights */
    const float *scale;       /* (outputs,) of the weights, times that of a static site's input */
    const float *weight_sums; /* (outputs,) `sums` times `scale`, for sites with a scale for each token */
    const float *bias;        /* (outputs,) */
} matrix;

/* How the float32 input of a site becomes uint8. static: value * inverse_scale + zero_point. per token: by the least and
   the largest value of each token, see `token_scale`. */
typedef struct {
    int32_t per_token;
    float inverse_scale, zero_point; /* of a static site */
} site;

/* How the values of a token became uint8, where each token has a scale of its own: value = q * scale + least, so
   sum(value * w) = sum(q * w) * scale + least * sum(w). */
typedef struct {
    float scale, least;
} token_scale;

/* LayerNorm: normalized * gain + shift. The input of the site behind it is normalized * site_gain + site_shift, which
   holds the smoothing and, of a static site, the scale and the zero point; NULL if no site follows. */
typedef struct {
    const float *gain, *shift, *site_gain, *site_shift; /* (hidden,) */
} norm;

/* Feed-forward units that stay in float32. */
typedef struct {
    const float *into;  /* (hidden, OUTLIER_UNITS), NULL if the layer has none */
    const float *bias;  /* (OUTLIER_UNITS,) */
    const float *out;   /* (OUTLIER_UNITS, hidden) */
} outliers;

typedef struct {
    /* The outputs of query_key_value lie head by head: the queries of a head, its keys, its values. The queries are
       divided by the root of the head's size through scale and bias. */
    matrix query_key_value, attention_output, intermediate, output;
    site sites[4]; /* in the order of the matrices */
    norm attention_norm, output_norm;
    outliers outliers;
    const float *attention_bias; /* (heads, 2 * positions - 1 + LANES) by head and query - key + positions - 1, or NULL */
} layer;

typedef struct {
    int64_t hidden, heads, head_size, inner, layers, words, positions;
    int64_t padding_id; /* the word that is not counted in positions, and has row 0 of their table; -1 if all are counted */
    int64_t token_types; /* that token ids may have: 1, or 2 where pairs of texts are encoded */
    int32_t activation, pooling, unit_length;
    float epsilon;
    const int8_t *word_vectors;    /* (words, hidden) */
    const float *word_scales;      /* (words,) */
    const float *position_vectors; /* (token_types, positions, hidden), that of each type added; with a padding_id, there
                                      is a row more of positions */
    norm embedding_norm;
    const layer *layer;
    const float *pooler_weight; /* (hidden, hidden) inputs x outputs, NULL unless pooling is POOLER */
    const float *pooler_bias;   /* (hidden,) */
} model;

#endif
