/* The product with AMX: blocks of 32 tokens x 32 outputs in four tiles of sums, beside two of inputs and two of weights.

   A product of tiles takes 16 cycles, the load of one 8 from the first cache and 19 from the second: loads are the limit.
   So the inputs are taken in parts, such that the weights of 32 outputs stay in the first cache; the activations stream
   past them (the T1 hint), the weights of the next outputs are fetched into the second cache meanwhile, and while the
   tiles of one block multiply, the vector units finish the block before it (`weave`). */

enum { BLOCK_SUMS = 4 * LANES * LANES };
enum { WOVEN_TILES = 12, MOST_TILES = 16 }; /* tiles of inputs in a part: 768 inputs are woven, others just follow */

typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes_of_row[16];
    uint8_t rows[16];
} __attribute__((packed)) tile_configuration;

INLINE void begin_tiles(void) {
    tile_configuration configuration;
    memset(&configuration, 0, sizeof configuration);
    configuration.palette = 1;
    for (int tile = 0; tile < 8; tile++) {
        configuration.bytes_of_row[tile] = 64;
        configuration.rows[tile] = 16;
    }
    _tile_loadconfig(&configuration);
}

INLINE void end_tiles(void) { _tile_release(); }

/* Four steps multiply one tile of inputs: two rows of tokens by two of outputs. */
INLINE void weave_step(weave *weave, int step) {
    const size_t place = (size_t)(step / 4) * TILE_BYTES;
    if (step % 4 == 0) {
        _tile_stream_loadd(4, weave->input[0] + place, 64);
        _tile_loadd(6, weave->weight[0] + place, 64);
        _tile_dpbusd(0, 4, 6);
    } else if (step % 4 == 1) {
        _tile_loadd(7, weave->weight[1] + place, 64);
        _tile_dpbusd(1, 4, 7);
    } else if (step % 4 == 2) {
        _tile_stream_loadd(5, weave->input[1] + place, 64);
        _tile_dpbusd(2, 5, 6);
    } else {
        _tile_dpbusd(3, 5, 7);
        for (int line = 0; line < weave->lines; line++)
            _mm_prefetch(weave->prefetched + (step / 4 * weave->lines + line) * 64, _MM_HINT_T1);
    }
}

INLINE void weave_on(weave *weave, int tiles) {
    weave->input[0] += (size_t)tiles * TILE_BYTES;
    weave->input[1] += (size_t)tiles * TILE_BYTES;
    weave->weight[0] += (size_t)tiles * TILE_BYTES;
    weave->weight[1] += (size_t)tiles * TILE_BYTES;
    weave->prefetched += (size_t)tiles * weave->lines * 64;
}

/* Multiply one tile of inputs; `two`: rows of tokens are two. */
INLINE void multiply_tile(weave *weave, const int two) {
    weave_step(weave, 0);
    weave_step(weave, 1);
    if (two) {
        weave_step(weave, 2);
        weave_step(weave, 3);
    }
    weave_on(weave, 1);
}

/* Sums that wait to be finished: `count` tiles (0, 2 or 4), two outputs side by side. */
typedef struct {
    const int32_t *sums;
    int tile, count;
    int64_t column;
} pending;

INLINE void finish_pending(const int kind, const finish *to, const matrix *matrix, const pending *pending, int64_t head) {
    for (int i = 0; i < pending->count; i++) {
        const int column = (int)pending->column + i % 2 * LANES;
        finish_tile(kind, to, matrix, pending->sums + i * LANES * LANES, (pending->tile + i / 2) * LANES, LANES, column,
                    column - (int)head);
    }
}

