/* MFC-R2: what comes from outside: the line's bits and alarms, commands of the control half; see r2.h. */
#include "internal.h"
#include "r2_parts.h"
#include <string.h>

bool tr_r2_line(struct tr_port *port, const struct tr_line_event *event) {
    struct tr_r2 *r2 = port->r2;
    if (!tr_r2_runs(r2)) {
        return false;
    }
    if (event->kind == TR_EV_ALARM) {
        r2->alarm_since = event->a0 ? (r2->alarm_since ? r2->alarm_since : port->engine->tick + 1) : 0;
        if (!event->a0 && r2->in_alarm) {
            r2->in_alarm = false;
            tr_r2_take(port, SIGNAL_well);
        }
    } else if (event->kind == TR_EV_BITS) {
        tr_r2_note(port, TR_R2_BITS_HEARD, (uint32_t)event->a0);
        uint8_t seen = (uint8_t)(event->a0 >> 2 & 3);
        if (!r2->known || seen != r2->pending) {
            r2->bits = r2->known ? r2->bits : (uint8_t)~seen & 3; /* the first are news, whatever they are */
            r2->known = true;
            r2->pending = seen;
            r2->since = port->engine->tick;
        }
        return true;
    }
    return false;
}

static void look_at_line(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    struct tr_port_state state = {0};
    port->card->ops->state(port->card, port->card_port, &state);
    r2->alarm_since = state.alarms ? port->engine->tick + 1 : 0;
    r2->known = state.bits_edges > 0 || state.bits != 0;
    r2->bits = r2->pending = (uint8_t)(state.bits >> 2 & 3);
    r2->since = port->engine->tick;
}

static int start(struct tr_port *port, const uint8_t *side, uint32_t n) {
    struct tr_r2 *r2 = port->r2;
    if (n != sizeof r2->next) {
        return TR_E_ARGUMENT;
    }
    struct tr_r2_config config;
    memcpy(&config, side, sizeof config);
    bool sound = config.cd >= 0 && config.cd <= 3 && config.prefix_count <= TR_R2_PREFIXES && config.level <= 0 &&
                 config.level >= -4000 && config.caller_max >= 0 && config.caller_max <= TR_R2_DIGITS &&
                 config.called_length >= 0 && config.called_length <= TR_R2_DIGITS && config.ask_caller >= -1 &&
                 config.called_end >= 0 && config.called_end < 16 && config.caller_end > 0 && config.caller_end < 16 &&
                 config.caller_withheld >= 0 && config.caller_withheld < 16;
    for (int i = 0; i < TR_R2_TIMERS; i++) {
        sound = sound && config.ms[i] >= 0 && config.ms[i] <= 3600000;
    }
    for (int i = 0; i < 16; i++) {
        sound = sound && config.a_code[i] < 16 && config.a_means[i] < TR_R2_ASKS && config.b_congestion[i] < 16;
    }
    if (!sound) {
        return TR_E_ARGUMENT;
    }
    r2->next = config;
    r2->renewed = r2->state != STATE_off && r2->state != STATE_leaving;
    if (!r2->renewed) {
        r2->config = config;
        r2->blocked = 0;
        r2->call = 0;
        r2->sent = UINT8_MAX;
        look_at_line(port);
        tr_r2_take(port, SIGNAL_start);
    }
    return TR_OK;
}

static bool digits(const uint8_t *text, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return true;
}

static bool good_signal(int32_t code) { return code > 0 && code < 16; }

static int call(struct tr_port *port, const struct tr_command *command, const uint8_t *side) {
    struct tr_r2 *r2 = port->r2;
    uint32_t n = command->side_len;
    const uint8_t *split = n ? (const uint8_t *)memchr(side, 0, n) : NULL;
    uint32_t called = split ? (uint32_t)(split - side) : 0, caller = split ? n - called - 1 : 0;
    if (!split || called > TR_R2_DIGITS || caller > TR_R2_DIGITS || !digits(side, called) ||
        !digits(side + called + 1, caller) || !good_signal(command->a[2]) || !good_signal(command->a[3]) ||
        command->a[1] <= 0) {
        return TR_E_ARGUMENT;
    }
    if (r2->state != STATE_idle || r2->alarm_since || tr_r2_look(r2) != SIGNAL_far_idle || r2->pending != r2->bits) {
        return TR_E_STATE;
    }
    tr_r2_begin(port, command->a[1]);
    r2->id = command->id;
    memcpy(r2->called, side, called);
    r2->called_count = (uint8_t)called;
    memcpy(r2->caller, side + called + 1, caller);
    r2->caller_count = (uint8_t)caller;
    r2->ka = (uint8_t)command->a[2];
    r2->kd = (uint8_t)command->a[3];
    r2->withheld = command->a[4] != 0;
    tr_r2_take(port, SIGNAL_call);
    return TR_OK;
}

