#include "tone.h"
#include "numeric.h"
#include "simd.h"

#include <string.h>

#define HOP TR_TONE_HOP
#define SHARE 0.75f   /* of a block's energy that lies in the signal */
#define BALANCE 10.0f /* power of one frequency of a pair over the other */
#define LOUD 16450.0f /* mean square: -42 dBm0 */
#define STEADY 0.15f  /* variance of the blocks' energies over their mean squared: white noise 0.025, voice more */
#define EDGE_MS 10    /* exactness of our edges, added to each tolerance */
#define GUARD_MS 30   /* a continuous tone is longer than any burst of the plan by this */
#define LATE_PER_CENT 15
#define END_BLOCKS 2      /* gaps under 20 ms are none */
#define LONGEST_MS 600000 /* of each time in a plan: no sum or per cent of it overflows */

static int64_t block_begin(const struct tr_tones *t) { return t->blocks * HOP; }

/* ---- the plan ---- */

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
    t->half_re[i] = (float)tr_cos_turns(turn * HOP / 2);
    t->half_im[i] = (float)tr_sin_turns(turn * HOP / 2);
    t->turn_re[i] = (float)tr_cos_turns(turn * HOP);
    t->turn_im[i] = (float)tr_sin_turns(turn * HOP);
    return i;
}

static int32_t level_min(const struct tr_tone *tone) { return tone->level_min ? tone->level_min : -4000; }

static int signal_of(struct tr_tones *t, const struct tr_tone *tone) {
    int lane1 = lane_of(t, tone->f1_hz), lane2 = tone->f2_hz ? lane_of(t, tone->f2_hz) : -1;
    if (lane1 < 0 || (tone->f2_hz && lane2 < 0))
        return -1;
    float tolerance = (float)(tone->tolerance_hz + 2) * HOP / TR_RATE;
    float least = (float)(2.0 * tr_mean_square(level_min(tone)));
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
        for (int n = 0; n < HOP; n++) {
            re += tr_cos_turns(hz * n / TR_RATE);
            im -= tr_sin_turns(hz * n / TR_RATE);
        }
        s->cross_re = (float)(re / HOP);
        s->cross_im = (float)(im / HOP);
    }
    return t->signal_count++;
}

static int pairs_of(const struct tr_tone *tone) {
    int n = 0;
    while (n < 4 && tone->on_ms[n] > 0)
        n++;
    return n;
}

static bool hearable(const struct tr_tone *tone) {
    if (tone->f1_hz < 100 || tone->f1_hz > 3800 || tone->tolerance_hz < 0 || tone->tolerance_hz > 45 ||
        (tone->f2_hz && (tone->f2_hz < 100 || tone->f2_hz > 3800 || tone->f2_hz == tone->f1_hz)))
        return false;
    if (tone->level_min < -12000 || tone->level_min > 314 || tone->cadence_tolerance < 0 ||
        tone->cadence_tolerance > 100 || tone->min_ms > LONGEST_MS || tone->bridge_ms > LONGEST_MS ||
        tone->min_cycles > TR_TONE_RUNS)
        return false;
    int n = pairs_of(tone);
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
    t->gate = LOUD * HOP;
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
        float quiet = (float)tr_mean_square(level_min(&plan[i])) * HOP / 4;
        if (quiet < t->gate)
            t->gate = quiet;
    }
    t->count = count;
    t->settle_ms = 500;
    for (int i = 0; i < count; i++) {
        int32_t ms = plan[i].min_ms, late = LATE_PER_CENT;
        late = plan[i].cadence_tolerance > late ? plan[i].cadence_tolerance : late;
        for (int p = 0; p < pairs_of(&plan[i]); p++) {
            int32_t gap = plan[i].off_ms[p] * (100 + late) / 100 + GUARD_MS;
            t->settle_ms = t->settle_ms > gap ? t->settle_ms : gap;
        }
        t->settle_ms = t->settle_ms > plan[i].bridge_ms ? t->settle_ms : plan[i].bridge_ms;
        for (int j = 0; j < count; j++) {
            for (int p = 0; j != i && near(&plan[i], &plan[j]) && p < pairs_of(&plan[j]); p++) {
                int32_t longest = plan[j].on_ms[p] * (100 + plan[j].cadence_tolerance) / 100 + GUARD_MS;
                if (ms < longest)
                    ms = longest;
            }
        }
        t->state[i].least = ms * 8;
    }
    return TR_OK;
}

