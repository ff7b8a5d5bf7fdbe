#include "kinds.h"

#define VECTOR AVX512
#define PRODUCT VNNI
#define KERNEL encode_vnni

#include "encoder.h"
