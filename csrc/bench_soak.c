/* The bridge soak: hours of conversations that begin, change and end, and nobody ever hears a sample of another's call.
 *
 * The real engine, stepped, on the benches' card; the judge stands at the card, knows of each party whom it has to
 * hear, and compares every sample. What a party says in tick n its listeners send in tick n + 1, and the card has it in
 * the exchange of tick n + 2. A change is commanded in a tick; gains fade until the exchange two ticks later, and until
 * then each sample must lie between what the voices before and after it allow. Only a new epoch cuts at once. Serves
 * docs/performance. */
#include "bench_card.h"
#include "g711.h"
#include "internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEARD_MAX 2
#define FADED 2            /* exchanges after a command in which gains still move */
#define RECORDED 10        /* callers */
#define RECORDINGS_MAX 200 /* files: half a gigabyte */

/* Whom a party hears. */
struct ear {
    uint32_t count, voice[HEARD_MAX];
    int32_t gain; /* Q14, of all of them */
};

struct party {
    uint32_t epoch;
    struct ear now, before; /* before: what may still be heard while gains fade */
    struct ear sent;        /* in the tick before the commands */
    uint64_t changed;       /* tick of the last command */
    bool cut;               /* by a new epoch */
};

enum stage { IDLE, TALKING, HOLDING, THREE, SOFTER };

struct call {
    enum stage stage;
    uint32_t agent, third;
    uint32_t left; /* changes until it is over */
    uint64_t until;
    bool recorded;
};

struct soak {
    const struct tr_bench_soak *plan;
    struct tr_soak_result *out;
    struct bench_card *card;
    tr_engine *engine;
    struct party *party;
    struct call *call;
    uint32_t *agents, agents_free; /* the idle ones */
    uint32_t *thirds, thirds_free;
    uint32_t parties, seed, id;
    uint8_t idle[TR_BLOCK];
    int result;
};

static uint32_t any(struct soak *s, uint32_t below) {
    s->seed ^= s->seed << 13; /* xorshift32 (Marsaglia 2003) */
    s->seed ^= s->seed >> 17;
    s->seed ^= s->seed << 5;
    return s->seed % below;
}

/* ---- the judge --------------------------------------------------------------------------------- */

/* The codes of a party's block. */
static const uint8_t *said(const struct soak *s, uint32_t party, uint64_t tick) {
    return s->plan->input + (size_t)party * s->plan->samples + tick * TR_BLOCK % s->plan->samples;
}

static int32_t scaled(int32_t sample, int32_t gain) { return gain == 1 << 14 ? sample : (sample * gain) >> 14; }

static void mark_wrong(struct soak *s, uint32_t p) {
    if (!s->out->wrong && !s->out->out_of_bounds) {
        s->out->wrong_port = p;
        s->out->wrong_tick = s->engine->tick;
    }
}

static void compare(struct soak *s, uint32_t p, const struct ear *ear, uint64_t tick, const uint8_t *tx) {
    s->out->samples += TR_BLOCK;
    bool plain = ear->count == 0 || (ear->count == 1 && ear->gain == 1 << 14);
    if (plain && memcmp(tx, ear->count ? said(s, ear->voice[0], tick) : s->idle, TR_BLOCK) == 0) {
        return;
    }
    for (int i = 0; i < TR_BLOCK; i++) {
        int32_t sum = 0;
        for (uint32_t v = 0; v < ear->count; v++) {
            sum += scaled(tr_linear_of[TR_LAW_A][said(s, ear->voice[v], tick)[i]], ear->gain);
        }
        uint8_t must = ear->count ? tr_alaw(tr_saturate(sum)) : tr_g711_idle(TR_LAW_A);
        if (tx[i] != must) {
            mark_wrong(s, p);
            s->out->wrong++;
        }
    }
}

