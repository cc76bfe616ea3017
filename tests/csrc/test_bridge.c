/* Who hears whom: every party speaks a tone of its own, and it is measured which tones each of them hears, how loud,
 * and that no change clicks. */
#include "bridge.h"
#include "internal.h"
#include "loop_card.h"
#include "signal.h"

#define SECONDS 8
#define N (SECONDS * TR_RATE)
static int16_t voice[LOOP_PORTS][N];
static double hz[LOOP_PORTS] = {400, 550, 700, 850, 1000, 1150, 1300, 1450};
#define LEVEL -15.0

static struct loop_rig speaking(int ports) {
    struct loop_rig rig = loop_rig(ports);
    for (int p = 0; p < ports; p++) {
        static double x[N];
        memset(x, 0, sizeof x);
        add_sine(x, N, 0, N, hz[p], LEVEL, 0);
        for (int i = 0; i < N; i++) {
            voice[p][i] = clip16(x[i]);
        }
        rig.card->ports[p].inject = voice[p];
        rig.card->ports[p].inject_count = N;
        rig.card->ports[p].inject_at = 0;
    }
    return rig;
}

static void hear(struct loop_rig *rig, uint32_t port, int other, int gain, int beside) {
    loop_say(rig, (struct tr_command){.op = TR_OP_HEAR, .port = port, .a = {other, gain, beside}}, NULL, 0);
}
static void join(struct loop_rig *rig, uint32_t port, int conference, int roles) {
    loop_say(rig, (struct tr_command){.op = TR_OP_JOIN, .port = port, .a = {conference, roles}}, NULL, 0);
}

/* Level of party `p` in the last `ticks` blocks that a port sent, dBm0; -99 for none. */
static double level_of(const struct loop_rig *rig, uint32_t port, int p, int ticks) {
    const struct loop_port *sent = &rig->card->ports[port];
    size_t n = (size_t)ticks * TR_BLOCK, from = sent->sent_count - n;
    double s = 0, c = 0;
    for (size_t i = 0; i < n; i++) {
        double w = 0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)n), at = 2 * M_PI * hz[p] * (double)i / TR_RATE;
        s += w * sent->sent[from + i] * sin(at);
        c += w * sent->sent[from + i] * cos(at);
    }
    double peak = 4 * sqrt(s * s + c * c) / (double)n;
    return peak < 4 ? -99 : 20 * log10(peak / PEAK_0DBM0);
}

/* Who is heard at a port, as a mask, and each at the level wanted. */
static uint32_t heard_at(const struct loop_rig *rig, uint32_t port, double level) {
    uint32_t mask = 0;
    for (int p = 0; p < LOOP_PORTS; p++) {
        double found = level_of(rig, port, p, 20);
        if (found > LEVEL - 35) {
            mask |= 1u << p;
            CHECK_BETWEEN(found, level - 0.3, level + 0.3);
        }
    }
    return mask;
}

static void pairs_beside_each_other(void) {
    struct loop_rig rig = speaking(5);
    hear(&rig, 0, 1, 0, 0);
    hear(&rig, 0, 2, 0, 1);
    hear(&rig, 4, 3, -600, 0);
    loop_step(&rig, 30);
    CHECK_INT(heard_at(&rig, 0, LEVEL), 1 << 1 | 1 << 2);
    CHECK_INT(heard_at(&rig, 4, LEVEL - 6), 1 << 3);
    CHECK_INT(heard_at(&rig, 1, LEVEL), 0);
    hear(&rig, 0, 1, TR_HEAR_NOT, 1); /* one of two */
    hear(&rig, 4, 2, 0, 0);           /* in place of the other */
    loop_step(&rig, 30);
    CHECK_INT(heard_at(&rig, 0, LEVEL), 1 << 2);
    CHECK_INT(heard_at(&rig, 4, LEVEL), 1 << 2);
    hear(&rig, 0, -1, 0, 0);
    loop_step(&rig, 30);
    CHECK_INT(heard_at(&rig, 0, LEVEL), 0);
    loop_free(&rig);
}

