/* MF receiver and sender of MFC-R2 registers (ITU-T Q.441 frequencies, Q.454 sending, Q.455 reception). Serves steps 1
 * and 2 where the exchange tells numbers by compelled tones: a tone must be known in the tick that brings it, for four
 * such recognitions make one digit.
 *
 * A signal is two of six frequencies, forward 1380 + 120 n Hz, backward 1140 - 120 n Hz. Every 5 ms the correlations
 * are taken over 5 ms and joined, in phase, to windows of 15 ms; the two strongest tones of a window are separated by
 * least squares and must explain four fifths of its energy.
 *
 *   frequency   accepted within 10 Hz
 *   level       -38 .. +3 dBm0 each tone (Q.455: -35 .. -5)
 *   twist       up to 10 dB accepted, refused from 13 dB on (Q.455: 5 and 7 dB; 20 dB must be refused)
 *   begin       two windows alike: a tone is told 20 to 25 ms after its begin, one of less than 15 ms is never
 *   end         10 ms of silence, or 160 ms of anything else, or another signal; breaks of 7 ms are bridged (Q.455)
 *   noise       louder than the signal and than any echo of ours (-12 dBm0 in all), where `bridges` is set: the signal
 *               may go on below it, so it is not over until there is silence, or a sound less loud
 *
 * Both times together are less than the 80 ms that Q.455 allows. */
#ifndef TIPRING_R2_MF_H
#define TIPRING_R2_MF_H

#include <stdbool.h>
#include <stdint.h>

#define TR_MF_HOP 40    /* samples */
#define TR_MF_WINDOW 3  /* hops */
#define TR_MF_CHANGES 4 /* at most so many in a block of 160 samples */

struct tr_mf {
    float part[TR_MF_WINDOW][16]; /* correlations of the last hops, newest at hops % 3 */
    float energy[TR_MF_WINDOW];
    float steady; /* energy of a hop of the signal that is on */
    uint32_t hops;
    uint8_t forward;         /* 1: listens for forward signals */
    uint8_t on;              /* the signal that is on, 1 .. 15; 0 none */
    uint8_t candidate, seen; /* what the last windows were, how many of them */
    uint8_t silent, other;   /* hops of silence, and windows of anything else, in succession */
    uint8_t empty;           /* hops without any sound; TR_MF_WINDOW and more: nothing of the parts is left */
    bool bridges;            /* set by the owner: a loud noise ends no signal */
    bool drowned;            /* a noise is so loud that nothing else could be heard */
    uint8_t changes, change[TR_MF_CHANGES]; /* of this block: the signal that began, 0 for an end */
};

void tr_mf_init(struct tr_mf *mf, bool forward);
/* One block of 160 samples, NULL for silence; `change` then tells what began and ended in it, in order. */
void tr_mf_feed(struct tr_mf *mf, const int16_t *samples);

/* A sender: phases go on over blocks, each burst begins and ends with a ramp of 1 ms. */
struct tr_mf_out {
    uint32_t step[2], phase[2];
    int32_t peak;
    uint8_t code; /* what is to be sent, 0 nothing */
    uint8_t sent; /* what was sent at the end of the last block */
};

/* From the next block on: signal 1 .. 15 of this direction, at this level of each tone (1/100 dBm0); 0 silence. */
void tr_mf_send(struct tr_mf_out *out, bool forward, uint8_t code, int32_t level);
/* The next 160 samples; false when they are silence (and are not written). */
bool tr_mf_render(struct tr_mf_out *out, int16_t *samples);

#endif
