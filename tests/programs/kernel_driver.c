/* Encode token ids with every kernel that this CPU runs, without Python: kernel_driver FILE.

   FILE, written by tests/support/kernel_images.py: four int64 (bytes of the image, batch, tokens, threads), the `model`
   of model.h, the image, the token ids and the token types. Pointers are offsets into the image, plus 1; 0 is NULL. One line is printed a
   kernel: its name, whether it agrees with the plain one on the library's own small encoder, the vectors in hexadecimal. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

int64_t kernel_count(void), kernel_runs_here(int64_t), kernel_agrees(int64_t);
const char *kernel_name(int64_t);
int64_t workspace_bytes(const model *, int64_t batch, int64_t tokens, int64_t threads);
int64_t encode(const model *, int64_t kernel, const int64_t *ids, const int64_t *token_types, int64_t batch, int64_t tokens,
               int64_t output, float *out, uint8_t *workspace, int64_t bytes, int64_t threads);

static uint8_t *image;

/* Turn an offset into a pointer. */
#define RELOCATE(field) ((field) = (field) == NULL ? NULL : (const void *)(image + (uintptr_t)(field) - 1))

static void relocate_norm(norm *norm) {
    RELOCATE(norm->gain);
    RELOCATE(norm->shift);
    RELOCATE(norm->site_gain);
    RELOCATE(norm->site_shift);
}

static void relocate_matrix(matrix *matrix) {
    RELOCATE(matrix->tiles);
    RELOCATE(matrix->start);
    RELOCATE(matrix->sums);
    RELOCATE(matrix->scale);
    RELOCATE(matrix->weight_sums);
    RELOCATE(matrix->bias);
}

static void relocate(model *model) {
    RELOCATE(model->word_vectors);
    RELOCATE(model->word_scales);
    RELOCATE(model->position_vectors);
    RELOCATE(model->layer);
    RELOCATE(model->pooler_weight);
    RELOCATE(model->pooler_bias);
    relocate_norm(&model->embedding_norm);
    for (int64_t index = 0; index < model->layers; index++) {
        layer *layer = (void *)&model->layer[index];
        relocate_matrix(&layer->query_key_value);
        relocate_matrix(&layer->attention_output);
        relocate_matrix(&layer->intermediate);
        relocate_matrix(&layer->output);
        relocate_norm(&layer->attention_norm);
        relocate_norm(&layer->output_norm);
        RELOCATE(layer->outliers.into);
        RELOCATE(layer->outliers.bias);
        RELOCATE(layer->outliers.out);
        RELOCATE(layer->attention_bias);
    }
}

static void *reserve(size_t bytes) {
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (memory == NULL) exit(3);
    return memory;
}

static void read_bytes(FILE *file, void *to, size_t bytes) {
    if (fread(to, 1, bytes, file) != bytes) exit(2);
}

int main(int count, char **arguments) {
    FILE *file = count == 2 ? fopen(arguments[1], "rb") : NULL;
    if (file == NULL) return 1;
    int64_t sizes[4];
    model model;
    read_bytes(file, sizes, sizeof sizes);
    read_bytes(file, &model, sizeof model);
    image = reserve((size_t)sizes[0]);
    read_bytes(file, image, (size_t)sizes[0]);
    relocate(&model);
    const int64_t batch = sizes[1], tokens = sizes[2], threads = sizes[3];
    const size_t id_bytes = (size_t)(batch * tokens) * sizeof(int64_t);
    int64_t *ids = reserve(id_bytes), *types = reserve(id_bytes);
    read_bytes(file, ids, id_bytes);
    read_bytes(file, types, id_bytes);
    const size_t out_bytes = (size_t)(batch * model.hidden) * sizeof(float);
    const int64_t bytes = workspace_bytes(&model, batch, tokens, threads);
    uint8_t *out = reserve(out_bytes), *workspace = reserve((size_t)bytes);
    for (int64_t kernel = 0; kernel < kernel_count(); kernel++) {
        if (!kernel_runs_here(kernel)) continue;
        if (encode(&model, kernel, ids, types, batch, tokens, POOLED, (float *)out, workspace, bytes, threads) != 0) return 4;
        printf("%s %" PRId64 " ", kernel_name(kernel), kernel_agrees(kernel));
        for (size_t i = 0; i < out_bytes; i++) printf("%02x", out[i]);
        printf("\n");
    }
    return 0;
}
