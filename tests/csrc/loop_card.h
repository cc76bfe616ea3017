/* A card for tests of the engine alone: a port hears what the test injects, or what another port sends, or itself; what
 * it sends is kept; line events are injected; line commands are noted. No lines, no timing. */
#ifndef TIPRING_LOOP_CARD_H
#define TIPRING_LOOP_CARD_H

#include "card.h"
#include "check.h"

#define LOOP_PORTS 8
#define LOOP_SENT (TR_RATE * 60)

struct loop_port {
    int peer; /* port whose transmission it hears, -1 none */
    bool idle;
    uint32_t kind;
    const int16_t *inject; /* linear, heard from the next exchange on; then silence */
    size_t inject_count, inject_at;
    int16_t *sent; /* linear; begins with the chain's first block */
    size_t sent_count;
    uint8_t last[TR_BLOCK];
    int hook, flash_ms, ringing, settings;
};

struct loop_card {
    struct tr_card base;
    struct loop_port ports[LOOP_PORTS];
    struct tr_line_event events[4096];
    uint32_t events_put, events_got;
    uint32_t exchanges;
    bool released_flag_set;
    bool *released;
};

static inline struct loop_card *loop_of(const tr_card *card) { return (struct loop_card *)(uintptr_t)card; }
static inline uint32_t loop_count(const tr_card *card) { return card ? LOOP_PORTS : 0; }
static inline uint32_t loop_kind(const tr_card *card, uint32_t p) { return loop_of(card)->ports[p].kind; }
static inline uint32_t loop_capabilities(const tr_card *card, uint32_t p) {
    return card && p < LOOP_PORTS ? TR_CAP_PRECISION : 0;
}

static inline int loop_exchange(tr_card *card, uint8_t *const *rx, const uint8_t *const *tx, uint32_t count) {
    struct loop_card *loop = loop_of(card);
    for (uint32_t p = 0; p < count; p++) {
        struct loop_port *port = &loop->ports[p];
        memset(port->last, 0xD5, TR_BLOCK);
        if (tx[p]) {
            memcpy(port->last, tx[p], TR_BLOCK);
            if (loop->exchanges > 0 && port->sent && port->sent_count + TR_BLOCK <= LOOP_SENT) {
                tr_g711_decode(TR_LAW_A, tx[p], port->sent + port->sent_count, TR_BLOCK);
                port->sent_count += TR_BLOCK;
            }
        }
    }
    for (uint32_t p = 0; p < count; p++) {
        struct loop_port *port = &loop->ports[p];
        if (!rx[p]) {
            continue;
        }
        if (port->peer >= 0) {
            memcpy(rx[p], loop->ports[port->peer].last, TR_BLOCK);
            continue;
        }
        int16_t block[TR_BLOCK] = {0};
        for (int i = 0; i < TR_BLOCK && port->inject_at < port->inject_count; i++) {
            block[i] = port->inject[port->inject_at++];
        }
        tr_g711_encode(TR_LAW_A, block, rx[p], TR_BLOCK);
    }
    loop->exchanges++;
    return TR_OK;
}

static inline int loop_next_event(tr_card *card, struct tr_line_event *out) {
    struct loop_card *loop = loop_of(card);
    if (loop->events_got == loop->events_put) {
        return 0;
    }
    *out = loop->events[loop->events_got++ % 4096];
    return 1;
}

static inline void loop_event(struct loop_card *loop, struct tr_line_event event) {
    loop->events[loop->events_put++ % 4096] = event;
}

