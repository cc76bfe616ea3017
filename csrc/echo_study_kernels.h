/* The arithmetic of a study (echo_study.h), included by simd.c once for each processor after echo_kernels.h, whose
 * transform it uses: the same operations in the same order whatever the width.
 *
 * Sought are the taps that leave least of all the blocks studied: the path by which the products of what was sent with
 * what is left, summed over time, are 0 at every delay (`slope`). The equations' matrix, products of what was sent with
 * itself, is nearly the same along its diagonals (`products`); the exact one differs by the ends of the time studied,
 * the last 256 samples sent and, if it began in the midst of sound, those before it: both are put right, so that the
 * slope stays exact however long it is carried on. All products are made by the transform. */

#define VEC PATH(vec)
#define AT(array, i) (*(VEC *)((array) + (i)))
#define CAT(array, i) (*(const VEC *)((array) + (i)))

/* Sum of the products of 256 numbers, from sixteen sums whatever the width. */
static inline float PATH(dot)(const float *a, const float *b) {
    float sum[16] = {0};
    for (int n = 0; n < 256; n += LANES)
        AT(sum, n % 16) += CAT(a, n) * CAT(b, n);
    return PATH(mean16)(sum) * 256.0f;
}

/* Of two spectra, the first one conjugate with sign -1; out may be one of them. */
static inline void PATH(times)(const float *a, float sign, const float *b, float *out) {
    for (int k = 0; k < 256; k += LANES) {
        VEC ar = CAT(a, k), ai = CAT(a, 256 + k) * sign, br = CAT(b, k), bi = CAT(b, 256 + k);
        AT(out, k) = ar * br - ai * bi;
        AT(out, 256 + k) = ar * bi + ai * br;
    }
}

/* Half of the samples of a product of spectra; `product` is spent. */
static inline void PATH(half)(float *product, bool second, float *out) {
    PATH(samples)(product, second, out);
    for (int n = 0; n < 256; n += LANES)
        AT(out, n) = CAT(out, n) * (1.0f / 256.0f);
}

/* For each delay 0 .. 255: products of the new samples, the last 160, of `fresh` with what was sent so long before,
 * added to `sum`. */
static inline void PATH(correlate)(const float *spectrum, float *fresh, float *sum) {
    float product[512], found[256];
    for (int n = 0; n < 96; n++)
        fresh[n] = 0;
    PATH(spectrum)(NULL, fresh, product);
    PATH(times)(spectrum, -1.0f, product, product);
    PATH(half)(product, false, found);
    for (int n = 0; n < 256; n += LANES)
        AT(sum, n) = CAT(sum, n) + CAT(found, n);
}

/* What the diagonals have too much (sign -1) or lack (1) at an end of the time studied, of 256 samples sent before it:
 * their echo that comes after it, correlated with them. */
static inline void PATH(end)(const float *sent, const float *way, float sign, float *sum) {
    float x[512], y[512], after[256];
    PATH(spectrum)(sent, NULL, x);
    PATH(times)(x, 1.0f, way, y);
    PATH(half)(y, true, after);
    PATH(spectrum)(NULL, after, y);
    PATH(times)(x, -1.0f, y, y);
    for (int k = 0; k < 512; k += LANES)
        AT(sum, k) = CAT(sum, k) + CAT(y, k) * sign;
}

/* The matrix times `step`, whose spectrum is `way`. */
static void PATH(curve)(const struct tr_echo_study *s, const float *sent, const float *step, const float *way,
                        float *out) {
    float turned[256] = {0}, matrix[512], sum[512];
    for (int n = 1; n < 256; n++)
        turned[n] = -s->products[256 - n];
    PATH(spectrum)(s->products, turned, matrix); /* symmetric: it is real */
    for (int k = 0; k < 256; k += LANES) {
        AT(sum, k) = CAT(way, k) * CAT(matrix, k);
        AT(sum, 256 + k) = CAT(way, 256 + k) * CAT(matrix, k);
    }
    PATH(end)(sent + 256, way, -1.0f, sum);
    if (s->headed)
        PATH(end)(s->head, way, 1.0f, sum);
    PATH(half)(sum, false, out);
    for (int n = 0; n < 256; n += LANES)
        AT(out, n) = CAT(out, n) + CAT(step, n) * s->ridge;
}

/* One step towards the solution: conjugate gradients, evened out by the power of what was sent (Chang and Willson,
 * "Analysis of conjugate gradient algorithms for adaptive filtering", IEEE Transactions on Signal Processing 48, 2000).
 */
static void PATH(approach)(struct tr_echo_study *s, const float *sent) {
    float even[512], down[256], way[512], curved[256];
    float floor = s->products[0] * ECHO_FLOOR;
    PATH(spectrum)(s->slope, NULL, even);
    for (int k = 0; k < 256; k += LANES) {
        VEC weight = 1.0f / (CAT(s->power, k) + floor);
        AT(even, k) = CAT(even, k) * weight;
        AT(even, 256 + k) = CAT(even, 256 + k) * weight;
    }
    PATH(half)(even, false, down);
    float gain = PATH(dot)(down, s->slope), keep = 0;
    if (s->gain > 0)
        keep = (gain - PATH(dot)(down, s->before)) / s->gain;
    keep = keep > 0 ? keep : 0;
    for (int n = 0; n < 256; n += LANES)
        AT(s->step, n) = CAT(down, n) + CAT(s->step, n) * keep;
    PATH(spectrum)(s->step, NULL, way);
    PATH(curve)(s, sent, s->step, way, curved);
    float bend = PATH(dot)(s->step, curved);
    if (!(bend > 0)) {
        s->gain = 0; /* begin with another direction */
        return;
    }
    s->gain = gain;
    float far = PATH(dot)(s->step, s->slope) / bend;
    for (int k = 0; k < 512; k += LANES)
        AT(s->taps, k) = CAT(s->taps, k) + CAT(way, k) * far;
    for (int n = 0; n < 256; n += LANES) {
        AT(s->before, n) = CAT(s->slope, n);
        AT(s->slope, n) = CAT(s->slope, n) - CAT(curved, n) * far;
        AT(s->moved, n) = CAT(s->moved, n) + CAT(s->step, n) * far;
    }
}

/* See simd.h. */
static float PATH(echo_study)(const float *sent, const float *spectrum, const float *came, int steps, float ridge,
                              struct tr_echo_study *s) {
    float product[512], left[256], fresh[256];
    PATH(times)(spectrum, 1.0f, s->taps, product);
    PATH(half)(product, true, left);
    for (int n = 0; n < 256; n += LANES) {
        AT(left, n) = CAT(came, n) - CAT(left, n);
        AT(fresh, n) = CAT(sent, 256 + n);
    }
    PATH(correlate)(spectrum, left, s->slope);
    PATH(correlate)(spectrum, fresh, s->products);
    for (int k = 0; k < 256; k += LANES) {
        VEC re = CAT(spectrum, k), im = CAT(spectrum, 256 + k);
        AT(s->power, k) = CAT(s->power, k) + (re * re + im * im) * ECHO_SHARE;
    }
    for (int n = 0; n < 256; n += LANES)
        AT(s->slope, n) = CAT(s->slope, n) - CAT(s->moved, n) * (ridge - s->ridge);
    s->ridge = ridge;
    if (s->products[0] > ECHO_STUDIED)
        for (int i = 0; i < steps; i++)
            PATH(approach)(s, sent);
    return PATH(dot)(left, left);
}

#undef VEC
#undef AT
#undef CAT
