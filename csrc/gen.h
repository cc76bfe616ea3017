/* Generators: tones with cadence, DTMF, MF R1 and R2, FSK caller ID, silence. Every sound we send that is not a file;
 * serve steps 2, 6 and 7, and the tests.
 *
 * Sines come from an integer phase and a table: samples are the same on every machine. Levels are exact to 0.2 dB; each
 * burst has a ramp of 1 ms at both ends, within its length. Digit strings follow SpanDSP's names: R1 0-9 A B C * # (KP
 * = *, ST = #, ST2 = A, ST3 = B, ST' = C), R2 1-9 0=10 B-F=11-15. Unknown digits are TR_E_ARGUMENT. */
#ifndef TIPRING_GEN_H
#define TIPRING_GEN_H

#include "engine.h"

#define TR_GEN_SIDE 512

struct tr_gen {
    uint32_t kind; /* enum tr_play */
    uint32_t step1, step2, phase1, phase2;
    int32_t peak1, peak2;            /* of each tone, samples */
    int32_t on, off, pause;          /* samples; on -1 for ever */
    int64_t left;                    /* samples to the end; -1 for ever */
    uint32_t side_len, at;           /* place in side */
    int32_t segment, segment_length; /* sample within the present burst or gap; -1 for ever */
    int32_t sounding;
    int32_t cadence_count;
    /* FSK */
    uint32_t bit, bit_phase; /* the bit now sent, its clock: 1200 a sample, 8000 a bit */
    uint32_t frame, frame_bits;
    uint32_t lead; /* bits of seizure and mark to go */
    uint8_t side[TR_GEN_SIDE];
};

/* The side data is copied (at most TR_GEN_SIDE, else TR_E_TOO_LONG). TR_OK, TR_E_ARGUMENT for what it cannot render
 * (files, samples, frequencies not below 4000 Hz, unknown digits, levels above +3.14 dBm0 in total). */
int tr_gen_init(struct tr_gen *g, const struct tr_command *play, const uint8_t *side, size_t n);
/* Writes up to count samples, returns how many; fewer than count = finished. */
int tr_gen_feed(struct tr_gen *g, int16_t *out, int count);

/* Peak of a sine of this level (1/100 dBm0), in samples; 0 below -9000, 32769 (too loud) above 314. Deterministic. */
int32_t tr_gen_peak(int cdbm0);
/* sin(2 pi phase / 2^32) * 32767, exact to 1 part in 32768. */
int32_t tr_gen_sine(uint32_t phase);
/* Phase step of a frequency in mHz at 8 kHz. */
uint32_t tr_gen_step(uint32_t millihertz);

#endif
