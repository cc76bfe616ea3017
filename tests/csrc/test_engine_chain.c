/* The chain of a port: laws, gains, hearing another port, detectors that sleep through silence and still know the time.
 */
#include "gen.h"
#include "internal.h"
#include "loop_card.h"
#include "port.h"

#define MAX 400000
static int16_t sound[MAX];

static void inject(struct loop_rig *rig, int port, int n) {
    rig->card->ports[port].inject = sound;
    rig->card->ports[port].inject_count = (size_t)n;
    rig->card->ports[port].inject_at = 0;
}

static void render(struct tr_command play, const void *side, size_t n, int at) {
    struct tr_gen gen;
    NEED(tr_gen_init(&gen, &play, (const uint8_t *)side, n) == TR_OK);
    tr_gen_feed(&gen, sound + at, MAX - at);
}

static struct tr_command digit_command(int on) {
    return (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, on, 60, -1000, -1000}};
}

static void hears_another_port_one_tick_later(void) {
    struct loop_rig rig = loop_rig(3);
    for (int i = 0; i < 8000; i++) {
        sound[i] = (int16_t)(((i * 37) % 8000) - 4000);
    }
    inject(&rig, 2, 8000);
    loop_say(&rig, (struct tr_command){.op = TR_OP_HEAR, .port = 0, .a = {2, 0}}, NULL, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_HEAR, .port = 1, .a = {2, -600}}, NULL,
             0); /* a second one, softer */
    loop_step(&rig, 20);
    uint8_t codes[1600];
    int16_t wanted[1600];
    tr_g711_encode(TR_LAW_A, sound, codes, 1600);
    tr_g711_decode(TR_LAW_A, codes, wanted, 1600);
    for (int i = 0; i < TR_BLOCK; i++) {
        NEED(abs(rig.card->ports[0].sent[i]) <= 8);
    }
    /* the first block fades in; from then on codec and back is exact */
    CHECK_MEM(rig.card->ports[0].sent + 2 * TR_BLOCK, wanted + TR_BLOCK, 2800);
    for (int i = TR_BLOCK; i < 1000; i++) {
        int want = (wanted[i] * tr_gain(-600)) >> 14;
        NEED(abs(rig.card->ports[1].sent[TR_BLOCK + i] - want) <= 8 + abs(want) / 32);
    }
    /* mixed with what the player plays, saturated */
    loop_say(&rig, (struct tr_command){.op = TR_OP_GAIN, .port = 0, .a = {0, 2400}}, NULL, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .port = 0, .a = {TR_PLAY_TONE, 450, 0, 0, 200}}, NULL, 0);
    loop_step(&rig, 5);
    int most = 0, least = 0;
    for (size_t i = rig.card->ports[0].sent_count - 3 * TR_BLOCK; i < rig.card->ports[0].sent_count; i++) {
        most = rig.card->ports[0].sent[i] > most ? rig.card->ports[0].sent[i] : most;
        least = rig.card->ports[0].sent[i] < least ? rig.card->ports[0].sent[i] : least;
    }
    CHECK_INT(most, 32256);
    CHECK_INT(least, -32256);
    loop_say(&rig, (struct tr_command){.op = TR_OP_HEAR, .port = 1, .a = {-1}}, NULL, 0);
    loop_step(&rig, 3);
    CHECK(abs(rig.card->ports[1].sent[rig.card->ports[1].sent_count - 1]) <= 8);
    loop_free(&rig);
}

static void speaks_both_laws(void) {
    struct loop_rig rig = loop_rig(2);
    struct tr_port_state state;
    struct tr_event event;
    memset(sound, 0, sizeof sound);
    loop_say(&rig, (struct tr_command){.op = TR_OP_SETTING, .a = {TR_SET_LAW, TR_LAW_MU}}, NULL, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_SETTING, .port = 1, .a = {TR_SET_LAW, TR_LAW_MU}}, NULL, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .port = 1, .a = {TR_DETECT_DTMF}}, NULL, 0);
    rig.card->ports[1].peer = 0;
    loop_step(&rig, 2);
    CHECK_INT(rig.card->ports[0].last[0], 0xFF); /* u-law silence */
    loop_say(&rig, digit_command(80), "4", 1);
    CHECK(loop_await(&rig, TR_EV_DTMF_BEGIN, 20, &event));
    CHECK_INT(event.port, 1);
    CHECK_INT(event.a[0], '4');
    tr_engine_port_state(rig.engine, 1, &state);
    CHECK_INT(state.law, TR_LAW_MU);
    loop_free(&rig);
}

/* Two engines, one of which sleeps through its silence: the digits of both lie at the same samples. */
static void sleeping_detectors_know_the_time(void) {
    memset(sound, 0, sizeof sound);
    const int places[] = {1000, 90011, 250077};
    for (int i = 0; i < 3; i++) {
        render(digit_command(100), "1", 1, places[i]);
    }
    for (int idle = 0; idle < 2; idle++) {
        struct loop_rig rig = loop_rig(1);
        struct tr_event event;
        loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .a = {31}}, NULL, 0);
        inject(&rig, 0, MAX);
        for (int i = 0; i < 3; i++) {
            int tick = places[i] / TR_BLOCK;
            struct tr_stats stats;
            for (;;) { /* the card calls the port idle between the digits */
                tr_engine_stats(rig.engine, &stats);
                if ((int)stats.tick >= tick) {
                    break;
                }
                rig.card->ports[0].idle = idle && (int)stats.tick < tick;
                loop_step(&rig, 1);
            }
            rig.card->ports[0].idle = false;
            CHECK(loop_await(&rig, TR_EV_DTMF_BEGIN, 8, &event));
            CHECK_NEAR(event.at, places[i], 16);
            CHECK(loop_await(&rig, TR_EV_DTMF_END, 20, &event));
            CHECK_NEAR(event.at, places[i] + 800, 24);
        }
        loop_free(&rig);
    }
}

