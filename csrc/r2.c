/* MFC-R2: runs the table, keeps the steps of a call; see r2.h. What comes from outside: r2_command.c; the rows'
 * actions: r2_line.c, r2_in.c, r2_out.c. */
#include "internal.h"
#include "r2_parts.h"
#include <stddef.h>
#include <string.h>

/* Timers that depend on more than the state: WAIT, the silence that is allowed in this phase; KB, how long group B, or
 * a refusal, may sound. */
enum { TIMER_NONE = -1, TIMER_WAIT = -2, TIMER_KB = -3 };

static const struct {
    const char *name;
    int timer;
} states[] = {
#define TR_R2_T_NONE TIMER_NONE
#define TR_R2_T_WAIT TIMER_WAIT
#define TR_R2_T_KB TIMER_KB
#define STATE(name, timer, meaning) {#name, TR_R2_T_##timer},
#define ROW(state, signal, next, action)
#include "r2_table.h"
#undef STATE
#undef ROW
};

static const struct row {
    uint8_t state, signal, next;
    tr_r2_action *action;
} rows[] = {
#define STATE(name, timer, meaning)
#define ROW(state, signal, next, action) {STATE_##state, SIGNAL_##signal, STATE_##next, tr_r2_##action},
#include "r2_table.h"
#undef STATE
#undef ROW
};

#define STATES (STATE_any + 1)
#define SIGNALS (SIGNAL_fail + 1)
static uint8_t row_of[STATES][SIGNALS]; /* 1 + index, 0 none */

__attribute__((constructor)) static void index_rows(void) {
    _Static_assert(sizeof rows / sizeof *rows < 255, "row_of holds 8 bits");
    for (uint8_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        row_of[rows[i].state][rows[i].signal] = (uint8_t)(i + 1);
    }
}

static const struct row *find_row(const struct tr_r2 *r2, enum tr_r2_signal signal) {
    uint8_t at = row_of[r2->state][signal];
    if (!at && r2->state != STATE_off) {
        at = row_of[STATE_any][signal];
    }
    return at ? &rows[at - 1] : NULL;
}

/* ---- what actions do --------------------------------------------------------------------------- */

static uint64_t now(const struct tr_port *port) { return port->engine->tick; }

void tr_r2_note(struct tr_port *port, enum tr_r2_what what, uint32_t value) {
    struct tr_r2 *r2 = port->r2;
    if (r2->call && r2->steps < TR_R2_TRACE) {
        uint64_t ms = (now(port) - r2->origin) * TR_TICK_MS;
        r2->step[r2->steps++] = (struct tr_r2_step){
            .ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms, .what = (uint16_t)what, .value = (uint16_t)value};
    }
}

void tr_r2_bits(struct tr_port *port, int ab) {
    int abcd = ab << 2 | port->r2->config.cd;
    if (port->r2->sent != abcd) {
        port->r2->sent = (uint8_t)abcd;
        port->card->ops->bits(port->card, port->card_port, abcd);
        tr_r2_note(port, TR_R2_BITS_SENT, (uint32_t)abcd);
    }
}

void tr_r2_tone(struct tr_port *port, bool forward, uint8_t code) {
    struct tr_r2 *r2 = port->r2;
    if (r2->out.code != code) {
        tr_mf_send(&r2->out, forward, code, r2->config.level);
        tr_r2_note(port, TR_R2_TONE_SENT, code);
        r2->began = now(port);
    }
}

static void raise(struct tr_port *port, enum tr_r2_report what, int32_t a1, int32_t a2, int32_t a3, const void *side,
                  size_t n) {
    struct tr_event event = {.kind = TR_EV_R2,
                             .port = port->number,
                             .epoch = port->epoch,
                             .id = port->r2->id,
                             .at = now(port) * TR_BLOCK,
                             .a = {(int32_t)what, a1, a2, a3, port->r2->call}};
    tr_raise(port->engine, &event, side, n);
    port->dirty = true;
}

/* Of a state that a call can end in; those that follow an end, and those between, leave it as it was. */
static uint8_t stage_of(const struct tr_r2 *r2) {
    static const uint8_t incoming[] = {[PHASE_CALLED] = TR_R2_AT_CALLED,
                                       [PHASE_CATEGORY] = TR_R2_AT_CATEGORY,
                                       [PHASE_CALLER] = TR_R2_AT_CALLER,
                                       [PHASE_GROUP_B] = TR_R2_AT_GROUP_B};
    switch (r2->state) {
    case STATE_in_offered:
        return TR_R2_AT_DECISION;
    case STATE_in_group_b:
    case STATE_in_accepted:
    case STATE_in_answering:
    case STATE_out_accepted:
        return TR_R2_AT_RINGING;
    case STATE_in_answered:
    case STATE_in_clear_back:
    case STATE_out_answered:
    case STATE_out_suspended:
        return TR_R2_AT_TALK;
    default:
        break;
    }
    if (r2->state >= STATE_in_wait && r2->state <= STATE_in_pulse) {
        return incoming[r2->phase];
    }
    if (r2->state >= STATE_out_judge && r2->state <= STATE_out_quiet) {
        bool caller = r2->category_sent && !r2->caller_done;
        return r2->phase == PHASE_GROUP_B ? TR_R2_AT_GROUP_B
               : !caller                  ? TR_R2_AT_CALLED
               : r2->caller_at            ? TR_R2_AT_CALLER
                                          : TR_R2_AT_CATEGORY;
    }
    return r2->stage;
}

