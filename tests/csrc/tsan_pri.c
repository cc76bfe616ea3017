/* D channels that speak while the media thread runs, under ThreadSanitizer: opened, closed, opened again and freed by
 * the control half, calls made and cleared, statistics read; both ends on one engine, over a wire. */
#define _GNU_SOURCE
#include "check.h"
#include "engine.h"
#include <poll.h>
#include <unistd.h>

static tr_engine *engine;
static uint32_t user, network;
static int offered, answered, cleared, up;

static void say(uint32_t port, int32_t verb, int32_t call, int32_t slot, int32_t value, const void *side, size_t n) {
    struct tr_command command = {.op = TR_OP_PRI, .port = port, .a = {verb, call, slot, value}};
    CHECK_INT(tr_engine_command(engine, &command, side, n), TR_OK);
}

static void answer(const struct tr_event *event) {
    switch (event->a[0]) {
    case TR_PRI_UP:
        up++;
        break;
    case TR_PRI_OFFERED:
        offered++;
        say(event->port, TR_PRI_ALERT, event->a[1], event->a[2], 0, NULL, 0);
        say(event->port, TR_PRI_ANSWER, event->a[1], event->a[2], 0, NULL, 0);
        break;
    case TR_PRI_ANSWERED:
        answered++;
        say(event->port, TR_PRI_CLEAR, event->a[1], 0, 16, NULL, 0);
        break;
    case TR_PRI_CLEARED:
        cleared++;
        break;
    default:
        break;
    }
}

/* What comes within `ms`, or until *count is `enough`. */
static void hear(int ms, const int *count, int enough) {
    struct tr_event events[32];
    struct tr_pri_stats stats;
    for (int waited = 0; waited < ms && *count < enough; waited += 10) {
        struct pollfd poll_fd = {.fd = tr_engine_event_fd(engine), .events = POLLIN};
        uint64_t ticks;
        if (poll(&poll_fd, 1, 10) == 1) {
            CHECK_INT(read(poll_fd.fd, &ticks, 8), 8);
        }
        for (int n; (n = tr_engine_events(engine, events, 32)) > 0;) {
            for (int i = 0; i < n; i++) {
                if (events[i].kind == TR_EV_PRI) {
                    answer(&events[i]);
                }
            }
        }
        tr_pri_stats(engine, user, &stats);
    }
}

static void opened_used_and_closed(void) {
    const struct tr_engine_config config = {.max_ports = 8, .paced = 1};
    const struct tr_sim_config d = {.ports = 2, .kind = TR_KIND_D};
    struct tr_pri_config pri = {.trace = TR_PRI_TRACE_ALL};
    struct tr_pri_party party = {.called = "66886688", .calling = "01062001234", .complete = 1};
    struct tr_pri_stats stats;
    memset(pri.timer, -1, sizeof pri.timer);
    pri.timer[TR_PRI_T200] = 100;
    engine = tr_engine_new(&config);
    tr_card *card = tr_sim_card_new(&d);
    NEED(engine && card);
    CHECK(tr_wire_connect(card, 0, card, 1) >= 0);
    CHECK_INT(tr_engine_add_card(engine, card), TR_OK);
    CHECK_INT(tr_engine_start(engine), TR_OK);
    for (int round = 1; round <= 3; round++) {
        CHECK_INT(tr_port_alloc(engine, card, 0, &user), TR_OK);
        CHECK_INT(tr_port_alloc(engine, card, 1, &network), TR_OK);
        offered = answered = cleared = up = 0;
        CHECK_INT(tr_pri_stats(engine, user, &stats), TR_E_STATE);
        pri.side = TR_PRI_USER;
        CHECK_INT(tr_pri_open(engine, user, &pri), TR_OK);
        CHECK_INT(tr_pri_open(engine, user, &pri), TR_E_STATE);
        pri.side = TR_PRI_NETWORK;
        CHECK_INT(tr_pri_open(engine, network, &pri), TR_OK);
        hear(5000, &up, 2);
        CHECK(up >= 2);
        for (int32_t call = 1; call <= 5; call++) {
            say(network, TR_PRI_SETUP, call, call, 0, &party, sizeof party);
        }
        hear(5000, &cleared, 10);
        CHECK_INT(offered, 5);
        CHECK_INT(answered, 5);
        CHECK_INT(cleared, 10);
        say(user, TR_PRI_CLOSE, 0, 0, 0, NULL, 0);
        int never = 0;
        hear(200, &never, 1);
        CHECK_INT(tr_pri_stats(engine, user, &stats), TR_OK);
        CHECK_INT(stats.open, 0);
        pri.side = TR_PRI_USER;
        CHECK_INT(tr_pri_open(engine, user, &pri), TR_OK);
        up = 0;
        hear(5000, &up, 1);
        CHECK(up >= 1);
        CHECK_INT(tr_port_release(engine, user), TR_OK); /* while it speaks */
        CHECK_INT(tr_port_release(engine, network), TR_OK);
        hear(100, &never, 1);
    }
    tr_engine_free(engine);
}

int main(void) {
    RUN(opened_used_and_closed);
    return check_end();
}
