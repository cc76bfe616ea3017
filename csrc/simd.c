#include "simd.h"
#include "engine.h"
#include "numeric.h"

#include <stdlib.h>
#include <string.h>

typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int16_t s8 __attribute__((vector_size(16), aligned(2), may_alias));

const float tr_dtmf_hz[8] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};

static float dtmf_table[40][16] __attribute__((aligned(64)));

#define INLINE static inline __attribute__((always_inline))

INLINE float energy40(const int16_t *x) {
    v8 a = __builtin_convertvector(*(const s8 *)x, v8);
    v8 sum = a * a;
    for (int i = 8; i < 40; i += 8) {
        a = __builtin_convertvector(*(const s8 *)(x + i), v8);
        sum = sum + a * a;
    }
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

INLINE void dtmf40(const int16_t *x, float *out) {
    float f[40];
    for (int i = 0; i < 40; i += 8)
        *(v8 *)(f + i) = __builtin_convertvector(*(const s8 *)(x + i), v8);
    v16 even = *(const v16 *)dtmf_table[0] * f[0], odd = *(const v16 *)dtmf_table[1] * f[1];
    for (int i = 2; i < 40; i += 2) {
        even = even + *(const v16 *)dtmf_table[i] * f[i];
        odd = odd + *(const v16 *)dtmf_table[i + 1] * f[i + 1];
    }
    *(v16 *)out = even + odd;
}

/* Goertzel's recurrence on both halves at once, joined in phase. */
INLINE void tones80(const int16_t *x, const float *coef, const float *cosine, const float *sine, const float *turn_re,
                    const float *turn_im, float *out) {
    float f[80];
    for (int i = 0; i < 80; i += 8)
        *(v8 *)(f + i) = __builtin_convertvector(*(const s8 *)(x + i), v8);
    v8 c = *(const v8 *)coef, zero = {0};
    v8 a1 = zero, a2 = zero, b1 = zero, b2 = zero;
    for (int i = 0; i < 40; i++) {
        v8 a0 = (f[i] - a2) + c * a1, b0 = (f[40 + i] - b2) + c * b1;
        a2 = a1;
        a1 = a0;
        b2 = b1;
        b1 = b0;
    }
    v8 cs = *(const v8 *)cosine, sn = *(const v8 *)sine, tr = *(const v8 *)turn_re, ti = *(const v8 *)turn_im;
    v8 are = a1 - a2 * cs, aim = a2 * sn, bre = b1 - b2 * cs, bim = b2 * sn;
    *(v8 *)out = bre + (are * tr - aim * ti);
    *(v8 *)(out + 8) = bim + (are * ti + aim * tr);
}

#define PATH(suffix, attribute)                                                                                        \
    attribute static float energy40_##suffix(const int16_t *x) { return energy40(x); }                                 \
    attribute static void dtmf40_##suffix(const int16_t *x, float *out) { dtmf40(x, out); }                            \
    attribute static void tones80_##suffix(const int16_t *x, const float *coef, const float *cosine,                   \
                                           const float *sine, const float *turn_re, const float *turn_im,              \
                                           float *out) {                                                               \
        tones80(x, coef, cosine, sine, turn_re, turn_im, out);                                                         \
    }                                                                                                                  \
    static const struct tr_kernels suffix##_path = {#suffix, energy40_##suffix, dtmf40_##suffix, tones80_##suffix};

PATH(generic, )
#ifdef __x86_64__
PATH(avx2, __attribute__((target("avx2"))))
PATH(avx512, __attribute__((target("avx512f,avx512bw,avx512vl,prefer-vector-width=512"))))
#endif

const struct tr_kernels *tr_kernels = &generic_path;

static const struct tr_kernels *path_of(const char *name) {
    if (strcmp(name, "generic") == 0)
        return &generic_path;
#ifdef __x86_64__
    __builtin_cpu_init();
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2"))
        return &avx2_path;
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return &avx512_path;
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

__attribute__((constructor)) static void choose_path(void) {
    for (int n = 0; n < 40; n++) {
        for (int f = 0; f < 8; f++) {
            double turns = (double)tr_dtmf_hz[f] * (double)(39 - n) / (double)TR_RATE; /* e^{-i w (n - 39)} */
            dtmf_table[n][f] = (float)tr_cos_turns(turns);
            dtmf_table[n][8 + f] = (float)tr_sin_turns(turns);
        }
    }
    const char *named = getenv("TIPRING_SIMD");
    static const char *const best[] = {"avx512", "avx2", "generic"};
    const struct tr_kernels *path = named && *named ? path_of(named) : NULL;
    for (int i = 0; !path; i++)
        path = path_of(best[i]);
    tr_kernels = path;
}
