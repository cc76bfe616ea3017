/* The echo canceller's arithmetic, included by simd.c once for each processor: PATH(name) makes the names, LANES says
 * how many floats a vector has. Every lane does the same operations in the same order whatever the width, so the bits
 * are equal.
 *
 * The transform: 512 real samples x make 256 complex numbers z[n] = (x[n] - i x[n + 256]) e^{-i pi n / 512}, whose
 * discrete Fourier transform holds the frequencies (2 k + 1/2) / 512; the others are their conjugates. Products of such
 * spectra are convolutions that wrap with the sign turned, which does not matter here: what wraps is thrown away. So
 * there is no bin that is treated otherwise than the rest, and sixteen by sixteen numbers need two passes of sixteen
 * points and one transposition. */

typedef float PATH(vec) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int PATH(mask) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define VEC PATH(vec)
#define MASK PATH(mask)
#define MORE(a, b) PATH(more)(a, b)
#define AT(array, i) (*(VEC *)((array) + (i)))
#define CAT(array, i) (*(const VEC *)((array) + (i)))

static inline __attribute__((always_inline)) VEC PATH(more)(VEC a, VEC b) {
    MASK which = a > b;
    return (VEC)(((MASK)a & which) | ((MASK)b & ~which));
}

/* Four points: sums in the order of their frequencies, e^{-2 pi i k n / 4}. */
static inline __attribute__((always_inline)) void PATH(four)(VEC *re, VEC *im, int a, int step) {
    VEC ar = re[a] + re[a + 2 * step], ai = im[a] + im[a + 2 * step];
    VEC br = re[a] - re[a + 2 * step], bi = im[a] - im[a + 2 * step];
    VEC cr = re[a + step] + re[a + 3 * step], ci = im[a + step] + im[a + 3 * step];
    VEC dr = re[a + step] - re[a + 3 * step], di = im[a + step] - im[a + 3 * step];
    re[a] = ar + cr;
    im[a] = ai + ci;
    re[a + step] = br + di;
    im[a + step] = bi - dr;
    re[a + 2 * step] = ar - cr;
    im[a + 2 * step] = ai - ci;
    re[a + 3 * step] = br - di;
    im[a + 3 * step] = bi + dr;
}

/* Sixteen points down each column of 16 by 16, in place; then `turn` (NULL: none), a table of 256 + 256. */
static void PATH(columns)(float *re, float *im, const float *turn) {
    for (int c = 0; c < 16; c += LANES) {
        VEC r[16], i[16];
#pragma GCC unroll 16
        for (int n = 0; n < 16; n++) {
            r[n] = CAT(re, 16 * n + c);
            i[n] = CAT(im, 16 * n + c);
        }
#pragma GCC unroll 4
        for (int b = 0; b < 4; b++) /* over n = 4 a + b: to 4 k1 + b */
            PATH(four)(r, i, b, 4);
#pragma GCC unroll 4
        for (int k = 1; k < 4; k++) {
#pragma GCC unroll 4
            for (int b = 1; b < 4; b++) {
                float wr = echo_turn16[k * b][0], wi = echo_turn16[k * b][1];
                VEC x = r[4 * k + b], y = i[4 * k + b];
                r[4 * k + b] = x * wr - y * wi;
                i[4 * k + b] = x * wi + y * wr;
            }
        }
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) /* to 4 k1 + k2, which is frequency k1 + 4 k2 */
            PATH(four)(r, i, 4 * k, 1);
#pragma GCC unroll 16
        for (int n = 0; n < 16; n++) {
            int k = n / 4 + 4 * (n % 4);
            VEC x = r[n], y = i[n];
            if (turn) {
                VEC wr = CAT(turn, 16 * k + c), wi = CAT(turn, 256 + 16 * k + c);
                AT(re, 16 * k + c) = x * wr - y * wi;
                AT(im, 16 * k + c) = x * wi + y * wr;
            } else {
                AT(re, 16 * k + c) = x;
                AT(im, 16 * k + c) = y;
            }
        }
    }
}

typedef float PATH(quad) __attribute__((vector_size(16), aligned(4), may_alias));
typedef int PATH(pick) __attribute__((vector_size(16)));

