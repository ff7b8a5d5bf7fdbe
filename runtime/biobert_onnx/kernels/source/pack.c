/* Weights into tiles (model.h). */

#include "pack.h"

#include <string.h>

void pack_outputs(const int8_t *weights, int64_t stride, int64_t inputs, int64_t outputs, int8_t *tiles, int32_t *sums) {
    for (int64_t output = 0; output < outputs; output += LANES) {
        int32_t sum[LANES] = {0};
        for (int64_t input = 0; input < inputs; input += 4, tiles += 4 * LANES) {
            const int8_t *row = weights + input * stride + output;
            for (int i = 0; i < LANES; i++) {
                const int8_t four[4] = {row[i], row[i + stride], row[i + 2 * stride], row[i + 3 * stride]};
                memcpy(tiles + 4 * i, four, sizeof four);
                sum[i] += four[0] + four[1] + four[2] + four[3];
            }
        }
        memcpy(sums + output, sum, sizeof sum);
    }
}