static void detectors_carry_the_id_of_their_command(void) {
    struct loop_rig rig = loop_rig(1);
    struct tr_event event;
    memset(sound, 0, sizeof sound);
    render(digit_command(80), "12", 2, 1600);
    render((struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_TONE, 450, 0, -1500, 3000}}, NULL, 0, 8000);
    inject(&rig, 0, 40000);
    struct tr_tone dial = {
        .id = 5, .f1_hz = 450, .tolerance_hz = 25, .level_min = -3500, .min_ms = 850, .bridge_ms = 50};
    loop_say(&rig, (struct tr_command){.op = TR_OP_EPOCH, .a = {3}}, NULL, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_TONE_PLAN, .epoch = 3}, &dial, sizeof dial);
    uint32_t first = loop_say(
        &rig, (struct tr_command){.op = TR_OP_DETECT, .epoch = 3, .a = {TR_DETECT_DTMF | TR_DETECT_TONES}}, NULL, 0);
    CHECK(loop_await(&rig, TR_EV_DTMF_BEGIN, 30, &event));
    CHECK_INT(event.id, first);
    CHECK_INT(event.epoch, 3);
    CHECK(loop_await(&rig, TR_EV_DTMF_END, 10, &event));
    CHECK(loop_await(&rig, TR_EV_DTMF_END, 30, &event));
    CHECK_INT(event.a[0], '2');
    CHECK(loop_await(&rig, TR_EV_TONE, 150, &event));
    CHECK_INT(event.a[0], 5);
    CHECK_NEAR(event.a[1], -1500, 100);
    CHECK_NEAR(event.at, 8000, 80);
    /* disarmed: the rest of the tone ends without a word */
    loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .epoch = 3, .a = {0}}, NULL, 0);
    CHECK(!loop_await(&rig, TR_EV_TONE_END, 200, &event));
    loop_free(&rig);
}

static void an_idle_port_costs_nothing(void) {
    struct loop_rig rig = loop_rig(1);
    rig.card->ports[0].idle = true;
    loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .a = {TR_DETECT_FSK_ID | TR_DETECT_DTMF_ID}}, NULL, 0);
    loop_step(&rig, 400);
    struct tr_port *port = rig.engine->by_number[0];
    uint64_t ran = port->next_tick;
    loop_step(&rig, 1000);
    CHECK_INT(port->next_tick, ran); /* the chain has not run since its detectors settled */
    CHECK(sizeof(struct tr_port) < 24576);
    struct tr_stats stats;
    tr_engine_stats(rig.engine, &stats);
    CHECK_INT(stats.tick, 1400);
    loop_free(&rig);
}

/* Everything at once, twice: equal events and equal samples. */
static uint64_t busy_run(void) {
    struct loop_rig rig = loop_rig(4);
    struct tr_event event;
    uint64_t sum = 1469598103934665603u;
    memset(sound, 0, sizeof sound);
    for (int i = 0; i < 20; i++) {
        render(digit_command(70 + i), "159D", 4, 3000 + 9000 * i);
    }
    inject(&rig, 1, 200000);
    rig.card->ports[2].peer = 3;
    for (uint32_t p = 0; p < 4; p++) {
        loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .port = p, .a = {31, TR_DUCK_PROMPT}}, NULL, 0);
        loop_say(&rig, (struct tr_command){.op = TR_OP_HEAR, .port = p, .a = {(int32_t)(p + 1) % 4, -300}}, NULL, 0);
        loop_say(&rig,
                 (struct tr_command){
                     .op = TR_OP_PLAY, .port = p, .a = {TR_PLAY_TONE, 400 + (int32_t)p * 50, 0, -2000, 9000}},
                 NULL, 0);
    }
    for (int ticks = 0; ticks < 1000;) {
        ticks += tr_engines_step(&rig.engine, 1, 1000 - ticks);
        while (tr_engine_events(rig.engine, &event, 1)) {
            uint64_t words[] = {event.kind, event.port, event.at, (uint64_t)(int64_t)event.a[0],
                                (uint64_t)(int64_t)event.a[1]};
            for (int i = 0; i < 5; i++) {
                sum = (sum ^ words[i]) * 1099511628211u;
            }
        }
    }
    for (int p = 0; p < 4; p++) {
        for (size_t i = 0; i < rig.card->ports[p].sent_count; i++) {
            sum = (sum ^ (uint16_t)rig.card->ports[p].sent[i]) * 1099511628211u;
        }
    }
    loop_free(&rig);
    return sum;
}

static void runs_are_equal_on_every_kernel(void) {
    const char *kernels[] = {"generic", "avx2", "avx512"};
    tr_simd("generic");
    uint64_t first = busy_run();
    for (int i = 0; i < 3; i++) {
        if (tr_simd(kernels[i])) {
            CHECK(busy_run() == first);
        }
    }
}

int main(void) {
    RUN(hears_another_port_one_tick_later);
    RUN(speaks_both_laws);
    RUN(sleeping_detectors_know_the_time);
    RUN(detectors_carry_the_id_of_their_command);
    RUN(an_idle_port_costs_nothing);
    RUN(runs_are_equal_on_every_kernel);
    return check_end();
}
