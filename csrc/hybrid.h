/* The two-wire line's imperfections as arithmetic: hybrid echo, noise, decibels. Pure functions over blocks, no state
 * but what is handed in, no heap. Everything is float in a fixed order of operations, without libm, compiled with
 * -ffp-contract=off: equal results on every machine. Serves the simulated lines of all nine steps.
 *
 * The hybrid's impulse response is our own: 32 taps (4 ms), a main reflection after 0.5 ms and the damped ringing of an
 * imperfect balance network. Its mean power response over 300-3400 Hz is 1 (0 dB), flat within +2.3/-3.5 dB; single
 * frequencies therefore return within about 3.5 dB of the return loss set. */
#ifndef TIPRING_HYBRID_H
#define TIPRING_HYBRID_H

#include "engine.h"

#define TR_HYBRID_TAPS 32
#define TR_HYBRID_TAIL (TR_HYBRID_TAPS - 1)

/* 10^(db/20), good to 1e-12, for -400..400 dB. */
double tr_db_ratio(double db);
/* Peak of a sine of 0 dBm0 in 16-bit samples: 3.14 dB below 32768 (A-law overload, G.711). */
#define TR_PEAK_0DBM0 22827.0

/* out[i] += gain * (response * x)[i] for one block; x[-TR_HYBRID_TAIL .. TR_BLOCK-1] is the transmitted signal. */
void tr_hybrid_add(float *out, const float *x, float gain);
/* out[i] += white noise of `rms`, near-Gaussian; *state is the generator's, never 0. */
void tr_noise_add(float *out, float rms, uint32_t *state);
/* Clips to +-limit and to 16 bits, rounds to the nearest, halves away from zero. */
void tr_to_linear(const float *in, float limit, int16_t *out);

#endif