static inline void PATH(transpose)(float *x) {
    for (int i = 0; i < 16; i += 4) {
        for (int j = i; j < 16; j += 4) {
            PATH(quad) t[2][4];
            for (int side = 0; side < 2; side++) {
                const float *from = side ? x + 16 * j + i : x + 16 * i + j;
                PATH(quad) a = *(const PATH(quad) *)from, b = *(const PATH(quad) *)(from + 16);
                PATH(quad) c = *(const PATH(quad) *)(from + 32), d = *(const PATH(quad) *)(from + 48);
                PATH(quad) ab = __builtin_shuffle(a, b, (PATH(pick)){0, 4, 1, 5});
                PATH(quad) AB = __builtin_shuffle(a, b, (PATH(pick)){2, 6, 3, 7});
                PATH(quad) cd = __builtin_shuffle(c, d, (PATH(pick)){0, 4, 1, 5});
                PATH(quad) CD = __builtin_shuffle(c, d, (PATH(pick)){2, 6, 3, 7});
                t[side][0] = __builtin_shuffle(ab, cd, (PATH(pick)){0, 1, 4, 5});
                t[side][1] = __builtin_shuffle(ab, cd, (PATH(pick)){2, 3, 6, 7});
                t[side][2] = __builtin_shuffle(AB, CD, (PATH(pick)){0, 1, 4, 5});
                t[side][3] = __builtin_shuffle(AB, CD, (PATH(pick)){2, 3, 6, 7});
            }
            for (int n = 0; n < 4; n++) {
                *(PATH(quad) *)(x + 16 * (j + n) + i) = t[0][n];
                *(PATH(quad) *)(x + 16 * (i + n) + j) = t[1][n];
            }
        }
    }
}

static void PATH(transform)(float *re, float *im) {
    PATH(columns)(re, im, echo_turn256);
    PATH(transpose)(re);
    PATH(transpose)(im);
    PATH(columns)(re, im, NULL);
}

/* Of real samples: the first 256 and the second 256; either NULL for zeros. out: 256 real, 256 imaginary. */
static void PATH(spectrum)(const float *first, const float *second, float *out) {
    for (int n = 0; n < 256; n += LANES) {
        VEC c = CAT(echo_half, n), s = CAT(echo_half, 256 + n);
        VEC zero = {0}, a = first ? CAT(first, n) : zero, b = second ? CAT(second, n) : zero;
        AT(out, n) = a * c - b * s;
        AT(out, 256 + n) = zero - (a * s + b * c);
    }
    PATH(transform)(out, out + 256);
}

/* Back again, in place, without the division by 256: real parts are the first 256 samples, imaginary ones the second,
 * negative. Only the half that is asked for is made. */
static void PATH(samples)(float *x, bool second, float *out) {
    PATH(transform)(x + 256, x);
    for (int n = 0; n < 256; n += LANES) {
        VEC c = CAT(echo_half, n), s = CAT(echo_half, 256 + n), a = CAT(x, n), b = CAT(x, 256 + n);
        VEC zero = {0};
        AT(out, n) = second ? zero - (a * s + b * c) : a * c - b * s;
    }
}

/* The spectrum of the last 512 samples sent, and the echo of the last 256 of them. */
static void PATH(echo_of)(const float *sent, const float *taps, float *spectrum, float *echo) {
    float y[512];
    PATH(spectrum)(sent, sent + 256, spectrum);
    for (int k = 0; k < 256; k += LANES) {
        VEC xr = CAT(spectrum, k), xi = CAT(spectrum, 256 + k), wr = CAT(taps, k), wi = CAT(taps, 256 + k);
        AT(y, k) = xr * wr - xi * wi;
        AT(y, 256 + k) = xr * wi + xi * wr;
    }
    PATH(samples)(y, true, echo);
    for (int n = 0; n < 256; n += LANES)
        AT(echo, n) = CAT(echo, n) * (1.0f / 256.0f);
}

/* The mean of 256 numbers from sixteen sums, whatever the width. */
static inline float PATH(mean16)(float *sum) {
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            sum[i] = sum[i] + sum[i + half];
    return sum[0] * (1.0f / 256.0f);
}

