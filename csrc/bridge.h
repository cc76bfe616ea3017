/* Who hears whom: a sparse matrix of ports with a gain for each pair, and conferences, in which each party hears all
 * others. Media thread only. Serves the card as the switch, and everything that listens in (monitor, whisper).
 *
 * What a port receives in a tick its listeners send in the next one, whatever the order in which ports are run. Sums
 * are of 32 bits and saturate once, at the end. A gain that changes, a party who joins, leaves, is muted or given the
 * word: the gain runs linearly from old to new over one block (20 ms), so that nothing clicks; a new epoch of the port
 * cuts at once, so that nothing of one call is ever heard in another. Two ports that hear just each other, at 0 dB and
 * with nothing else to do, pass each other's codes on untouched (bit for bit, where their laws agree).
 *
 * Limits: TR_BRIDGE_PAIRS ports heard beside a conference (TR_E_FULL), one conference at a time, half as many
 * conferences as the engine has ports (TR_E_ARGUMENT). A conference may hold every port there is: 65,536 of them
 * stay within 32 bits.
 *
 * Who is heard by one way and goes on by another (of three who talk one leaves, and two remain; a supervisor begins to
 * listen to two) is heard without a break: what is left waits for the block in which what begins is first heard, and
 * the one grows as the other fades. A conference's first parties begin at full, for nobody hears them yet who does not
 * begin softly. What a party said last before a new epoch fades away in its conference.
 */
#ifndef TIPRING_BRIDGE_H
#define TIPRING_BRIDGE_H

#include "engine.h"
#include <stdbool.h>

#define TR_BRIDGE_PAIRS 8

struct tr_engine;
struct tr_port;

/* A gain on its way from `now` to `target`, Q14. */
struct tr_fade {
    int32_t now, target;
};

struct tr_pair {
    int32_t port;
    struct tr_fade gain; /* to 0: leaves after the block */
    uint64_t since;      /* the tick + 1 in which it began */
};

/* What a port received in a tick, for those who hear it. */
struct tr_heard {
    uint64_t tick; /* the tick + 1 */
    bool coded;    /* `codes` are it, of the port's law, 0 dB */
    bool linear;   /* `samples` are it */
    uint8_t codes[TR_BLOCK];
    int16_t samples[TR_BLOCK];
};

/* A port's part in a conference. */
struct tr_member {
    uint32_t conference; /* 0: none */
    uint64_t since;      /* the tick + 1 in which it joined */
    struct tr_fade talk, listen;
    uint64_t said_tick[2]; /* the tick + 1 whose part lies in said[] */
    int16_t said[2][TR_BLOCK];
};

struct tr_bridge_end {
    uint32_t heard_by; /* ports that hear this one */
    bool hushed;       /* digits were sent in the block before: they are sent alone */
    uint32_t pairs;
    struct tr_pair pair[TR_BRIDGE_PAIRS];
    struct tr_member member[2]; /* the present one, and the one that is being left */
    struct tr_heard heard[2];   /* by parity of the tick */
};

struct tr_conference {
    uint32_t members;
    uint64_t since;   /* the tick + 1 in which the first of them joined */
    uint64_t tick[2]; /* the tick + 1 whose sum lies in sum[] */
    int32_t sum[2][TR_BLOCK];
};

/* Does anything here want the port run, or its samples? */
static inline bool tr_bridge_works(const struct tr_bridge_end *end) {
    return end->heard_by || end->pairs || end->member[0].conference || end->member[1].conference;
}
static inline bool tr_bridge_talks(const struct tr_bridge_end *end) {
    return end->member[0].conference || end->member[1].conference;
}

/* TR_OP_HEAR and TR_OP_JOIN. Results. */
int tr_bridge_hear(struct tr_port *port, int32_t number, int32_t gain_cdb, bool beside);
int tr_bridge_join(struct tr_port *port, int32_t conference, uint32_t roles, int32_t talk_cdb, int32_t listen_cdb);
/* Hears nobody and is in no conference, at once. */
void tr_bridge_cut(struct tr_port *port);
/* Nobody hears this port any more (it is going away). */
void tr_bridge_forget(struct tr_port *port);

/* Each tick of a port that works: first what it received (samples NULL where nobody decoded them, or silence; as_came:
 * the codes received are still it, before gain), then what it sends. tr_bridge_copy: the codes to send are the ones of
 * the only port heard, put into port->tx; false where that is not so and tr_bridge_mix has to be asked. tr_bridge_mix
 * adds to what is played (sounds false: nothing), but while that is digits: whoever talks would spoil them, and fades
 * out and in again. */
void tr_bridge_keep(struct tr_port *port, const int16_t *samples, bool as_came, bool silent);
bool tr_bridge_copy(struct tr_port *port);
bool tr_bridge_mix(struct tr_port *port, int16_t tx[TR_BLOCK], bool sounds, bool digits);

#endif
