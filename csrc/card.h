/* What a card back-end provides to the engine: a table of functions, each required or optional.
 *
 * The engine calls everything here from the media thread (stepped: from tr_engines_step), except `release`.
 * Nothing may block or allocate after `open`. A card classifies line edges itself, as real drivers do
 * in the kernel, by its ports' settings (enum tr_setting), and raises them through tr_card_raise().
 */
#ifndef TIPRING_CARD_H
#define TIPRING_CARD_H

#include "engine.h"
#include <stdbool.h>

/* A line event on its way from the card to the engine. `offset` is the sample within the block just exchanged. */
struct tr_line_event {
    uint32_t card_port;
    uint32_t kind; /* TR_EV_OFFHOOK .. TR_EV_LAMP */
    uint32_t offset;
    int32_t a0;
    const uint8_t *side; /* frames; valid until the next exchange */
    uint32_t side_len;
    /* Samples which the edge lay before `offset`, where it needed time to be known (debounce, flash window, loop drop);
     * 0 where the card does not tell. The engine's `at` is tick * TR_BLOCK + offset - age. */
    uint32_t age;
};

/* What only some cards know of themselves. */
struct tr_card_health {
    int64_t clock_ppb;     /* as in struct tr_stats */
    uint64_t clock_losses; /* times `wait` gave up */
    uint64_t bad_frames;   /* HDLC frames aborted, too long, or with a wrong FCS */
};

struct tr_card_ops {
    const char *name;
    /* Required. Ports there are now, their kind and capabilities. */
    uint32_t (*ports)(const tr_card *card);
    uint32_t (*kind)(const tr_card *card, uint32_t port);
    uint32_t (*capabilities)(const tr_card *card, uint32_t port);
    /* Required. One block for all ports: tx[p] and rx[p] point to `TR_BLOCK` G.711 codes of port p, NULL for ports not
     * allocated. Called once a tick, after `begin` and before the chain runs: rx receives what the far end sent in the
     * previous tick, tx is what our chain made in the previous tick. */
    int (*exchange)(tr_card *card, uint8_t *const *rx, const uint8_t *const *tx, uint32_t count);
    /* Required. Line events found by the last exchange, in the order of their time; 0 when there are no more. */
    int (*next_event)(tr_card *card, struct tr_line_event *out);
    /* Required for stepped and for pacing by the card; NULL in the paced software card (wall clock). Blocks until
     * the next block is due; returns ticks that were missed, or a negative result. */
    int (*wait)(tr_card *card);
    /* Line commands; those a kind of port lacks return TR_E_UNSUPPORTED. Lengths are timed by the card. Optional
     * ones may be NULL. */
    int (*hook)(tr_card *card, uint32_t port, int off_hook);                     /* required */
    int (*flash)(tr_card *card, uint32_t port, int ms);                          /* required */
    int (*ring)(tr_card *card, uint32_t port, const int32_t cadence_ms[6]);      /* required */
    int (*loop_open)(tr_card *card, uint32_t port, int ms);                      /* required */
    int (*polarity)(tr_card *card, uint32_t port, int reversed);                 /* optional */
    int (*on_hook_tx)(tr_card *card, uint32_t port, int on);                     /* required */
    int (*lamp)(tr_card *card, uint32_t port, int on);                           /* optional */
    int (*set)(tr_card *card, uint32_t port, int setting, int value);            /* required */
    int (*hw_gain)(tr_card *card, uint32_t port, int rx_cdb, int tx_cdb);        /* optional */
    int (*echo_canceller)(tr_card *card, uint32_t port, int mode);               /* optional: enum tr_echo_canceller */
    int (*bits)(tr_card *card, uint32_t port, int abcd);                         /* optional (B) */
    int (*frame)(tr_card *card, uint32_t port, const uint8_t *data, uint32_t n); /* optional (D); may be TR_E_FULL */
    /* Required. Level state: hook, ringing, polarity, battery, alarms, bits, and the edge counters. */
    int (*state)(const tr_card *card, uint32_t port, struct tr_port_state *out);
    /* Required. Is there nothing to hear or do on this port (on-hook, no sound on the wire)? The engine then skips
     * decode and detectors of this block. */
    int (*idle)(const tr_card *card, uint32_t port);
    /* Required. Samples from transmit to receive of the card itself. */
    uint32_t (*delay)(const tr_card *card);
    void (*health)(const tr_card *card, struct tr_card_health *out); /* optional */
    uint64_t (*slips)(const tr_card *card);                          /* optional */
    uint64_t (*memory)(const tr_card *card);                         /* optional */
    void (*release)(tr_card *card);                                  /* required */
};

/* Every back-end's own struct begins with this. */
struct tr_card {
    const struct tr_card_ops *ops;
    struct tr_engine *engine; /* set by tr_engine_add_card */
    bool paced;               /* the engine is; set with it */
};

#endif
