/* From bursts and gaps to tones: which cadence was heard, when it is over, when its next burst is late. See tone.h.
 * Serves step 7: dial tone, ringback, busy, congestion. */
#include "numeric.h"
#include "tone_parts.h"

#define EDGE_MS 10 /* exactness of our edges, added to each tolerance */

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
    int n = tr_tone_pairs(tone), bursts = n * (tone->min_cycles > 1 ? tone->min_cycles : 1);
    if (n == 0 || t->run_count < (uint32_t)(2 * bursts - 1))
        return false;
    for (int turn = 0; turn < n; turn++) {
        bool all = true;
        for (int b = 0; all && b < bursts; b++) { /* from the last burst back; it is at `turn` of the cadence */
            int at = ((turn - b) % n + n) % n, before = ((turn - b - 1) % n + n) % n;
            const struct tr_tone_run *on = tr_tone_run_back(t, (uint32_t)(2 * b));
            all = on->signal == t->state[i].signal && within(on->samples, tone->on_ms[at], tone->cadence_tolerance);
            if (all && b + 1 < bursts)
                all = within(tr_tone_run_back(t, (uint32_t)(2 * b + 1))->samples, tone->off_ms[before],
                             tone->cadence_tolerance);
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
    if (t->state[i].confirmed || level < tr_tone_level(&t->plan[i]))
        return;
    t->state[i].confirmed = 1;
    tr_found_put(&t->found, TR_EV_TONE, (uint64_t)at, t->plan[i].id, level);
}

/* When the burst after a gap at `place` must have begun, the last burst having ended at `end`. */
static int64_t due_after(const struct tr_tones *t, int i, int64_t end) {
    const struct tr_tone *tone = &t->plan[i];
    const struct tr_tone_state *s = &t->state[i];
    int32_t late = TR_TONE_LATE_PER_CENT, gap = s->gap;
    if (gap == 0) {
        gap = tone->off_ms[s->place] * 8;
        if (tone->cadence_tolerance > late)
            late = tone->cadence_tolerance;
    }
    return end + gap + gap / 100 * late + EDGE_MS * 8;
}

void tr_tone_burst_ended(struct tr_tones *t, int signal, int64_t begin, int64_t end, bool cut) {
    float power = t->power_blocks ? t->power_sum / (float)t->power_blocks : 0;
    push_run(t, begin, end, cut ? -2 : signal, power);
    for (int i = 0; i < t->count; i++) {
        struct tr_tone_state *s = &t->state[i];
        const struct tr_tone *tone = &t->plan[i];
        int n = tr_tone_pairs(tone), place;
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
            s->gap = n == 1 && tone->min_cycles > 1 && t->run_count > 1 ? tr_tone_run_back(t, 1)->samples : 0;
            confirm(t, i, first, power);
            s->due = s->confirmed ? due_after(t, i, end) : 0;
        }
    }
}

void tr_tone_burst_began(struct tr_tones *t, int signal, int64_t gap_begin, int64_t begin) {
    push_run(t, gap_begin, begin, -1, 0);
    for (int i = 0; i < t->count; i++) {
        struct tr_tone_state *s = &t->state[i];
        const struct tr_tone *tone = &t->plan[i];
        int n = tr_tone_pairs(tone);
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

/* Continuous tones, bursts too long or too late. */
void tr_tone_time_passed(struct tr_tones *t, int64_t now) {
    for (int i = 0; i < t->count; i++) {
        struct tr_tone_state *s = &t->state[i];
        const struct tr_tone *tone = &t->plan[i];
        int n = tr_tone_pairs(tone);
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
                !within((int32_t)(now - t->since - 2 * TR_TONE_HOP), tone->on_ms[next], tone->cadence_tolerance))
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
