/* Line classification; see line.h. Serves steps 1, 2 and 7. */
#include "line.h"
#include <string.h>

enum {
    SAMPLES_PER_MS = TR_RATE / 1000,
    PULSE_GAP = 200 * SAMPLES_PER_MS, /* loop closed this long ends a pulse digit */
    BATTERY_ALARM = 1000 * SAMPLES_PER_MS,
    BATTERY_BACK = 64 * SAMPLES_PER_MS,
    SIGNAL_GONE = 2500 * SAMPLES_PER_MS, /* or all ones: red, blue */
    SIGNAL_BACK = 500 * SAMPLES_PER_MS,  /* and for the remote alarm's coming and going */
    LONGEST_SETTING_MS = 60000
};

uint16_t tr_level_mask(uint32_t kind) {
    switch (kind) {
    case TR_KIND_FXO:
        return TR_LEVEL_LOOP;
    case TR_KIND_FXS:
        return TR_LEVEL_BATTERY | TR_LEVEL_RINGING | TR_LEVEL_REVERSED | TR_LEVEL_LAMP | TR_LEVEL_ON_HOOK_TX;
    case TR_KIND_B:
        return TR_LEVEL_PRESENT | TR_LEVEL_AIS | TR_LEVEL_RAI | TR_LEVEL_BITS;
    case TR_KIND_D:
        return TR_LEVEL_PRESENT | TR_LEVEL_AIS | TR_LEVEL_RAI;
    default:
        return 0;
    }
}

static void set_timer(struct tr_line *line, enum tr_line_timer which, uint64_t at) {
    line->timer[which] = at;
    line->due = TR_NEVER;
    for (int i = 0; i < TR_TIMER_COUNT; i++) {
        if (line->timer[i] < line->due) {
            line->due = line->timer[i];
        }
    }
}

static void found(struct tr_line *line, uint64_t at, uint64_t edge_at, uint32_t kind, int32_t a0) {
    if (line->found_count < TR_LINE_FOUND_MAX) {
        line->found[line->found_count++] =
            (struct tr_found_line){.at = at, .age = (uint32_t)(at - edge_at), .kind = kind, .a0 = a0};
    }
}

static int32_t to_ms(uint64_t samples) { return (int32_t)((samples + SAMPLES_PER_MS / 2) / SAMPLES_PER_MS); }

/* With a level the battery-alarm rules may set and the link may set: one mask, one event a change. */
static void set_alarm(struct tr_line *line, uint64_t at, uint32_t own_red, uint32_t link) {
    uint32_t mask = own_red | link;
    uint32_t before = line->alarms | line->link_alarm;
    line->alarms = own_red;
    line->link_alarm = link;
    if (mask != before) {
        found(line, at, at, TR_EV_ALARM, (int32_t)mask);
    }
}

void tr_line_init(struct tr_line *line, uint32_t kind, uint32_t capabilities) {
    memset(line, 0, sizeof *line);
    line->kind = (uint8_t)kind;
    line->capabilities = capabilities;
    line->hook = TR_HOOK_ON;
    line->flash_min = 80 * SAMPLES_PER_MS;
    line->flash_max = 1000 * SAMPLES_PER_MS;
    line->debounce = 16 * SAMPLES_PER_MS;
    line->ring_debounce = 100 * SAMPLES_PER_MS;
    line->loop_drop = 250 * SAMPLES_PER_MS;
    line->guard = 300 * SAMPLES_PER_MS;
    line->due = TR_NEVER;
    line->ring_at = line->away_at = TR_NEVER;
    for (int i = 0; i < TR_TIMER_COUNT; i++) {
        line->timer[i] = TR_NEVER;
    }
}

