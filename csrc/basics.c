/* Small things that all files of the engine use: results in words, memory, gains. Serves all nine steps. */
#define _GNU_SOURCE
#include "internal.h"
#include <stdlib.h>
#include <string.h>

int tr_abi(void) { return TR_ABI; }

const char *tr_strerror(int result) {
    switch (result) {
    case TR_E_FULL:
        return "a ring is full: try again after the next tick";
    case TR_E_NO_PORT:
        return "no such port, or not allocated";
    case TR_E_STALE:
        return "meant for an earlier call on this port";
    case TR_E_UNSUPPORTED:
        return "the card cannot do this";
    case TR_E_STATE:
        return "not possible in the present state";
    case TR_E_ARGUMENT:
        return "argument out of range";
    case TR_E_SYSTEM:
        return "system error, see errno";
    case TR_E_NO_MEMORY:
        return "out of memory";
    case TR_E_TOO_LONG:
        return "too long";
    default:
        return result >= 0 ? "success" : "unknown result";
    }
}

_Atomic int tr_alloc_fails_at;

static bool fails_now(void) {
    return atomic_load_explicit(&tr_alloc_fails_at, memory_order_relaxed) > 0 &&
           atomic_fetch_sub_explicit(&tr_alloc_fails_at, 1, memory_order_relaxed) == 1;
}

void *tr_alloc(size_t bytes) { return fails_now() ? NULL : calloc(1, bytes); }

void *tr_alloc_line(size_t bytes) {
    void *memory;
    if (fails_now() || posix_memalign(&memory, 64, bytes) != 0) {
        return NULL;
    }
    return memset(memory, 0, bytes);
}

/* 10^(2^i / 2000) and 10^(-2^i / 2000), Q26: one factor for each bit of the value. */
static const uint32_t raise_by[12] = {67186170, 67263566, 67418624, 67729815,  68356511,  69627353,
                                      72240358, 77764232, 90111431, 120998472, 218162392, 709218225};
static const uint32_t lower_by[14] = {67031647, 66954518, 66800527, 66493606, 65883989, 64681471, 62341879,
                                      57913510, 49978117, 37220302, 20643336, 6350090,  600869,   5380};

int32_t tr_gain(int32_t hundredths_db) {
    int32_t value = hundredths_db > 2400 ? 2400 : hundredths_db < -9600 ? -9600 : hundredths_db;
    const uint32_t *factor = value < 0 ? lower_by : raise_by;
    uint32_t bits = (uint32_t)(value < 0 ? -value : value);
    uint64_t gain = 1u << 26;
    for (; bits; bits >>= 1, factor++) {
        if (bits & 1) {
            gain = (gain * *factor + (1u << 25)) >> 26;
        }
    }
    return (int32_t)((gain + (1u << 11)) >> 12);
}
