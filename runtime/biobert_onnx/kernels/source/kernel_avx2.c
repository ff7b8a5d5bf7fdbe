#include "kinds.h"

#define VECTOR AVX2
#define PRODUCT AVX2_PRODUCT
#define KERNEL encode_avx2

#include "encoder.h"
