/* The sums over samples of the detectors and of the echo canceller, in forms for different processors with equal
 * results.
 *
 * One C text in vectors (simd_kernels.h, echo_kernels.h) is compiled three times: as it is, for AVX2 and for AVX-512.
 * Every lane does the same additions in the same order, nothing is contracted or reordered, so the bits are equal.
 * tr_simd() (engine.h) chooses. */
#ifndef TIPRING_SIMD_H
#define TIPRING_SIMD_H

#include <stdint.h>

struct tr_echo_path;
struct tr_echo_study;

struct tr_kernels {
    const char *name;
    /* Sum of squares of 40 samples. */
    float (*energy40)(const int16_t *x);
    /* Correlations of 40 samples with the sixteen functions of a table (aligned to 64 octets): eight frequencies, their
     * real parts first, then the imaginary ones. */
    void (*sixteen40)(const float (*table)[16], const int16_t *x, float *out);
    /* The same of 80 samples for eight frequencies given as 2 cos w, cos w, sin w, and turn40 = e^{i 40 w}. */
    void (*tones80)(const int16_t *x, const float *coef, const float *cosine, const float *sine, const float *turn_re,
                    const float *turn_im, float *out);
    /* The echo of what was sent (echo.h): its last 512 samples, the path's taps; out: their spectrum, and the echo in
     * the last 256 samples. */
    void (*echo_of)(const float *sent, const float *taps, float *spectrum, float *echo);
    /* How much of the power of what was sent (its spectrum) is elsewhere than it usually was, 0 .. 1; `usual`, its 256
     * powers of late, follows. */
    float (*echo_change)(const float *spectrum, float *usual);
    /* What is left of 256 samples, with the spectrum of what was sent, teaches the path. `besides`: by frequency, power
     * of the echo that is in doubt elsewhere; NULL: none. Returns how like what is left is to the echo that was
     * expected, -1 .. 1. */
    float (*echo_learn)(const float *sent, const float *left, const float *besides, struct tr_echo_path *path);
    /* A block more is studied (echo_study.h): the last 512 samples sent, their spectrum, the last 256 that came; so
     * many steps towards the path, each unit of which costs `ridge`. Returns the power that the taps of before leave of
     * the last 160. */
    float (*echo_study)(const float *sent, const float *spectrum, const float *came, int steps, float ridge,
                        struct tr_echo_study *study);
};

extern const struct tr_kernels *tr_kernels;

/* Fills such a table for the first `count` (at most 8) of these frequencies, phase counted from the last sample; the
 * rest is 0. */
void tr_fill_table(float (*table)[16], const float *hz, int count);

#endif
