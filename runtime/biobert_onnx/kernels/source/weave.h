/* A loop over tiles waits most of its time for loads and products that the vector units have no part in. `weave_next`,
   called between steps of vector code, starts the next tile instruction of another block. Kernels without tiles have
   nothing to weave. */

#ifndef WEAVE_H
#define WEAVE_H

#include "floats.h"

enum { MOST_ROWS = 8 }; /* rows of a tile that vector code finishes side by side */

#if PRODUCT == AMX

typedef struct {
    const uint8_t *input[2];  /* the next tile of each of two rows of tiles of activations */
    const int8_t *weight[2];  /* the next tile of each of two rows of tiles of weights */
    const char *prefetched;   /* the next cache line to fetch */
    int lines;                /* cache lines to fetch a step */
    int step;                 /* 0 to 3 of the tiles above, then of those behind them */
} weave;

INLINE void weave_step(weave *weave, int step);

INLINE void weave_next(weave *weave) {
    if (weave != NULL) weave_step(weave, weave->step++);
}

#else

typedef struct {
    char nothing;
} weave;

INLINE void weave_next(weave *weave) { (void)weave; }

#endif

#endif
