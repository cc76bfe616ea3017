/* The card of the benches: see bench_card.h. */
#define _GNU_SOURCE
#include "bench_card.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct bench_card *card_of(const tr_card *card) { return (const struct bench_card *)card; }
static uint32_t card_ports(const tr_card *card) { return card_of(card)->count; }
static uint32_t card_kind(const tr_card *card, uint32_t port) {
    (void)port;
    return card_of(card)->analog ? TR_KIND_FXO : TR_KIND_B;
}
static uint32_t card_nothing(const tr_card *card, uint32_t port) {
    (void)card, (void)port;
    return 0;
}

static int card_exchange(tr_card *card, uint8_t *const *rx, const uint8_t *const *tx, uint32_t count) {
    struct bench_card *bench = (struct bench_card *)card;
    for (uint32_t p = 0; p < count; p++) {
        if (bench->sent && tx[p]) {
            bench->sent(bench->whose, p, tx[p]);
        }
        if (!rx[p] || !bench->live) {
            continue; /* the engine's buffers hold idle codes at first */
        }
        const uint8_t *input = bench->input + (size_t)(p % bench->distinct) * bench->samples;
        if (bench->at + TR_BLOCK <= bench->samples) {
            memcpy(rx[p], input + bench->at, TR_BLOCK);
        } else {
            for (uint32_t i = 0; i < TR_BLOCK; i++) {
                rx[p][i] = input[(bench->at + i) % bench->samples];
            }
        }
    }
    bench->at = bench->live ? (bench->at + TR_BLOCK) % bench->samples : 0;
    return TR_OK;
}

static int card_event(tr_card *card, struct tr_line_event *out) {
    (void)card, (void)out;
    return 0;
}
static int card_number(tr_card *card, uint32_t port, int value) {
    (void)card, (void)port, (void)value;
    return TR_E_UNSUPPORTED;
}
static int card_ring(tr_card *card, uint32_t port, const int32_t cadence_ms[6]) {
    (void)card, (void)port, (void)cadence_ms;
    return TR_E_UNSUPPORTED;
}
static int card_set(tr_card *card, uint32_t port, int setting, int value) {
    (void)card, (void)port, (void)setting, (void)value;
    return TR_OK;
}
static int card_state(const tr_card *card, uint32_t port, struct tr_port_state *out) {
    (void)port;
    out->hook = card_of(card)->analog;
    return TR_OK;
}
static int card_idle(const tr_card *card, uint32_t port) {
    (void)card, (void)port;
    return 0;
}
static uint32_t card_delay(const tr_card *card) {
    (void)card;
    return 0;
}
static void card_release(tr_card *card) { free(card); }

static const struct tr_card_ops bench_ops = {.name = "bench",
                                             .ports = card_ports,
                                             .kind = card_kind,
                                             .capabilities = card_nothing,
                                             .exchange = card_exchange,
                                             .next_event = card_event,
                                             .hook = card_number,
                                             .flash = card_number,
                                             .ring = card_ring,
                                             .loop_open = card_number,
                                             .on_hook_tx = card_number,
                                             .set = card_set,
                                             .state = card_state,
                                             .idle = card_idle,
                                             .delay = card_delay,
                                             .release = card_release};

struct bench_card *bench_card_new(uint32_t ports, const uint8_t *input, uint32_t samples, uint32_t distinct) {
    struct bench_card *card = (struct bench_card *)tr_alloc(sizeof *card);
    if (card) {
        *card = (struct bench_card){
            .base = {&bench_ops, NULL}, .count = ports, .samples = samples, .distinct = distinct, .input = input};
    }
    return card;
}

int64_t bench_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}