void tr_tones_release(struct tr_tones *t) { (void)t; }

int tr_tones_get(struct tr_tones *t, struct tr_detection *out) { return tr_found_get(&t->found, out); }

void tr_tones_hold(struct tr_tones *t, int ms) {
    int32_t blocks = (ms + 9) / 10 + 1;
    if (t->hold < blocks)
        t->hold = blocks;
    memset(t->outside, 0, sizeof t->outside);
    t->outside_count = 0;
}

/* ---- a block ---- */

/* How far a lane has turned from its frequency between two blocks, in turns. */
static float turned(const struct tr_tones *t, int lane, const float *now, const float *then) {
    float re = now[lane] * then[lane] + now[8 + lane] * then[8 + lane];
    float im = now[8 + lane] * then[lane] - now[lane] * then[8 + lane];
    return tr_turns_of(re * t->turn_re[lane] + im * t->turn_im[lane], im * t->turn_re[lane] - re * t->turn_im[lane]);
}

/* Share of a tone's power that a block at another frequency keeps: sinc^2. */
static float kept(float turns) {
    float d2 = turns * turns, s = 1.0f + d2 * (-1.644934f + d2 * (0.811742f - 0.190751f * d2));
    return s * s;
}

struct match {
    float share, power; /* power: squared peak of the weaker frequency */
};

/* How well a block fits a signal; then = the block before. */
static struct match fit(const struct tr_tones *t, const struct tr_tone_signal *s, const float *now, const float *then,
                        float energy) {
    struct match none = {0, 0};
    const float scale = 2.0f / HOP;
    int a = s->lane1, b = s->lane2;
    float now2 = now[a] * now[a] + now[8 + a] * now[8 + a], then2 = then[a] * then[a] + then[8 + a] * then[8 + a];
    if (b < 0) {
        if (now2 * scale < 0.4f * SHARE * energy || then2 * 16 < now2)
            return none;
        float turn = turned(t, a, now, then);
        if (turn > s->tolerance || turn < -s->tolerance)
            return none;
        float whole = now2 / kept(turn);
        struct match m = {whole * scale / energy, whole * scale * scale};
        return m.share >= SHARE && m.power >= s->least ? m : none;
    }
    float gr = s->cross_re, gi = s->cross_im, solve = scale / (1.0f - gr * gr - gi * gi);
    float are = (now[a] - (gr * now[b] - gi * now[8 + b])) * solve,
          aim = (now[8 + a] - (gr * now[8 + b] + gi * now[b])) * solve;
    float bre = (now[b] - (gr * now[a] + gi * now[8 + a])) * solve,
          bim = (now[8 + b] - (gr * now[8 + a] - gi * now[a])) * solve;
    float a2 = are * are + aim * aim, b2 = bre * bre + bim * bim;
    float share = (are * now[a] + aim * now[8 + a] + bre * now[b] + bim * now[8 + b]) / energy;
    if (share < SHARE || a2 > b2 * BALANCE || b2 > a2 * BALANCE || a2 < s->least || b2 < s->least)
        return none;
    return (struct match){share, a2 < b2 ? a2 : b2};
}

/* Amplitude of a signal in a block, relative to `power`: how far it is filled. */
static float filled(const struct tr_tone_signal *s, const float *block, float power) {
    int a = s->lane1, b = s->lane2;
    float p = block[a] * block[a] + block[8 + a] * block[8 + a];
    if (b >= 0) {
        float q = block[b] * block[b] + block[8 + b] * block[8 + b];
        p = p < q ? p : q;
    }
    float part = __builtin_sqrtf(p * (4.0f / HOP / HOP) / power);
    return part > 1 ? 1 : part;
}

/* ---- cadence ---- */

