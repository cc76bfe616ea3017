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
#define TR_TONE_RUNS 20

struct tr_tone_signal {  /* what a block can be */
    int8_t lane1, lane2; /* -1 none */
    int32_t tolerance_hz;
    float least; /* of each frequency: amplitude squared */
};

struct tr_tone_run { /* bursts and gaps of the signal heard last, alternating */
    uint32_t samples;
    uint8_t on;
};

struct tr_tone_state {
    uint8_t confirmed, due, overdue_sent;
    int8_t signal;
    uint8_t place; /* in the cadence, of the last burst confirmed */
    uint64_t since, due_at;
};

struct tr_tones {
    struct tr_found found;
    struct tr_tone plan[TR_MAX_TONES];
    struct tr_tone_state state[TR_MAX_TONES];
    struct tr_tone_signal signals[TR_TONE_SIGNALS];
    struct tr_tone_run runs[TR_TONE_RUNS];
    float coef[TR_TONE_LANES], cosine[TR_TONE_LANES], sine[TR_TONE_LANES]; /* of one sample's turn */
    float turn_re[TR_TONE_LANES], turn_im[TR_TONE_LANES];                  /* of one block's turn */
    float re[TR_TONE_LANES], im[TR_TONE_LANES];                            /* the last block */
    float hz[TR_TONE_LANES];
    uint64_t blocks;
    int32_t count, lanes, signal_count, not_tone_ms;
    int16_t pending[TR_TONE_HOP];
    uint32_t pending_count;
    int32_t run_count;
    int32_t hold; /* samples for which no TR_EV_NOT_TONE is raised */
    /* the signal now */
    int8_t signal, candidate;
    uint8_t candidate_blocks, gap_blocks;
    uint64_t signal_since, signal_until;
    float level_sum;
    uint32_t level_blocks;
    float last_energy, last_amp;
    /* energy outside the plan */
    uint64_t outside_mask; /* the last 50 blocks */
    uint64_t outside_since;
    float outside_power[50];
    uint8_t outside_quiet, outside_raised;
    uint64_t reserved[8];
};

/* Up to TR_MAX_TONES entries are copied. not_tone_ms 0 = 150. With count 0 only TR_EV_NOT_TONE is heard. */
void tr_tones_init(struct tr_tones *t, const struct tr_tone *plan, int count, int not_tone_ms);
void tr_tones_feed(struct tr_tones *t, const int16_t *samples, int count);
int tr_tones_get(struct tr_tones *t, struct tr_detection *out);
void tr_tones_release(struct tr_tones *t);
/* Forgets energy outside the plan and counts none of it for `ms` from now: call it while we send digits ourselves (for
 * their length plus the echo's delay). The longer of two holds counts. */
void tr_tones_hold(struct tr_tones *t, int ms);

#endif