/* Adds what the voices of an ear allow. */
static void widen(const struct soak *s, const struct ear *ear, uint64_t tick, int i, int32_t *low, int32_t *high) {
    for (uint32_t v = 0; v < ear->count; v++) {
        int32_t x = tr_linear_of[TR_LAW_A][said(s, ear->voice[v], tick)[i]];
        *low += x < 0 ? x : 0;
        *high += x > 0 ? x : 0;
    }
}

static void bound(struct soak *s, uint32_t p, const struct party *party, uint64_t tick, const uint8_t *tx) {
    s->out->in_change += TR_BLOCK;
    for (int i = 0; i < TR_BLOCK; i++) {
        int32_t low = 0, high = 0, x = tr_linear_of[TR_LAW_A][tx[i]];
        widen(s, &party->before, tick, i, &low, &high);
        widen(s, &party->now, tick, i, &low, &high);
        int32_t slack = 16 + (high - low) / 32; /* a step of A-law */
        if (x < low - slack || x > high + slack) {
            mark_wrong(s, p);
            s->out->out_of_bounds++;
        }
    }
}

/* The card is given, in tick n, what a party sends from tick n - 1 on. */
static void judge(void *whose, uint32_t p, const uint8_t *tx) {
    struct soak *s = (struct soak *)whose;
    const struct party *party = &s->party[p];
    uint64_t tick = s->engine->tick, since = tick - party->changed;
    if (!s->card->live || tick < s->parties + 4) {
        return; /* set-up */
    }
    uint64_t heard = tick - 2 - s->parties; /* of the input, whose first block is heard in the first live tick */
    if (since == 0) {
        compare(s, p, &party->sent, heard, tx);
    } else if (since <= FADED && !party->cut) {
        bound(s, p, party, heard, tx);
    } else {
        compare(s, p, &party->now, heard, tx);
    }
}

/* ---- the switch -------------------------------------------------------------------------------- */

static void say(struct soak *s, struct tr_command command, const void *side, size_t n) {
    command.id = ++s->id;
    command.epoch = s->party[command.port].epoch;
    int result = tr_engine_command(s->engine, &command, side, n);
    s->result = s->result == TR_OK ? result : s->result;
}

static void changes(struct soak *s, uint32_t p, struct ear now, bool cut) {
    struct party *party = &s->party[p];
    if (party->changed != s->engine->tick) {
        party->sent = party->now;
    }
    party->before = party->now;
    party->now = now;
    party->changed = s->engine->tick;
    party->cut = cut;
}

static struct ear one(uint32_t voice, int32_t gain) { return (struct ear){1, {voice}, gain}; }
static struct ear two(uint32_t a, uint32_t b) { return (struct ear){2, {a, b}, 1 << 14}; }
static struct ear none(void) { return (struct ear){0}; }

static void hear(struct soak *s, uint32_t p, uint32_t other, int32_t cdb) {
    say(s, (struct tr_command){.op = TR_OP_HEAR, .port = p, .a = {(int32_t)other, cdb}}, NULL, 0);
    changes(s, p, one(other, tr_gain(cdb)), false);
}

static void hear_nobody(struct soak *s, uint32_t p) {
    say(s, (struct tr_command){.op = TR_OP_HEAR, .port = p, .a = {-1}}, NULL, 0);
    changes(s, p, none(), false);
}

static void hang_up(struct soak *s, uint32_t p) {
    uint32_t epoch = s->party[p].epoch + 1;
    say(s, (struct tr_command){.op = TR_OP_EPOCH, .port = p, .a = {(int32_t)epoch}}, NULL, 0);
    s->party[p].epoch = epoch;
    changes(s, p, none(), true);
}

static void join(struct soak *s, uint32_t p, uint32_t conference, struct ear now) {
    hear_nobody(s, p);
    struct ear before = s->party[p].before;
    say(s, (struct tr_command){.op = TR_OP_JOIN, .port = p, .a = {(int32_t)conference, TR_TALK | TR_LISTEN}}, NULL, 0);
    changes(s, p, now, false);
    s->party[p].before = before;
}

static void leave(struct soak *s, uint32_t p) { say(s, (struct tr_command){.op = TR_OP_JOIN, .port = p}, NULL, 0); }