static int more(struct tr_port *port, const uint8_t *side, uint32_t n) {
    struct tr_r2 *r2 = port->r2;
    if (!digits(side, n) || r2->called_count + n > TR_R2_DIGITS) {
        return TR_E_ARGUMENT;
    }
    memcpy(r2->called + r2->called_count, side, n);
    r2->called_count = (uint8_t)(r2->called_count + n);
    tr_r2_take(port, SIGNAL_more);
    return TR_OK;
}

static int of_the_call(struct tr_port *port, const struct tr_command *command, const uint8_t *side) {
    struct tr_r2 *r2 = port->r2;
    if (command->a[1] != r2->call || r2->state == STATE_idle || r2->state == STATE_away) {
        return TR_E_STALE;
    }
    switch (command->a[0]) {
    case TR_R2_MORE:
        return more(port, side, command->side_len);
    case TR_R2_ACCEPT:
        if (!good_signal(command->a[2])) {
            return TR_E_ARGUMENT;
        }
        if (r2->state != STATE_in_offered) {
            return TR_E_STATE;
        }
        r2->kb = (uint8_t)command->a[2];
        tr_r2_take(port, command->a[3] ? SIGNAL_accept : SIGNAL_reject);
        return TR_OK;
    case TR_R2_ANSWER:
        return tr_r2_take(port, SIGNAL_answer) ? TR_OK : TR_E_STATE;
    case TR_R2_CLEAR:
        return tr_r2_take(port, SIGNAL_clear) ? TR_OK : TR_E_STATE;
    default:
        return TR_E_ARGUMENT;
    }
}

static void set_blocked(struct tr_port *port, uint8_t by, bool on) {
    struct tr_r2 *r2 = port->r2;
    bool before = r2->blocked != 0;
    r2->blocked = (uint8_t)(on ? r2->blocked | by : r2->blocked & ~by);
    if (before != (r2->blocked != 0)) {
        tr_r2_take(port, r2->blocked ? SIGNAL_block : SIGNAL_unblock);
    }
}

int tr_r2_command(struct tr_port *port, const struct tr_command *command, const uint8_t *side) {
    struct tr_r2 *r2 = port->r2;
    if (!r2 || !port->card->ops->bits) {
        return TR_E_UNSUPPORTED;
    }
    if (command->a[0] == TR_R2_START) {
        return start(port, side, command->side_len);
    }
    if (r2->state == STATE_off || r2->state == STATE_leaving) {
        return TR_E_STATE;
    }
    switch (command->a[0]) {
    case TR_R2_STOP:
        tr_r2_take(port, SIGNAL_stop);
        return TR_OK;
    case TR_R2_CALL:
        return call(port, command, side);
    case TR_R2_BLOCK:
    case TR_R2_UNBLOCK:
        set_blocked(port, BLOCKED_BY_COMMAND, command->a[0] == TR_R2_BLOCK);
        return TR_OK;
    case TR_R2_TELL:
        tr_r2_tell_steps(port, TR_R2_STEPS);
        return TR_OK;
    default:
        return of_the_call(port, command, side);
    }
}

void tr_r2_nobody(struct tr_port *port, bool nobody) {
    if (tr_r2_runs(port->r2)) {
        set_blocked(port, BLOCKED_BY_SILENCE, nobody);
    }
}

void tr_r2_detach(struct tr_port *port) {
    if (tr_r2_runs(port->r2)) {
        tr_r2_take(port, SIGNAL_stop);
        tr_r2_take(port, SIGNAL_timer); /* there is no next tick */
    }
}
