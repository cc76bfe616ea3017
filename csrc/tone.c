/* The tone receiver, block after block: where bursts of the plan's signals begin and end. See tone.h, its parts in
 * tone_parts.h. Serves step 7. */
#include "simd.h"
#include "tone_parts.h"
#include <string.h>

#define END_BLOCKS 2 /* gaps under 20 ms are none */

void tr_tones_release(struct tr_tones *t) { (void)t; }

int tr_tones_get(struct tr_tones *t, struct tr_detection *out) { return tr_found_get(&t->found, out); }

void tr_tones_hold(struct tr_tones *t, int ms) {
    int32_t blocks = (ms + 9) / 10 + 1;
    if (t->hold < blocks)
        t->hold = blocks;
    memset(t->outside, 0, sizeof t->outside);
    t->outside_count = 0;
}

/* The longest gap which a continuous tone of this signal bridges, samples. */
static int64_t bridged(const struct tr_tones *t, int signal) {
    int32_t ms = 0;
    for (int i = 0; i < t->count; i++) {
        if (t->state[i].signal == signal && tr_tone_pairs(&t->plan[i]) == 0 && t->plan[i].bridge_ms > ms)
            ms = t->plan[i].bridge_ms;
    }
    return ms * 8;
}

static void begin_burst(struct tr_tones *t, int signal, const struct tr_tone_match *m) {
    const struct tr_tone_signal *s = &t->signals[signal];
    int64_t begin = tr_tone_block_begin(t), gap_begin = t->since;
    /* the block before is whole (its phase was right); the one before that is filled in part */
    float one = tr_tone_filled(s, t->past[(t->blocks + 2) % 3], m->power);
    float two = one > 0.9f ? tr_tone_filled(s, t->past[(t->blocks + 1) % 3], m->power) : 0;
    begin -= (int64_t)((one + two) * TR_TONE_HOP);
    if (begin < gap_begin)
        begin = gap_begin;
    t->cut = begin < 3 * TR_TONE_HOP; /* it may have sounded before we listened */
    const struct tr_tone_run *last = t->run_count ? tr_tone_run_back(t, 0) : NULL;
    if (!(last && (last->signal == signal || last->signal == -2) && begin - gap_begin < bridged(t, signal)))
        t->steady_since = begin;
    tr_tone_burst_began(t, signal, gap_begin, begin);
    t->signal = (int8_t)signal;
    t->since = begin;
    t->missed = 0;
    t->power_sum = 0;
    t->power_blocks = 0;
}

static void end_burst(struct tr_tones *t) {
    int signal = t->signal;
    int64_t begin = t->since;
    t->signal = -1;
    t->since = t->until;
    t->missed = 0;
    tr_tone_burst_ended(t, signal, begin, t->until, t->cut);
}

static void hop(struct tr_tones *t, const int16_t *x) {
    float *now = t->past[t->blocks % 3];
    const float *then = t->past[(t->blocks + 2) % 3];
    float energy = tr_kernels->energy40(x) + tr_kernels->energy40(x + 40);
    int signal = -1;
    struct tr_tone_match best = {0, 0};
    if (energy < t->gate || t->signal_count == 0) {
        memset(now, 0, sizeof t->past[0]);
    } else {
        tr_kernels->tones80(x, t->coef, t->cosine, t->sine, t->half_re, t->half_im, now);
        for (int i = 0; i < t->signal_count; i++) {
            struct tr_tone_match m = tr_tone_fit(t, &t->signals[i], now, then, energy);
            bool pair = m.share > 0 && t->signals[i].lane2 >= 0;
            if (m.share > (pair ? 0.0f : best.share)) {
                best = m;
                signal = i;
            }
        }
    }
    if (t->signal >= 0) {
        if (signal == t->signal) {
            t->missed = 0;
            t->power_sum += best.power;
            t->power_blocks++;
        } else {
            if (t->missed++ == 0) {
                float power =
                    t->power_blocks ? t->power_sum / (float)t->power_blocks : t->signals[(int)t->signal].least;
                t->until = tr_tone_block_begin(t) +
                           (int64_t)(tr_tone_filled(&t->signals[(int)t->signal], now, power) * TR_TONE_HOP);
            }
            if (t->missed >= END_BLOCKS)
                end_burst(t);
        }
    }
    if (t->signal < 0 && signal >= 0)
        begin_burst(t, signal, &best);
    tr_tone_time_passed(t, tr_tone_block_begin(t) + TR_TONE_HOP);
    tr_tone_outside(t, signal >= 0 || t->signal >= 0 ? 2 : energy >= TR_TONE_LOUD * TR_TONE_HOP ? 1 : 0, energy);
    t->blocks++;
}

void tr_tones_feed(struct tr_tones *t, const int16_t *samples, int count) {
    int done = 0;
    if (t->pending_count) {
        int need = TR_TONE_HOP - (int)t->pending_count;
        done = count < need ? count : need;
        memcpy(t->pending + t->pending_count, samples, (size_t)done * sizeof *samples);
        t->pending_count += (uint32_t)done;
        if (t->pending_count < TR_TONE_HOP)
            return;
        hop(t, t->pending);
        t->pending_count = 0;
    }
    for (; count - done >= TR_TONE_HOP; done += TR_TONE_HOP)
        hop(t, samples + done);
    if (count > done) {
        memcpy(t->pending, samples + done, (size_t)(count - done) * sizeof *samples);
        t->pending_count = (uint32_t)(count - done);
    }
}
