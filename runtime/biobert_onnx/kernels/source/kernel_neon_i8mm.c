#include "kinds.h"

#define VECTOR NEON
#define PRODUCT NEON_I8MM
#define KERNEL encode_neon_i8mm

#include "encoder.h"
