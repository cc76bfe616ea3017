/* MFC-R2 in the engine: a call between two channels, commands that make no sense, and both ends worked by chance for
 * hours of line time, under the sanitizers. What calls look like is tested in tests/drivers/test_r2*.py. */
#include "check.h"
#include "internal.h"

#define CHANNELS 4

struct rig {
    tr_engine *engine;
    tr_card *cards[2];
    uint32_t port[2][CHANNELS], epoch[2][CHANNELS];
    int32_t call[2][CHANNELS]; /* as last reported */
    uint32_t failed, reports, released;
    int32_t last_result;
};

static uint32_t seed = 1;
static uint32_t draw(uint32_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

static struct tr_r2_config china(void) {
    struct tr_r2_config c = {.cd = 3,
                             .level = -1150,
                             .caller_by_next = 1,
                             .caller_end = 15,
                             .ask_caller = -1,
                             .caller_max = 20,
                             .called_length = 3};
    static const uint8_t code[TR_R2_ASKS] = {[TR_R2_A_NEXT] = 1,   [TR_R2_A_AGAIN] = 2,      [TR_R2_A_GROUP_B] = 3,
                                             [TR_R2_A_CALLER] = 6, [TR_R2_A_CONGESTION] = 4, [TR_R2_A_VACANT] = 5};
    for (uint8_t ask = 1; ask < TR_R2_ASKS; ask++) {
        c.a_code[ask] = code[ask];
        if (code[ask]) {
            c.a_means[code[ask]] = ask;
        }
    }
    for (int kd = 0; kd < 16; kd++) {
        c.b_free[kd] = 1 << 1 | 1 << 6;
        c.b_congestion[kd] = 4;
    }
    static const int32_t ms[TR_R2_TIMERS] = {20,  2000, 15000, 24000, 15000, 5000, 3000, 3000, 8000, 150,
                                             100, 80,   50,    150,   60000, 0,    100,  100,  2500, 30000};
    memcpy(c.ms, ms, sizeof ms);
    return c;
}

static void command(struct rig *r, int side_of, uint32_t n, uint32_t op, const int32_t *a, const void *side,
                    size_t len) {
    struct tr_command c = {.op = op, .port = r->port[side_of][n], .epoch = r->epoch[side_of][n], .id = 7};
    if (a) {
        memcpy(c.a, a, sizeof c.a);
    }
    NEED(tr_engine_command(r->engine, &c, side, len) == TR_OK);
}

static void r2(struct rig *r, int side_of, uint32_t n, int32_t what, int32_t call, int32_t a2, int32_t a3,
               const void *side, size_t len) {
    const int32_t a[8] = {what, call, a2, a3};
    command(r, side_of, n, TR_OP_R2, a, side, len);
}

/* Takes what was reported; answers and hangs up by chance where asked to. */
static void take(struct rig *r) {
    struct tr_event e[64];
    uint8_t side[TR_SIDE_MAX];
    int got;
    while ((got = tr_engine_events(r->engine, e, 64)) > 0) {
        for (int i = 0; i < got; i++) {
            if (e[i].kind == TR_EV_COMMAND_FAILED) {
                r->failed++;
                r->last_result = e[i].a[0];
            }
            for (int end = 0; e[i].kind == TR_EV_R2 && end < 2; end++) {
                for (uint32_t n = 0; n < CHANNELS; n++) {
                    if (r->port[end][n] == e[i].port) {
                        r->call[end][n] = e[i].a[4];
                    }
                }
            }
            if (e[i].kind == TR_EV_R2) {
                r->reports++;
                r->released += e[i].a[0] == TR_R2_RELEASED;
                int length = tr_engine_side(r->engine, &e[i], side, sizeof side);
                CHECK(length <= (int)sizeof(struct tr_r2_step) * TR_R2_TRACE);
                CHECK(e[i].a[0] != TR_R2_OFFERED || (length >= 1 && length <= 2 * TR_R2_DIGITS + 1));
            }
        }
    }
}

static void run(struct rig *r, int ticks) {
    while (ticks > 0) {
        ticks -= tr_engines_step(&r->engine, 1, ticks);
        take(r);
    }
}

static struct rig make(void) {
    struct rig r = {0};
    struct tr_engine_config config = {.max_ports = 2 * CHANNELS};
    struct tr_sim_config sim = {.ports = CHANNELS, .kind = TR_KIND_B};
    NEED(r.engine = tr_engine_new(&config));
    for (int end = 0; end < 2; end++) {
        NEED(r.cards[end] = tr_sim_card_new(&sim));
        NEED(tr_engine_add_card(r.engine, r.cards[end]) == TR_OK);
        for (uint32_t n = 0; n < CHANNELS; n++) {
            NEED(tr_port_alloc(r.engine, r.cards[end], n, &r.port[end][n]) == TR_OK);
        }
    }
    for (uint32_t n = 0; n < CHANNELS; n++) {
        NEED(tr_wire_connect(r.cards[0], n, r.cards[1], n) >= 0);
    }
    return r;
}

static void start(struct rig *r) {
    struct tr_r2_config config = china();
    for (int end = 0; end < 2; end++) {
        for (uint32_t n = 0; n < CHANNELS; n++) {
            r2(r, end, n, TR_R2_START, 0, 0, 0, &config, sizeof config);
        }
    }
    run(r, 20);
}

static void a_call(void) {
    struct rig r = make();
    start(&r);
    CHECK_INT(r.failed, 0);
    r2(&r, 0, 0, TR_R2_CALL, 1, 1, 3,
       "119\0"
       "62",
       6);
    run(&r, 200);
    CHECK_INT(r.call[1][0], -1);
    r2(&r, 1, 0, TR_R2_ACCEPT, -1, 1, 1, NULL, 0);
    r2(&r, 1, 0, TR_R2_ANSWER, -1, 0, 0, NULL, 0);
    run(&r, 100);
    struct tr_port_state state;
    tr_engine_port_state(r.engine, r.port[0][0], &state);
    CHECK_INT(state.bits, 7);
    r2(&r, 0, 0, TR_R2_CLEAR, 1, 0, 0, NULL, 0);
    run(&r, 100);
    CHECK_INT(r.released, 2);
    CHECK_INT(r.failed, 0);
    tr_engine_free(r.engine);
}

static void refused(struct rig *r, int result, int32_t what, int32_t call, int32_t a2, const void *side, size_t len) {
    uint32_t before = r->failed;
    r2(r, 0, 0, what, call, a2, 3, side, len);
    run(r, 1);
    CHECK_INT(r->failed, before + 1);
    CHECK_INT(r->last_result, result);
}

static void commands_that_make_no_sense(void) {
    struct rig r = make();
    struct tr_r2_config config = china();
    refused(&r, TR_E_STATE, TR_R2_CALL, 1, 1,
            "1\0"
            "2",
            3); /* not started */
    refused(&r, TR_E_ARGUMENT, TR_R2_START, 0, 0, &config, sizeof config - 1);
    for (int fault = 0; fault < 10; fault++) {
        config = china();
        switch (fault) {
        case 0:
            config.cd = 4;
            break;
        case 1:
            config.prefix_count = TR_R2_PREFIXES + 1;
            break;
        case 2:
            config.caller_max = 21;
            break;
        case 3:
            config.called_length = -1;
            break;
        case 4:
            config.ask_caller = -2;
            break;
        case 5:
            config.caller_end = 0;
            break;
        case 6:
            config.ms[3] = -1;
            break;
        case 7:
            config.a_code[2] = 16;
            break;
        case 8:
            config.a_means[2] = TR_R2_ASKS;
            break;
        default:
            config.level = 1;
        }
        refused(&r, TR_E_ARGUMENT, TR_R2_START, 0, 0, &config, sizeof config);
    }
    start(&r);
    refused(&r, TR_E_ARGUMENT, TR_R2_CALL, 1, 0,
            "1\0"
            "2",
            3);
    refused(&r, TR_E_ARGUMENT, TR_R2_CALL, 0, 1,
            "1\0"
            "2",
            3);
    refused(&r, TR_E_ARGUMENT, TR_R2_CALL, 1, 1, "12", 2);
    refused(&r, TR_E_ARGUMENT, TR_R2_CALL, 1, 1,
            "1*\0"
            "2",
            4);
    refused(&r, TR_E_ARGUMENT, TR_R2_CALL, 1, 1, "123456789012345678901\0", 22);
    refused(&r, TR_E_ARGUMENT, TR_R2_CALL, 1, 1, NULL, 0);
    refused(&r, TR_E_STALE, TR_R2_CLEAR, 5, 0, NULL, 0);
    refused(&r, TR_E_STALE, TR_R2_ANSWER, 0, 0, NULL, 0);
    refused(&r, TR_E_STALE, 99, 5, 0, NULL, 0);
    r2(&r, 0, 0, TR_R2_CALL, 1, 1, 3,
       "1\0"
       "2",
       3);
    run(&r, 1);
    refused(&r, TR_E_STATE, TR_R2_CALL, 2, 1,
            "1\0"
            "2",
            3);
    refused(&r, TR_E_STATE, TR_R2_ACCEPT, 1, 1, NULL, 0);
    refused(&r, TR_E_ARGUMENT, TR_R2_MORE, 1, 0, "1234567890123456789012", 22);
    uint32_t before = r.failed;
    command(&r, 0, 1, TR_OP_BITS, NULL, NULL, 0); /* the signalling has them */
    run(&r, 1);
    CHECK_INT(r.failed, before + 1);
    CHECK_INT(r.last_result, TR_E_STATE);
    CHECK_INT(tr_port_release(r.engine, r.port[0][0]), TR_OK); /* in the middle of a call */
    run(&r, 100);
    tr_engine_free(r.engine);
}

static uint32_t bits_at(struct rig *r, int end, uint32_t n) {
    struct tr_port_state state; /* no sign of life */
    NEED(tr_engine_port_state(r->engine, r->port[end][n], &state) == TR_OK);
    return state.bits;
}

/* Nobody commands the engine for 5 s: idle channels show blocked, a conversation goes on, a call that nobody decides is
 * refused; then all is as before. */
static void nobody_is_there(void) {
    struct rig r = make();
    start(&r);
    for (uint32_t n = 0; n < 2; n++) {
        r2(&r, 0, n, TR_R2_CALL, 1, 1, 3,
           "119\0"
           "62",
           6);
    }
    run(&r, 200);
    r2(&r, 1, 0, TR_R2_ACCEPT, -1, 1, 1, NULL, 0);
    r2(&r, 1, 0, TR_R2_ANSWER, -1, 0, 0, NULL, 0);
    run(&r, 60);
    CHECK_INT(bits_at(&r, 0, 0), 7);
    for (int i = 0; i < 600; i++) {
        tr_engine_tick(r.engine); /* both ends are of this engine: both have fallen silent */
    }
    CHECK_INT(bits_at(&r, 0, 0), 7);
    CHECK_INT(bits_at(&r, 1, 0), 3);
    CHECK_INT(bits_at(&r, 1, 1), 15); /* refused after 8 s, cleared, then blocked */
    CHECK_INT(bits_at(&r, 0, 1), 15);
    CHECK_INT(bits_at(&r, 0, 2), 15);
    take(&r);
    run(&r, 20);
    CHECK_INT(bits_at(&r, 0, 0), 7);
    CHECK_INT(bits_at(&r, 0, 1), 11);
    CHECK_INT(bits_at(&r, 1, 2), 11);
    r2(&r, 0, 2, TR_R2_CALL, 2, 1, 3,
       "119\0"
       "62",
       6);
    r2(&r, 0, 0, TR_R2_CLEAR, 1, 0, 0, NULL, 0);
    run(&r, 200);
    CHECK_INT(r.call[1][2], -1);
    CHECK_INT(bits_at(&r, 0, 0), 11);
    CHECK_INT(r.failed, 0);
    tr_engine_free(r.engine);
}

static void by_chance(void) {
    struct rig r = make();
    start(&r);
    int32_t next = 1;
    for (int turn = 0; turn < 60000; turn++) {
        int end = (int)draw(2);
        uint32_t n = draw(CHANNELS);
        int32_t call = draw(8) ? r.call[end][n] : (int32_t)draw(9) - 4;
        switch (draw(24)) {
        case 0:
        case 1:
        case 2: {
            uint8_t numbers[2 * TR_R2_DIGITS + 1];
            uint32_t called = draw(TR_R2_DIGITS + 1), caller = draw(TR_R2_DIGITS + 1);
            for (uint32_t i = 0; i < called + 1 + caller; i++) {
                numbers[i] = (uint8_t)(i == called ? 0 : '0' + draw(10));
            }
            r2(&r, end, n, TR_R2_CALL, next++, 1 + (int32_t)draw(15), 1 + (int32_t)draw(15), numbers,
               called + 1 + caller);
            break;
        }
        case 3:
            r2(&r, end, n, TR_R2_MORE, call, 0, 0, "42", 2);
            break;
        case 4:
        case 5:
        case 6:
            r2(&r, end, n, TR_R2_ACCEPT, call, 1 + (int32_t)draw(15), draw(4) != 0, NULL, 0);
            break;
        case 7:
        case 8:
            r2(&r, end, n, TR_R2_ANSWER, call, 0, 0, NULL, 0);
            break;
        case 9:
            r2(&r, end, n, TR_R2_CLEAR, call, 0, 0, NULL, 0);
            break;
        case 10:
            r2(&r, end, n, draw(3) ? TR_R2_UNBLOCK : TR_R2_BLOCK, 0, 0, 0, NULL, 0);
            break;
        case 11:
            r2(&r, end, n, TR_R2_TELL, 0, 0, 0, NULL, 0);
            break;
        case 12: {
            struct tr_wire_faults faults = {.return_loss_db = 100};
            faults.cut = draw(6) == 0;
            faults.bit_error_rate = draw(3) == 0 ? 0.01 : 0;
            tr_wire_set(r.cards[0], n, &faults);
            break;
        }
        case 13: {
            struct tr_r2_config config = china();
            config.called_length = (int32_t)draw(5);
            config.ask_caller = (int32_t)draw(4) - 1;
            config.caller_max = (int32_t)draw(21);
            config.called_holds = draw(2) != 0;
            config.called_end = draw(2) ? 15 : 0;
            config.prefix_count = draw(3);
            memcpy(config.prefix[0].digits, "12", 3);
            memcpy(config.prefix[1].digits, "123456789012", 12);
            config.prefix[0].length = 4;
            if (draw(8) == 0) {
                r2(&r, end, n, TR_R2_STOP, 0, 0, 0, NULL, 0);
            }
            r2(&r, end, n, TR_R2_START, 0, 0, 0, &config, sizeof config);
            break;
        }
        case 14: {
            const int32_t a[8] = {(int32_t)++r.epoch[end][n]};
            command(&r, end, n, TR_OP_EPOCH, a, NULL, 0);
            break;
        }
        default:
            run(&r, 1 + (int)draw(60));
        }
        if (turn % 200 == 199) {
            run(&r, (int)draw(1500));
        }
    }
    CHECK(r.reports > 10000 && r.released > 1000);
    /* all well again: every channel comes to rest, and a call gets through */
    struct tr_wire_faults none = {.return_loss_db = 100};
    struct tr_r2_config config = china();
    for (uint32_t n = 0; n < CHANNELS; n++) {
        tr_wire_set(r.cards[0], n, &none);
        for (int end = 0; end < 2; end++) {
            r2(&r, end, n, TR_R2_START, 0, 0, 0, &config, sizeof config);
            r2(&r, end, n, TR_R2_UNBLOCK, 0, 0, 0, NULL, 0);
        }
    }
    run(&r, 50);
    for (int rounds = 0; rounds < 2; rounds++) {
        for (uint32_t n = 0; n < CHANNELS; n++) {
            r2(&r, 0, n, TR_R2_CLEAR, r.call[0][n], 0, 0, NULL, 0);
            r2(&r, 1, n, TR_R2_CLEAR, r.call[1][n], 0, 0, NULL, 0);
        }
        run(&r, 4000);
    }
    for (uint32_t n = 0; n < CHANNELS; n++) {
        uint32_t before = r.failed;
        r2(&r, 0, n, TR_R2_CALL, next++, 1, 3,
           "119\0"
           "62",
           6);
        run(&r, 200);
        CHECK_INT(r.failed, before);
        CHECK_INT(r.call[0][n], next - 1);
        CHECK(r.call[1][n] < 0);
    }
    tr_engine_free(r.engine);
}

int main(void) {
    RUN(a_call);
    RUN(commands_that_make_no_sense);
    RUN(nobody_is_there);
    RUN(by_chance);
    return check_end();
}
