/* The kinds of vectors (floats.h) and of integer products (product.h) that kernels are made of. */

#ifndef KINDS_H
#define KINDS_H

#define PLAIN 0
#define AVX2 1
#define AVX512 2
#define NEON 3

#define PLAIN_PRODUCT 0
#define AVX2_PRODUCT 1
#define AVX_VNNI 2
#define VNNI 3
#define AMX 4
#define NEON_DOT 5
#define NEON_I8MM 6

#endif