static void each_hears_all_others_but_not_itself(void) {
    struct loop_rig rig = speaking(6);
    for (uint32_t p = 0; p < 4; p++) {
        join(&rig, p, 1, TR_TALK | TR_LISTEN);
    }
    join(&rig, 4, 1, TR_LISTEN);           /* monitors */
    join(&rig, 5, 2, TR_TALK | TR_LISTEN); /* another conference, alone */
    hear(&rig, 3, 4, 0, 1);                /* whispers to one of them */
    loop_step(&rig, 30);
    for (uint32_t p = 0; p < 3; p++) {
        CHECK_INT(heard_at(&rig, p, LEVEL), 15 & ~(1 << p));
    }
    CHECK_INT(heard_at(&rig, 3, LEVEL), 7 | 1 << 4);
    CHECK_INT(heard_at(&rig, 4, LEVEL), 15);
    CHECK_INT(heard_at(&rig, 5, LEVEL), 0);
    join(&rig, 4, 1, TR_TALK | TR_LISTEN); /* barges in */
    join(&rig, 1, 1, TR_LISTEN);           /* muted */
    join(&rig, 2, 0, 0);                   /* leaves */
    hear(&rig, 3, 4, TR_HEAR_NOT, 1);
    loop_step(&rig, 30);
    CHECK_INT(heard_at(&rig, 0, LEVEL), 1 << 3 | 1 << 4);
    CHECK_INT(heard_at(&rig, 1, LEVEL), 1 | 1 << 3 | 1 << 4);
    CHECK_INT(heard_at(&rig, 2, LEVEL), 0);
    CHECK_INT(heard_at(&rig, 3, LEVEL), 1 | 1 << 4);
    CHECK_INT(heard_at(&rig, 4, LEVEL), 1 | 1 << 3);
    join(&rig, 0, 2, TR_TALK | TR_LISTEN); /* moves to the other one */
    loop_step(&rig, 30);
    CHECK_INT(heard_at(&rig, 0, LEVEL), 1 << 5);
    CHECK_INT(heard_at(&rig, 5, LEVEL), 1);
    CHECK_INT(heard_at(&rig, 4, LEVEL), 1 << 3);
    loop_free(&rig);
}

static void a_sum_saturates_and_does_not_wrap(void) {
    struct loop_rig rig = speaking(7);
    for (int p = 0; p < 7; p++) {
        for (int i = 0; i < N; i++) {
            voice[p][i] = (int16_t)(i / 40 % 2 ? 30000 : -30000); /* all alike */
        }
        join(&rig, (uint32_t)p, 3, TR_TALK | TR_LISTEN);
    }
    loop_step(&rig, 20);
    const struct loop_port *port = &rig.card->ports[0];
    int wrong = 0;
    for (size_t i = port->sent_count - 5 * TR_BLOCK; i < port->sent_count; i++) {
        wrong += abs(port->sent[i]) != 32256;
    }
    CHECK_INT(wrong, 0);
    loop_free(&rig);
}

/* The sharpest bend in what a port has sent. */
static int roughest(const struct loop_rig *rig, uint32_t port) {
    const struct loop_port *sent = &rig->card->ports[port];
    int most = 0;
    for (size_t i = 2; i < sent->sent_count; i++) {
        int bend = abs(sent->sent[i] - 2 * sent->sent[i - 1] + sent->sent[i - 2]);
        most = bend > most ? bend : most;
    }
    return most;
}

static void nothing_clicks(void) {
    double usual[LOOP_PORTS];
    memcpy(usual, hz, sizeof hz);
    for (int p = 0; p < LOOP_PORTS; p++) {
        hz[p] = 60 + 10 * p; /* so slow that they hardly bend: what bends is a click, or a step of A-law */
    }
    struct loop_rig rig = speaking(4);
    for (uint32_t p = 0; p < 3; p++) {
        join(&rig, p, 1, TR_TALK | TR_LISTEN);
    }
    hear(&rig, 3, 0, 0, 0);
    for (int round = 0; round < 20; round++) {
        join(&rig, 1, 1, round % 2 ? TR_TALK | TR_LISTEN : TR_LISTEN);
        join(&rig, 2, round % 2, TR_TALK | TR_LISTEN);
        hear(&rig, 3, round % 2 ? 0 : 1, -300 * (round % 3), round % 2);
        hear(&rig, 3, 2, round % 2 ? 0 : TR_HEAR_NOT, 1);
        loop_step(&rig, 7);
    }
    for (uint32_t p = 0; p < 4; p++) {
        CHECK_BETWEEN(roughest(&rig, p), 0, 1100); /* cut off at its peak, one tone alone bends by 4,000 */
    }
    memcpy(hz, usual, sizeof hz);
    loop_free(&rig);
}

