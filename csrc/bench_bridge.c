/* The bridge bench: what do conversations cost? The real engine and port chain on the benches' card, stepped on one
 * thread; measured is tr_engines_step() alone. The reference is a plain copy of the same codes, in the same run.
 * Serves docs/performance. */
#include "bench_card.h"
#include "internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends of two-party calls: 2i and 2i + 1. */
static int join_pair(tr_engine *engine, uint32_t port) {
    struct tr_command hear = {.op = TR_OP_HEAR, .port = port, .id = 1, .a = {(int32_t)(port ^ 1)}};
    return tr_engine_command(engine, &hear, NULL, 0);
}

/* A two-party call mixed instead of copied: at a gain of its own. */
static int join_mixed(tr_engine *engine, uint32_t port) {
    struct tr_command hear = {.op = TR_OP_HEAR, .port = port, .id = 1, .a = {(int32_t)(port ^ 1), -100}};
    return tr_engine_command(engine, &hear, NULL, 0);
}

/* A two-party call of analog lines, our echo canceller on both. */
static int join_cancelled(tr_engine *engine, uint32_t port) {
    struct tr_command cancel = {.op = TR_OP_ECHO_CANCELLER, .port = port, .id = 1, .a = {TR_ECHO_ON}};
    int result = tr_engine_command(engine, &cancel, NULL, 0);
    return result == TR_OK ? join_pair(engine, port) : result;
}

static int join_conference(tr_engine *engine, uint32_t port, uint32_t parties) {
    struct tr_command join = {
        .op = TR_OP_JOIN, .port = port, .id = 1, .a = {(int32_t)(port / parties + 1), TR_TALK | TR_LISTEN}};
    return tr_engine_command(engine, &join, NULL, 0);
}

/* A conference of pairs: each hears each other one beside the rest. */
static int join_all_pairs(tr_engine *engine, uint32_t port, uint32_t parties) {
    int result = TR_OK;
    uint32_t first = port - port % parties;
    for (uint32_t other = first; other < first + parties && result == TR_OK; other++) {
        struct tr_command hear = {.op = TR_OP_HEAR, .port = port, .id = 1, .a = {(int32_t)other, 0, 1}};
        result = other == port ? TR_OK : tr_engine_command(engine, &hear, NULL, 0);
    }
    return result;
}

static int join(tr_engine *engine, uint32_t port, uint32_t how, uint32_t parties) {
    switch (how) {
    case TR_BENCH_PAIRS:
        return join_pair(engine, port);
    case TR_BENCH_MIXED:
        return join_mixed(engine, port);
    case TR_BENCH_CANCELLED:
        return join_cancelled(engine, port);
    case TR_BENCH_CONFERENCE:
        return join_conference(engine, port, parties);
    default:
        return join_all_pairs(engine, port, parties);
    }
}

/* The caller's end of each call is recorded: left what the caller says, right what the agent says. */
static int record(tr_engine *engine, uint32_t port, const char *folder) {
    char path[512];
    int n = snprintf(path, sizeof path, "%s/%u.wav", folder, port);
    struct tr_command record = {.op = TR_OP_RECORD, .port = port, .id = 2, .a = {TR_RECORD_STEREO}};
    return n >= (int)sizeof path ? TR_E_TOO_LONG : tr_engine_command(engine, &record, path, (size_t)n);
}

static int drain(tr_engine *engine) {
    struct tr_event events[256];
    int n, result = TR_OK;
    while ((n = tr_engine_events(engine, events, 256)) > 0) {
        for (int i = 0; i < n; i++) {
            bool failed = events[i].kind == TR_EV_COMMAND_FAILED || events[i].kind == TR_EV_RECORD_DONE;
            result = failed ? events[i].a[0] < 0 ? events[i].a[0] : TR_E_STATE : result;
        }
    }
    return result;
}