int tr_line_set(struct tr_line *line, int setting, int value) {
    uint32_t *time = NULL;
    switch (setting) {
    case TR_SET_FLASH_MIN_MS:
        time = &line->flash_min;
        break;
    case TR_SET_FLASH_MAX_MS:
        time = &line->flash_max;
        break;
    case TR_SET_DEBOUNCE_MS:
        time = &line->debounce;
        break;
    case TR_SET_RING_DEBOUNCE_MS:
        time = &line->ring_debounce;
        break;
    case TR_SET_LOOP_DROP_MS:
        time = &line->loop_drop;
        break;
    case TR_SET_GUARD_MS:
        time = &line->guard;
        break;
    case TR_SET_PULSE_DIAL:
        line->pulse_dial = value != 0;
        line->pulses = 0;
        return TR_OK;
    case TR_SET_LAW:
    case TR_SET_VOICE_LEVEL:
    case TR_SET_ANSWER_VOICE_MS:
        return TR_OK;
    default:
        return TR_E_ARGUMENT;
    }
    if (value < 0 || value > LONGEST_SETTING_MS) {
        return TR_E_ARGUMENT;
    }
    *time = (uint32_t)value * SAMPLES_PER_MS;
    return TR_OK;
}

bool tr_line_off_hook(const struct tr_line *line) { return line->hook >= TR_HOOK_OFF; }

bool tr_line_ringing(const struct tr_line *line) { return line->ring_begun; }

/* ---- FXS: the far end's loop ---- */

static void loop_closed(struct tr_line *line, uint64_t at) {
    line->closed_at = at;
    if (line->hook == TR_HOOK_ON) {
        line->hook = TR_HOOK_CLOSING;
    } else if (line->hook == TR_HOOK_OPEN) {
        line->hook = TR_HOOK_RECLOSING;
        set_timer(line, TR_TIMER_LONG, TR_NEVER);
    } else {
        return;
    }
    set_timer(line, TR_TIMER_CLOSED, at + line->debounce);
}

static void loop_opened(struct tr_line *line, uint64_t at) {
    set_timer(line, TR_TIMER_CLOSED, TR_NEVER);
    if (line->hook == TR_HOOK_CLOSING) {
        line->hook = TR_HOOK_ON;
        return;
    }
    if (line->hook == TR_HOOK_OFF) {
        line->open_at = at;
    } else if (line->hook != TR_HOOK_RECLOSING) {
        return; /* a reclosing that was bounce: the opening goes on from where it began */
    }
    line->hook = TR_HOOK_OPEN;
    set_timer(line, TR_TIMER_DIGIT, TR_NEVER);
    uint64_t too_long = line->open_at + line->flash_max + 1;
    set_timer(line, TR_TIMER_LONG, too_long > at ? too_long : at);
}

static void loop_closed_for_good(struct tr_line *line, uint64_t at) {
    bool was_on_hook = line->hook == TR_HOOK_CLOSING;
    line->hook = TR_HOOK_OFF;
    if (was_on_hook) {
        line->hook_edges++;
        line->pulses = 0;
        found(line, at, line->closed_at, TR_EV_OFFHOOK, 0);
        return;
    }
    uint64_t open = line->closed_at - line->open_at;
    if (open >= line->flash_min && open <= line->flash_max) {
        line->flash_edges++;
        line->pulses = 0;
        found(line, at, line->closed_at, TR_EV_FLASH, to_ms(open));
    } else if (open < line->flash_min && open >= line->debounce && line->pulse_dial) {
        line->pulses++;
    }
    if (line->pulses) {
        line->pulse_at = line->closed_at;
        uint64_t digit_at = line->closed_at + PULSE_GAP;
        set_timer(line, TR_TIMER_DIGIT, digit_at > at ? digit_at : at);
    }
}

static void pulse_digit(struct tr_line *line, uint64_t at) {
    if (line->pulses <= 10) {
        found(line, at, line->pulse_at, TR_EV_PULSE_DIGIT, (int32_t)(line->pulses % 10));
    }
    line->pulses = 0;
}

/* The far loop as far as we can know: while our own battery is away it is taken to be as it was. */
static void see_loop(struct tr_line *line, uint64_t at) {
    if (!(line->own & TR_LEVEL_BATTERY)) {
        return;
    }
    bool closed = line->far & TR_LEVEL_LOOP;
    bool seen_closed = line->hook == TR_HOOK_CLOSING || line->hook == TR_HOOK_OFF || line->hook == TR_HOOK_RECLOSING;
    if (closed && !seen_closed) {
        loop_closed(line, at);
    } else if (!closed && seen_closed) {
        loop_opened(line, at);
    }
}

