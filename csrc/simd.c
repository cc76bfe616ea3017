#include "simd.h"
#include "echo.h"
#include "engine.h"
#include "numeric.h"

#include <stdlib.h>
#include <string.h>

typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int16_t s8 __attribute__((vector_size(16), aligned(2), may_alias));

/* Turns of the echo canceller's transform: e^{-2 pi i k / 16}, e^{-2 pi i k c / 256}, e^{-i pi n / 512}; real parts,
 * then imaginary ones (of the last: sines). */
static float echo_turn16[16][2];
static float echo_turn256[512] __attribute__((aligned(64)));
static float echo_half[512] __attribute__((aligned(64)));

/* The echo canceller's constants. */
#define ECHO_SHARE 0.3125f     /* of a transform's samples that are new in a block */
#define ECHO_NOISE_RATE 0.3f   /* of a block in the near end's power */
#define ECHO_NOISE_LEAST 0.1f  /* of an error that is always taken for the near end */
#define ECHO_LEAK 0.1f         /* of the mean power: what of it a frequency with none may hold of its neighbours */
#define ECHO_USUAL_RATE 0.3f   /* of a block in the usual spectrum of what is sent */
#define ECHO_DRIFT 0.0001f     /* of a tap's power that is in doubt again after a block */
#define ECHO_TRIFLE 0.001f     /* -30 dB: a path that gives no more is known well enough */
#define ECHO_DOUBT_LEAST 1e-6f /* -60 dB */
#define ECHO_FLOOR 0.1f        /* of the mean power: a study's steps even out a frequency with less no more */
#define ECHO_STUDIED 1e5f      /* sum of squares: of less sound nothing is found */

#define PATH(name) name##_generic
#define PATH_NAME "generic"
#define WHOLE
#define LANES 4
#include "echo_kernels.h"
#include "echo_study_kernels.h"
#include "simd_kernels.h"
#undef PATH
#undef PATH_NAME
#undef LANES
#undef WHOLE

#ifdef __x86_64__
#pragma GCC push_options
#pragma GCC target("avx2")
#define PATH(name) name##_avx2
#define PATH_NAME "avx2"
#define LANES 8
#include "echo_kernels.h"
#include "echo_study_kernels.h"
#include "simd_kernels.h"
#undef LANES
#undef PATH
#undef PATH_NAME
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,prefer-vector-width=512")
#define PATH(name) name##_avx512
#define PATH_NAME "avx512"
#define LANES 16
#include "echo_kernels.h"
#include "echo_study_kernels.h"
#include "simd_kernels.h"
#undef LANES
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
    for (int k = 0; k < 16; k++) {
        echo_turn16[k][0] = (float)tr_cos_turns(k / 16.0);
        echo_turn16[k][1] = (float)-tr_sin_turns(k / 16.0);
        for (int c = 0; c < 16; c++) {
            echo_turn256[16 * k + c] = (float)tr_cos_turns(k * c / 256.0);
            echo_turn256[256 + 16 * k + c] = (float)-tr_sin_turns(k * c / 256.0);
        }
    }
    for (int n = 0; n < 256; n++) {
        echo_half[n] = (float)tr_cos_turns(n / 1024.0);
        echo_half[256 + n] = (float)tr_sin_turns(n / 1024.0);
    }
    const char *named = getenv("TIPRING_SIMD");
    static const char *const best[] = {"avx512", "avx2", "generic"};
    const struct tr_kernels *path = named && *named ? path_of(named) : NULL;
    for (int i = 0; !path; i++)
        path = path_of(best[i]);
    tr_kernels = path;
}