static inline int loop_hook(tr_card *card, uint32_t p, int off) { return loop_of(card)->ports[p].hook = off, TR_OK; }
static inline int loop_flash(tr_card *card, uint32_t p, int ms) {
    return loop_of(card)->ports[p].flash_ms = ms, loop_of(card)->ports[p].hook ? TR_OK : TR_E_STATE;
}
static inline int loop_ring(tr_card *card, uint32_t p, const int32_t cadence[6]) {
    return loop_of(card)->ports[p].ringing = cadence[0], TR_OK;
}
static inline int loop_on_hook_tx(tr_card *card, uint32_t p, int on) {
    return card && p < LOOP_PORTS && on < 2 ? 0 : 0;
}
static inline int loop_set(tr_card *card, uint32_t p, int setting, int value) {
    loop_of(card)->ports[p].settings++;
    return setting > TR_SET_ANSWER_VOICE_MS || value < 0 ? TR_E_ARGUMENT : TR_OK;
}
static inline int loop_state(const tr_card *card, uint32_t p, struct tr_port_state *out) {
    out->hook = (uint32_t)loop_of(card)->ports[p].hook;
    out->ringing = (uint32_t)loop_of(card)->ports[p].ringing;
    return TR_OK;
}
static inline int loop_idle(const tr_card *card, uint32_t p) { return loop_of(card)->ports[p].idle; }
static inline uint32_t loop_delay(const tr_card *card) { return card ? 0 : 1; }
static inline void loop_release(tr_card *card) {
    struct loop_card *loop = loop_of(card);
    if (loop->released) {
        *loop->released = true;
    }
    for (int i = 0; i < LOOP_PORTS; i++) {
        free(loop->ports[i].sent);
    }
    free(loop);
}

static const struct tr_card_ops loop_ops = {
    .name = "loop",
    .ports = loop_count,
    .kind = loop_kind,
    .capabilities = loop_capabilities,
    .exchange = loop_exchange,
    .next_event = loop_next_event,
    .hook = loop_hook,
    .flash = loop_flash,
    .ring = loop_ring,
    .loop_open = loop_flash,
    .on_hook_tx = loop_on_hook_tx,
    .set = loop_set,
    .state = loop_state,
    .idle = loop_idle,
    .delay = loop_delay,
    .release = loop_release,
};

static inline struct loop_card *loop_new(void) {
    struct loop_card *loop = (struct loop_card *)calloc(1, sizeof *loop);
    NEED(loop);
    loop->base.ops = &loop_ops;
    for (int i = 0; i < LOOP_PORTS; i++) {
        loop->ports[i].peer = -1;
        loop->ports[i].kind = TR_KIND_FXO;
        loop->ports[i].hook = 1;
    }
    return loop;
}

/* A stepped engine with one loop card; ports 0..ports-1 allocated, what they send is kept. */
struct loop_rig {
    tr_engine *engine;
    struct loop_card *card;
    uint32_t next_id;
};

static inline struct loop_rig loop_rig_with(int ports, struct tr_engine_config config) {
    struct loop_rig rig = {.card = loop_new()};
    config.max_ports = config.max_ports ? config.max_ports : 16;
    rig.engine = tr_engine_new(&config);
    NEED(rig.engine);
    NEED(tr_engine_add_card(rig.engine, &rig.card->base) == TR_OK);
    for (int i = 0; i < ports; i++) {
        uint32_t number;
        rig.card->ports[i].sent = (int16_t *)calloc(LOOP_SENT, sizeof(int16_t));
        NEED(rig.card->ports[i].sent);
        NEED(tr_port_alloc(rig.engine, &rig.card->base, (uint32_t)i, &number) == TR_OK);
        CHECK_INT(number, i);
    }
    return rig;
}

static inline struct loop_rig loop_rig(int ports) { return loop_rig_with(ports, (struct tr_engine_config){0}); }
static inline void loop_free(struct loop_rig *rig) { tr_engine_free(rig->engine); }

/* Sends a command with the port's epoch as given in it; returns its id. */
static inline uint32_t loop_say(struct loop_rig *rig, struct tr_command command, const void *side, size_t n) {
    command.id = ++rig->next_id;
    CHECK_INT(tr_engine_command(rig->engine, &command, side, n), TR_OK);
    return command.id;
}

static inline void loop_step(struct loop_rig *rig, int ticks) {
    while (ticks > 0) {
        int done = tr_engines_step(&rig->engine, 1, ticks);
        NEED(done > 0);
        ticks -= done;
    }
}

/* Steps until an event of that kind comes, forgetting all others; false after `ticks`. */
static inline bool loop_await(struct loop_rig *rig, uint32_t kind, int ticks, struct tr_event *out) {
    for (;;) {
        while (tr_engine_events(rig->engine, out, 1) == 1) {
            if (out->kind == kind) {
                return true;
            }
        }
        if (ticks <= 0) {
            return false;
        }
        ticks -= tr_engines_step(&rig->engine, 1, ticks);
    }
}

/* All events waiting; returns how many. */
static inline int loop_drain(struct loop_rig *rig, struct tr_event *out, int max) {
    return tr_engine_events(rig->engine, out, max);
}

#endif
