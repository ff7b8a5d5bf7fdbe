#include "kinds.h"

#define VECTOR NEON
#define PRODUCT NEON_DOT
#define KERNEL encode_neon_dot

#include "encoder.h"
