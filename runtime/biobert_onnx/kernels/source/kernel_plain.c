#include "kinds.h"

#define VECTOR PLAIN
#define PRODUCT PLAIN_PRODUCT
#define KERNEL encode_plain

#include "encoder.h"