static const struct tr_tone_run *run_back(const struct tr_tones *t, uint32_t back) {
    return &t->runs[(t->run_count - 1 - back) % TR_TONE_RUNS];
}

static bool within(int32_t samples, int32_t ms, int32_t tolerance) {
    int32_t by = samples - ms * 8;
    return (by < 0 ? -by : by) <= ms * 8 / 100 * tolerance + EDGE_MS * 8;
}

static void push_run(struct tr_tones *t, int64_t at, int64_t end, int signal, float power) {
    int64_t samples = end - at;
    t->runs[t->run_count++ % TR_TONE_RUNS] =
        (struct tr_tone_run){at, samples > INT32_MAX ? INT32_MAX : (int32_t)samples, signal, power};
}

/* Do the last runs, which end with a burst, hold `min_cycles` cycles of the tone? Returns the begin of the first;
 * place. */
static bool cycles_heard(const struct tr_tones *t, int i, int64_t *begin, int *place) {
    const struct tr_tone *tone = &t->plan[i];
    int n = pairs_of(tone), bursts = n * (tone->min_cycles > 1 ? tone->min_cycles : 1);
    if (n == 0 || t->run_count < (uint32_t)(2 * bursts - 1))
        return false;
    for (int turn = 0; turn < n; turn++) {
        bool all = true;
        for (int b = 0; all && b < bursts; b++) { /* from the last burst back; it is at `turn` of the cadence */
            int at = ((turn - b) % n + n) % n, before = ((turn - b - 1) % n + n) % n;
            const struct tr_tone_run *on = run_back(t, (uint32_t)(2 * b));
            all = on->signal == t->state[i].signal && within(on->samples, tone->on_ms[at], tone->cadence_tolerance);
            if (all && b + 1 < bursts)
                all =
                    within(run_back(t, (uint32_t)(2 * b + 1))->samples, tone->off_ms[before], tone->cadence_tolerance);
            *begin = on->at;
        }
        if (all) {
            *place = turn;
            return true;
        }
    }
    return false;
}

static void end_tone(struct tr_tones *t, int i, int64_t at) {
    if (!t->state[i].confirmed)
        return;
    t->state[i].confirmed = 0;
    tr_found_put(&t->found, TR_EV_TONE_END, (uint64_t)at, t->plan[i].id, 0);
}

static void confirm(struct tr_tones *t, int i, int64_t at, float power) {
    int32_t level = tr_cdbm0((double)power / 2.0);
    if (t->state[i].confirmed || level < level_min(&t->plan[i]))
        return;
    t->state[i].confirmed = 1;
    tr_found_put(&t->found, TR_EV_TONE, (uint64_t)at, t->plan[i].id, level);
}

/* When the burst after a gap at `place` must have begun, the last burst having ended at `end`. */
static int64_t due_after(const struct tr_tones *t, int i, int64_t end) {
    const struct tr_tone *tone = &t->plan[i];
    const struct tr_tone_state *s = &t->state[i];
    int32_t late = LATE_PER_CENT, gap = s->gap;
    if (gap == 0) {
        gap = tone->off_ms[s->place] * 8;
        if (tone->cadence_tolerance > late)
            late = tone->cadence_tolerance;
    }
    return end + gap + gap / 100 * late + EDGE_MS * 8;
}

static void burst_ended(struct tr_tones *t, int signal, int64_t begin, int64_t end, bool cut) {
    float power = t->power_blocks ? t->power_sum / (float)t->power_blocks : 0;
    push_run(t, begin, end, cut ? -2 : signal, power);
    for (int i = 0; i < t->count; i++) {
        struct tr_tone_state *s = &t->state[i];
        const struct tr_tone *tone = &t->plan[i];
        int n = pairs_of(tone), place;
        int64_t first = begin;
        if (n == 0 || s->signal != signal)
            continue;
        if (s->confirmed) {
            int next = (s->place + 1) % n;
            if (within((int32_t)(end - begin), tone->on_ms[next], tone->cadence_tolerance)) {
                s->place = (uint8_t)next;
                s->due = due_after(t, i, end);
            } else { /* cut short: the burst after it would have come in time */
                s->due = begin + tone->on_ms[next] * 8;
                s->place = (uint8_t)next;
                s->due = due_after(t, i, s->due);
                end_tone(t, i, end);
            }
        } else if (cycles_heard(t, i, &first, &place)) {
            s->place = (uint8_t)place;
            s->gap = n == 1 && tone->min_cycles > 1 && t->run_count > 1 ? run_back(t, 1)->samples : 0;
            confirm(t, i, first, power);
            s->due = s->confirmed ? due_after(t, i, end) : 0;
        }
    }
}

