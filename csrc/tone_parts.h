/* What the parts of the tone receiver (tone.h) share; nobody else includes it.
 *
 *   tone_plan.c     a plan made ready: frequencies, signals, what confirms each tone
 *   tone_fit.c      is a block of 10 ms one of the plan's signals, and how much of it is filled?
 *   tone_cadence.c  from bursts and gaps to tones: confirmed, ended, overdue
 *   tone_outside.c  energy that is none of the plan's: voice
 *   tone.c          block after block: where bursts begin and end */
#ifndef TIPRING_TONE_PARTS_H
#define TIPRING_TONE_PARTS_H

#include "tone.h"

#define TR_TONE_LOUD 16450.0f /* mean square: -42 dBm0 */
#define TR_TONE_LATE_PER_CENT 15

struct tr_tone_match {
    float share, power; /* power: squared peak of the weaker frequency */
};

static inline int64_t tr_tone_block_begin(const struct tr_tones *t) { return t->blocks * TR_TONE_HOP; }

/* The weakest level at which a tone is heard, 1/100 dBm0. */
static inline int32_t tr_tone_level(const struct tr_tone *tone) { return tone->level_min ? tone->level_min : -4000; }

/* On/off pairs of its cadence; 0: continuous. */
static inline int tr_tone_pairs(const struct tr_tone *tone) {
    int n = 0;
    while (n < 4 && tone->on_ms[n] > 0)
        n++;
    return n;
}

/* The last run but `back`. */
static inline const struct tr_tone_run *tr_tone_run_back(const struct tr_tones *t, uint32_t back) {
    return &t->runs[(t->run_count - 1 - back) % TR_TONE_RUNS];
}

/* How well a block fits a signal; then = the block before. Share 0: not. */
struct tr_tone_match tr_tone_fit(const struct tr_tones *t, const struct tr_tone_signal *s, const float *now,
                                 const float *then, float energy);
/* Amplitude of a signal in a block, relative to `power`: how far it is filled. */
float tr_tone_filled(const struct tr_tone_signal *s, const float *block, float power);
/* A burst is over (`cut`: its begin or end is unknown); one begins after a gap; what happens by time alone. */
void tr_tone_burst_ended(struct tr_tones *t, int signal, int64_t begin, int64_t end, bool cut);
void tr_tone_burst_began(struct tr_tones *t, int signal, int64_t gap_begin, int64_t begin);
void tr_tone_time_passed(struct tr_tones *t, int64_t now);
/* A block's kind (0 quiet, 1 loud, 2 of the plan) and energy; judges the block two back, when what came after it is
 * known. */
void tr_tone_outside(struct tr_tones *t, int kind, float energy);

#endif