static void reach(const struct tr_port *port, struct tr_r2_reached *reached) {
    const struct tr_r2 *r2 = port->r2;
    bool out = r2->call > 0;
    uint64_t ms = (now(port) - r2->stirred) * TR_TICK_MS;
    memset(reached, 0, sizeof *reached);
    reached->stage = r2->stage;
    reached->quiet_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
    memcpy(reached->called, r2->called, out ? r2->called_at : r2->called_count);
    memcpy(reached->caller, r2->caller, out ? r2->caller_at : r2->caller_count);
}

void tr_r2_report(struct tr_port *port, enum tr_r2_report what, int32_t a1, int32_t a2, int32_t a3) {
    const struct tr_r2 *r2 = port->r2;
    char numbers[2 * TR_R2_DIGITS + 1];
    size_t n = 0;
    if (what == TR_R2_ENDED) {
        struct tr_r2_reached reached;
        reach(port, &reached);
        raise(port, what, a1, a2, a3, &reached, sizeof reached);
        return;
    }
    if (what == TR_R2_OFFERED) {
        memcpy(numbers, r2->called, r2->called_count);
        numbers[r2->called_count] = 0;
        memcpy(numbers + r2->called_count + 1, r2->caller, r2->caller_count);
        n = (size_t)r2->called_count + 1 + r2->caller_count;
    }
    raise(port, what, a1, a2, a3, numbers, n);
}

void tr_r2_tell_steps(struct tr_port *port, enum tr_r2_report what) {
    const struct tr_r2 *r2 = port->r2;
    bool idle = (r2->state == STATE_idle || r2->state == STATE_blocked) && tr_r2_look(r2) == SIGNAL_far_idle;
    raise(port, what, idle, 0, 0, r2->step, r2->steps * sizeof *r2->step);
}

void tr_r2_end(struct tr_port *port, enum tr_r2_end why, int32_t value) {
    tr_r2_tone(port, port->r2->call > 0, 0);
    tr_r2_tell_end(port, why, value);
}

void tr_r2_tell_end(struct tr_port *port, enum tr_r2_end why, int32_t value) {
    struct tr_r2 *r2 = port->r2;
    if (!r2->ended) {
        r2->ended = true;
        tr_r2_report(port, TR_R2_ENDED, (int32_t)why, value, r2->kd);
    }
}

void tr_r2_begin(struct tr_port *port, int32_t call) {
    struct tr_r2 *r2 = port->r2;
    if (r2->renewed) {
        r2->config = r2->next;
        r2->renewed = false;
    }
    memset(&r2->heard, 0, offsetof(struct tr_r2, call) - offsetof(struct tr_r2, heard));
    memset(&r2->ended, 0, offsetof(struct tr_r2, origin) - offsetof(struct tr_r2, ended));
    r2->phase = PHASE_CALLED;
    r2->call = call;
    r2->origin = r2->stirred = now(port);
    r2->steps = 0;
    tr_mf_init(&r2->mf, call < 0);
}

uint64_t tr_r2_ticks(const struct tr_r2 *r2, enum tr_r2_timer timer) {
    return ((uint64_t)r2->config.ms[timer] + TR_TICK_MS - 1) / TR_TICK_MS;
}

enum tr_r2_timer tr_r2_timer_of(const struct tr_r2 *r2) {
    int timer = states[r2->state].timer;
    if (timer == TIMER_KB) {
        return r2->heard ? TR_R2_T_BACKWARD : TR_R2_T_PULSE;
    }
    if (timer == TIMER_WAIT) {
        bool number = r2->phase == PHASE_CALLED && r2->called_count > 0 && tr_r2_length(r2) == 0 && !r2->refused;
        return number && r2->config.ms[TR_R2_T_CALLED] > 0                      ? TR_R2_T_CALLED
               : r2->phase == PHASE_CALLER && r2->config.ms[TR_R2_T_CALLER] > 0 ? TR_R2_T_CALLER
                                                                                : TR_R2_T_NO_FORWARD;
    }
    return timer == TIMER_NONE ? TR_R2_TIMERS : (enum tr_r2_timer)timer;
}

enum tr_r2_signal tr_r2_look(const struct tr_r2 *r2) {
    return r2->known ? (enum tr_r2_signal)(SIGNAL_far_seize + r2->bits) : SIGNAL_none;
}

/* ---- the machine ------------------------------------------------------------------------------- */

/* Of these 0 is no limit but the next tick. */
static bool is_delay(enum tr_r2_timer timer) {
    return timer == TR_R2_T_PULSE || timer == TR_R2_T_PULSE_GAP || timer == TR_R2_T_BACKWARD_MIN ||
           timer == TR_R2_T_REPLY_MIN || timer == TR_R2_T_ANSWER_DELAY || timer == TR_R2_T_GUARD ||
           timer == TR_R2_T_DOUBLE;
}