static void burst_began(struct tr_tones *t, int signal, int64_t gap_begin, int64_t begin) {
    push_run(t, gap_begin, begin, -1, 0);
    for (int i = 0; i < t->count; i++) {
        struct tr_tone_state *s = &t->state[i];
        const struct tr_tone *tone = &t->plan[i];
        int n = pairs_of(tone);
        if (n == 0)
            continue;
        if (s->signal != signal) {
            end_tone(t, i, begin);
            continue;
        }
        if (s->confirmed) {
            int32_t gap = (int32_t)(begin - gap_begin);
            if (within(gap, tone->off_ms[s->place], tone->cadence_tolerance))
                s->gap = n == 1 ? gap : 0;
            else
                end_tone(t, i, begin);
        }
        s->due = 0;
    }
}

/* What happens by time alone: continuous tones, bursts too long or too late. */
static void time_passed(struct tr_tones *t, int64_t now) {
    for (int i = 0; i < t->count; i++) {
        struct tr_tone_state *s = &t->state[i];
        const struct tr_tone *tone = &t->plan[i];
        int n = pairs_of(tone);
        if (n == 0) {
            if (t->signal == s->signal) {
                if (!t->missed && now - t->steady_since >= s->least && t->power_blocks)
                    confirm(t, i, t->steady_since, t->power_sum / (float)t->power_blocks);
            } else if (s->confirmed && (t->signal >= 0 || now - t->since >= tone->bridge_ms * 8)) {
                end_tone(t, i, t->since);
            }
        } else {
            int next = (s->place + 1) % n;
            if (s->confirmed && t->signal == s->signal && now - t->since > tone->on_ms[next] * 8 &&
                !within((int32_t)(now - t->since - 2 * HOP), tone->on_ms[next], tone->cadence_tolerance))
                end_tone(t, i, t->since);
            if (s->due && now >= s->due && t->signal != s->signal) {
                s->due = 0;
                if (tone->watch_overdue)
                    tr_found_put(&t->found, TR_EV_TONE_OVERDUE, (uint64_t)now, tone->id, 0);
                end_tone(t, i, now);
            }
        }
    }
}

/* The longest gap which a continuous tone of this signal bridges, samples. */
static int64_t bridged(const struct tr_tones *t, int signal) {
    int32_t ms = 0;
    for (int i = 0; i < t->count; i++) {
        if (t->state[i].signal == signal && pairs_of(&t->plan[i]) == 0 && t->plan[i].bridge_ms > ms)
            ms = t->plan[i].bridge_ms;
    }
    return ms * 8;
}

static void begin_burst(struct tr_tones *t, int signal, const struct match *m) {
    const struct tr_tone_signal *s = &t->signals[signal];
    int64_t begin = block_begin(t), gap_begin = t->since;
    /* the block before is whole (its phase was right); the one before that is filled in part */
    float one = filled(s, t->past[(t->blocks + 2) % 3], m->power);
    float two = one > 0.9f ? filled(s, t->past[(t->blocks + 1) % 3], m->power) : 0;
    begin -= (int64_t)((one + two) * HOP);
    if (begin < gap_begin)
        begin = gap_begin;
    t->cut = begin < 3 * HOP; /* it may have sounded before we listened */
    const struct tr_tone_run *last = t->run_count ? run_back(t, 0) : NULL;
    if (!(last && (last->signal == signal || last->signal == -2) && begin - gap_begin < bridged(t, signal)))
        t->steady_since = begin;
    burst_began(t, signal, gap_begin, begin);
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
    burst_ended(t, signal, begin, t->until, t->cut);
}

