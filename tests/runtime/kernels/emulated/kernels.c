/* In place of kernels.c: the kernels of EMULATED_KERNELS (tests/support/kernel_builds.py), and each runs here. */

#include "kernels.h"

encode_part encode_amx, encode_vnni, encode_avxvnni, encode_plain;

static bool always(void) { return true; }

const kernel KERNELS[] = {
    {"amx", encode_amx, always},
    {"vnni", encode_vnni, always},
    {"avxvnni", encode_avxvnni, always},
    {"plain", encode_plain, always},
};

const int KERNEL_COUNT = sizeof KERNELS / sizeof *KERNELS;
