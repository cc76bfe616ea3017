/* What ports do while nobody commands them: tr_engine_tick alone is an engine whose control half says nothing. */
#include "internal.h"
#include "loop_card.h"
#include "port.h"

enum { SILENT = 250, NO_RING = 300 }; /* ticks: 5 s, 6 s */

static struct loop_rig rig;
static struct tr_event event[64];

static void ticks(int count) {
    for (int i = 0; i < count; i++) {
        tr_engine_tick(rig.engine);
    }
}

static void begin(int ports, int32_t fallback) {
    rig = loop_rig(ports);
    for (int i = 0; i < ports; i++) {
        rig.card->ports[i].hook = 0;
        loop_say(&rig, (struct tr_command){.op = TR_OP_SETTING, .port = (uint32_t)i, .a = {TR_SET_FALLBACK, fallback}},
                 NULL, 0);
    }
    ticks(1);
}

static uint32_t fallen(uint32_t port) {
    struct tr_port_state state; /* itself no sign of life */
    CHECK_INT(tr_engine_port_state(rig.engine, port, &state), TR_OK);
    return state.fallback;
}

static void an_idle_port_is_made_busy_and_put_back(void) {
    begin(2, TR_FALLBACK_BUSY);
    loop_say(&rig, (struct tr_command){.op = TR_OP_SETTING, .port = 1, .a = {TR_SET_FALLBACK, 0}}, NULL, 0);
    ticks(1 + SILENT - 1);
    CHECK_INT(rig.card->ports[0].hook, 0);
    ticks(1);
    CHECK_INT(rig.card->ports[0].hook, 1);
    CHECK_INT(rig.card->ports[1].hook, 0); /* wants nothing */
    CHECK_INT(fallen(0), TR_FALLBACK_BUSY);
    ticks(1000);
    CHECK_INT(loop_drain(&rig, event, 64), 1); /* the control half wakes up: this is its sign of life */
    CHECK_INT(event[0].kind, TR_EV_FALLBACK);
    CHECK_INT(event[0].a[0], TR_FALLBACK_BUSY);
    CHECK_INT(event[0].port, 0);
    ticks(1);
    CHECK_INT(rig.card->ports[0].hook, 0);
    CHECK_INT(fallen(0), 0);
    CHECK_INT(loop_drain(&rig, event, 64), 1);
    CHECK_INT(event[0].kind, TR_EV_FALLBACK);
    CHECK_INT(event[0].a[0], 0);
    loop_free(&rig);
}

/* Its first command finds the line as it left it. */
static void put_back_before_its_commands(void) {
    begin(1, TR_FALLBACK_BUSY);
    ticks(SILENT + 1);
    CHECK_INT(rig.card->ports[0].hook, 1);
    loop_say(&rig, (struct tr_command){.op = TR_OP_HOOK, .a = {1}}, NULL, 0);
    ticks(1);
    CHECK_INT(rig.card->ports[0].hook, 1); /* on-hook, then as commanded */
    CHECK_INT(fallen(0), 0);
    ticks(10);
    CHECK_INT(rig.card->ports[0].hook, 1);
    loop_free(&rig);
}

/* Going off-hook would answer the caller, to silence. */
static void a_ringing_port_waits_until_it_rings_no_more(void) {
    begin(1, TR_FALLBACK_BUSY);
    for (int burst = 0; burst < 4; burst++) {
        loop_event(rig.card, (struct tr_line_event){.kind = TR_EV_RING_BEGIN});
        rig.card->ports[0].ringing = 1;
        ticks(50);
        loop_event(rig.card, (struct tr_line_event){.kind = TR_EV_RING_END});
        rig.card->ports[0].ringing = 0;
        ticks(200);
        CHECK_INT(rig.card->ports[0].hook, 0);
    }
    ticks(NO_RING - 200);
    CHECK_INT(rig.card->ports[0].hook, 0);
    ticks(2);
    CHECK_INT(rig.card->ports[0].hook, 1);
    loop_free(&rig);
}

