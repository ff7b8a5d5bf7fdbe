#include "kinds.h"

#define VECTOR AVX2
#define PRODUCT AVX_VNNI
#define KERNEL encode_avxvnni

#include "encoder.h"
