/* The sums over samples of the detectors, in forms for different processors with equal results.
 *
 * One C text in vectors (simd_kernels.h) is compiled three times: as it is, for AVX2 and for AVX-512. Every lane does
 * the same additions in the same order, nothing is contracted or reordered, so the bits are equal. tr_simd() (engine.h)
 * chooses. */
#ifndef TIPRING_SIMD_H
#define TIPRING_SIMD_H

#include <stdint.h>

struct tr_kernels {
    const char *name;
    /* Sum of squares of 40 samples. */
    float (*energy40)(const int16_t *x);
    /* Correlations of 40 samples with the eight DTMF frequencies (697 .. 941, 1209 .. 1633), phase counted from the
     * last sample: out[0..7] real, out[8..15] imaginary. */
    void (*dtmf40)(const int16_t *x, float *out);
    /* The same of 80 samples for eight frequencies given as 2 cos w, cos w, sin w, and turn40 = e^{i 40 w}. */
    void (*tones80)(const int16_t *x, const float *coef, const float *cosine, const float *sine, const float *turn_re,
                    const float *turn_im, float *out);
};

extern const struct tr_kernels *tr_kernels;

/* Rows, then columns, Hz. */
extern const float tr_dtmf_hz[8];

#endif
