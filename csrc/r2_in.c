/* MFC-R2, the register of incoming calls: what a forward signal means in its place, and what is asked next (ITU-T Q.440
 * ff.; China No.1): see r2.h. */
#include "internal.h"
#include "r2_parts.h"
#include <string.h>

enum { CODE_0 = 10, CODE_15 = 15 };

static char digit_of(uint8_t code) { return (char)(code == CODE_0 ? '0' : '0' + code); }

int32_t tr_r2_length(const struct tr_r2 *r2) {
    int32_t length = r2->config.called_length;
    size_t longest = 0;
    for (uint32_t i = 0; i < r2->config.prefix_count; i++) {
        const struct tr_r2_prefix *prefix = &r2->config.prefix[i];
        const char *end = (const char *)memchr(prefix->digits, 0, sizeof prefix->digits);
        size_t n = end ? (size_t)(end - prefix->digits) : sizeof prefix->digits;
        if (n <= r2->called_count && n >= longest && memcmp(prefix->digits, r2->called, n) == 0) {
            longest = n;
            length = prefix->length;
        }
    }
    return length;
}

static enum tr_r2_signal reply(struct tr_r2 *r2, enum tr_r2_ask ask) {
    r2->reply = r2->config.a_code[ask];
    return r2->reply ? SIGNAL_reply : SIGNAL_refuse;
}

static enum tr_r2_signal refuse(struct tr_r2 *r2) {
    r2->reply = r2->phase == PHASE_GROUP_B ? r2->config.b_congestion[r2->kd] : r2->config.a_code[TR_R2_A_CONGESTION];
    return SIGNAL_refuse;
}

static enum tr_r2_signal ask_group_b(struct tr_r2 *r2) {
    r2->phase = PHASE_GROUP_B;
    return reply(r2, TR_R2_A_GROUP_B);
}

/* After a called digit, or the caller's last. */
static enum tr_r2_signal ask_next(struct tr_r2 *r2) {
    int32_t after = r2->config.ask_caller;
    if (!r2->asked && after != 0 && r2->config.a_code[TR_R2_A_CALLER] &&
        (after < 0 ? r2->complete : r2->called_count >= after || r2->complete)) {
        r2->asked = true;
        r2->phase = PHASE_CATEGORY;
        return reply(r2, TR_R2_A_CALLER);
    }
    if (r2->complete) {
        return ask_group_b(r2);
    }
    r2->phase = PHASE_CALLED;
    return reply(r2, TR_R2_A_NEXT);
}

static enum tr_r2_signal called_digit(struct tr_r2 *r2, uint8_t code) {
    if (code <= CODE_0) {
        r2->called[r2->called_count++] = digit_of(code);
    }
    int32_t length = tr_r2_length(r2); /* codes 11 .. 14 (KC, KE) say nothing to a PBX */
    r2->complete = code == CODE_15 || r2->called_count >= TR_R2_DIGITS || (length && r2->called_count >= length);
    return ask_next(r2);
}

static enum tr_r2_signal ask_caller_digit(struct tr_r2 *r2) {
    return reply(r2, r2->config.caller_by_next ? TR_R2_A_NEXT : TR_R2_A_CALLER);
}

/* Where the next digit of the caller and of the called number are asked for by one signal (China), the caller's must
 * have come to their end before more of the called ones can. */
static enum tr_r2_signal caller_digit(struct tr_r2 *r2, uint8_t code) {
    bool end = code == r2->config.caller_end || (r2->config.caller_withheld && code == r2->config.caller_withheld);
    if (code <= CODE_0 && r2->caller_count < r2->config.caller_max) {
        r2->caller[r2->caller_count++] = digit_of(code);
    }
    r2->withheld = r2->withheld || (end && code != r2->config.caller_end);
    bool enough = r2->caller_count >= r2->config.caller_max && (r2->complete || !r2->config.caller_by_next);
    return end || enough ? ask_next(r2) : ask_caller_digit(r2);
}

static enum tr_r2_signal category(struct tr_r2 *r2, uint8_t code) {
    r2->ka = code;
    if (r2->config.caller_max == 0 && (r2->complete || !r2->config.caller_by_next)) {
        return ask_next(r2);
    }
    r2->phase = PHASE_CALLER;
    return ask_caller_digit(r2);
}