/* ---- FXO: battery, ringing, polarity, lamp ---- */

static void see_ringing(struct tr_line *line, uint64_t at) {
    bool ringing = (line->far & TR_LEVEL_RINGING) && !(line->own & TR_LEVEL_LOOP);
    if (ringing && line->ring_at == TR_NEVER) {
        line->ring_at = at;
        set_timer(line, TR_TIMER_RING, at + line->ring_debounce);
    } else if (!ringing && line->ring_at != TR_NEVER) {
        if (line->ring_begun) {
            found(line, at, at, TR_EV_RING_END, to_ms(at - line->ring_at));
        }
        line->ring_begun = false;
        line->ring_at = TR_NEVER;
        set_timer(line, TR_TIMER_RING, TR_NEVER);
    }
}

static void see_battery(struct tr_line *line, uint64_t at) {
    bool battery = line->far & TR_LEVEL_BATTERY;
    if (!battery && line->plugged && line->away_at == TR_NEVER) {
        line->away_at = at;
        line->dropped = false;
        set_timer(line, TR_TIMER_CLEAR, TR_NEVER);
        if (!line->alarms) {
            set_timer(line, TR_TIMER_RED, at + BATTERY_ALARM);
        }
    } else if (battery && line->away_at != TR_NEVER) {
        line->away_at = TR_NEVER;
        set_timer(line, TR_TIMER_RED, TR_NEVER);
        if (line->alarms) {
            set_timer(line, TR_TIMER_CLEAR, at + BATTERY_BACK);
        }
    }
    /* A drop is counted only while our own loop is closed, and not before the guard time is over. */
    uint64_t drop_at = TR_NEVER;
    if (line->away_at != TR_NEVER && (line->own & TR_LEVEL_LOOP) && !line->dropped) {
        drop_at = (line->away_at > line->guard_end ? line->away_at : line->guard_end) + line->loop_drop;
        drop_at = drop_at > at ? drop_at : at; /* the setting may have been shortened meanwhile */
    }
    set_timer(line, TR_TIMER_DROP, drop_at);
}

static void see_polarity_and_lamp(struct tr_line *line, uint64_t at) {
    if (!(line->far & TR_LEVEL_BATTERY)) {
        return;
    }
    bool reversed = line->far & TR_LEVEL_REVERSED;
    if ((line->capabilities & TR_CAP_POLARITY) && (!line->polarity_known || reversed != line->polarity)) {
        if (line->polarity_known) {
            line->polarity_edges++;
            found(line, at, at, TR_EV_POLARITY, reversed);
        }
        line->polarity_known = true;
        line->polarity = reversed;
    }
    bool lamp = line->far & TR_LEVEL_LAMP;
    if ((line->capabilities & TR_CAP_LAMP) && lamp != line->lamp) {
        line->lamp = lamp;
        found(line, at, at, TR_EV_LAMP, lamp);
    }
}

/* ---- B, D ---- */

static const uint32_t own_alarms = TR_ALARM_RED | TR_ALARM_BLUE;

bool tr_line_in_alarm(const struct tr_line *line) { return (line->alarms & own_alarms) || line->link_alarm; }

/* The alarm that the signal deserves now. */
static uint32_t fault_of(const struct tr_line *line) {
    if (line->link_alarm) {
        return 0; /* it tells already that there is nothing */
    }
    if (line->far & TR_LEVEL_PRESENT) {
        return (line->far & TR_LEVEL_RAI) && !(line->alarms & own_alarms) ? TR_ALARM_YELLOW : 0;
    }
    return line->far & TR_LEVEL_AIS ? TR_ALARM_BLUE : TR_ALARM_RED | TR_ALARM_LOS;
}

