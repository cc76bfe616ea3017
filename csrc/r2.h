/* MFC-R2 on a B channel: line signalling by bits a and b, numbers by compelled MF signals, incoming and outgoing.
 * Serves steps 1 and 2 where the exchange signals by China No.1 or ITU-T R2, and outside calls.
 *
 * One machine a channel (r2_table.h), run once a tick after the receivers: bits and tones that came with this block are
 * answered in the block that is sent now. It knows no names of countries: struct tr_r2_config (engine.h) says what
 * signals mean. Numbers have at most TR_R2_DIGITS digits, further ones are answered and dropped; a call takes at most
 * CYCLES_MAX register signals (r2_parts.h), so that no far end keeps a register for ever.
 *
 * The control half decides one thing in time: after OFFERED, whether the called party is free; else congestion is sent
 * after TR_R2_T_ACCEPT. While nobody commands the engine (fallback.c) idle channels show blocked. */
#ifndef TIPRING_R2_H
#define TIPRING_R2_H

#include "card.h"
#include "r2_mf.h"

struct tr_port;

struct tr_r2 {
    struct tr_r2_config config, next; /* next: from the next call on */
    uint8_t state, phase;             /* enum tr_r2_state, tr_r2_phase */
    bool renewed;                     /* next is to be taken */
    uint8_t blocked;                  /* mask of enum tr_r2_blocker */
    uint8_t expired;                  /* enum tr_r2_timer, the last that did */
    uint64_t due;                     /* tick of the state's timer, 0 none */
    /* line */
    uint8_t sent;                /* our four bits */
    uint8_t bits, pending;       /* of the far end, a and b: recognised, and seen since tick `since` */
    bool known;                  /* some bits have been seen */
    uint64_t since, alarm_since; /* alarm_since: tick + 1, 0 well */
    bool in_alarm;
    /* registers */
    struct tr_mf mf;
    struct tr_mf_out out;
    uint8_t heard, last; /* the signal on now, 0 none; the one answered last */
    bool fresh;          /* heard and not yet taken */
    uint64_t drowned;    /* ticks of noise since the last signal */
    uint64_t began;      /* tick at which our signal began, or ended */
    uint8_t reply;       /* our next backward signal */
    uint8_t backward;    /* the far end's last one */
    uint8_t kb, accepted;
    uint8_t stage;    /* enum tr_r2_stage, at the last transition */
    uint64_t stirred; /* tick of the far end's last signal */
    /* the call */
    int32_t call, incoming_calls;
    uint32_t id;
    bool ended; /* ENDED was told */
    bool refused, final, answer, asked, asked_again, complete, cut, withheld, end_sent, caller_done, category_sent;
    uint8_t ka, kd;
    uint8_t called_count, caller_count, called_at, caller_at, cycles;
    char called[TR_R2_DIGITS + 1], caller[TR_R2_DIGITS + 1];
    /* what happened */
    uint64_t origin;
    uint32_t steps;
    struct tr_r2_step step[TR_R2_TRACE];
};

/* Media. */
int tr_r2_command(struct tr_port *port, const struct tr_command *command, const uint8_t *side);
/* True: the event was for the signalling alone (bits). */
bool tr_r2_line(struct tr_port *port, const struct tr_line_event *event);
/* Does it listen for tones? */
bool tr_r2_listens(const struct tr_r2 *r2);
bool tr_r2_runs(const struct tr_r2 *r2);
/* Once a tick, with the block received, NULL for silence. */
void tr_r2_run(struct tr_port *port, const int16_t *samples);
/* Our tone, this tick: false when there is none. */
bool tr_r2_render(struct tr_r2 *r2, int16_t *samples);
/* Nobody commands the engine any more, or somebody does again. */
void tr_r2_nobody(struct tr_port *port, bool nobody);
/* The port goes away. */
void tr_r2_detach(struct tr_port *port);

#endif
