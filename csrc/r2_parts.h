/* What the files of MFC-R2 share: states and signals as numbers, what actions do. See r2.h. */
#ifndef TIPRING_R2_PARTS_H
#define TIPRING_R2_PARTS_H

#include "port.h"

#define CYCLES_MAX 120

enum tr_r2_state {
#define STATE(name, timer, meaning) STATE_##name,
#define ROW(state, signal, next, action)
#include "r2_table.h"
#undef STATE
#undef ROW
    STATE_any
};

enum tr_r2_signal {
    SIGNAL_none,
    /* the far end's bits a, b: 1 + value */
    SIGNAL_far_seize,
    SIGNAL_far_answer,
    SIGNAL_far_idle,
    SIGNAL_far_busy,
    SIGNAL_tone,
    SIGNAL_early_tone,
    SIGNAL_same_tone,
    SIGNAL_other_tone,
    SIGNAL_silence,
    SIGNAL_timer,
    /* the span */
    SIGNAL_alarm,
    SIGNAL_well,
    /* commands */
    SIGNAL_start,
    SIGNAL_stop,
    SIGNAL_block,
    SIGNAL_unblock,
    SIGNAL_call,
    SIGNAL_more,
    SIGNAL_accept,
    SIGNAL_reject,
    SIGNAL_answer,
    SIGNAL_clear,
    /* what actions find out */
    SIGNAL_reply,
    SIGNAL_refuse,
    SIGNAL_refused,
    SIGNAL_offer,
    SIGNAL_pulse,
    SIGNAL_wait,
    SIGNAL_release,
    SIGNAL_send,
    SIGNAL_quiet,
    SIGNAL_free,
    SIGNAL_fail
};

/* Which signals the register expects, incoming: called digits, KA, the caller's digits, KD. */
enum tr_r2_phase { PHASE_CALLED, PHASE_CATEGORY, PHASE_CALLER, PHASE_GROUP_B };
enum tr_r2_blocker { BLOCKED_BY_COMMAND = 1, BLOCKED_BY_SILENCE = 2 };

typedef enum tr_r2_signal tr_r2_action(struct tr_port *port);
#define STATE(name, timer, meaning)
#define ROW(state, signal, next, action) tr_r2_action tr_r2_##action;
#include "r2_table.h"
#undef STATE
#undef ROW

/* Bits a and b. */
enum { AB_SEIZE = 0, AB_ANSWER = 1, AB_IDLE = 2, AB_BUSY = 3 };

/* r2.c */
/* False: the state does not know the signal. */
bool tr_r2_take(struct tr_port *port, enum tr_r2_signal signal);
/* Anew, where what the action changed decides how long the state waits. */
void tr_r2_set_timer(struct tr_port *port);
void tr_r2_note(struct tr_port *port, enum tr_r2_what what, uint32_t value);
void tr_r2_bits(struct tr_port *port, int ab);
void tr_r2_tone(struct tr_port *port, bool forward, uint8_t code);
void tr_r2_report(struct tr_port *port, enum tr_r2_report what, int32_t a1, int32_t a2, int32_t a3);
void tr_r2_tell_steps(struct tr_port *port, enum tr_r2_report what);
/* Tells the end of the call, once; the second silences our tone, too. */
void tr_r2_tell_end(struct tr_port *port, enum tr_r2_end why, int32_t value);
void tr_r2_end(struct tr_port *port, enum tr_r2_end why, int32_t value);
/* A new call: everything of the last one is forgotten. */
void tr_r2_begin(struct tr_port *port, int32_t call);
uint64_t tr_r2_ticks(const struct tr_r2 *r2, enum tr_r2_timer timer);
/* The timer of the state, for the cause of a time-out. */
enum tr_r2_timer tr_r2_timer_of(const struct tr_r2 *r2);
/* One more register signal of this call; false: too many. */
static inline bool tr_r2_count(struct tr_r2 *r2) { return ++r2->cycles < CYCLES_MAX; }
/* r2_in.c: the length of the called number by its first digits, 0 unknown. */
int32_t tr_r2_length(const struct tr_r2 *r2);
/* The present bits of the far end, as a signal. */
enum tr_r2_signal tr_r2_look(const struct tr_r2 *r2);

#endif
