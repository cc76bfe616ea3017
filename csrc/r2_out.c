/* MFC-R2, the register of outgoing calls: what a backward signal asks for, and what is sent next (ITU-T Q.440 ff.;
 * China No.1): see r2.h. */
#include "r2_parts.h"

static uint8_t code_of(char digit) { return (uint8_t)(digit == '0' ? 10 : digit - '0'); }

static uint8_t called_code(struct tr_r2 *r2) {
    if (r2->called_at < r2->called_count) {
        return code_of(r2->called[r2->called_at++]);
    }
    if (r2->config.called_end && !r2->end_sent) {
        r2->end_sent = true;
        return (uint8_t)r2->config.called_end;
    }
    return 0;
}

static uint8_t caller_code(struct tr_r2 *r2) {
    if (!r2->withheld && r2->caller_at < r2->caller_count) {
        return code_of(r2->caller[r2->caller_at++]);
    }
    r2->caller_done = true;
    return (uint8_t)(r2->withheld && r2->config.caller_withheld ? r2->config.caller_withheld : r2->config.caller_end);
}

enum tr_r2_signal tr_r2_send_forward(struct tr_port *port) {
    tr_r2_tone(port, true, port->r2->reply);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_note_backward(struct tr_port *port) {
    port->r2->backward = port->r2->heard;
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_end_forward(struct tr_port *port) {
    tr_r2_tone(port, true, 0);
    return tr_r2_note_backward(port);
}

static enum tr_r2_signal send(struct tr_r2 *r2, uint8_t code) {
    r2->reply = code;
    return code ? SIGNAL_send : SIGNAL_quiet;
}

static enum tr_r2_signal again_from(struct tr_r2 *r2, int at) {
    r2->called_at = (uint8_t)(at < 0 ? 0 : at);
    r2->end_sent = false;
    return send(r2, called_code(r2));
}

static enum tr_r2_signal fail(struct tr_port *port, enum tr_r2_end why) {
    tr_r2_end(port, why, port->r2->backward);
    return SIGNAL_fail;
}

static enum tr_r2_signal judge_group_a(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    enum tr_r2_ask ask = (enum tr_r2_ask)r2->config.a_means[r2->backward];
    bool caller = r2->category_sent && !r2->caller_done;
    if (caller && ask == (r2->config.caller_by_next ? TR_R2_A_NEXT : TR_R2_A_CALLER)) {
        return send(r2, caller_code(r2));
    }
    switch (ask) {
    case TR_R2_A_NEXT:
        return send(r2, called_code(r2));
    case TR_R2_A_AGAIN:
        return again_from(r2, 0);
    case TR_R2_A_BACK1:
        return again_from(r2, r2->called_at - 2);
    case TR_R2_A_BACK2:
        return again_from(r2, r2->called_at - 3);
    case TR_R2_A_BACK3:
        return again_from(r2, r2->called_at - 4);
    case TR_R2_A_CALLER:
        r2->category_sent = true;
        r2->caller_done = false;
        r2->caller_at = 0;
        return send(r2, r2->ka);
    case TR_R2_A_GROUP_B:
        r2->phase = PHASE_GROUP_B;
        tr_r2_report(port, TR_R2_PROCEEDING, 0, 0, 0);
        return send(r2, r2->kd);
    case TR_R2_A_FREE:
        return SIGNAL_free;
    case TR_R2_A_CONGESTION:
    case TR_R2_A_VACANT:
        return fail(port, TR_R2_END_GROUP_A);
    default:
        return fail(port, TR_R2_END_TONE);
    }
}

/* The backward signal has ended: what it asked for is done now. */
enum tr_r2_signal tr_r2_judge_backward(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    if (!tr_r2_count(r2)) {
        return fail(port, TR_R2_END_TONE);
    }
    if (r2->phase != PHASE_GROUP_B) {
        return judge_group_a(port);
    }
    r2->accepted = r2->backward;
    return r2->config.b_free[r2->kd] >> r2->backward & 1 ? SIGNAL_free : fail(port, TR_R2_END_GROUP_B);
}

/* An answer that came early is seen now. */
enum tr_r2_signal tr_r2_tell_accepted(struct tr_port *port) {
    tr_r2_report(port, TR_R2_ACCEPTED, port->r2->accepted, 0, 0);
    return port->r2->bits == AB_ANSWER ? SIGNAL_far_answer : SIGNAL_none;
}

enum tr_r2_signal tr_r2_add_digits(struct tr_port *port) {
    (void)port; /* they are sent when they are asked for */
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_send_next(struct tr_port *port) { return send(port->r2, called_code(port->r2)); }

enum tr_r2_signal tr_r2_fail_timer(struct tr_port *port) {
    tr_r2_end(port, TR_R2_END_TIMER, port->r2->expired);
    return tr_r2_send_clear_forward(port);
}
