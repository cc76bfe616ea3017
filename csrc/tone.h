/* Call-progress tones by a tone plan (struct tr_tone of engine.h; GB/T 3380 for China). Serves step 7: dial tone after
 * the flash, ringback, busy and congestion of the agent's extension, and the agent's answer.
 *
 * Blocks of 10 ms, up to eight frequencies and eight signals (a signal is one set of frequencies and tolerance). A
 * block belongs to a signal when its frequency is within the tolerance (phase turn between two blocks), its level
 * reaches level_min and at least 3/4 of the block's energy lies in it; so 350+440 Hz is not a 450 Hz tone. Times are
 * exact to 5 ms.
 *
 * TR_EV_TONE       at the end of the last burst of `min_cycles` cycles (the last gap is not awaited: a ringback with
 *                  min_cycles 1 is confirmed when its first burst ends); a continuous tone after min_ms, but never
 * before the longest burst of the other tones of the same signal in the plan, with its tolerance, is over: with a
 *                  ringback of 1000 ms in the plan, dial tone comes after about 1.2 s; leave ringback out of the plan
 * where it cannot occur. `at` = begin, a0 = id, a1 = level of each frequency (the weaker), 1/100 dBm0. TR_EV_TONE_END
 * a confirmed tone is over: a continuous one after a gap of bridge_ms, a cadenced one when a burst or gap is outside
 * its tolerance. TR_EV_TONE_OVERDUE  the burst after a confirmed tone (watch_overdue) is 15 % of the gap late (by the
 * last gap measured, else by the plan's gap and its tolerance when that is wider). TR_EV_TONE_END follows, if not
 * raised. TR_EV_NOT_TONE   energy above -42 dBm0 which is neither of the plan nor a steady tone or noise, for
 * not_tone_ms within 500 ms: voice. `at` = its begin. Again after 500 ms without. */
#ifndef TIPRING_TONE_H
#define TIPRING_TONE_H

#include "found.h"

#define TR_TONE_HOP 80
#define TR_TONE_LANES 8
#define TR_TONE_SIGNALS 8
#define TR_TONE_RUNS 32
#define TR_TONE_PAST 50 /* blocks: 500 ms */

struct tr_tone_signal {       /* what a block can be */
    int8_t lane1, lane2;      /* of the frequencies; lane2 -1: single */
    float tolerance;          /* turns in a block */
    float least;              /* squared peak of each frequency */
    float cross_re, cross_im; /* overlap of the two frequencies in a block */
};

struct tr_tone_run { /* a burst (signal >= 0) or gap (-1) that is over; -2: a burst whose begin or end is unknown */
    int64_t at;
    int32_t samples;
    int32_t signal;
    float power; /* squared peak of the weaker frequency, mean */
};

struct tr_tone_state {
    int8_t signal;
    uint8_t confirmed;
    uint8_t place; /* in the cadence, of the last burst */
    int32_t least; /* continuous: samples that confirm it */
    int32_t gap;   /* the last gap measured, samples; 0 none */
    int64_t due;   /* the next burst must have begun; 0 none */
};

struct tr_tones {
    struct tr_found found;
    struct tr_tone plan[TR_MAX_TONES];
    struct tr_tone_state state[TR_MAX_TONES];
    struct tr_tone_signal signals[TR_TONE_SIGNALS];
    struct tr_tone_run runs[TR_TONE_RUNS]; /* the newest at run_count - 1, mod TR_TONE_RUNS */
    uint32_t run_count;
    float coef[TR_TONE_LANES], cosine[TR_TONE_LANES], sine[TR_TONE_LANES]; /* of one sample's turn */
    float half_re[TR_TONE_LANES], half_im[TR_TONE_LANES];                  /* of half a block's turn */
    float turn_re[TR_TONE_LANES], turn_im[TR_TONE_LANES];                  /* of a block's turn */
    float past[3][16];                                                     /* the last blocks' correlations */
    float hz[TR_TONE_LANES];
    int64_t blocks;
    int32_t count, lanes, signal_count, not_tone_blocks;
    int16_t pending[TR_TONE_HOP];
    uint32_t pending_count;
    int32_t settle_ms; /* of silence, after which nothing of the plan is told any more */
    float gate;        /* sum of squares of a block under which it is silence */
    /* the burst or gap now */
    int8_t signal;        /* -1 gap */
    uint8_t missed;       /* blocks of a burst which were not of its signal, in succession */
    uint8_t cut;          /* the burst's begin is unknown */
    int64_t since;        /* its begin */
    int64_t until;        /* begin of the missed blocks' silence */
    int64_t steady_since; /* begin of the continuous sound, gaps bridged */
    float power_sum;
    int32_t power_blocks;
    /* energy outside the plan */
    int32_t hold;    /* blocks for which none is counted */
    int8_t kinds[4]; /* of the last blocks: 0 quiet, 1 loud, 2 of the plan */
    float powers[4];
    float outside[TR_TONE_PAST]; /* block by block: 0 not outside, else its energy (negative: at an edge) */
    int32_t outside_count, outside_quiet;
    uint8_t outside_raised;
};

/* Up to TR_MAX_TONES entries are copied. not_tone_ms 0 = 150. With count 0 only TR_EV_NOT_TONE is heard. level_min 0 is
 * taken as -40 dBm0. TR_OK, or TR_E_ARGUMENT for a plan that cannot be heard: more than 8 frequencies or signals, a
 * frequency not in 100 .. 3800 Hz, a cadence with a gap of 0, more than 16 bursts to confirm it, a time over 10
 * minutes, a tolerance over 45 Hz or 100 %, a level_min outside -120 .. 3.14 dBm0; the detector then hears no tone of
 * the plan. */
int tr_tones_init(struct tr_tones *t, const struct tr_tone *plan, int count, int not_tone_ms);
void tr_tones_feed(struct tr_tones *t, const int16_t *samples, int count);
int tr_tones_get(struct tr_tones *t, struct tr_detection *out);
void tr_tones_release(struct tr_tones *t);
/* Forgets energy outside the plan and counts none of it for `ms` from now: call it while we send digits ourselves (for
 * their length plus the echo's delay). The longer of two holds counts. */
void tr_tones_hold(struct tr_tones *t, int ms);

#endif
