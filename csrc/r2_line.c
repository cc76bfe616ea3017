/* MFC-R2: what the table's rows do on the line, by bits a and b (ITU-T Q.421; China No.1, DL(1)): see r2.h. */
#include "r2_parts.h"

enum tr_r2_signal tr_r2_none(struct tr_port *port) {
    (void)port;
    return SIGNAL_none;
}

/* ---- at rest ----------------------------------------------------------------------------------- */

/* Idle, also where blocked is to follow: a far end frees its channel on idle alone. What it is doing counts anew. */
enum tr_r2_signal tr_r2_send_idle(struct tr_port *port) {
    tr_r2_bits(port, AB_IDLE);
    return port->r2->blocked ? SIGNAL_block : tr_r2_look(port->r2);
}

enum tr_r2_signal tr_r2_send_blocked(struct tr_port *port) {
    tr_r2_bits(port, AB_BUSY);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_ready(struct tr_port *port) {
    tr_r2_report(port, TR_R2_READY, 0, 0, 0);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_tell_far_blocked(struct tr_port *port) {
    tr_r2_report(port, TR_R2_FAR_BLOCKED, 0, 0, 0);
    return SIGNAL_none;
}

/* The call is over on both ends. */
enum tr_r2_signal tr_r2_release(struct tr_port *port) {
    tr_r2_bits(port, AB_IDLE);
    tr_r2_tell_steps(port, TR_R2_RELEASED);
    port->r2->call = 0;
    return tr_r2_send_idle(port);
}

static void drop(struct tr_port *port, enum tr_r2_end why) {
    struct tr_r2 *r2 = port->r2;
    if (r2->call) {
        tr_r2_end(port, why, 0);
    }
    tr_r2_bits(port, AB_IDLE);
    if (r2->call) {
        tr_r2_tell_steps(port, TR_R2_RELEASED);
        r2->call = 0;
    }
}

enum tr_r2_signal tr_r2_fail_alarm(struct tr_port *port) {
    drop(port, TR_R2_END_ALARM);
    return tr_r2_tell_far_blocked(port);
}

enum tr_r2_signal tr_r2_stop(struct tr_port *port) {
    drop(port, TR_R2_END_STOPPED);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_tell_stuck(struct tr_port *port) {
    tr_r2_report(port, TR_R2_STUCK, 0, 0, 0);
    return SIGNAL_none;
}

/* ---- incoming ---------------------------------------------------------------------------------- */

enum tr_r2_signal tr_r2_acknowledge(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    r2->incoming_calls = r2->incoming_calls == INT32_MIN ? -1 : r2->incoming_calls - 1;
    tr_r2_begin(port, r2->incoming_calls);
    tr_r2_set_timer(port); /* for the first digit, not for the last call's next one */
    r2->id = 0;
    tr_r2_note(port, TR_R2_BITS_HEARD, (uint32_t)(AB_SEIZE << 2 | r2->config.cd));
    tr_r2_bits(port, AB_BUSY);
    tr_r2_report(port, TR_R2_SEIZED, 0, 0, 0);
    return SIGNAL_none;
}

/* Before the answer; b = 1 has been shown all the time, so idle follows at once. */
enum tr_r2_signal tr_r2_caller_gone(struct tr_port *port) {
    tr_r2_end(port, TR_R2_END_FAR, 0);
    return SIGNAL_timer;
}

/* From a conversation: clear back comes first, or later, when the called party hangs up as well. */
enum tr_r2_signal tr_r2_caller_cleared(struct tr_port *port) {
    tr_r2_end(port, TR_R2_END_FAR, 0);
    return port->r2->config.called_holds ? SIGNAL_none : SIGNAL_release;
}

enum tr_r2_signal tr_r2_send_clear_back(struct tr_port *port) {
    tr_r2_end(port, TR_R2_END_NORMAL, 0);
    tr_r2_bits(port, AB_BUSY);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_send_answer(struct tr_port *port) {
    port->r2->ended = false; /* an answer after our clear back takes the call up again */
    tr_r2_bits(port, AB_ANSWER);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_note_answer(struct tr_port *port) {
    port->r2->answer = true;
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_note_refusal(struct tr_port *port) {
    port->r2->refused = true;
    return SIGNAL_none;
}

/* ---- outgoing ---------------------------------------------------------------------------------- */

enum tr_r2_signal tr_r2_seize(struct tr_port *port) {
    tr_r2_bits(port, AB_SEIZE);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_tell_answered(struct tr_port *port) {
    tr_r2_report(port, TR_R2_ANSWERED, 0, 0, 0);
    return SIGNAL_none;
}

enum tr_r2_signal tr_r2_tell_suspended(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    tr_r2_report(port, TR_R2_SUSPENDED, 0, 0, 0);
    bool mutual = r2->config.b_mutual[r2->kd] >> r2->accepted & 1;
    return mutual || r2->config.ms[TR_R2_T_REANSWER] == 0 ? SIGNAL_timer : SIGNAL_none;
}

/* Clear forward; where the far end shows idle already, it may be about to show something else. */
enum tr_r2_signal tr_r2_send_clear_forward(struct tr_port *port) {
    tr_r2_bits(port, AB_IDLE);
    return tr_r2_look(port->r2);
}

/* Either direction: our own command. */
enum tr_r2_signal tr_r2_hang_up(struct tr_port *port) {
    tr_r2_end(port, TR_R2_END_NORMAL, 0);
    return port->r2->call > 0 ? tr_r2_send_clear_forward(port) : SIGNAL_none;
}

enum tr_r2_signal tr_r2_far_cleared(struct tr_port *port) {
    tr_r2_end(port, TR_R2_END_FAR, 0);
    return tr_r2_send_clear_forward(port);
}

enum tr_r2_signal tr_r2_fail_illegal(struct tr_port *port) {
    tr_r2_end(port, TR_R2_END_ILLEGAL, port->r2->bits << 2);
    return tr_r2_send_clear_forward(port);
}

enum tr_r2_signal tr_r2_fail_double(struct tr_port *port) {
    tr_r2_end(port, TR_R2_END_DOUBLE, 0);
    return tr_r2_send_clear_forward(port);
}

/* Outgoing: clear forward. Incoming: b stays 1 until the far end is idle. */
enum tr_r2_signal tr_r2_fail_bits(struct tr_port *port) {
    struct tr_r2 *r2 = port->r2;
    tr_r2_end(port, TR_R2_END_BITS, r2->bits << 2 | r2->config.cd);
    if (r2->call > 0) {
        return tr_r2_send_clear_forward(port);
    }
    tr_r2_bits(port, AB_BUSY);
    return SIGNAL_none;
}
