/* A small encoder with every step that kernels have, to find a kernel that this CPU, or the compiler that made it, gets
   wrong. Its tensors are drawn from a linear congruential generator. */

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "pack.h"
#include "workspace.h"

enum { HIDDEN = 64, HEAD = 32, INNER = 192, WORDS = 16, POSITIONS = 40, TOKEN_TYPES = 2, BATCH = 2, TOKENS = 19 };

typedef struct {
    uint8_t *next, *end;
    uint32_t seed;
} arena;

static void *reserve(arena *arena, size_t bytes) {
    void *place = arena->next;
    arena->next += (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    return place;
}

/* The next number of Numerical Recipes' generator (Press et al. 1992), its highest bits, 0 to `limit` - 1. */
static int draw(arena *arena, int limit) {
    arena->seed = arena->seed * 1664525u + 1013904223u;
    return (int)((arena->seed >> 8) % (uint32_t)limit);
}

static float *draw_floats(arena *arena, size_t count, float step, float offset) {
    float *values = reserve(arena, count * sizeof *values);
    for (size_t i = 0; i < count; i++) values[i] = (float)(draw(arena, 201) - 100) * step + offset;
    return values;
}

static matrix draw_matrix(arena *arena, int64_t inputs, int64_t outputs, int zero_point) {
    int8_t *weights = reserve(arena, (size_t)(inputs * outputs)), *tiles = reserve(arena, (size_t)(inputs * outputs));
    for (int64_t i = 0; i < inputs * outputs; i++) weights[i] = (int8_t)(draw(arena, 127) - 63); /* pairs stay in 127 */
    int32_t *sums = reserve(arena, outputs * sizeof *sums), *start = reserve(arena, outputs * sizeof *start);
    pack_outputs(weights, outputs, inputs, outputs, tiles, sums);
    for (int64_t i = 0; i < outputs; i++) start[i] = -zero_point * sums[i];
    float *scale = draw_floats(arena, (size_t)outputs, 1e-6f, 2e-4f), *bias = draw_floats(arena, (size_t)outputs, 0.01f, 0);
    float *weight_sums = reserve(arena, outputs * sizeof *weight_sums);
    for (int64_t i = 0; i < outputs; i++) weight_sums[i] = (float)sums[i] * scale[i];
    return (matrix){inputs, outputs, tiles, start, sums, scale, weight_sums, bias};
}

static norm draw_norm(arena *arena) {
    return (norm){draw_floats(arena, HIDDEN, 0.005f, 1.0f), draw_floats(arena, HIDDEN, 0.01f, 0.0f),
                  draw_floats(arena, HIDDEN, 0.1f, 30.0f), draw_floats(arena, HIDDEN, 0.1f, 128.0f)};
}

/* A layer with static sites, or with scales for each token, and with outlier units or without. */
static layer draw_layer(arena *arena, bool per_token) {
    const int zero_point = per_token ? 0 : 128, inner_zero_point = per_token ? 0 : 16;
    layer drawn = {.query_key_value = draw_matrix(arena, HIDDEN, 3 * HIDDEN, zero_point),
                   .attention_output = draw_matrix(arena, HIDDEN, HIDDEN, zero_point),
                   .intermediate = draw_matrix(arena, HIDDEN, INNER, zero_point),
                   .output = draw_matrix(arena, INNER, HIDDEN, inner_zero_point),
                   .attention_norm = draw_norm(arena),
                   .output_norm = draw_norm(arena)};
    for (int i = 0; i < 4; i++)
        drawn.sites[i] = (site){per_token, 30.0f, (float)(i < 3 ? zero_point : inner_zero_point)};
    if (!per_token)
        drawn.outliers = (outliers){draw_floats(arena, HIDDEN * OUTLIER_UNITS, 0.002f, 0),
                                    draw_floats(arena, OUTLIER_UNITS, 0.01f, 0),
                                    draw_floats(arena, OUTLIER_UNITS * HIDDEN, 0.002f, 0)};
    else
        drawn.attention_bias = draw_floats(arena, HIDDEN / HEAD * (2 * POSITIONS - 1 + LANES), 0.01f, 0);
    return drawn;
}

bool agrees_with_plain(const kernel *kernel) {
    const size_t bytes = 2 << 20;
    uint8_t *memory = aligned_alloc(CACHE_LINE, bytes);
    if (memory == NULL) return false;
    arena arena = {memory, memory + bytes, 7};
    layer *layers = reserve(&arena, 2 * sizeof *layers);
    layers[0] = draw_layer(&arena, false);
    layers[1] = draw_layer(&arena, true);
    int8_t *words = reserve(&arena, WORDS * HIDDEN);
    for (int i = 0; i < WORDS * HIDDEN; i++) words[i] = (int8_t)(draw(&arena, 255) - 127);
    const model small = {.hidden = HIDDEN,
                         .heads = HIDDEN / HEAD,
                         .head_size = HEAD,
                         .inner = INNER,
                         .layers = 2,
                         .words = WORDS,
                         .positions = POSITIONS,
                         .padding_id = -1,
                         .token_types = TOKEN_TYPES,
                         .activation = GELU_ERF,
                         .pooling = MEAN,
                         .unit_length = 1,
                         .epsilon = 1e-12f,
                         .word_vectors = words,
                         .word_scales = draw_floats(&arena, WORDS, 1e-4f, 0.02f),
                         .position_vectors = draw_floats(&arena, TOKEN_TYPES * POSITIONS * HIDDEN, 0.01f, 0),
                         .embedding_norm = draw_norm(&arena),
                         .layer = layers};
    int64_t ids[BATCH * TOKENS], types[BATCH * TOKENS];
    for (int i = 0; i < BATCH * TOKENS; i++) ids[i] = draw(&arena, WORDS);
    for (int i = 0; i < BATCH * TOKENS; i++) types[i] = draw(&arena, TOKEN_TYPES);
    float *vectors[2] = {reserve(&arena, BATCH * HIDDEN * sizeof(float)), reserve(&arena, BATCH * HIDDEN * sizeof(float))};
    workspace unused;
    uint8_t *space = reserve(&arena, arrange(&unused, NULL, &small, BATCH, TOKENS, 1, 0));
    bool agrees = arena.next <= arena.end;
    if (agrees) {
        encode_part *const encodes[2] = {KERNELS[KERNEL_COUNT - 1].encode, kernel->encode};
        for (int i = 0; i < 2; i++) {
            job job = {.model = &small,
                       .ids = ids,
                       .token_types = types,
                       .batch = BATCH,
                       .tokens = TOKENS,
                       .out = vectors[i],
                       .workspace = space};
            run_on_team(encodes[i], &job, 1);
        }
        agrees = memcmp(vectors[0], vectors[1], BATCH * HIDDEN * sizeof(float)) == 0;
    }
    free(memory);
    return agrees;
}