static void record(struct soak *s, uint32_t caller, uint32_t agent) {
    char path[512];
    int n = snprintf(path, sizeof path, "%s/%u-%u.wav", s->plan->folder, caller, agent);
    if (n >= (int)sizeof path) {
        s->result = TR_E_TOO_LONG;
        return;
    }
    say(s, (struct tr_command){.op = TR_OP_RECORD, .port = caller, .a = {TR_RECORD_STEREO}}, path, (size_t)n);
    s->out->recordings++;
}

static void talk(struct soak *s, struct call *call, uint32_t caller) {
    call->stage = TALKING;
    hear(s, caller, call->agent, 0);
    hear(s, call->agent, caller, 0);
}

static void begin(struct soak *s, struct call *call, uint32_t caller) {
    uint32_t at = any(s, s->agents_free);
    call->agent = s->agents[at];
    s->agents[at] = s->agents[--s->agents_free];
    call->recorded = s->plan->folder && caller < RECORDED && s->out->recordings < RECORDINGS_MAX;
    call->left = call->recorded ? 0 : any(s, 4);
    talk(s, call, caller);
    if (call->recorded) {
        record(s, caller, call->agent);
    }
    s->out->calls++;
}

static void end(struct soak *s, struct call *call, uint32_t caller) {
    hang_up(s, caller);
    hang_up(s, call->agent);
    s->agents[s->agents_free++] = call->agent;
    call->stage = IDLE;
}

static void third_joins(struct soak *s, struct call *call, uint32_t caller) {
    uint32_t conference = caller + 1, at = any(s, s->thirds_free);
    call->third = s->thirds[at];
    s->thirds[at] = s->thirds[--s->thirds_free];
    join(s, caller, conference, two(call->agent, call->third));
    join(s, call->agent, conference, two(caller, call->third));
    join(s, call->third, conference, two(caller, call->agent));
    call->stage = THREE;
    s->out->thirds++;
}

static void change(struct soak *s, struct call *call, uint32_t caller) {
    call->left--;
    uint32_t which = any(s, 3);
    if (which == 0) {
        hear_nobody(s, caller);
        hear_nobody(s, call->agent);
        call->stage = HOLDING;
        s->out->holds++;
    } else if (which == 1 && s->thirds_free) {
        third_joins(s, call, caller);
    } else {
        hear(s, caller, call->agent, -300);
        call->stage = SOFTER;
        s->out->gains++;
    }
}

/* What comes next in a call, and when. */
static void next(struct soak *s, uint32_t caller) {
    struct call *call = &s->call[caller];
    uint32_t ticks = 50 * (10 + any(s, 90)); /* 10 to 100 s */
    switch (call->stage) {
    case IDLE:
        begin(s, call, caller);
        break;
    case TALKING:
        if (call->left) {
            change(s, call, caller);
        } else {
            end(s, call, caller);
            ticks = 50 + any(s, 450);
        }
        break;
    case THREE:
        leave(s, caller);
        leave(s, call->agent);
        hang_up(s, call->third);
        s->thirds[s->thirds_free++] = call->third;
        talk(s, call, caller);
        break;
    default:
        talk(s, call, caller);
    }
    call->until = s->engine->tick + ticks;
}

static void drain(struct soak *s) {
    struct tr_event events[256];
    int n;
    while ((n = tr_engine_events(s->engine, events, 256)) > 0) {
        for (int i = 0; i < n; i++) {
            bool failed = events[i].kind == TR_EV_COMMAND_FAILED;
            bool unwritten = events[i].kind == TR_EV_RECORD_DONE && events[i].a[0] != TR_RECORD_STOPPED;
            s->out->late_commands += failed;
            s->result = s->result == TR_OK && (failed || unwritten) ? TR_E_STATE : s->result;
        }
    }
}

