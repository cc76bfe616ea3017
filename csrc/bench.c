/* The engine bench: how many ports does one core carry? The real engine, its real tick and port chain, stepped on one
 * thread, on a card whose far ends are the given input. Measured is tr_engines_step() alone, tick by tick; taking the
 * events out between ticks is not, but raising them is. Serves the question which PC a site needs (docs/performance).
 */
#include "bench_card.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>

/* Dial tone, ringback, busy, congestion of GB/T 3380: a plan of common size. */
static const struct tr_tone plan[] = {
    {.id = 0, .f1_hz = 450, .tolerance_hz = 25, .level_min = -3500, .min_ms = 850, .bridge_ms = 50},
    {.id = 1,
     .f1_hz = 450,
     .tolerance_hz = 25,
     .level_min = -3500,
     .on_ms = {1000},
     .off_ms = {4000},
     .cadence_tolerance = 15,
     .min_cycles = 1,
     .watch_overdue = 1},
    {.id = 2,
     .f1_hz = 450,
     .tolerance_hz = 25,
     .level_min = -3500,
     .on_ms = {350},
     .off_ms = {350},
     .cadence_tolerance = 15,
     .min_cycles = 2},
    {.id = 3,
     .f1_hz = 450,
     .tolerance_hz = 25,
     .level_min = -3500,
     .on_ms = {700},
     .off_ms = {700},
     .cadence_tolerance = 15,
     .min_cycles = 2},
};

/* What a call of the VRU arms, plays and sets. */
static int begin_call(tr_engine *engine, uint32_t port, uint32_t mask, bool echo) {
    const struct tr_command commands[] = {
        {.op = TR_OP_DETECT, .port = port, .id = 1, .a = {(int32_t)mask, TR_DUCK_PROMPT}},
        {.op = TR_OP_GAIN, .port = port, .id = 2, .a = {-100, -100}},
        {.op = TR_OP_ECHO_CANCELLER, .port = port, .id = 5, .a = {TR_ECHO_ON}},
    };
    struct tr_command tones = {.op = TR_OP_TONE_PLAN, .port = port, .id = 4};
    struct tr_command play = {.op = TR_OP_PLAY, .port = port, .id = 3, .a = {TR_PLAY_TONE, 450, 0, -2000, 0}};
    static const int32_t bursts[] = {70, 40}; /* a steady tone would teach the canceller nothing */
    int result = mask & TR_DETECT_TONES ? tr_engine_command(engine, &tones, plan, sizeof plan) : TR_OK;
    if (result == TR_OK) {
        result = tr_engine_command(engine, &play, bursts, echo ? sizeof bursts : 0);
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0] - !echo && result == TR_OK; i++) {
        result = tr_engine_command(engine, &commands[i], NULL, 0);
    }
    return result;
}

/* Takes the events out: digits are counted, a failed command is a failed bench. */
static int drain(tr_engine *engine, struct tr_bench_result *out) {
    struct tr_event events[256];
    int n, result = TR_OK;
    while ((n = tr_engine_events(engine, events, 256)) > 0) {
        for (int i = 0; i < n; i++) {
            out->digits_found += events[i].kind == TR_EV_DTMF_BEGIN;
            result = events[i].kind == TR_EV_COMMAND_FAILED ? events[i].a[0] : result;
        }
    }
    return result;
}

/* Set-up goes in batches, as much as the engine's queues take in a tick. */
#define BATCH 1024

static int run(tr_engine *engine, struct bench_card *card, uint32_t ports, uint32_t ticks, uint32_t mask, bool echo,
               struct tr_bench_result *out) {
    int result = TR_OK;
    for (uint32_t p = 0; p < ports && result == TR_OK; p++) {
        uint32_t number;
        result = tr_port_alloc(engine, &card->base, p, &number);
        result = result == TR_OK ? begin_call(engine, number, mask, echo) : result;
        if (result == TR_OK && (p % BATCH == BATCH - 1 || p == ports - 1)) {
            tr_engines_step(&engine, 1, 1);
            result = drain(engine, out);
        }
    }
    card->live = true;
    for (uint32_t t = 0; t < ticks && result == TR_OK; t++) {
        int64_t begin = bench_now_ns();
        tr_engines_step(&engine, 1, 1);
        double cost = (double)(bench_now_ns() - begin);
        result = drain(engine, out);
        out->ns_total += cost;
        out->ns_tick_max = cost > out->ns_tick_max ? cost : out->ns_tick_max;
    }
    struct tr_stats stats;
    tr_engine_stats(engine, &stats);
    out->ns_tick_mean = out->ns_total / ticks;
    out->memory_bytes = stats.memory_bytes;
    return result;
}

int tr_bench(uint32_t ports, uint32_t ticks, uint32_t detect_mask, uint32_t echo, const uint8_t *input,
             uint32_t samples_per_port, uint32_t distinct_inputs, struct tr_bench_result *out) {
    memset(out, 0, sizeof *out);
    if (ports < 1 || ports > 65536 || ticks < 1 || !input || samples_per_port < 1 || distinct_inputs < 1 ||
        detect_mask > 31) {
        return TR_E_ARGUMENT;
    }
    struct tr_engine_config config = {.max_ports = ports, .command_ring = 4 * BATCH, .event_ring = 1024};
    while (config.event_ring < 8 * ports) {
        config.event_ring *= 2;
    }
    struct bench_card *card = bench_card_new(ports, input, samples_per_port, distinct_inputs);
    if (card) {
        card->analog = echo != 0;
    }
    tr_engine *engine = tr_engine_new(&config);
    int result = card && engine ? TR_OK : TR_E_NO_MEMORY;
    if (result == TR_OK) {
        result = tr_engine_add_card(engine, &card->base);
    }
    if (result == TR_OK) {
        struct bench_card *adopted = card; /* freed with the engine */
        card = NULL;
        result = run(engine, adopted, ports, ticks, detect_mask, echo != 0, out);
    }
    tr_engine_free(engine);
    free(card);
    return result;
}
