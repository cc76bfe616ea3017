/* The software card: ports that stand exactly where a real card's ports stand. Public functions are in engine.h, its
 * table in card.h, what lines report in line.h, overlapping commands in lineout.h, wires in wire.h.
 *
 * Capabilities offered or withheld per port: RX_ONLY (line commands are TR_E_UNSUPPORTED, nothing is sent),
 * HEARS_ON_HOOK (FXO hears an on-hook transmission of the far end), REPORTS_RING_BEGIN (without it only RING_END),
 * PRECISION (without it events lie at the beginning of the block, without age and lengths: `a0` of FLASH and RING_END
 * is 0, as with a real driver), POLARITY (FXS can reverse, FXO reports), LAMP (FXS can light, FXO reports). Others are
 * not ours and are dropped.
 *
 * tr_port_state: `hook` of an FXO is as commanded (1 throughout a flash); of an FXS as classified (1 during a flash of
 * the far end). `ringing` of an FXS is true throughout a cadence, pauses too; ringing stops by itself, with the next
 * block, when the far end's off-hook was reported. Edge counters: an FXO counts its own hook edges and flashes and the
 * far rings, drops and reversals; an FXS the other way round.
 *
 * A D channel says and hears HDLC in its time slot, bit by bit (hdlc.h has its limits), so that bit errors, slips and
 * cuts do to frames what they do on a real line; it has no sound and hears none. Hardware gains and cancellers are not
 * offered.
 * delay() is 0: the near echo of what is handed to an exchange begins in what is heard of the same exchange.
 * Ports are added before a paced engine runs (or between ticks of a stepped one). Memory: 0.6 KiB a port, 3.4 KiB more
 * for each wired end, 10 KiB for a D channel, and as much again for a far end in another process. */
#ifndef TIPRING_CARD_SIM_H
#define TIPRING_CARD_SIM_H

#include "card.h"
#include "hdlc.h"
#include "line.h"
#include "lineout.h"
#include "wire.h"

struct tr_tap;

struct tr_sim_port {
    _Atomic(struct tr_wire_end *) end; /* NULL: not wired */
    uint8_t kind, law;
    bool open;        /* the gate at the end of the last block: does anything pass? */
    uint8_t hangover; /* blocks until `idle` after the last sound or change on an on-hook line */
    uint16_t far;     /* the far end's levels as they are seen here, with the wire's faults */
    uint32_t link_alarm;
    uint32_t capabilities;
    struct tr_tap *tap;
    struct tr_hdlc *hdlc; /* of a D channel */
    struct tr_line line;
    struct tr_line_out out;
};

struct tr_sim_card {
    struct tr_card base;
    uint32_t count, frame_ports; /* frame_ports: D channels among them */
    struct tr_sim_port *ports;
    _Atomic uint64_t tick; /* exchanges run */
    struct tr_line_event *events;
    uint32_t events_max, events_count, events_next;
    uint64_t events_lost;
    _Atomic(struct tr_backplane *) backplanes;
};

extern const struct tr_card_ops tr_sim_ops;

/* NULL where the card is of another make. */
struct tr_sim_card *tr_sim_card(tr_card *card);

/* What a port's own line did in a block. */
struct tr_own_block {
    uint16_t before;
    int count;
    const struct tr_edge *edges;
};

/* The two of the table that make a tick (card_block.c). */
int tr_sim_exchange(tr_card *card, uint8_t *const *rx, const uint8_t *const *tx, uint32_t count);
int tr_sim_next_event(tr_card *card, struct tr_line_event *out);
/* Media thread: one block of a port whose far end is in another process, into its wire. */
void tr_sim_send_remote(struct tr_sim_card *card, uint32_t port, uint64_t at, const uint8_t *tx);

/* The tap (tap.c). `far` edges are as seen here. A write that fails ends the tap quietly; closing tells: 0 or an errno.
 */
void tr_tap_block(struct tr_tap *tap, int law, const uint8_t *heard, const uint8_t *sent, uint16_t own_before,
                  const struct tr_edge *own, int own_count, uint16_t far_before, const struct tr_edge *far,
                  int far_count);
int tr_tap_close(struct tr_tap *tap);

#endif