static int run(tr_engine *engine, struct bench_card *card, const struct tr_bench_bridge *plan,
               struct tr_bench_result *out) {
    int result = TR_OK;
    for (uint32_t p = 0; p < plan->ports && result == TR_OK; p++) {
        uint32_t number;
        result = tr_port_alloc(engine, &card->base, p, &number);
    }
    for (uint32_t p = 0; p < plan->ports && result == TR_OK; p++) {
        result = join(engine, p, plan->how, plan->parties);
        if (result == TR_OK && plan->folder && p % 2 == 0) {
            result = record(engine, p, plan->folder);
        }
        tr_engines_step(&engine, 1, 1);
        result = result == TR_OK ? drain(engine) : result;
    }
    card->live = true;
    tr_engines_step(&engine, 1, 1);
    for (uint32_t t = 0; t < plan->ticks && result == TR_OK; t++) {
        int64_t begin = bench_now_ns();
        tr_engines_step(&engine, 1, 1);
        double cost = (double)(bench_now_ns() - begin);
        result = drain(engine);
        out->ns_total += cost;
        out->ns_tick_max = cost > out->ns_tick_max ? cost : out->ns_tick_max;
    }
    out->ns_tick_mean = out->ns_total / plan->ticks;
    struct tr_stats stats;
    tr_engine_stats(engine, &stats);
    out->memory_bytes = stats.memory_bytes;
    return result;
}

/* The reference: every port's codes copied from where they came to where they go, and nothing else. */
static int copy_only(struct bench_card *card, const struct tr_bench_bridge *plan, struct tr_bench_result *out) {
    uint8_t *blocks = (uint8_t *)tr_alloc((size_t)plan->ports * 2 * TR_BLOCK);
    uint8_t **rx = (uint8_t **)tr_alloc(plan->ports * sizeof *rx);
    const uint8_t **tx = (const uint8_t **)tr_alloc(plan->ports * sizeof *tx);
    int result = blocks && rx && tx ? TR_OK : TR_E_NO_MEMORY;
    for (uint32_t p = 0; p < plan->ports && result == TR_OK; p++) {
        rx[p] = blocks + (size_t)p * 2 * TR_BLOCK;
        tx[p] = rx[p] + TR_BLOCK;
    }
    card->live = true;
    for (uint32_t t = 0; t < plan->ticks && result == TR_OK; t++) {
        int64_t begin = bench_now_ns();
        card->base.ops->exchange(&card->base, rx, tx, plan->ports);
        for (uint32_t p = 0; p < plan->ports; p++) {
            memcpy(rx[p] + TR_BLOCK, rx[p ^ 1], TR_BLOCK);
        }
        out->ns_total += (double)(bench_now_ns() - begin);
    }
    out->ns_tick_mean = out->ns_total / plan->ticks;
    free(blocks);
    free(rx);
    free(tx);
    return result;
}

int tr_bench_bridge(const struct tr_bench_bridge *plan, struct tr_bench_result *out) {
    memset(out, 0, sizeof *out);
    if (plan->ports < 2 || plan->ports > 65536 || plan->ports % 2 || plan->ticks < 1 || !plan->input ||
        !plan->samples || !plan->distinct || plan->how > TR_BENCH_CANCELLED || plan->parties < 2 ||
        plan->ports % plan->parties) {
        return TR_E_ARGUMENT;
    }
    struct tr_engine_config config = {.max_ports = plan->ports};
    struct bench_card *card = bench_card_new(plan->ports, plan->input, plan->samples, plan->distinct);
    if (card) {
        card->analog = plan->how == TR_BENCH_CANCELLED;
    }
    if (card && plan->how == TR_BENCH_COPY) {
        int result = copy_only(card, plan, out);
        free(card);
        return result;
    }
    tr_engine *engine = card ? tr_engine_new(&config) : NULL;
    int result = engine ? tr_engine_add_card(engine, &card->base) : TR_E_NO_MEMORY;
    if (result != TR_OK) {
        free(card);
    } else {
        result = run(engine, card, plan, out);
    }
    tr_engine_free(engine);
    return result;
}