static void run(struct soak *s) {
    struct tr_stats stats;
    for (uint32_t p = 0; p < s->parties && s->result == TR_OK; p++) {
        uint32_t number;
        s->result = tr_port_alloc(s->engine, &s->card->base, p, &number);
        tr_engines_step(&s->engine, 1, 1);
    }
    s->card->live = true;
    s->card->at = 0;
    tr_engines_step(&s->engine, 1, 4);
    for (uint64_t t = 0; t < s->plan->ticks && s->result == TR_OK; t++) {
        for (uint32_t c = 0; c < s->plan->calls; c++) {
            if (s->call[c].until <= s->engine->tick) {
                next(s, c);
            }
        }
        int64_t from = bench_now_ns();
        tr_engines_step(&s->engine, 1, 1);
        double cost = (double)(bench_now_ns() - from);
        s->out->ns_total += cost;
        s->out->ns_tick_max = cost > s->out->ns_tick_max ? cost : s->out->ns_tick_max;
        drain(s);
        if (t == s->plan->ticks / 10) {
            tr_engine_stats(s->engine, &stats);
            s->out->memory_begin = stats.memory_bytes;
        }
    }
    for (int i = 0; i <= FADED; i++) { /* what changed last has faded before all hang up */
        tr_engines_step(&s->engine, 1, 1);
    }
    for (uint32_t c = 0; c < s->plan->calls; c++) {
        if (s->call[c].stage == THREE) {
            hang_up(s, s->call[c].third);
        }
        if (s->call[c].stage != IDLE) {
            end(s, &s->call[c], c);
        }
    }
    tr_engines_step(&s->engine, 1, 1);
    for (int i = 0; i < 50; i++) { /* files are closed */
        tr_engines_step(&s->engine, 1, 1);
        drain(s);
    }
    tr_engine_stats(s->engine, &stats);
    s->out->memory_end = stats.memory_bytes;
    s->out->events_lost = stats.events_lost;
    s->out->io_overruns = stats.io_overruns;
}

int tr_bench_soak(const struct tr_bench_soak *plan, struct tr_soak_result *out) {
    memset(out, 0, sizeof *out);
    if (plan->calls < 4 || plan->calls > 1000 || !plan->ticks || !plan->input || !plan->samples ||
        plan->samples % TR_BLOCK) {
        return TR_E_ARGUMENT;
    }
    uint32_t thirds = plan->calls / 4, parties = 2 * plan->calls + thirds;
    struct tr_engine_config config = {.max_ports = 2 * parties};
    struct soak s = {.plan = plan, .out = out, .parties = parties, .seed = plan->seed ? plan->seed : 1};
    memset(s.idle, tr_g711_idle(TR_LAW_A), sizeof s.idle);
    s.agents_free = plan->calls;
    s.thirds_free = thirds;
    s.party = (struct party *)tr_alloc(parties * sizeof *s.party);
    s.call = (struct call *)tr_alloc(plan->calls * sizeof *s.call);
    s.agents = (uint32_t *)tr_alloc(plan->calls * sizeof *s.agents);
    s.thirds = (uint32_t *)tr_alloc(thirds * sizeof *s.thirds);
    s.card = bench_card_new(parties, plan->input, plan->samples, parties);
    s.engine = s.card ? tr_engine_new(&config) : NULL;
    bool there = s.party && s.call && s.agents && s.thirds && s.engine;
    s.result = there ? tr_engine_add_card(s.engine, &s.card->base) : TR_E_NO_MEMORY;
    if (s.result == TR_OK) {
        for (uint32_t c = 0; c < plan->calls; c++) {
            s.agents[c] = plan->calls + c;
            s.call[c].until = parties + 4 + any(&s, 500);
        }
        for (uint32_t t = 0; t < thirds; t++) {
            s.thirds[t] = 2 * plan->calls + t;
        }
        s.card->sent = judge;
        s.card->whose = &s;
        run(&s);
    } else {
        free(s.card);
    }
    tr_engine_free(s.engine);
    free(s.party);
    free(s.call);
    free(s.agents);
    free(s.thirds);
    return s.result;
}
