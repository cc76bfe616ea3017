/* The kernels' text, included by simd.c once for each processor: PATH(name) makes the names, WHOLE asks for the 16
 * lanes in one vector, else they are two (which of them GCC turns into good code differs; the sums are the same). */

static float PATH(energy40)(const int16_t *x) {
    v8 a = __builtin_convertvector(*(const s8 *)x, v8);
    v8 sum = a * a;
    for (int i = 8; i < 40; i += 8) {
        a = __builtin_convertvector(*(const s8 *)(x + i), v8);
        sum = sum + a * a;
    }
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

static inline void PATH(floats40)(const int16_t *x, float *f) {
    for (int i = 0; i < 40; i += 8)
        *(v8 *)(f + i) = __builtin_convertvector(*(const s8 *)(x + i), v8);
}

#ifdef WHOLE
static void PATH(sixteen40)(const float (*table)[16], const int16_t *x, float *out) {
    float f[40];
    PATH(floats40)(x, f);
    v16 even = *(const v16 *)table[0] * f[0], odd = *(const v16 *)table[1] * f[1];
    for (int i = 2; i < 40; i += 2) {
        even = even + *(const v16 *)table[i] * f[i];
        odd = odd + *(const v16 *)table[i + 1] * f[i + 1];
    }
    *(v16 *)out = even + odd;
}
#else
static void PATH(sixteen40)(const float (*table)[16], const int16_t *x, float *out) {
    float f[40];
    PATH(floats40)(x, f);
    v8 even_re = *(const v8 *)table[0] * f[0], even_im = *(const v8 *)(table[0] + 8) * f[0];
    v8 odd_re = *(const v8 *)table[1] * f[1], odd_im = *(const v8 *)(table[1] + 8) * f[1];
    for (int i = 2; i < 40; i += 2) {
        even_re = even_re + *(const v8 *)table[i] * f[i];
        even_im = even_im + *(const v8 *)(table[i] + 8) * f[i];
        odd_re = odd_re + *(const v8 *)table[i + 1] * f[i + 1];
        odd_im = odd_im + *(const v8 *)(table[i + 1] + 8) * f[i + 1];
    }
    *(v8 *)out = even_re + odd_re;
    *(v8 *)(out + 8) = even_im + odd_im;
}
#endif

/* Goertzel's recurrence on both halves at once, joined in phase. */
static void PATH(tones80)(const int16_t *x, const float *coef, const float *cosine, const float *sine,
                          const float *turn_re, const float *turn_im, float *out) {
    float f[80];
    PATH(floats40)(x, f);
    PATH(floats40)(x + 40, f + 40);
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

static const struct tr_kernels PATH(kernels) = {PATH_NAME,     PATH(energy40),    PATH(sixteen40),  PATH(tones80),
                                                PATH(echo_of), PATH(echo_change), PATH(echo_learn), PATH(echo_study)};
