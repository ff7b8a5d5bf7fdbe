#ifndef PACK_H
#define PACK_H

#include "model.h"

/* Pack `weights` (inputs, outputs), whose rows begin every `stride` bytes, into `tiles`, and sum the weights of each
   output up in `sums` (outputs,). Inputs are a multiple of 64, outputs of 16.

   Returns the largest magnitude that the weights of two neighbouring inputs of one output add up to. Above 128 AVX2's
   product could saturate: 255 * 129 is no int16. Of different signs they cannot add up to more than 128. */
int pack_outputs(const int8_t *restrict weights, int64_t stride, int64_t inputs, int64_t outputs,
                 int8_t *restrict tiles, int32_t *restrict sums);

#endif