void tr_r2_set_timer(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    enum tr_r2_timer timer = tr_r2_timer_of(r2);
    uint64_t ticks = timer == TR_R2_TIMERS ? 0 : tr_r2_ticks(r2, timer);
    ticks = is_delay(timer) && !ticks ? 1 : ticks;
    r2->due = ticks ? now(port) + ticks : 0;
}

bool tr_r2_take(struct tr_port *port, enum tr_r2_signal signal) {
    struct tr_r2 *r2 = port->r2;
    const struct row *row = find_row(r2, signal);
    bool known = row != NULL;
    while (row) {
        bool stays = row->next == r2->state && signal != SIGNAL_timer;
        r2->stage = stage_of(r2);
        r2->state = row->next;
        if (!stays) {
            tr_r2_set_timer(port);
        }
        signal = row->action(port);
        row = signal == SIGNAL_none ? NULL : find_row(r2, signal);
    }
    return known;
}

static enum tr_r2_signal sort_tone(const struct tr_port *port) {
    const struct tr_r2 *r2 = port->r2;
    if (r2->state == STATE_in_hold) {
        return r2->heard == r2->last ? SIGNAL_same_tone : SIGNAL_other_tone;
    }
    if (r2->state == STATE_out_tone && now(port) - r2->began < tr_r2_ticks(r2, TR_R2_T_REPLY_MIN)) {
        return SIGNAL_early_tone;
    }
    return SIGNAL_tone;
}

/* A signal of the far end waits until the state has a use for it. */
static void take_tone(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    for (int turns = 0; r2->fresh && turns < 2; turns++) {
        enum tr_r2_signal signal = sort_tone(port);
        if (!find_row(r2, signal)) {
            return;
        }
        r2->fresh = signal == SIGNAL_other_tone;
        tr_r2_take(port, signal);
    }
}

static void hear(struct tr_port *port, const int16_t *samples) {
    struct tr_r2 *r2 = port->r2;
    r2->mf.bridges = r2->phase != PHASE_GROUP_B; /* after it comes what people hear */
    tr_mf_feed(&r2->mf, samples);
    r2->drowned = r2->mf.on ? 0 : r2->drowned + r2->mf.drowned;
    for (int i = 0; i < r2->mf.changes; i++) {
        r2->heard = r2->mf.change[i];
        r2->stirred = now(port);
        r2->fresh = r2->heard != 0;
        tr_r2_note(port, TR_R2_TONE_HEARD, r2->heard);
        if (!r2->fresh) {
            tr_r2_take(port, SIGNAL_silence);
        }
        take_tone(port);
    }
}

static bool ends_number(enum tr_r2_timer timer) { return timer == TR_R2_T_CALLED || timer == TR_R2_T_CALLER; }

bool tr_r2_runs(const struct tr_r2 *r2) { return r2 && r2->state != STATE_off; }

bool tr_r2_listens(const struct tr_r2 *r2) {
    return r2 && ((r2->state >= STATE_in_wait && r2->state <= STATE_in_group_b) || r2->state == STATE_in_refusing ||
                  (r2->state >= STATE_out_double && r2->state <= STATE_out_quiet));
}

bool tr_r2_render(struct tr_r2 *r2, int16_t *samples) { return tr_mf_render(&r2->out, samples); }

void tr_r2_run(struct tr_port *port, const int16_t *samples) {
    struct tr_r2 *r2 = port->r2;
    if (r2->state == STATE_off) {
        return;
    }
    if (r2->pending != r2->bits && now(port) - r2->since >= tr_r2_ticks(r2, TR_R2_T_RECOGNISE)) {
        r2->bits = r2->pending;
        tr_r2_take(port, tr_r2_look(r2));
        r2->stirred = now(port); /* a release counts from the signal before it */
    }
    if (tr_r2_listens(r2)) {
        hear(port, samples);
        take_tone(port);
    }
    enum tr_r2_timer timer = tr_r2_timer_of(r2);
    if (r2->due && ends_number(timer) && r2->drowned >= tr_r2_ticks(r2, TR_R2_T_NO_FORWARD)) {
        timer = TR_R2_T_NO_FORWARD;
        r2->due = now(port);
    } else if (r2->due && (r2->alarm_since || (ends_number(timer) && r2->mf.drowned && tr_r2_listens(r2)))) {
        r2->due++; /* nothing can be heard: silence ends no number */
    }
    if (r2->due && now(port) >= r2->due) {
        r2->due = 0;
        r2->expired = (uint8_t)timer;
        tr_r2_take(port, SIGNAL_timer);
        take_tone(port);
    }
    if (r2->alarm_since && !r2->in_alarm && now(port) + 1 - r2->alarm_since >= tr_r2_ticks(r2, TR_R2_T_ALARM)) {
        r2->in_alarm = true;
        tr_r2_take(port, SIGNAL_alarm);
    }
}
