/* A tone plan made ready to be heard; see tone.h for its limits. Serves step 7. */
#include "numeric.h"
#include "tone_parts.h"
#include <string.h>

#define GUARD_MS 30       /* a continuous tone is longer than any burst of the plan by this */
#define LONGEST_MS 600000 /* of each time in a plan: no sum or per cent of it overflows */

static int lane_of(struct tr_tones *t, int hz) {
    for (int i = 0; i < t->lanes; i++) {
        if (t->hz[i] == (float)hz)
            return i;
    }
    if (t->lanes == TR_TONE_LANES)
        return -1;
    int i = t->lanes++;
    double turn = (double)hz / TR_RATE;
    t->hz[i] = (float)hz;
    t->cosine[i] = (float)tr_cos_turns(turn);
    t->sine[i] = (float)tr_sin_turns(turn);
    t->coef[i] = (float)(2.0 * tr_cos_turns(turn));
    t->half_re[i] = (float)tr_cos_turns(turn * TR_TONE_HOP / 2);
    t->half_im[i] = (float)tr_sin_turns(turn * TR_TONE_HOP / 2);
    t->turn_re[i] = (float)tr_cos_turns(turn * TR_TONE_HOP);
    t->turn_im[i] = (float)tr_sin_turns(turn * TR_TONE_HOP);
    return i;
}

static int signal_of(struct tr_tones *t, const struct tr_tone *tone) {
    int lane1 = lane_of(t, tone->f1_hz), lane2 = tone->f2_hz ? lane_of(t, tone->f2_hz) : -1;
    if (lane1 < 0 || (tone->f2_hz && lane2 < 0))
        return -1;
    float tolerance = (float)(tone->tolerance_hz + 2) * TR_TONE_HOP / TR_RATE;
    float least = (float)(2.0 * tr_mean_square(tr_tone_level(tone)));
    for (int i = 0; i < t->signal_count; i++) {
        struct tr_tone_signal *s = &t->signals[i];
        if (s->lane1 == lane1 && s->lane2 == lane2 && s->tolerance == tolerance) {
            if (least < s->least)
                s->least = least;
            return i;
        }
    }
    if (t->signal_count == TR_TONE_SIGNALS)
        return -1;
    struct tr_tone_signal *s = &t->signals[t->signal_count];
    *s =
        (struct tr_tone_signal){.lane1 = (int8_t)lane1, .lane2 = (int8_t)lane2, .tolerance = tolerance, .least = least};
    if (lane2 >= 0) {
        double re = 0, im = 0, hz = tone->f2_hz - tone->f1_hz;
        for (int n = 0; n < TR_TONE_HOP; n++) {
            re += tr_cos_turns(hz * n / TR_RATE);
            im -= tr_sin_turns(hz * n / TR_RATE);
        }
        s->cross_re = (float)(re / TR_TONE_HOP);
        s->cross_im = (float)(im / TR_TONE_HOP);
    }
    return t->signal_count++;
}

static bool hearable(const struct tr_tone *tone) {
    if (tone->f1_hz < 100 || tone->f1_hz > 3800 || tone->tolerance_hz < 0 || tone->tolerance_hz > 45 ||
        (tone->f2_hz && (tone->f2_hz < 100 || tone->f2_hz > 3800 || tone->f2_hz == tone->f1_hz)))
        return false;
    if (tone->level_min < -12000 || tone->level_min > 314 || tone->cadence_tolerance < 0 ||
        tone->cadence_tolerance > 100 || tone->min_ms > LONGEST_MS || tone->bridge_ms > LONGEST_MS ||
        tone->min_cycles > TR_TONE_RUNS)
        return false;
    int n = tr_tone_pairs(tone);
    for (int i = 0; i < n; i++) {
        if (tone->off_ms[i] <= 0 || tone->on_ms[i] > LONGEST_MS || tone->off_ms[i] > LONGEST_MS)
            return false;
    }
    int cycles = tone->min_cycles > 1 ? tone->min_cycles : 1;
    return 2 * n * cycles <= TR_TONE_RUNS;
}

/* Could a burst of `other` be taken for the continuous `tone`? */
static bool near(const struct tr_tone *tone, const struct tr_tone *other) {
    int by = tone->f1_hz - other->f1_hz;
    return (tone->f2_hz != 0) == (other->f2_hz != 0) && (by < 0 ? -by : by) <= tone->tolerance_hz + other->tolerance_hz;
}

int tr_tones_init(struct tr_tones *t, const struct tr_tone *plan, int count, int not_tone_ms) {
    memset(t, 0, sizeof *t);
    t->signal = -1;
    t->not_tone_blocks = (not_tone_ms > 0 ? not_tone_ms : 150) / 10;
    if (t->not_tone_blocks < 1)
        t->not_tone_blocks = 1;
    if (t->not_tone_blocks > TR_TONE_PAST - 5)
        t->not_tone_blocks = TR_TONE_PAST - 5;
    t->gate = TR_TONE_LOUD * TR_TONE_HOP;
    if (count < 0 || count > TR_MAX_TONES)
        return TR_E_ARGUMENT;
    for (int i = 0; i < count; i++) {
        int signal = hearable(&plan[i]) ? signal_of(t, &plan[i]) : -1;
        if (signal < 0) {
            t->signal_count = t->count = 0;
            return TR_E_ARGUMENT;
        }
        t->plan[i] = plan[i];
        t->state[i].signal = (int8_t)signal;
        /* a frequency of a block half filled, 3 dB under its least level */
        float quiet = (float)tr_mean_square(tr_tone_level(&plan[i])) * TR_TONE_HOP / 4;
        if (quiet < t->gate)
            t->gate = quiet;
    }
    t->count = count;
    t->settle_ms = 500;
    for (int i = 0; i < count; i++) {
        int32_t ms = plan[i].min_ms, late = TR_TONE_LATE_PER_CENT;
        late = plan[i].cadence_tolerance > late ? plan[i].cadence_tolerance : late;
        for (int p = 0; p < tr_tone_pairs(&plan[i]); p++) {
            int32_t gap = plan[i].off_ms[p] * (100 + late) / 100 + GUARD_MS;
            t->settle_ms = t->settle_ms > gap ? t->settle_ms : gap;
        }
        t->settle_ms = t->settle_ms > plan[i].bridge_ms ? t->settle_ms : plan[i].bridge_ms;
        for (int j = 0; j < count; j++) {
            for (int p = 0; j != i && near(&plan[i], &plan[j]) && p < tr_tone_pairs(&plan[j]); p++) {
                int32_t longest = plan[j].on_ms[p] * (100 + plan[j].cadence_tolerance) / 100 + GUARD_MS;
                if (ms < longest)
                    ms = longest;
            }
        }
        t->state[i].least = ms * 8;
    }
    return TR_OK;
}