/* How much of the power of a spectrum is elsewhere than it usually was, 0 (a steady sound) .. 1; `usual` follows. */
static float PATH(echo_change)(const float *spectrum, float *usual) {
    float other[16] = {0}, all[16] = {0};
    for (int k = 0; k < 256; k += LANES) {
        VEC re = CAT(spectrum, k), im = CAT(spectrum, 256 + k), was = CAT(usual, k), is = re * re + im * im;
        AT(other, k % 16) += MORE(is - was, was - is);
        AT(all, k % 16) += is + was;
        AT(usual, k) = was + (is - was) * ECHO_USUAL_RATE;
    }
    return PATH(mean16)(other) / (PATH(mean16)(all) + 1.0f);
}

/* One step; `besides` as in simd.h: the error's part that goes with what was sent, weighed, cut to the tail, added to
 * the path. Returns how like the error is to the echo that was expected, -1 .. 1: the mean over the frequencies of its
 * coherence, squared, signed. */
static float PATH(echo_learn)(const float *sent, const float *left, const float *besides, struct tr_echo_path *path) {
    float error[512], step[512], taps[256], power[16] = {0};
    float likeness[16] = {0}, doubtful[16] = {0}, expected[16] = {0}, strange[16] = {0};
    const VEC zero = {0};
    PATH(spectrum)(NULL, left, error);
    for (int k = 0; k < 512; k += LANES)
        AT(power, k % 16) += CAT(sent, k) * CAT(sent, k);
    float leak = PATH(mean16)(power) * ECHO_LEAK;
    for (int k = 0; k < 256; k += LANES) {
        VEC xr = CAT(sent, k), xi = CAT(sent, 256 + k), er = CAT(error, k), ei = CAT(error, 256 + k);
        VEC wr = CAT(path->taps, k), wi = CAT(path->taps, 256 + k), doubt = CAT(path->doubt, k);
        VEC x2 = xr * xr + xi * xi, e2 = er * er + ei * ei, noise = CAT(path->noise, k);
        /* the near end is what the doubt does not explain, but never next to nothing */
        VEC other = besides ? CAT(besides, k) : zero, w2 = wr * wr + wi * wi;
        VEC near = MORE(e2 - ECHO_SHARE * (doubt * x2 + other), e2 * ECHO_NOISE_LEAST);
        noise = noise + (near - noise) * ECHO_NOISE_RATE;
        VEC gain = doubt / (doubt * (x2 + leak) + other + noise * (1.0f / ECHO_SHARE) + 1.0f);
        MASK own = x2 > leak; /* of what leaks in from its neighbours a frequency learns nothing of itself */
        gain = (VEC)((MASK)gain & own);
        VEC sr = xr * er + xi * ei, si = xr * ei - xi * er, like = wr * sr + wi * si;
        AT(path->noise, k) = noise;
        AT(path->doubt, k) = doubt * (1.0f - ECHO_SHARE * (gain * x2));
        AT(step, k) = gain * sr;
        AT(step, 256 + k) = gain * si;
        VEC alike = like * MORE(like, zero - like) / (e2 * x2 * w2 + 1.0f);
        AT(strange, k % 16) += noise;
        AT(doubtful, k % 16) += doubt * x2;
        AT(expected, k % 16) += (w2 + ECHO_TRIFLE) * x2;
        AT(likeness, k % 16) += (VEC)((MASK)alike & own);
    }
    path->doubtful = PATH(mean16)(doubtful);
    path->strange = PATH(mean16)(strange);
    path->expected = PATH(mean16)(expected);
    PATH(samples)(step, false, taps);
    for (int n = 0; n < 256; n += LANES)
        AT(taps, n) = CAT(taps, n) * (1.0f / 256.0f);
    PATH(spectrum)(taps, NULL, step);
    for (int k = 0; k < 256; k += LANES) {
        VEC wr = CAT(path->taps, k) + CAT(step, k), wi = CAT(path->taps, 256 + k) + CAT(step, 256 + k);
        VEC doubt = CAT(path->doubt, k);
        AT(path->taps, k) = wr;
        AT(path->taps, 256 + k) = wi;
        doubt = doubt + ((wr * wr + wi * wi) - doubt) * ECHO_DRIFT;
        AT(path->doubt, k) = MORE(doubt, zero + ECHO_DOUBT_LEAST);
    }
    return PATH(mean16)(likeness);
}

#undef VEC
#undef MASK
#undef MORE
#undef AT
#undef CAT