/* A talker would spoil the digits that are sent meanwhile. */
static void digits_are_sent_alone(void) {
    struct loop_rig rig = speaking(3);
    struct tr_event event;
    struct tr_command digits = {.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, 100, 60, -1000, -1000}};
    hear(&rig, 0, 1, 0, 0);
    loop_step(&rig, 30);
    CHECK_INT(heard_at(&rig, 0, LEVEL), 1u << 1);
    loop_say(&rig, digits, "1590", 4);
    const struct loop_port *line = &rig.card->ports[0];
    size_t begin = line->sent_count + TR_BLOCK;
    CHECK(loop_await(&rig, TR_EV_PLAY_DONE, 60, &event));
    static int16_t want[TR_RATE];
    size_t n = (size_t)tr_render(&digits, "1590", 4, want, TR_RATE);
    CHECK_INT(n, 4 * 1280);
    for (size_t i = TR_BLOCK; i < n; i++) { /* from the second block on as if nobody were heard */
        NEED(abs(line->sent[begin + i] - want[i]) <= 8 + abs(want[i]) / 32);
    }
    loop_step(&rig, 22);
    CHECK_INT(heard_at(&rig, 0, LEVEL), 1u << 1);
    loop_free(&rig);
}

static void two_who_hear_each_other_pass_codes_bit_for_bit(void) {
    struct loop_rig rig = speaking(2);
    for (int i = 0; i < N; i++) {
        voice[0][i] = tr_linear_of[TR_LAW_A][(uint8_t)(i * 7 + i / 256)];
    }
    hear(&rig, 1, 0, 0, 0);
    hear(&rig, 0, 1, 0, 0);
    loop_step(&rig, 40);
    const int16_t *sent = rig.card->ports[1].sent;
    int differ = 0;
    for (size_t i = 3 * TR_BLOCK; i + TR_BLOCK < rig.card->ports[1].sent_count; i++) {
        differ += sent[i + TR_BLOCK] != voice[0][i + 0] && sent[i] != voice[0][i - TR_BLOCK];
    }
    CHECK_INT(differ, 0);
    /* a recorder, detectors and another law change nothing but the way it is done */
    loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .port = 0, .a = {TR_DETECT_DTMF}}, NULL, 0);
    loop_step(&rig, 10);
    size_t end = rig.card->ports[1].sent_count;
    differ = 0;
    for (size_t i = end - 5 * TR_BLOCK; i < end; i++) {
        differ += sent[i] != voice[0][i - TR_BLOCK];
    }
    CHECK_INT(differ, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_SETTING, .port = 0, .a = {TR_SET_LAW, TR_LAW_MU}}, NULL, 0);
    loop_step(&rig, 10);
    CHECK_INT(rig.card->ports[1].sent_count, end + 10 * TR_BLOCK);
    loop_free(&rig);
}

static void a_new_call_is_heard_by_nobody_and_hears_nobody(void) {
    struct loop_rig rig = speaking(4);
    hear(&rig, 0, 1, 0, 0);
    hear(&rig, 1, 0, 0, 0);
    for (uint32_t p = 1; p < 4; p++) {
        join(&rig, p, 1, TR_TALK | TR_LISTEN);
    }
    loop_step(&rig, 30);
    CHECK_INT(heard_at(&rig, 1, LEVEL), 1 | 1 << 2 | 1 << 3);
    loop_say(&rig, (struct tr_command){.op = TR_OP_EPOCH, .port = 1, .a = {1}}, NULL, 0);
    loop_step(&rig, 2); /* one block of the old call was on its way */
    size_t from = rig.card->ports[0].sent_count - TR_BLOCK;
    int loud = 0;
    for (size_t i = from; i < from + TR_BLOCK; i++) {
        loud += abs(rig.card->ports[0].sent[i]) > 8;
        loud += abs(rig.card->ports[1].sent[i]) > 8;
    }
    CHECK_INT(loud, 0);
    loop_step(&rig, 30);
    CHECK_INT(heard_at(&rig, 0, LEVEL), 0);
    CHECK_INT(heard_at(&rig, 1, LEVEL), 0);
    CHECK_INT(heard_at(&rig, 2, LEVEL), 1 << 3);
    loop_free(&rig);
}

static void a_port_that_goes_away(void) {
    struct loop_rig rig = speaking(3);
    hear(&rig, 0, 1, 0, 0);
    hear(&rig, 0, 2, 0, 1);
    join(&rig, 1, 1, TR_TALK | TR_LISTEN);
    loop_step(&rig, 10);
    CHECK_INT(tr_port_release(rig.engine, 1), TR_OK);
    loop_step(&rig, 30);
    CHECK_INT(heard_at(&rig, 0, LEVEL), 1 << 2);
    loop_free(&rig);
}