/* ---- energy outside the plan ---- */

/* Judges the block two back, when what came after it is known. */
static void judge_outside(struct tr_tones *t, int kind, float energy) {
    memmove(t->kinds, t->kinds + 1, 3);
    memmove(t->powers, t->powers + 1, 3 * sizeof *t->powers);
    t->kinds[3] = (int8_t)kind;
    t->powers[3] = energy;
    float *slot = &t->outside[t->blocks % TR_TONE_PAST];
    if (*slot != 0)
        t->outside_count--;
    *slot = 0;
    if (t->hold > 0) {
        t->hold--;
        return;
    }
    /* kinds: three back, two back, one back, now */
    bool outside = t->kinds[1] == 1 && t->kinds[0] != 2 && t->kinds[2] != 2 && t->kinds[3] != 2;
    if (!outside) {
        if (t->outside_quiet < TR_TONE_PAST && ++t->outside_quiet == TR_TONE_PAST)
            t->outside_raised = 0;
        return;
    }
    t->outside_quiet = 0;
    *slot = t->kinds[0] == 1 && t->kinds[2] == 1 ? t->powers[1] : -t->powers[1];
    t->outside_count++;
    if (t->outside_raised || t->outside_count < t->not_tone_blocks)
        return;
    float sum = 0, squares = 0, count = 0;
    int64_t first = t->blocks;
    for (int back = 0; back < TR_TONE_PAST && back <= t->blocks; back++) {
        float e = t->outside[(t->blocks - back) % TR_TONE_PAST];
        if (e == 0)
            continue;
        first = t->blocks - back;
        if (e > 0) {
            e = e / HOP;
            sum += e;
            squares += e * e;
            count += 1;
        }
    }
    if (count < 4 || squares * count - sum * sum < STEADY * sum * sum)
        return;
    t->outside_raised = 1;
    int64_t at = (first - 2) * HOP;
    tr_found_put(&t->found, TR_EV_NOT_TONE, (uint64_t)(at < 0 ? 0 : at), 0, 0);
}

static void hop(struct tr_tones *t, const int16_t *x) {
    float *now = t->past[t->blocks % 3];
    const float *then = t->past[(t->blocks + 2) % 3];
    float energy = tr_kernels->energy40(x) + tr_kernels->energy40(x + 40);
    int signal = -1;
    struct match best = {0, 0};
    if (energy < t->gate || t->signal_count == 0) {
        memset(now, 0, sizeof t->past[0]);
    } else {
        tr_kernels->tones80(x, t->coef, t->cosine, t->sine, t->half_re, t->half_im, now);
        for (int i = 0; i < t->signal_count; i++) {
            struct match m = fit(t, &t->signals[i], now, then, energy);
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
                t->until = block_begin(t) + (int64_t)(filled(&t->signals[(int)t->signal], now, power) * HOP);
            }
            if (t->missed >= END_BLOCKS)
                end_burst(t);
        }
    }
    if (t->signal < 0 && signal >= 0)
        begin_burst(t, signal, &best);
    time_passed(t, block_begin(t) + HOP);
    judge_outside(t, signal >= 0 || t->signal >= 0 ? 2 : energy >= LOUD * HOP ? 1 : 0, energy);
    t->blocks++;
}

void tr_tones_feed(struct tr_tones *t, const int16_t *samples, int count) {
    int done = 0;
    if (t->pending_count) {
        int need = HOP - (int)t->pending_count;
        done = count < need ? count : need;
        memcpy(t->pending + t->pending_count, samples, (size_t)done * sizeof *samples);
        t->pending_count += (uint32_t)done;
        if (t->pending_count < HOP)
            return;
        hop(t, t->pending);
        t->pending_count = 0;
    }
    for (; count - done >= HOP; done += HOP)
        hop(t, samples + done);
    if (count > done) {
        memcpy(t->pending, samples + done, (size_t)(count - done) * sizeof *samples);
        t->pending_count = (uint32_t)(count - done);
    }
}
