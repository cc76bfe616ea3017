/* Two software cards stepped by hand, tick by tick, without an engine: what the tests of card, wire, line and backplane
 * stand on. Each port sends what fill() says and keeps what it heard. */
#ifndef TIPRING_BENCH_LINE_H
#define TIPRING_BENCH_LINE_H

#include "../../csrc/card_sim.h"
#include "check.h"

#define ALL_CAPABILITIES                                                                                               \
    (TR_CAP_HEARS_ON_HOOK | TR_CAP_REPORTS_RING_BEGIN | TR_CAP_PRECISION | TR_CAP_POLARITY | TR_CAP_LAMP)
#define BENCH_PORTS 4
#define BENCH_EVENTS 512

struct seen {
    uint32_t port, kind;
    uint64_t at, tick; /* `at`: the edge itself, age subtracted */
    int32_t a0;
    uint64_t known; /* when it was raised */
};

struct bench {
    tr_card *card;
    uint32_t ports;
    uint64_t tick;
    uint8_t rx[BENCH_PORTS][TR_BLOCK], tx[BENCH_PORTS][TR_BLOCK];
    struct seen seen[BENCH_EVENTS];
    int count;
    /* Takes HDLC frames, which are then not kept in seen[]. */
    void (*frame)(const struct bench *b, const struct tr_line_event *event);
};

static inline void bench_init(struct bench *b, uint32_t kind, uint32_t ports, uint32_t capabilities) {
    memset(b, 0, sizeof *b);
    struct tr_sim_config config = {.ports = ports, .kind = kind, .capabilities = capabilities, .law = TR_LAW_A};
    b->card = tr_sim_card_new(&config);
    NEED(b->card != NULL);
    b->ports = ports;
    memset(b->tx, 0xD5, sizeof b->tx);
}

static inline void bench_free(struct bench *b) {
    b->card->ops->release(b->card);
    b->card = NULL;
}

static inline void bench_step(struct bench *b) {
    uint8_t *rx[BENCH_PORTS];
    const uint8_t *tx[BENCH_PORTS];
    for (uint32_t i = 0; i < b->ports; i++) {
        rx[i] = b->rx[i];
        tx[i] = b->tx[i];
    }
    CHECK_INT(b->card->ops->exchange(b->card, rx, tx, b->ports), TR_OK);
    struct tr_line_event e;
    uint32_t last = 0;
    while (b->card->ops->next_event(b->card, &e) > 0) {
        NEED(b->count < BENCH_EVENTS);
        CHECK(e.offset >= last && e.offset < TR_BLOCK);
        last = e.offset;
        if (e.kind == TR_EV_FRAME && b->frame) {
            b->frame(b, &e);
            continue;
        }
        uint64_t known = b->tick * TR_BLOCK + e.offset;
        b->seen[b->count++] = (struct seen){
            .port = e.card_port, .kind = e.kind, .at = known - e.age, .tick = b->tick, .a0 = e.a0, .known = known};
    }
    b->tick++;
}

/* Both, in lock step. */
static inline void bench_run(struct bench *a, struct bench *b, int ticks) {
    for (int i = 0; i < ticks; i++) {
        bench_step(a);
        if (b) {
            bench_step(b);
        }
    }
}

/* The n-th event of a kind on a port (n from 0), or NULL. */
static inline const struct seen *bench_event(const struct bench *b, uint32_t port, uint32_t kind, int n) {
    for (int i = 0; i < b->count; i++) {
        if (b->seen[i].port == port && b->seen[i].kind == kind && n-- == 0) {
            return &b->seen[i];
        }
    }
    return NULL;
}

static inline int bench_count(const struct bench *b, uint32_t port, uint32_t kind) {
    int n = 0;
    while (bench_event(b, port, kind, n)) {
        n++;
    }
    return n;
}

static inline struct tr_port_state bench_state(const struct bench *b, uint32_t port) {
    struct tr_port_state state = {0};
    CHECK_INT(b->card->ops->state(b->card, port, &state), TR_OK);
    return state;
}

/* One block of a sine, continued by `*phase` (radians); peak as 16-bit. */
static inline void bench_sine(uint8_t *out, double hz, double peak, double *phase) {
    int16_t x[TR_BLOCK];
    for (int i = 0; i < TR_BLOCK; i++) {
        x[i] = (int16_t)lrint(peak * sin(*phase));
        *phase += 2 * 3.14159265358979323846 * hz / TR_RATE;
    }
    tr_g711_encode(TR_LAW_A, x, out, TR_BLOCK);
}

static inline double bench_power(const uint8_t *code) {
    int16_t x[TR_BLOCK];
    double sum = 0;
    tr_g711_decode(TR_LAW_A, code, x, TR_BLOCK);
    for (int i = 0; i < TR_BLOCK; i++) {
        sum += (double)x[i] * x[i];
    }
    return sum / TR_BLOCK;
}

#endif