static void what_cannot_be(void) {
    struct loop_rig rig = loop_rig(3);
    const struct {
        struct tr_command command;
        int result;
    } wrong[] = {
        {{.op = TR_OP_HEAR, .port = 0, .a = {9, 0}}, TR_E_NO_PORT},
        {{.op = TR_OP_HEAR, .port = 0, .a = {1000, 0}}, TR_E_NO_PORT},
        {{.op = TR_OP_HEAR, .port = 0, .a = {1, 2401}}, TR_E_ARGUMENT},
        {{.op = TR_OP_HEAR, .port = 0, .a = {1, -9601}}, TR_E_ARGUMENT},
        {{.op = TR_OP_JOIN, .port = 0, .a = {-1, 3}}, TR_E_ARGUMENT},
        {{.op = TR_OP_JOIN, .port = 0, .a = {9, 3}}, TR_E_ARGUMENT}, /* an engine of 16 ports has 8 */
        {{.op = TR_OP_JOIN, .port = 0, .a = {1, 4}}, TR_E_ARGUMENT},
        {{.op = TR_OP_JOIN, .port = 0, .a = {1, 3, 9999}}, TR_E_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct tr_command command = wrong[i].command;
        command.id = 77;
        NEED(tr_engine_command(rig.engine, &command, NULL, 0) == TR_OK);
        loop_step(&rig, 1);
        struct tr_event event;
        NEED(tr_engine_events(rig.engine, &event, 1) == 1);
        CHECK_INT(event.kind, TR_EV_COMMAND_FAILED);
        CHECK_INT(event.a[0], wrong[i].result);
    }
    loop_free(&rig);
}

static void no_more_pairs_than_there_is_room_for(void) {
    struct tr_engine_config config = {.max_ports = 16};
    struct loop_rig rig = loop_rig_with(LOOP_PORTS, config);
    for (int p = 0; p < LOOP_PORTS; p++) {
        hear(&rig, 0, p, 0, 1);
    }
    loop_step(&rig, 3);
    struct tr_event event;
    CHECK_INT(tr_engine_events(rig.engine, &event, 1), 0); /* eight, itself among them */
    loop_free(&rig);
}

/* The soak of the bridge on eight conversations: every sample is what it must be, and what cannot be is refused. */
static void soaks_the_bridge(void) {
    enum { CALLS = 8, PARTIES = 2 * CALLS + CALLS / 4, SAMPLES = 1600 };
    static uint8_t codes[PARTIES * SAMPLES];
    for (int p = 0; p < PARTIES; p++) {
        for (int i = 0; i < SAMPLES; i++) {
            codes[p * SAMPLES + i] = tr_alaw(clip16(4000 * sin(2 * M_PI * (300 + 50 * p) * i / TR_RATE)));
        }
    }
    struct tr_bench_soak plan = {.calls = CALLS, .ticks = 30000, .input = codes, .samples = SAMPLES, .seed = 7};
    struct tr_soak_result result;
    CHECK_INT(tr_bench_soak(&plan, &result), TR_OK);
    CHECK(result.samples > 100000 && result.calls > 10 && result.holds && result.thirds && result.gains);
    CHECK_INT(result.wrong + result.out_of_bounds + result.events_lost + result.late_commands, 0);
    CHECK_INT(result.memory_end, result.memory_begin);
    plan.samples = 1601;
    CHECK_INT(tr_bench_soak(&plan, &result), TR_E_ARGUMENT);
    plan.samples = SAMPLES;
    plan.calls = 3;
    CHECK_INT(tr_bench_soak(&plan, &result), TR_E_ARGUMENT);
    plan.calls = CALLS;
    plan.folder = "/nowhere/at/all";
    CHECK_INT(tr_bench_soak(&plan, &result), TR_E_STATE); /* a file that cannot be written is told */
}

int main(void) {
    RUN(pairs_beside_each_other);
    RUN(each_hears_all_others_but_not_itself);
    RUN(a_sum_saturates_and_does_not_wrap);
    RUN(nothing_clicks);
    RUN(digits_are_sent_alone);
    RUN(two_who_hear_each_other_pass_codes_bit_for_bit);
    RUN(a_new_call_is_heard_by_nobody_and_hears_nobody);
    RUN(a_port_that_goes_away);
    RUN(what_cannot_be);
    RUN(no_more_pairs_than_there_is_room_for);
    RUN(soaks_the_bridge);
    return check_end();
}