static void who_talks_goes_on_talking(void) {
    for (int32_t fallback = TR_FALLBACK_BUSY; fallback <= TR_FALLBACK_ON_HOOK; fallback++) {
        begin(4, fallback);
        for (int i = 0; i < 3; i++) {
            rig.card->ports[i].hook = 1;
        }
        loop_say(&rig, (struct tr_command){.op = TR_OP_HEAR, .port = 0, .a = {1}}, NULL, 0);
        ticks(SILENT + 2);
        CHECK_INT(rig.card->ports[0].hook, 1); /* hears */
        CHECK_INT(rig.card->ports[1].hook, 1); /* is heard */
        CHECK_INT(rig.card->ports[2].hook, fallback == TR_FALLBACK_BUSY);
        CHECK_INT(rig.card->ports[3].hook, fallback == TR_FALLBACK_BUSY);
        CHECK_INT(loop_drain(&rig, event, 64), 1);
        CHECK_INT(event[0].port, fallback == TR_FALLBACK_BUSY ? 3 : 2);
        ticks(1);
        CHECK_INT(rig.card->ports[2].hook, fallback == TR_FALLBACK_BUSY); /* what was hung up stays so */
        CHECK_INT(rig.card->ports[3].hook, 0);
        loop_free(&rig);
    }
}

static void any_word_is_a_sign_of_life(void) {
    begin(1, TR_FALLBACK_BUSY);
    for (int i = 0; i < 6; i++) {
        ticks(SILENT - 10);
        if (i % 3 == 0) {
            loop_drain(&rig, event, 64);
        } else if (i % 3 == 1) {
            loop_say(&rig, (struct tr_command){.op = TR_OP_LAMP, .epoch = 99}, NULL, 0); /* even a stale command */
        } else {
            CHECK_INT(tr_engine_command(rig.engine, &(struct tr_command){.op = TR_OP_PLAY_STOP}, NULL, 0), TR_OK);
        }
    }
    CHECK_INT(rig.card->ports[0].hook, 0);
    loop_step(&rig, 3 * SILENT); /* stepped: who steps is alive */
    CHECK_INT(rig.card->ports[0].hook, 0);
    loop_free(&rig);
}

static void what_can_be_wanted(void) {
    rig = loop_rig(3);
    static const struct {
        uint32_t kind;
        int32_t value;
        int result;
    } cases[] = {
        {TR_KIND_FXO, 3, TR_E_ARGUMENT},  {TR_KIND_FXO, -1, TR_E_ARGUMENT}, {TR_KIND_FXS, 1, TR_E_ARGUMENT},
        {TR_KIND_B, 1, TR_E_UNSUPPORTED}, {TR_KIND_D, 0, TR_E_UNSUPPORTED},
    };
    loop_free(&rig);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rig.card = loop_new();
        rig.card->ports[0].kind = cases[i].kind;
        rig.engine = tr_engine_new(&(struct tr_engine_config){.max_ports = 1});
        NEED(rig.engine && tr_engine_add_card(rig.engine, &rig.card->base) == TR_OK);
        uint32_t port;
        NEED(tr_port_alloc(rig.engine, &rig.card->base, 0, &port) == TR_OK);
        loop_say(&rig, (struct tr_command){.op = TR_OP_SETTING, .a = {TR_SET_FALLBACK, cases[i].value}}, NULL, 0);
        NEED(loop_await(&rig, TR_EV_COMMAND_FAILED, 1, event));
        CHECK_INT(event[0].a[0], cases[i].result);
        loop_free(&rig);
    }
}

static void ringing_of_an_exchange_port_stops(void) {
    rig.card = loop_new();
    rig.card->ports[0].kind = TR_KIND_FXS;
    rig.card->ports[0].hook = 0;
    rig.engine = tr_engine_new(&(struct tr_engine_config){.max_ports = 1});
    NEED(rig.engine && tr_engine_add_card(rig.engine, &rig.card->base) == TR_OK);
    uint32_t port;
    NEED(tr_port_alloc(rig.engine, &rig.card->base, 0, &port) == TR_OK);
    loop_say(&rig, (struct tr_command){.op = TR_OP_SETTING, .a = {TR_SET_FALLBACK, TR_FALLBACK_ON_HOOK}}, NULL, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_RING, .a = {1000, 4000}}, NULL, 0);
    ticks(SILENT);
    CHECK_INT(rig.card->ports[0].ringing, 1000);
    ticks(1);
    CHECK_INT(rig.card->ports[0].ringing, 0);
    CHECK_INT(fallen(0), TR_FALLBACK_ON_HOOK);
    loop_free(&rig);
}

int main(void) {
    RUN(an_idle_port_is_made_busy_and_put_back);
    RUN(put_back_before_its_commands);
    RUN(a_ringing_port_waits_until_it_rings_no_more);
    RUN(who_talks_goes_on_talking);
    RUN(any_word_is_a_sign_of_life);
    RUN(what_can_be_wanted);
    RUN(ringing_of_an_exchange_port_stops);
    return check_end();
}