/* Multiply one block over `tiles` tiles of inputs, and finish `pending` meanwhile. `is_first`: the sums begin here. */
INLINE void multiply_block(const int two, const int kind, const finish *to, const matrix *matrix, weave *weave, int tiles,
                           bool is_first, int64_t column, int32_t *sums, const pending *pending, int64_t head) {
    if (is_first) {
        _tile_loadd(0, matrix->start + column, 0);
        _tile_loadd(1, matrix->start + column + LANES, 0);
        if (two) {
            _tile_loadd(2, matrix->start + column, 0);
            _tile_loadd(3, matrix->start + column + LANES, 0);
        }
    } else {
        _tile_loadd(0, sums, 64);
        _tile_loadd(1, sums + 256, 64);
        if (two) {
            _tile_loadd(2, sums + 512, 64);
            _tile_loadd(3, sums + 768, 64);
        }
    }
    if (two && pending->count == 4 && tiles == WOVEN_TILES) {
        for (int i = 0; i < 4; i++) { /* a tile of sums for three tiles of inputs, 12 steps */
            const int finished = (int)pending->column + i % 2 * LANES;
            UNROLL for (int half = 0; half < 2; half++) {
                weave->step = 6 * half;
                finish_rows(8, kind, to, matrix, pending->sums + i * LANES * LANES + half * 8 * LANES,
                            (pending->tile + i / 2) * LANES + 8 * half, finished, finished - (int)head, weave);
                while (weave->step < 6 * (half + 1)) weave_next(weave);
            }
            weave_on(weave, 3);
        }
    } else {
        finish_pending(kind, to, matrix, pending, head);
        for (int tile = 0; tile < tiles; tile++) multiply_tile(weave, two);
    }
    _tile_stored(0, sums, 64);
    _tile_stored(1, sums + 256, 64);
    if (two) {
        _tile_stored(2, sums + 512, 64);
        _tile_stored(3, sums + 768, 64);
    }
}

/* Return the number of tiles of inputs in a part: it divides `tiles`. */
INLINE int tiles_in_part(int tiles) {
    if (tiles % WOVEN_TILES == 0) return WOVEN_TILES;
    int part = tiles < MOST_TILES ? tiles : MOST_TILES;
    while (tiles % part != 0) part--;
    return part;
}

INLINE void product(const int kind, const finish *to, const matrix *matrix, const uint8_t *input, int first_tile,
                    int end_tile, int rows, int64_t first, int64_t end, int64_t head) {
    (void)rows; /* instructions multiply whole tiles */
    const int tiles = (int)(matrix->inputs / TILE_INPUTS), part = tiles_in_part(tiles);
    const size_t stride = (size_t)tiles * TILE_BYTES; /* bytes from 16 outputs, or 16 tokens, to the next */
    const int pairs = (end_tile - first_tile + 1) / 2, lines = 32 / pairs > 1 ? 32 / pairs : 1;
    pending waiting = {0};
    for (int64_t column = first; column < end; column += 2 * LANES) { /* every range of outputs is a multiple of 32 */
        const int8_t *w = tiles_of_output(matrix, column);
        weave weave = {.prefetched = (const char *)(w + 2 * stride), .lines = lines};
        for (int begun = 0; begun < tiles; begun += part) {
            const bool is_first = begun == 0, is_last = begun + part == tiles;
            for (int tile = first_tile; tile < end_tile; tile += 2) {
                /* the sums of a block stay where they are until its last part */
                int32_t *sums = to->sums + (part == tiles ? 0 : (tile - first_tile) / 2 * BLOCK_SUMS);
                weave.input[0] = tile_row(matrix, input, tile) + (size_t)begun * TILE_BYTES;
                weave.input[1] = weave.input[0] + stride;
                weave.weight[0] = w + (size_t)begun * TILE_BYTES;
                weave.weight[1] = weave.weight[0] + stride;
                if (tile + 1 < end_tile)
                    multiply_block(1, kind, to, matrix, &weave, part, is_first, column, sums, &waiting, head);
                else
                    multiply_block(0, kind, to, matrix, &weave, part, is_first, column, sums, &waiting, head);
                waiting.count = 0;
                if (is_last) waiting = (pending){sums, tile, tile + 1 < end_tile ? 4 : 2, column};
            }
        }
    }
    finish_pending(kind, to, matrix, &waiting, head);
}
