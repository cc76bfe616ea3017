/* Wires: the line between two ports of software cards, in this process or (see backplane.h) in two.
 *
 * Every wire delays exactly one tick: what an end hands over in its exchange n, the other end hears in its exchange
 * n+1. Each end keeps the last TR_SLOTS blocks that it sent, tagged with their number; the far end takes number n-1. So
 * it does not matter which end runs first within a tick. Both ends count from the moment they were wired and must then
 * step in lock step (one engine, or tr_engines_step over both); an end that runs alone re-sends one number, and
 * levels are reconciled when the other runs too. Two paced engines with clocks of their own are joined by a backplane,
 * not by a wire.
 *
 * Analog wires carry linear samples (G.711 is at the codecs of the ports), B and D channels octets. Line levels cross
 * as edges with a sample offset, each with all the levels from there on.
 *
 * A new wire is a short, fair line: loss 0.5 dB, return loss 14 dB at each hybrid, no noise, no far echo, no clipping,
 * no slips. Limits (else TR_E_ARGUMENT): loss 0..100 dB; return loss 6..100 dB; far echo 0 or 6..100 dB at 10..60 ms;
 * noise 0 or -100..-1 dBm0; clipping 0 or -60..3.14 dBm0; slips 0..6000 a minute, alternately one sample repeated and
 * one lost; bit errors 0..0.5 and alarms on B and D only. Of an octet wire, slips (of one octet, as an exchange whose
 * clock slips makes them, ITU-T G.822), bit errors, cuts and alarms count, the rest is for analog wires. Bit errors
 * fall on the octets alone, the CAS bits are spared. A wire over a backplane has its faults at the end that hears: each
 * process sets its own; but a cut is one for both directions, and an alarm is sent by the end for which it is set.
 *
 * Threads: connect, disconnect, set and get come from control threads, the rest from the media thread of the card. A
 * setting is taken whole at the next tick (at the one after, should the two meet). Unplugged wires are freed when
 * both cards have gone on two ticks, or with the cards. Serves steps 1, 2, 5 and 7. */
#ifndef TIPRING_WIRE_H
#define TIPRING_WIRE_H

#include "line.h"
#include <stdatomic.h>

#define TR_SLOTS 8 /* blocks kept: 60 ms of far echo, and the backplane's jitter buffer */

struct tr_slot {
    uint64_t tag;               /* number of the block; UINT64_MAX: none */
    uint16_t before, after;     /* line levels at the beginning, before any edge, and at the end */
    uint8_t edges, sound, fill; /* sound 0: silence (B: the byte `fill` throughout) */
    struct tr_edge edge[TR_EDGES_MAX];
    union {
        int16_t linear[TR_BLOCK];
        uint8_t bytes[TR_BLOCK];
    } u;
};

/* The faults, ready for use. */
struct tr_wire_params {
    float far_gain, echo_gain, far_echo_gain, noise_rms, limit;
    uint32_t far_echo_delay; /* samples */
    uint32_t slip_every;     /* samples; 0 never */
    uint32_t seed;
    uint32_t bit_error; /* of 2^32: chance of each bit to be wrong */
    uint32_t alarm[2];  /* what each end sends instead of its signal */
    bool cut, no_loop_drop, reversed;
};

/* The receiving side's view of a span of a backplane: which block is due in this tick. */
struct tr_span_view {
    uint64_t tag;
    bool valid, red;
};

struct tr_sim_card;
struct tr_wire;

struct tr_wire_end {
    struct tr_wire *wire;
    struct tr_wire_end *far;
    struct tr_sim_card *card; /* NULL: in another process */
    uint32_t port;
    uint32_t seen;       /* version of `active` */
    uint64_t sent;       /* number of the next block */
    uint64_t taken;      /* lowest block of the far end not taken yet */
    uint32_t noise;      /* generator */
    uint32_t slip_phase; /* samples since the last slip */
    uint16_t far_levels; /* as the far end sent them, no faults applied */
    uint8_t echo_blocks; /* our own sound is still on the way back */
    bool late;           /* a sample was repeated: the far end is heard one sample later */
    struct tr_wire_params active;
    struct tr_slot slot[TR_SLOTS];
};

struct tr_wire {
    struct tr_wire_end end[2];
    const struct tr_span_view *span; /* end[1] is in another process */
    int number;
    uint32_t kind; /* TR_KIND_B, TR_KIND_D or an analog kind */
    bool octets;   /* B and D; else linear samples */
    atomic_uint version;
    atomic_flag lock; /* of `pending`; held for a copy only */
    struct tr_wire_params pending;
    struct tr_wire_faults faults; /* as set, but for the alarms; control threads only */
    int32_t alarm[2];             /* each end's, as set */
    struct tr_wire *next_retired;
    uint64_t retired_at[2];
};

/* Spans of a block in which nothing passes (on-hook, loop open, cut). */
struct tr_gate {
    int closed;
    struct {
        uint8_t from, to;
    } span[TR_EDGES_MAX * 2 + 3];
    bool all_closed;
};

/* Media thread, in the order of a tick. tr_wire_send takes `tx` (G.711, or NULL for silence) and the edges of the
 * block; tr_wire_take gives the far end's block of the last tick or NULL; tr_wire_hear mixes what this end hears into
 * `rx` and returns whether it was anything but silence. */
void tr_wire_send(struct tr_wire_end *end, uint16_t before, const struct tr_edge *edges, int count, const uint8_t *tx,
                  int law);
const struct tr_slot *tr_wire_take(struct tr_wire_end *end);
bool tr_wire_hear(struct tr_wire_end *end, const struct tr_slot *far, const struct tr_gate *gate, int law, uint8_t *rx);
/* Takes new faults, if any; true when there were. */
bool tr_wire_refresh(struct tr_wire_end *end);
/* Levels of the far end, with the wire's faults. */
uint16_t tr_wire_levels(const struct tr_wire_end *end, uint16_t far_levels);
static inline struct tr_slot *tr_wire_last_sent(struct tr_wire_end *end) {
    return &end->slot[(end->sent - 1) % TR_SLOTS];
}

/* May ports of these kinds be the ends of one wire? */
bool tr_wire_joins(uint32_t one, uint32_t two);
/* Control threads. A wire with one local end, for the backplane; NULL with errno. The port must be free. */
struct tr_wire *tr_wire_to_span(struct tr_sim_card *card, uint32_t port, const struct tr_span_view *span);
/* Unplugs whatever is there, retires the wire. */
void tr_wire_unplug(struct tr_wire *wire);
/* The card goes: unplugs all its wires and forgets it. */
void tr_wire_forget_card(struct tr_sim_card *card);

#endif
