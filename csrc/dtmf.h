/* DTMF receiver (ITU-T Q.23 signals, Q.24 reception). Serves step 5, the caller's menu choice, and every digit packet
 * of a PBX; and hears digits under our own prompt.
 *
 * Every 5 ms the correlations with the eight frequencies are taken over 5 ms and joined, in phase, to windows of
 * 10 ms. The two tones of a window are separated from each other by least squares; what they do not explain is the
 * residue. A digit is two strong tones, a small residue, and phases that turn by less than 2.5 % of the frequency
 * between two windows 10 ms apart.
 *
 *   frequency   accepted within 1.5 %, refused from 3.5 % on
 *   level       -40 .. +3 dBm0 each tone
 *   twist       low group up to 10 dB above the high group, high group up to 8 dB above the low group
 *   length      from 40 ms accepted, up to 23 ms refused (decision at 31 ms)
 *   break       up to 10 ms ignored, from 23 ms on the digit ends
 *   echo        the same digit 10 dB weaker or more, up to 250 ms after its end, is no second one
 *
 * TR_EV_DTMF_BEGIN comes when 31 ms have been heard, TR_EV_DTMF_END when 19 ms are absent. Times are exact to 2 ms for
 * a digit in quiet, 5 ms in noise. */
#ifndef TIPRING_DTMF_H
#define TIPRING_DTMF_H

#include "found.h"

#define TR_DTMF_HOP 40     /* samples */
#define TR_DTMF_HISTORY 16 /* hops kept: 80 ms */

struct tr_dtmf {
    struct tr_found found;
    uint64_t hops;                     /* whole hops taken since init */
    float part[16];                    /* the last hop's correlations: 8 real, 8 imaginary */
    float window[TR_DTMF_HISTORY][16]; /* of the 10 ms that end with hop h, at h % TR_DTMF_HISTORY */
    float energy[2];                   /* sums of squares of the last two hops, at h % 2 */
    int16_t pending[TR_DTMF_HOP];
    uint32_t pending_count;
    uint32_t quiet_hops; /* below the gate in succession; TR_DTMF_HISTORY and more: nothing of the history is left */
    int8_t pair;         /* row * 4 + column of the candidate or digit, -1 none */
    uint8_t on;          /* TR_EV_DTMF_BEGIN has been raised */
    uint8_t strict;      /* strict windows of the candidate */
    int8_t told_pair;    /* the digit told last, -1 none */
    int8_t near_pair;    /* of the last hop that looked like a digit, -1 none */
    uint64_t near_hop;   /* the last hop that raised suspicion, + 1 */
    float row_amp, column_amp; /* steady amplitudes of the candidate */
    float told_row_amp, told_column_amp;
    float heard, absent; /* hops by amplitude: heard in all, absent since it was last whole */
    float last_ratio;
    int64_t first, last, told_last; /* samples */
};

void tr_dtmf_init(struct tr_dtmf *d);
/* Any count. Drain by tr_dtmf_get after at most 160 samples. */
void tr_dtmf_feed(struct tr_dtmf *d, const int16_t *samples, int count);
int tr_dtmf_get(struct tr_dtmf *d, struct tr_detection *out);
void tr_dtmf_release(struct tr_dtmf *d);

/* True from the tick in which 10-13 ms of something like a digit were heard until the digit has ended or proved false.
 * Ask after each feed; while true (and TR_DUCK_PROMPT) the engine lowers its own prompt to -40 dB within 2 ms. */
bool tr_dtmf_suspects(const struct tr_dtmf *d);

#endif
