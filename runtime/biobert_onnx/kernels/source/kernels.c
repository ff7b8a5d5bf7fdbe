#include "kernels.h"

encode_part encode_plain, encode_avx2, encode_avxvnni, encode_vnni, encode_amx, encode_neon_dot, encode_neon_i8mm;

#if defined(__x86_64__)

#include <cpuid.h>
#include <stdint.h>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

typedef struct {
    uint32_t eax, ebx, ecx, edx;
} cpuid_leaf;

static cpuid_leaf leaf(uint32_t number, uint32_t part) {
    cpuid_leaf found = {0, 0, 0, 0};
    __get_cpuid_count(number, part, &found.eax, &found.ebx, &found.ecx, &found.edx);
    return found;
}

static bool bit(uint32_t word, int number) { return (word >> number & 1) != 0; }

/* The registers that the operating system saves: bits 1 and 2 for AVX, 5 to 7 for AVX-512, 17 and 18 for tiles. */
static bool saves(uint64_t registers) {
    if (!bit(leaf(1, 0).ecx, 27)) return false; /* OSXSAVE */
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (((uint64_t)high << 32 | low) & registers) == registers;
}

/* x86-64-v3: AVX2, FMA, BMI1, BMI2, F16C, LZCNT and MOVBE. */
__attribute__((unused)) static bool has_avx2(void) {
    const cpuid_leaf one = leaf(1, 0), seven = leaf(7, 0), extended = leaf(0x80000001, 0);
    return saves(0x6) && bit(one.ecx, 12) && bit(one.ecx, 22) && bit(one.ecx, 28) && bit(one.ecx, 29) &&
           bit(seven.ebx, 3) && bit(seven.ebx, 5) && bit(seven.ebx, 8) && bit(extended.ecx, 5);
}

__attribute__((unused)) static bool has_avxvnni(void) { return has_avx2() && bit(leaf(7, 1).eax, 4); }

/* x86-64-v4 (AVX-512 F, DQ, CD, BW and VL) and AVX-512 VNNI. */
__attribute__((unused)) static bool has_vnni(void) {
    const cpuid_leaf seven = leaf(7, 0);
    return has_avx2() && saves(0xe6) && bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 28) &&
           bit(seven.ebx, 30) && bit(seven.ebx, 31) && bit(seven.ecx, 11);
}

/* Tiles and their int8 products; a process must ask Linux for the 8 KiB that they add to each thread. */
__attribute__((unused)) static bool has_amx(void) {
#if defined(__linux__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
    const cpuid_leaf seven = leaf(7, 0);
    return has_vnni() && saves(0x600e6) && bit(seven.edx, 24) && bit(seven.edx, 25) &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) == 0;
#else
    return false;
#endif
}

#elif defined(__aarch64__)

#if defined(__linux__)
#include <sys/auxv.h>

__attribute__((unused)) static bool has_neon_dot(void) { return (getauxval(AT_HWCAP) >> 20 & 1) != 0; }  /* ASIMDDP */
__attribute__((unused)) static bool has_neon_i8mm(void) { return has_neon_dot() && (getauxval(AT_HWCAP2) >> 13 & 1) != 0; }

#elif defined(__APPLE__)
#include <sys/sysctl.h>

static bool has_feature(const char *name) {
    int value = 0;
    size_t size = sizeof value;
    return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value != 0;
}

__attribute__((unused)) static bool has_neon_dot(void) { return has_feature("hw.optional.arm.FEAT_DotProd"); }
__attribute__((unused)) static bool has_neon_i8mm(void) { return has_neon_dot() && has_feature("hw.optional.arm.FEAT_I8MM"); }

#else

__attribute__((unused)) static bool has_neon_dot(void) { return false; }
__attribute__((unused)) static bool has_neon_i8mm(void) { return false; }

#endif
#endif

static bool always(void) { return true; }

const kernel KERNELS[] = {
#ifdef HAVE_AMX
    {"amx", encode_amx, has_amx},
#endif
#ifdef HAVE_VNNI
    {"vnni", encode_vnni, has_vnni},
#endif
#ifdef HAVE_AVXVNNI
    {"avxvnni", encode_avxvnni, has_avxvnni},
#endif
#ifdef HAVE_AVX2
    {"avx2", encode_avx2, has_avx2},
#endif
#ifdef HAVE_NEON_I8MM
    {"neon_i8mm", encode_neon_i8mm, has_neon_i8mm},
#endif
#ifdef HAVE_NEON_DOT
    {"neon_dot", encode_neon_dot, has_neon_dot},
#endif
    {"plain", encode_plain, always},
};

const int KERNEL_COUNT = sizeof KERNELS / sizeof *KERNELS;
