#include "kinds.h"

#define VECTOR AVX512
#define PRODUCT AMX
#define KERNEL encode_amx

#include "encoder.h"
