/* The encoder from token ids to vectors, written once; each kernel_*.c includes it with its own VECTOR, PRODUCT and name.

   BERT (Devlin et al. 2018, arXiv 1810.04805): embeddings; then in each layer the products of queries, keys and values,
   attention, its output, LayerNorm, the feed-forward block, LayerNorm; then pooling. The rows of a micro-batch, all texts
   of one length, lie one after the other in tiles of 16; what the rows behind the last text hold means nothing.

   A thread computes its part of each phase: heads, blocks of outputs, or tiles of rows. Between two phases all meet. How
   the work is divided changes no bit: no sum is shared between threads. */

#include "team.h"
#include "product.h"
#include "attention.h"
#include "normalize.h"
#include "workspace.h"

#if PRODUCT == VNNI
enum { BLOCK_OUTPUTS = 48 };
#elif PRODUCT == AMX
enum { BLOCK_OUTPUTS = 32 };
#else
enum { BLOCK_OUTPUTS = 16 };
#endif

#if PRODUCT != AMX
INLINE void begin_tiles(void) {}
INLINE void end_tiles(void) {}
#endif

/* Floats are rounded to nearest and small ones kept, whatever the process has asked of this thread: libraries that were
   compiled with -ffast-math switch that off. */
#if defined(__x86_64__)
INLINE uint64_t plain_float_mode(void) {
    uint64_t before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(0x1f80);
    return before;
}
INLINE void set_float_mode(uint64_t mode) { __builtin_ia32_ldmxcsr((unsigned)mode); }
#elif defined(__aarch64__)
INLINE void set_float_mode(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
INLINE uint64_t plain_float_mode(void) {
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    set_float_mode(0);
    return before;
}
#else
INLINE uint64_t plain_float_mode(void) { return 0; }
INLINE void set_float_mode(uint64_t mode) { (void)mode; }
#endif

typedef struct {
    int64_t first, end;
} range;

/* The share of part `part` of `parts` in `count` things. */
INLINE range share(int64_t count, int part, int parts) {
    return (range){count * part / parts, count * (part + 1) / parts};
}

/* What one thread knows of its job. */
typedef struct {
    const job *job;
    const model *model;
    int part, parts;
    workspace space;
} worker;

/* Rows of tokens, as the products between LayerNorm and LayerNorm see them: all tokens, or in a last layer that only
   [CLS] is read of, one a text. */
typedef struct {
    int tokens, count, tiles; /* tokens of a text; of all texts; tiles of 16 rows that they fill */
    float *stream;     /* (16 * tiles, stream_stride): the residual stream */
    uint8_t *input;    /* tiles: the input of the next site */
    token_scale *scales; /* (16 * tiles,): its scales, if each token has one */
} rows;

INLINE const token_scale *scales_of(const site *site, const token_scale *scales) { return site->per_token ? scales : NULL; }

/* Multiply this worker's share of the outputs. With more threads than blocks of outputs, tokens are shared as well. */
INLINE void multiply(const worker *self, const int kind, const finish *to, const matrix *matrix, const uint8_t *input,
                     const rows *rows) {
    const int64_t blocks = (matrix->outputs + BLOCK_OUTPUTS - 1) / BLOCK_OUTPUTS;
    int64_t pieces = blocks >= self->parts ? 1 : (self->parts + blocks - 1) / blocks;
    if (pieces > rows->tiles) pieces = rows->tiles;
    range mine = share(blocks * pieces, self->part, self->parts);
    for (int64_t task = mine.first; task < mine.end;) {
        const int64_t block = task / pieces, last_block = pieces == 1 ? mine.end : block + 1;
        const range of_tokens = share(rows->tiles, (int)(task % pieces), (int)pieces);
        const int64_t end = last_block * BLOCK_OUTPUTS < matrix->outputs ? last_block * BLOCK_OUTPUTS : matrix->outputs;
        product(kind, to, matrix, input, (int)of_tokens.first, (int)of_tokens.end, rows->count, block * BLOCK_OUTPUTS, end,
                0);
        task = pieces == 1 ? mine.end : task + 1;
    }
}

/* This worker's rows of tokens: those of its tiles, but for the rows behind the last text. */
INLINE range own_rows(const worker *self, const rows *rows) {
    const range tiles = share(rows->tiles, self->part, self->parts);
    const int64_t end = tiles.end * LANES;
    return (range){tiles.first * LANES, end < rows->count ? end : rows->count};
}

/* Normalize this worker's rows; the input of `site` behind it is made too, unless that is NULL. */
INLINE void normalize_rows(const worker *self, const rows *rows, const norm *norm, const site *site) {
    const model *model = self->model;
    const range mine = own_rows(self, rows);
    for (int64_t row = mine.first; row < mine.end; row++)
        normalize_row(rows->stream + row * self->space.stream_stride, model->hidden, norm, model->epsilon, site,
                      site != NULL ? row_in_tiles(rows->input, row, model->hidden) : NULL, self->space.row_values,
                      rows->scales + row);
}

/* The row of a token's position in their table: its place in the text or, where padding is not counted, the number of
   tokens up to it, and 0 for padding itself. */
INLINE int64_t row_of_position(const model *model, const int64_t *text, int64_t place) {
    if (model->padding_id < 0) return place;
    if (text[place] == model->padding_id) return 0;
    int64_t count = 0;
    for (int64_t i = 0; i <= place; i++) count += text[i] != model->padding_id;
    return count;
}

/* The sum of word, position and token type of each of this worker's rows. Rows behind the last text hold those of its
   first token. */
INLINE void embed(const worker *self, const rows *rows) {
    const model *model = self->model;
    const int64_t position_rows = model->positions + (model->padding_id >= 0);
    const range tiles = share(rows->tiles, self->part, self->parts);
    for (int64_t row = tiles.first * LANES; row < tiles.end * LANES; row++) {
        const int64_t token = row < rows->count ? row : rows->count - rows->tokens, place = token % rows->tokens;
        const int64_t id = self->job->ids[token];
        const int64_t type = self->job->token_types != NULL ? self->job->token_types[token] : 0;
        const int64_t position = type * position_rows + row_of_position(model, self->job->ids + token - place, place);
        const int8_t *word = model->word_vectors + id * model->hidden;
        const float *at = model->position_vectors + position * model->hidden;
        float *x = rows->stream + row * self->space.stream_stride;
        for (int64_t c = 0; c < model->hidden; c += LANES)
            v_store(x + c, v_fma(v_from_int8(word + c), v_set(model->word_scales[id]), v_load(at + c)));
    }
}

/* The context of this worker's heads. Queries, keys and values of a head are made and used one after the other, so that
   they stay in the cache. `asking` attends to `all`. */
INLINE void attention(const worker *self, const layer *layer, const rows *asking, const rows *all) {
    const model *model = self->model;
    const int64_t size = model->head_size, outputs = 3 * size;
    const workspace *space = &self->space;
    const size_t count = (size_t)all->tiles * LANES;
    float *query = space->heads, *key = query + count * size, *value = key + count * size;
    const attention_buffers buffers = {space->queries, space->scores, space->sums};
    const site *next = &layer->sites[1];
    const context to = {next, next->per_token ? NULL : space->context, space->context_floats, (size_t)model->hidden};
    finish heads = {.heads = query, .rows = count, .head_size = (int)size, .sums = space->block_sums};
    const range mine = share(model->heads, self->part, self->parts);
    for (int64_t head = mine.first; head < mine.end; head++) {
        const int64_t first = head * outputs, keys = asking == all ? first : first + size;
        heads.token_scales = scales_of(&layer->sites[0], all->scales);
        product(TO_HEADS, &heads, &layer->query_key_value, all->input, 0, all->tiles, all->count, keys, first + outputs,
                first);
        if (asking != all) {
            heads.token_scales = scales_of(&layer->sites[0], asking->scales);
            product(TO_HEADS, &heads, &layer->query_key_value, asking->input, 0, asking->tiles, asking->count, first,
                    keys, first);
        }
        const float *bias = NULL;
        if (layer->attention_bias != NULL)
            bias = layer->attention_bias + head * (2 * model->positions - 1 + LANES) + model->positions - 1;
        for (int text = 0; text < self->job->batch; text++) {
            const size_t asked = (size_t)text * asking->tokens, begun = (size_t)text * all->tokens;
            (size == 32 ? attend_32 : attend_64)(query + asked * size, asking->tokens, key + begun * size,
                                                 value + begun * size, all->tokens, bias, &buffers, &to, asked,
                                                 (size_t)(head * size));
        }
    }
}

/* Round this worker's float32 rows for a site whose tokens have scales of their own. */
INLINE void quantize_rows(const worker *self, const rows *rows, const float *values, size_t stride, int64_t count,
                          uint8_t *out, token_scale *scales) {
    const range mine = own_rows(self, rows);
    for (int64_t row = mine.first; row < mine.end; row++)
        scales[row] = quantize_row(values + row * stride, count, row_in_tiles(out, row, count));
}

INLINE void find_outliers(const worker *self, const layer *layer, const rows *rows) {
    if (layer->outliers.into == NULL) return;
    const range mine = own_rows(self, rows);
    for (int64_t row = mine.first; row < mine.end; row += OUTLIER_ROWS)
        outlier_units(&layer->outliers, rows->stream + row * self->space.stream_stride, self->space.stream_stride,
                      self->model->hidden, self->model->activation, self->space.units + row * OUTLIER_UNITS);
}

INLINE void bring_outliers_back(const worker *self, const layer *layer, const rows *rows) {
    if (layer->outliers.into == NULL) return;
    const range mine = own_rows(self, rows);
    for (int64_t row = mine.first; row < mine.end; row += OUTLIER_ROWS)
        add_outliers(&layer->outliers, self->space.units + row * OUTLIER_UNITS,
                     rows->stream + row * self->space.stream_stride, self->space.stream_stride, self->model->hidden);
}

INLINE void meet(const worker *self) { team_meet((team *)&self->job->team); }

/* One layer: `asking` attends to `all`, and its stream and input are replaced by those of the next layer, whose site is
   `next`, NULL after the last. */
static void compute_layer(const worker *self, const layer *layer, const rows *asking, const rows *all, const site *next) {
    const model *model = self->model;
    const workspace *space = &self->space;
    finish to_stream = {.floats = asking->stream, .stride = space->stream_stride, .sums = space->block_sums};

    attention(self, layer, asking, all);
    meet(self);
    const site *site = &layer->sites[1];
    if (site->per_token) {
        quantize_rows(self, asking, space->context_floats, model->hidden, model->hidden, space->context,
                      space->inner_scales);
        meet(self);
    }
    to_stream.token_scales = scales_of(site, space->inner_scales);
    multiply(self, TO_RESIDUAL, &to_stream, &layer->attention_output, space->context, asking);
    meet(self);
    normalize_rows(self, asking, &layer->attention_norm, &layer->sites[2]);
    find_outliers(self, layer, asking);
    meet(self);

    site = &layer->sites[3];
    finish to_inner = {.floats = space->inner_floats,
                       .stride = space->inner_stride,
                       .bytes = space->inner,
                       .tiles_in_row = (size_t)model->inner / TILE_INPUTS,
                       .inverse_scale = site->inverse_scale,
                       .zero_point = site->zero_point,
                       .activation = model->activation,
                       .sums = space->block_sums,
                       .token_scales = scales_of(&layer->sites[2], asking->scales)};
    if (site->per_token) {
        multiply(self, TO_FLOATS, &to_inner, &layer->intermediate, asking->input, asking);
        meet(self);
        quantize_rows(self, asking, space->inner_floats, space->inner_stride, model->inner, space->inner,
                      space->inner_scales);
    } else {
        multiply(self, TO_UINT8, &to_inner, &layer->intermediate, asking->input, asking);
    }
    meet(self);
    to_stream.token_scales = scales_of(site, space->inner_scales);
    multiply(self, TO_RESIDUAL, &to_stream, &layer->output, space->inner, asking);
    meet(self);
    bring_outliers_back(self, layer, asking);
    normalize_rows(self, asking, &layer->output_norm, next);
    meet(self);
}

/* Copy the rows of [CLS]; a row behind the last text is a copy of the first text's. */
INLINE void take_first_tokens(const worker *self, const rows *all, const rows *first) {
    const int64_t hidden = self->model->hidden;
    const range tiles = share(first->tiles, self->part, self->parts);
    for (int64_t row = tiles.first * LANES; row < tiles.end * LANES; row++) {
        const int64_t from = row < self->job->batch ? row * all->tokens : 0;
        const size_t stride = self->space.stream_stride;
        memcpy(first->stream + row * stride, all->stream + from * stride, (size_t)hidden * sizeof(float));
        const uint8_t *bytes = row_in_tiles(all->input, from, hidden);
        uint8_t *copy = row_in_tiles(first->input, row, hidden);
        for (int64_t c = 0; c < hidden; c += TILE_INPUTS, bytes += TILE_BYTES, copy += TILE_BYTES)
            memcpy(copy, bytes, TILE_INPUTS);
        first->scales[row] = all->scales[from];
    }
}

/* 64 channels of a text's vector, from the rows of its `tokens` tokens. */
INLINE void pool_channels(const model *model, const float *x, size_t stride, int tokens, int64_t channel, float *out) {
    floats v[4];
    UNROLL for (int i = 0; i < 4; i++) v[i] = v_load(x + channel + LANES * i);
    if (model->pooling == MEAN || model->pooling == MAX) {
        for (int token = 1; token < tokens; token++) {
            const float *row = x + token * stride + channel;
            UNROLL for (int i = 0; i < 4; i++) {
                floats next = v_load(row + LANES * i);
                v[i] = model->pooling == MEAN ? v_add(v[i], next) : v_max(v[i], next);
            }
        }
        if (model->pooling == MEAN) {
            UNROLL for (int i = 0; i < 4; i++) v[i] = v_div(v[i], v_set((float)tokens));
        }
    } else if (model->pooling == POOLER) {
        UNROLL for (int i = 0; i < 4; i++) v[i] = v_load(model->pooler_bias + channel + LANES * i);
        for (int64_t c = 0; c < model->hidden; c++) {
            const float *weights = model->pooler_weight + c * model->hidden + channel;
            UNROLL for (int i = 0; i < 4; i++) v[i] = v_fma(v_set(x[c]), v_load(weights + LANES * i), v[i]);
        }
        for (int i = 0; i < 4; i++) v[i] = v_tanh(v[i]);
    }
    UNROLL for (int i = 0; i < 4; i++) v_store(out + channel + LANES * i, v[i]);
}

/* Divide a vector by its length, at least 1e-12. */
INLINE void scale_to_unit_length(float *vector, int64_t hidden) {
    floats squares[4];
    UNROLL for (int i = 0; i < 4; i++) squares[i] = v_set(0.0f);
    for (int64_t c = 0; c < hidden; c += TILE_INPUTS) {
        UNROLL for (int i = 0; i < 4; i++) {
            floats v = v_load(vector + c + LANES * i);
            squares[i] = v_fma(v, v, squares[i]);
        }
    }
    const float length = sqrtf(sum_of_four(squares));
    const floats divisor = v_set(length > 1e-12f ? length : 1e-12f);
    for (int64_t c = 0; c < hidden; c += LANES) v_store(vector + c, v_div(v_load(vector + c), divisor));
}

INLINE void pool(const worker *self, const rows *rows) {
    const model *model = self->model;
    const int64_t blocks = model->hidden / TILE_INPUTS;
    const range mine = share(self->job->batch * blocks, self->part, self->parts);
    for (int64_t task = mine.first; task < mine.end; task++) {
        const int64_t text = task / blocks;
        pool_channels(model, rows->stream + text * rows->tokens * self->space.stream_stride, self->space.stream_stride,
                      rows->tokens, task % blocks * TILE_INPUTS, self->job->out + text * model->hidden);
    }
    meet(self);
    if (!model->unit_length) return;
    const range texts = share(self->job->batch, self->part, self->parts);
    for (int64_t text = texts.first; text < texts.end; text++)
        scale_to_unit_length(self->job->out + text * model->hidden, model->hidden);
    meet(self);
}

/* Copy this worker's rows out, as they are after the last layer. */
INLINE void copy_rows(const worker *self, const rows *rows) {
    const int64_t hidden = self->model->hidden;
    const range mine = own_rows(self, rows);
    for (int64_t row = mine.first; row < mine.end; row++)
        memcpy(self->job->out + row * hidden, rows->stream + row * self->space.stream_stride,
               (size_t)hidden * sizeof(float));
}

/* Add this worker's rows after layer `index` to those of the layers before it; after the last one, divide by their
   number, whose inverse is exact. No other thread writes to these rows before all have met in the next layer. */
INLINE void add_to_mean(const worker *self, const rows *rows, int64_t index) {
    const int64_t hidden = self->model->hidden, last = self->model->layers - 1;
    if (index == last + 1 - LAYERS_OF_MEAN) copy_rows(self, rows);
    if (index <= last + 1 - LAYERS_OF_MEAN) return;
    const range mine = own_rows(self, rows);
    const floats factor = v_set(index == last ? 1.0f / LAYERS_OF_MEAN : 1.0f);
    for (int64_t row = mine.first; row < mine.end; row++) {
        const float *x = rows->stream + row * self->space.stream_stride;
        float *sum = self->job->out + row * hidden;
        for (int64_t c = 0; c < hidden; c += LANES)
            v_store(sum + c, v_mul(v_add(v_load(sum + c), v_load(x + c)), factor));
    }
}

void KERNEL(job *job, int part) {
    const uint64_t float_mode = plain_float_mode();
    begin_tiles();
    const model *model = job->model;
    worker self = {.job = job, .model = model, .part = part, .parts = job->team.size};
    arrange(&self.space, job->workspace, model, job->batch, job->tokens, job->team.size, part);
    const workspace *space = &self.space;
    const int count = job->batch * job->tokens;
    const rows all = {job->tokens, count, tiles_of(count), space->stream, space->input, space->input_scales};
    const rows first = {1, job->batch, tiles_of(job->batch), space->first_stream, space->first_input, space->first_scales};
    const bool reads_first_only = job->output == POOLED && (model->pooling == CLS || model->pooling == POOLER);

    embed(&self, &all);
    normalize_rows(&self, &all, &model->embedding_norm, &model->layer[0].sites[0]);
    meet(&self);
    for (int64_t index = 0; index + 1 < model->layers; index++) {
        compute_layer(&self, &model->layer[index], &all, &all, &model->layer[index + 1].sites[0]);
        if (job->output == MEAN_OF_LAST_LAYERS) add_to_mean(&self, &all, index);
    }
    const layer *last = &model->layer[model->layers - 1];
    if (reads_first_only) {
        take_first_tokens(&self, &all, &first);
        meet(&self);
        compute_layer(&self, last, &first, &all, NULL);
        pool(&self, &first);
    } else {
        compute_layer(&self, last, &all, &all, NULL);
        if (job->output == POOLED) pool(&self, &all);
        if (job->output == LAST_LAYER) copy_rows(&self, &all);
        if (job->output == MEAN_OF_LAST_LAYERS) add_to_mean(&self, &all, model->layers - 1);
        if (job->output != POOLED) meet(&self);
    }
    end_tiles();
    set_float_mode(float_mode);
}