static void see_signal(struct tr_line *line, uint64_t at) {
    uint32_t fault = fault_of(line);
    bool waiting = line->timer[TR_TIMER_SIGNAL] != TR_NEVER;
    if ((fault & own_alarms) && (line->alarms & own_alarms)) {
        set_alarm(line, at, fault, line->link_alarm); /* one for the other: told at once */
    }
    if (fault == line->alarms) {
        set_timer(line, TR_TIMER_SIGNAL, TR_NEVER);
    } else if (!waiting || (fault != line->coming && !((fault & own_alarms) && (line->coming & own_alarms)))) {
        set_timer(line, TR_TIMER_SIGNAL, at + (fault & own_alarms ? SIGNAL_GONE : SIGNAL_BACK));
    }
    line->coming = fault;
}

static void see_channel(struct tr_line *line, uint64_t at) {
    bool present = line->far & TR_LEVEL_PRESENT;
    if (line->plugged) {
        see_signal(line, at);
    }
    uint8_t bits = (line->far & TR_LEVEL_BITS) >> TR_LEVEL_BITS_SHIFT;
    if (present && line->kind == TR_KIND_B && bits != line->bits) {
        line->bits = bits;
        line->bits_edges++;
        found(line, at, at, TR_EV_BITS, bits);
    }
}

static void look(struct tr_line *line, uint64_t at) {
    if (line->kind == TR_KIND_FXS) {
        see_loop(line, at);
    } else if (line->kind == TR_KIND_FXO) {
        see_ringing(line, at);
        see_battery(line, at);
        see_polarity_and_lamp(line, at);
    } else {
        see_channel(line, at);
    }
}

void tr_line_own(struct tr_line *line, uint64_t at, uint16_t levels) {
    uint16_t changed = line->own ^ levels;
    line->own = levels;
    if (line->kind == TR_KIND_FXO && (changed & TR_LEVEL_LOOP)) {
        line->guard_end = at + line->guard;
        line->dropped = false;
        line->hook_edges++;
    }
    if (changed) {
        look(line, at);
    }
}

void tr_line_far(struct tr_line *line, uint64_t at, uint16_t levels) {
    if (levels != line->far) {
        line->far = levels;
        look(line, at);
    }
}

void tr_line_plug(struct tr_line *line, uint64_t at) {
    line->plugged = true;
    look(line, at);
}

void tr_line_link_alarm(struct tr_line *line, uint64_t at, uint32_t alarms) {
    set_alarm(line, at, line->alarms, alarms);
    if (line->kind == TR_KIND_B || line->kind == TR_KIND_D) {
        look(line, at);
    }
}

bool tr_line_timer(struct tr_line *line, uint64_t end) {
    if (line->due >= end) {
        return false;
    }
    uint64_t at = line->due;
    enum tr_line_timer which = 0;
    while (line->timer[which] != at) {
        which++;
    }
    set_timer(line, which, TR_NEVER);
    switch (which) {
    case TR_TIMER_CLOSED:
        loop_closed_for_good(line, at);
        break;
    case TR_TIMER_LONG:
        line->hook = TR_HOOK_ON;
        line->pulses = 0;
        line->hook_edges++;
        found(line, at, line->open_at, TR_EV_ONHOOK, 0);
        break;
    case TR_TIMER_DIGIT:
        pulse_digit(line, at);
        break;
    case TR_TIMER_RING:
        line->ring_begun = true;
        line->ring_edges++;
        if (line->capabilities & TR_CAP_REPORTS_RING_BEGIN) {
            found(line, at, line->ring_at, TR_EV_RING_BEGIN, 0);
        }
        break;
    case TR_TIMER_DROP:
        line->dropped = true;
        line->drop_edges++;
        found(line, at, line->away_at, TR_EV_LOOP_DROP, 0);
        break;
    case TR_TIMER_RED:
        set_alarm(line, at, TR_ALARM_RED, line->link_alarm);
        break;
    case TR_TIMER_CLEAR:
        set_alarm(line, at, 0, line->link_alarm);
        break;
    case TR_TIMER_SIGNAL:
        set_alarm(line, at, line->coming, line->link_alarm);
        see_signal(line, at); /* with our own alarm gone the far end's remote alarm counts */
        break;
    case TR_TIMER_COUNT:
        break;
    }
    return true;
}
