/* Answers CPUID and XGETBV in place of the CPU, with some bits changed.

   `tests/support/cpu_features.py` writes a copy of the kernels' library in which both instructions are invalid ones. The
   system reports these by SIGILL, and the handler here does what the instruction would have done. So any x86-64 Linux
   can show the library another CPU; CPUs that let the system trap CPUID itself are few. */

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

enum { EAX, EBX, ECX, EDX, SAVED }; /* SAVED: the low half of XCR0, the registers that the system saves */
enum { UD2 = 0x0b, UD0 = 0xff };    /* second bytes, after 0x0f: in place of CPUID, of XGETBV */

typedef struct {
    uint32_t leaf, part, word, bit, value;
} change;

static change changes[64];
static unsigned change_count;

__attribute__((visibility("default"))) void forget_changes(void) { change_count = 0; }

/* Show `value` in a bit of a word from now on; `leaf` and `part` are 0 for SAVED. Returns 0 if there are too many. */
__attribute__((visibility("default"))) int show(uint32_t leaf, uint32_t part, uint32_t word, uint32_t bit, uint32_t value) {
    if (change_count == sizeof changes / sizeof *changes) return 0;
    changes[change_count++] = (change){leaf, part, word, bit, value};
    return 1;
}

static uint32_t changed(uint32_t value, uint32_t leaf, uint32_t part, uint32_t word) {
    for (unsigned i = 0; i < change_count; i++) {
        const change *one = &changes[i];
        if (one->leaf != leaf || one->part != part || one->word != word) continue;
        value = one->value ? value | 1u << one->bit : value & ~(1u << one->bit);
    }
    return value;
}

static void answer(int number, siginfo_t *info, void *context) {
    (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *instruction = (const uint8_t *)registers[REG_RIP];
    const uint32_t leaf = (uint32_t)registers[REG_RAX], part = (uint32_t)registers[REG_RCX];
    uint32_t words[4];
    if (instruction[0] == 0x0f && instruction[1] == UD2) {
        __asm__ volatile("cpuid" : "=a"(words[0]), "=b"(words[1]), "=c"(words[2]), "=d"(words[3]) : "a"(leaf), "c"(part));
        registers[REG_RAX] = changed(words[EAX], leaf, part, EAX);
        registers[REG_RBX] = changed(words[EBX], leaf, part, EBX);
        registers[REG_RCX] = changed(words[ECX], leaf, part, ECX);
        registers[REG_RDX] = changed(words[EDX], leaf, part, EDX);
        registers[REG_RIP] += 2;
    } else if (instruction[0] == 0x0f && instruction[1] == UD0) {
        __asm__ volatile("xgetbv" : "=a"(words[0]), "=d"(words[1]) : "c"(part));
        registers[REG_RAX] = changed(words[0], 0, 0, SAVED);
        registers[REG_RDX] = words[1];
        registers[REG_RIP] += 3;
    } else {
        signal(number, SIG_DFL); /* an instruction that this CPU really lacks: it comes again, and ends the process */
    }
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO};
    if (sigaction(SIGILL, &action, NULL) != 0) abort();
}
