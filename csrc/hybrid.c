/* Hybrid echo, noise, decibels; see hybrid.h. */
#include "hybrid.h"
#include <string.h>

/* Four samples at a time in GCC's vector types: each output is still one sum in tap order, so that it is the same
 * number with any vector width and with none. */
typedef float vec __attribute__((vector_size(16)));
typedef int32_t ivec __attribute__((vector_size(16)));
typedef int16_t svec __attribute__((vector_size(8)));
enum { LANES = 4, ROW = 4 * LANES };
_Static_assert(TR_BLOCK % ROW == 0, "a block is whole rows");

static const float response[TR_HYBRID_TAPS] = {
    0.0472f,  -0.0170f, -0.0463f, 0.0375f,  0.8940f,  0.0001f,  -0.2132f, -0.1751f, -0.0608f, -0.0114f, -0.0005f,
    -0.0097f, -0.0208f, -0.0193f, -0.0086f, -0.0017f, -0.0041f, -0.0099f, -0.0109f, -0.0063f, -0.0020f, -0.0020f,
    -0.0047f, -0.0059f, -0.0041f, -0.0017f, -0.0011f, -0.0022f, -0.0031f, -0.0025f, -0.0013f, -0.0007f};

static inline vec load(const float *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(float *p, vec v) { memcpy(p, &v, sizeof v); }

static inline vec choose(ivec which, vec yes, vec no) { return (vec)(((ivec)yes & which) | ((ivec)no & ~which)); }

double tr_db_ratio(double db) {
    if (db > 400.0) {
        db = 400.0;
    } else if (db < -400.0) {
        db = -400.0;
    }
    double exponent = db * 0.16609640474436812; /* log2(10) / 20 */
    int whole = (int)(exponent < 0 ? exponent - 1.0 : exponent);
    double x = (exponent - whole) * 0.69314718055994531; /* 0 .. ln 2 (or little more): e^x by its series */
    double term = 1.0, sum = 1.0;
    for (int i = 1; i < 22; i++) {
        term = term * x / i;
        sum += term;
    }
    for (; whole > 0; whole--) {
        sum *= 2.0;
    }
    for (; whole < 0; whole++) {
        sum *= 0.5;
    }
    return sum;
}

void tr_hybrid_add(float *out, const float *x, float gain) {
    float taps[TR_HYBRID_TAPS];
    for (int k = 0; k < TR_HYBRID_TAPS; k++) {
        taps[k] = response[k] * gain;
    }
    for (int i = 0; i < TR_BLOCK; i += ROW) {
        vec a = load(out + i), b = load(out + i + LANES), c = load(out + i + 2 * LANES), d = load(out + i + 3 * LANES);
        for (int k = 0; k < TR_HYBRID_TAPS; k++) {
            const float *from = x + i - k;
            vec tap = {taps[k], taps[k], taps[k], taps[k]};
            a += tap * load(from);
            b += tap * load(from + LANES);
            c += tap * load(from + 2 * LANES);
            d += tap * load(from + 3 * LANES);
        }
        store(out + i, a);
        store(out + i + LANES, b);
        store(out + i + 2 * LANES, c);
        store(out + i + 3 * LANES, d);
    }
}

void tr_noise_add(float *out, float rms, uint32_t *state) {
    /* The sum of four bytes: mean 510, variance 4 * (256^2 - 1) / 12. xorshift32 (Marsaglia 2003). */
    const float scale = rms / 147.80053f;
    uint32_t s = *state;
    for (int i = 0; i < TR_BLOCK; i++) {
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        int sum = (int)(s & 255) + (int)(s >> 8 & 255) + (int)(s >> 16 & 255) + (int)(s >> 24);
        out[i] += (float)(sum - 510) * scale;
    }
    *state = s;
}

void tr_to_linear(const float *in, float limit, int16_t *out) {
    const vec high = {limit, limit, limit, limit}, low = -high;
    const vec half = {0.5f, 0.5f, 0.5f, 0.5f};
    for (int i = 0; i < TR_BLOCK; i += LANES) {
        vec v = load(in + i);
        v = choose(v > high, high, v);
        v = choose(v < low, low, v);
        v += choose(v < 0.0f, -half, half);
        svec n = __builtin_convertvector(__builtin_convertvector(v, ivec), svec);
        memcpy(out + i, &n, sizeof n);
    }
}
