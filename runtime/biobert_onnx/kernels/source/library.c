/* What Python calls, through ctypes: see kernels/library.py. */

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "pack.h"
#include "workspace.h"

#define EXPORT __attribute__((visibility("default")))

/* The number of this interface: of the functions below, the structures of model.h, and the layout of packed weights. */
enum { INTERFACE = 4 };

enum {
    DONE = 0,
    NO_SUCH_KERNEL = 1,
    ID_OUT_OF_RANGE = 2,
    WRONG_SHAPE = 3,
    WORKSPACE_TOO_SMALL = 4,
    TOKEN_TYPE_OUT_OF_RANGE = 5,
    NO_SUCH_OUTPUT = 6
};

enum { MOST_ROWS_OF_BATCH = 1 << 24 };

EXPORT int64_t interface_number(void) { return INTERFACE; }

/* The bytes of each structure of model.h, in the order in which they stand there. */
EXPORT void structure_sizes(int64_t *sizes) {
    const int64_t all[] = {sizeof(matrix), sizeof(site), sizeof(norm), sizeof(outliers), sizeof(layer), sizeof(model)};
    memcpy(sizes, all, sizeof all);
}

EXPORT int64_t kernel_count(void) { return KERNEL_COUNT; }

/* The name of a kernel from 0, the best one, to kernel_count() - 1, the plain one. */
EXPORT const char *kernel_name(int64_t index) { return KERNELS[index].name; }

/* Whether CPU and operating system have what the kernel needs. */
EXPORT int64_t kernel_runs_here(int64_t index) { return KERNELS[index].runs_here(); }

/* Whether the kernel, which runs here, computes what the plain one computes. */
EXPORT int64_t kernel_agrees(int64_t index) { return agrees_with_plain(&KERNELS[index]); }

EXPORT int64_t pack(const int8_t *weights, int64_t stride, int64_t inputs, int64_t outputs, int8_t *tiles,
                    int32_t *sums) {
    return pack_outputs(weights, stride, inputs, outputs, tiles, sums);
}

static bool has_right_shape(const model *model, int64_t batch, int64_t tokens) {
    return batch > 0 && tokens > 0 && tokens <= model->positions && batch <= MOST_ROWS_OF_BATCH / tokens;
}

/* The bytes of workspace for (batch, tokens) token ids and `threads` threads, 0 for an impossible shape. */
EXPORT int64_t workspace_bytes(const model *model, int64_t batch, int64_t tokens, int64_t threads) {
    workspace space;
    if (!has_right_shape(model, batch, tokens) || threads < 1) return 0;
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    return (int64_t)arrange(&space, NULL, model, (int)batch, (int)tokens, (int)threads, 0);
}

/* Write what `output` (enum output) asks for of the token ids (batch, tokens) to `out`, computed by a kernel that runs
   here: the vectors of texts (batch, hidden), or those of tokens (batch, tokens, hidden). `token_types`: (batch, tokens),
   NULL if all are 0. `workspace`: aligned to 64 bytes, and what was in it does not matter. */
EXPORT int64_t encode(const model *model, int64_t kernel, const int64_t *ids, const int64_t *token_types, int64_t batch,
                      int64_t tokens, int64_t output, float *out, uint8_t *workspace, int64_t bytes, int64_t threads) {
    if (kernel < 0 || kernel >= KERNEL_COUNT) return NO_SUCH_KERNEL;
    if (!has_right_shape(model, batch, tokens)) return WRONG_SHAPE;
    if (output < POOLED || output > MEAN_OF_LAST_LAYERS) return NO_SUCH_OUTPUT;
    if (output == MEAN_OF_LAST_LAYERS && model->layers < LAYERS_OF_MEAN) return NO_SUCH_OUTPUT;
    for (int64_t i = 0; i < batch * tokens; i++)
        if (ids[i] < 0 || ids[i] >= model->words) return ID_OUT_OF_RANGE;
    for (int64_t i = 0; token_types != NULL && i < batch * tokens; i++)
        if (token_types[i] < 0 || token_types[i] >= model->token_types) return TOKEN_TYPE_OUT_OF_RANGE;
    if (threads > MOST_THREADS) threads = MOST_THREADS;
    if (threads < 1 || bytes < workspace_bytes(model, batch, tokens, threads)) return WORKSPACE_TOO_SMALL;
    job job = {.model = model,
               .ids = ids,
               .token_types = token_types,
               .batch = (int)batch,
               .tokens = (int)tokens,
               .output = (int)output,
               .out = out,
               .workspace = workspace};
    run_on_team(KERNELS[kernel].encode, &job, (int)threads);
    return DONE;
}
