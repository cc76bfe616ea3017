#include "simd.h"
#include "engine.h"
#include "numeric.h"

#include <stdlib.h>
#include <string.h>

typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int16_t s8 __attribute__((vector_size(16), aligned(2), may_alias));

#define PATH(name) name##_generic
#define PATH_NAME "generic"
#define WHOLE
#include "simd_kernels.h"
#undef PATH
#undef PATH_NAME
#undef WHOLE

#ifdef __x86_64__
#pragma GCC push_options
#pragma GCC target("avx2")
#define PATH(name) name##_avx2
#define PATH_NAME "avx2"
#include "simd_kernels.h"
#undef PATH
#undef PATH_NAME
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,prefer-vector-width=512")
#define PATH(name) name##_avx512
#define PATH_NAME "avx512"
#include "simd_kernels.h"
#undef PATH
#undef PATH_NAME
#pragma GCC pop_options
#endif

const struct tr_kernels *tr_kernels = &kernels_generic;

static const struct tr_kernels *path_of(const char *name) {
    if (strcmp(name, "generic") == 0)
        return &kernels_generic;
#ifdef __x86_64__
    __builtin_cpu_init();
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2"))
        return &kernels_avx2;
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return &kernels_avx512;
#endif
    return NULL;
}

const char *tr_simd(const char *want) {
    if (want) {
        const struct tr_kernels *path = path_of(want);
        if (!path)
            return NULL;
        __atomic_store_n(&tr_kernels, path, __ATOMIC_RELEASE);
    }
    return tr_kernels->name;
}

void tr_fill_table(float (*table)[16], const float *hz, int count) {
    for (int n = 0; n < 40; n++) {
        for (int f = 0; f < count; f++) {
            double turns = (double)hz[f] * (double)(39 - n) / (double)TR_RATE; /* e^{-i w (n - 39)} */
            table[n][f] = (float)tr_cos_turns(turns);
            table[n][8 + f] = (float)tr_sin_turns(turns);
        }
    }
}

__attribute__((constructor)) static void choose_path(void) {
    const char *named = getenv("TIPRING_SIMD");
    static const char *const best[] = {"avx512", "avx2", "generic"};
    const struct tr_kernels *path = named && *named ? path_of(named) : NULL;
    for (int i = 0; !path; i++)
        path = path_of(best[i]);
    tr_kernels = path;
}
