/* Weights into tiles (model.h). Compilers make vectors of the two loops over LANES. */

#include "pack.h"

#include <string.h>

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

int pack_outputs(const int8_t *restrict weights, int64_t stride, int64_t inputs, int64_t outputs,
                 int8_t *restrict tiles, int32_t *restrict sums) {
    int16_t least[LANES] = {0}, most[LANES] = {0}; /* sums of two neighbours */
    for (int64_t output = 0; output < outputs; output += LANES) {
        int32_t sum[LANES] = {0};
        for (int64_t input = 0; input < inputs; input += 4, tiles += 4 * LANES) {
            const int8_t *a = weights + input * stride + output, *b = a + stride, *c = b + stride, *d = c + stride;
            for (int i = 0; i < LANES; i++) {
                tiles[4 * i] = a[i];
                tiles[4 * i + 1] = b[i];
                tiles[4 * i + 2] = c[i];
                tiles[4 * i + 3] = d[i];
            }
            for (int i = 0; i < LANES; i++) {
                const int16_t first = (int16_t)(a[i] + b[i]), second = (int16_t)(c[i] + d[i]);
                sum[i] += first + second;
                least[i] = MIN(least[i], MIN(first, second));
                most[i] = MAX(most[i], MAX(first, second));
            }
        }
        memcpy(sums + output, sum, sizeof sum);
    }
    int largest = 0;
    for (int i = 0; i < LANES; i++) largest = MAX(largest, MAX(-least[i], most[i]));
    return largest;
}
