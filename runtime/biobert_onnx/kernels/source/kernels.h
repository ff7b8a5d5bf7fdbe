/* The kernels that this library was compiled with, best first, and whether this CPU runs them. */

#ifndef KERNELS_H
#define KERNELS_H

#include <stdbool.h>

#include "team.h"

typedef struct {
    const char *name;
    encode_part *encode;
    bool (*runs_here)(void); /* by what CPU and operating system say */
} kernel;

extern const kernel KERNELS[];
extern const int KERNEL_COUNT;

/* Whether `kernel` gives the bits of the plain C one on a small encoder; false also if there is no memory to try it. */
bool agrees_with_plain(const kernel *kernel);

#endif