enum tr_r2_signal tr_r2_judge_forward(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    r2->last = r2->heard;
    if (!tr_r2_count(r2)) {
        tr_r2_end(port, TR_R2_END_TONE, r2->heard);
        r2->refused = true;
    }
    if (r2->refused || r2->final) {
        return refuse(r2);
    }
    switch (r2->phase) {
    case PHASE_CALLED:
        return called_digit(r2, r2->heard);
    case PHASE_CATEGORY:
        return category(r2, r2->heard);
    case PHASE_CALLER:
        return caller_digit(r2, r2->heard);
    default:
        r2->kd = r2->heard;
        return SIGNAL_offer;
    }
}

/* No forward signal for the time allowed. A number of unknown length, or the caller's, may be complete: then, and where
 * the call fails, the incoming side speaks first, by a pulse. */
enum tr_r2_signal tr_r2_judge_silence(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    bool number_ends = r2->expired == TR_R2_T_CALLED || (r2->expired == TR_R2_T_CALLER && r2->complete);
    if (number_ends && !r2->refused && r2->config.a_code[TR_R2_A_GROUP_B]) {
        r2->cut = r2->phase != PHASE_CALLED;
        r2->complete = true;
        r2->phase = PHASE_GROUP_B;
        r2->reply = r2->config.a_code[TR_R2_A_GROUP_B];
        return SIGNAL_pulse;
    }
    if (r2->phase == PHASE_GROUP_B && !r2->refused && !r2->asked_again) { /* A3 was not heard, or KD not by us */
        r2->asked_again = true;
        r2->reply = r2->config.a_code[TR_R2_A_GROUP_B];
        return SIGNAL_pulse;
    }
    tr_r2_end(port, TR_R2_END_TIMER, r2->expired);
    r2->final = true;
    r2->reply = r2->config.a_code[TR_R2_A_CONGESTION];
    return r2->reply ? SIGNAL_pulse : SIGNAL_refused;
}

enum tr_r2_signal tr_r2_send_backward(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    if (r2->state == STATE_in_refusing) {
        tr_r2_end(port, TR_R2_END_NORMAL, r2->reply);
    }
    tr_r2_tone(port, false, r2->reply);
    return SIGNAL_none;
}

/* The forward signal has ended; ours ends now if it has sounded long enough. */
enum tr_r2_signal tr_r2_hold_backward(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    uint64_t sounded = port->engine->tick - r2->began, least = tr_r2_ticks(r2, TR_R2_T_BACKWARD_MIN);
    if (sounded >= least) {
        return SIGNAL_timer;
    }
    r2->due = port->engine->tick + least - sounded;
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_end_backward(struct tr_port *port) {
    tr_r2_tone(port, false, 0);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_end_pulse(struct tr_port *port) {
    tr_r2_tone(port, false, 0);
    return port->r2->final ? SIGNAL_refused : SIGNAL_wait;
}

enum tr_r2_signal tr_r2_stop_tone(struct tr_port *port) {
    tr_r2_tone(port, false, 0);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_fail_backward(struct tr_port *port) {
    tr_r2_end(port, TR_R2_END_TIMER, TR_R2_T_BACKWARD);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_tell_offered(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    int32_t number = (r2->withheld ? TR_R2_CALLER_WITHHELD : 0) | (r2->cut ? TR_R2_CALLER_CUT : 0);
    tr_r2_report(port, TR_R2_OFFERED, r2->ka, r2->kd, number);
    return SIGNAL_none;
}

/* Free, or why not, as the control half chose. */
enum tr_r2_signal tr_r2_send_group_b(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    if (r2->state == STATE_in_refusing) {
        tr_r2_end(port, TR_R2_END_NORMAL, r2->kb);
    }
    tr_r2_tone(port, false, r2->kb);
    return SIGNAL_none;
}

/* Free was said and is heard to its end; nobody is rung. */
enum tr_r2_signal tr_r2_end_after_group_b(struct tr_port *port) {
    tr_r2_tell_end(port, TR_R2_END_NORMAL, 0);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_fail_accept(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    tr_r2_end(port, TR_R2_END_TIMER, TR_R2_T_ACCEPT);
    tr_r2_tone(port, false, r2->config.b_congestion[r2->kd]);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_accepted(struct tr_port *port) {
    tr_r2_tone(port, false, 0);
    tr_r2_report(port, TR_R2_ACCEPTED, port->r2->kb, 0, 0);
    return port->r2->answer ? SIGNAL_answer : SIGNAL_none;
}

/* Where KD was no longer heard when group B began, the signal was a pulse, and stands. */
enum tr_r2_signal tr_r2_group_b_unheard(struct tr_port *port) {
    if (!port->r2->heard) {
        return tr_r2_accepted(port);
    }
    tr_r2_end(port, TR_R2_END_TIMER, TR_R2_T_BACKWARD);
    return SIGNAL_fail;
}
