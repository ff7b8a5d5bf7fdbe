#ifndef PACK_H
#define PACK_H

#include "model.h"

/* Pack `weights` (inputs, outputs), whose rows begin every `stride` bytes, into `tiles`, and sum the weights of each
   output up in `sums` (outputs,). Inputs are a multiple of 64, outputs of 16. */
void pack_outputs(const int8_t *weights, int64_t stride, int64_t inputs, int64_t outputs, int8_t *tiles, int32_t *sums);

#endif
