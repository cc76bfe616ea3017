/* Engine, software card and wire together: a call from ringing to hang-up, as both ends' control halves see it; and the
 * bench, which runs the same chain. */
#include "check.h"
#include "gen.h"
#include "engine.h"

struct end {
    tr_engine *engine;
    tr_card *card;
    uint32_t port, next_id;
};

static struct end make_end(uint32_t kind) {
    struct tr_engine_config config = {.max_ports = 4};
    struct tr_sim_config sim = {.ports = 1, .kind = kind, .capabilities = TR_CAP_PRECISION | TR_CAP_REPORTS_RING_BEGIN};
    struct end end = {.engine = tr_engine_new(&config), .card = tr_sim_card_new(&sim)};
    NEED(end.engine && end.card);
    NEED(tr_engine_add_card(end.engine, end.card) == TR_OK);
    NEED(tr_port_alloc(end.engine, end.card, 0, &end.port) == TR_OK);
    return end;
}

static uint32_t say(struct end *end, struct tr_command command, const void *side, size_t n) {
    command.id = ++end->next_id;
    command.port = end->port;
    CHECK_INT(tr_engine_command(end->engine, &command, side, n), TR_OK);
    return command.id;
}

/* Steps both, in the order given, until `end` has an event of that kind; all others go into the log. */
struct log {
    char text[4096];
    size_t length;
};

static void note(struct log *log, char who, const struct tr_event *event) {
    int n = snprintf(log->text + log->length, sizeof log->text - log->length, "%c %u %llu %d\n", who, event->kind,
                     (unsigned long long)event->at, event->a[0]);
    log->length += n > 0 && log->length + (size_t)n < sizeof log->text ? (size_t)n : 0;
}

static bool await(struct end *ends[2], struct log *log, struct end *end, uint32_t kind, int ticks,
                  struct tr_event *out) {
    tr_engine *engines[] = {ends[0]->engine, ends[1]->engine};
    /* Kept apart from the order in which the engines step: what each end says is noted in one fixed order. */
    for (;;) {
        bool found = false;
        struct tr_event event;
        while (tr_engine_events(end->engine, &event, 1)) {
            note(log, 'x', &event);
            if (event.kind == kind && !found) {
                *out = event;
                found = true;
            }
        }
        struct end *other = ends[0] == end ? ends[1] : ends[0];
        while (tr_engine_events(other->engine, &event, 1)) {
            note(log, 'y', &event);
        }
        if (found || ticks <= 0) {
            return found;
        }
        ticks -= tr_engines_step(engines, 2, ticks);
    }
}

static void one_call(bool line_first, struct log *log) {
    struct end line = make_end(TR_KIND_FXS), extension = make_end(TR_KIND_FXO);
    struct end *ends[2] = {line_first ? &line : &extension, line_first ? &extension : &line};
    struct tr_event event;
    struct tr_port_state state;
    NEED(tr_wire_connect(line.card, 0, extension.card, 0) >= 0);
    say(&line, (struct tr_command){.op = TR_OP_DETECT, .a = {TR_DETECT_DTMF}}, NULL, 0);
    say(&line, (struct tr_command){.op = TR_OP_RING, .a = {1000, 4000}}, NULL, 0);
    CHECK(await(ends, log, &extension, TR_EV_RING_BEGIN, 100, &event));
    tr_engine_port_state(extension.engine, extension.port, &state);
    CHECK_INT(state.ringing, 1);
    say(&extension, (struct tr_command){.op = TR_OP_HOOK, .a = {1}}, NULL, 0);
    CHECK(await(ends, log, &line, TR_EV_OFFHOOK, 20, &event));
    uint32_t dial =
        say(&extension, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, 80, 80, -700, -700}}, "86", 2);
    CHECK(await(ends, log, &line, TR_EV_DTMF_BEGIN, 50, &event));
    CHECK_INT(event.a[0], '8');
    CHECK(await(ends, log, &line, TR_EV_DTMF_END, 50, &event));
    CHECK_NEAR(event.a[1], 80, 4);
    CHECK(await(ends, log, &extension, TR_EV_PLAY_DONE, 50, &event));
    CHECK_INT(event.id, dial);
    uint32_t flash = say(&extension, (struct tr_command){.op = TR_OP_FLASH, .a = {600}}, NULL, 0);
    CHECK(await(ends, log, &extension, TR_EV_HOOK_DONE, 60, &event));
    CHECK_INT(event.id, flash);
    CHECK_INT(event.a[0], 600);
    CHECK(await(ends, log, &line, TR_EV_FLASH, 10, &event));
    CHECK_INT(event.a[0], 600);
    say(&extension, (struct tr_command){.op = TR_OP_HOOK, .a = {0}}, NULL, 0);
    CHECK(await(ends, log, &line, TR_EV_ONHOOK, 100, &event));
    tr_engine_port_state(line.engine, line.port, &state);
    CHECK_INT(state.hook, 0);
    CHECK_INT(state.digits, 2);
    CHECK_INT(state.flash_edges, 1);
    tr_engine_free(line.engine);
    tr_engine_free(extension.engine);
}

static void a_call_crosses_the_wire(void) {
    static struct log first, second;
    one_call(true, &first);
    one_call(false, &second); /* the order of the engines in a step makes no difference */
    CHECK_STR(second.text, first.text);
    CHECK(first.length > 100);
}

static void bench_finds_every_digit(void) {
    static int16_t sound[16000];
    static uint8_t codes[16000];
    struct tr_command digits = {.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, 70, 70, -1000, -1000}};
    struct tr_gen gen;
    NEED(tr_gen_init(&gen, &digits, (const uint8_t *)"0123456789", 10) == TR_OK);
    tr_gen_feed(&gen, sound + 800, 15000);
    tr_g711_encode(TR_LAW_A, sound, codes, 16000);
    struct tr_bench_result result;
    CHECK_INT(tr_bench(20, 200, TR_DETECT_DTMF | TR_DETECT_TONES | TR_DETECT_VOICE, 1, codes, 16000, 1, &result),
              TR_OK);
    CHECK_INT(result.digits_found, 20 * 20); /* twice through two seconds */
    CHECK(result.ns_tick_max >= result.ns_tick_mean);
    CHECK(result.memory_bytes > 20 * 1000);
    CHECK_INT(tr_bench(0, 200, 1, 0, codes, 16000, 1, &result), TR_E_ARGUMENT);
    CHECK_INT(tr_bench(1, 200, 32, 0, codes, 16000, 1, &result), TR_E_ARGUMENT);
    CHECK_INT(tr_bench(1, 1, 1, 0, NULL, 16000, 1, &result), TR_E_ARGUMENT);
    /* more ports than the queues take at once, and input that is no whole number of blocks */
    CHECK_INT(tr_bench(2500, 3, TR_DETECT_DTMF, 0, codes, 1601, 9, &result), TR_OK);
}

int main(void) {
    RUN(a_call_crosses_the_wire);
    RUN(bench_finds_every_digit);
    return check_end();
}
