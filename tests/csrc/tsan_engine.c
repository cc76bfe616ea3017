/* Paced engines under ThreadSanitizer: the control half hammers while media and I/O run, many starts and stops. */
#include "internal.h"
#include "loop_card.h"
#include "wav_file.h"
#include <poll.h>
#include <unistd.h>

static char recorded[] = "/tmp/tipring-tsan-record.wav", prompt[] = "/tmp/tipring-tsan-prompt.wav";

static struct loop_rig paced(int ports, uint32_t event_ring) {
    return loop_rig_with(ports, (struct tr_engine_config){.paced = 1, .realtime = 1, .event_ring = event_ring});
}

/* Without counting refusals: a hammered ring is full now and then. */
static void say(struct loop_rig *rig, struct tr_command command, const void *side, size_t n) {
    command.id = ++rig->next_id;
    int result = tr_engine_command(rig->engine, &command, side, n);
    CHECK(result == TR_OK || result == TR_E_FULL || result == TR_E_NO_PORT);
}

static uint64_t wait_for_events(struct loop_rig *rig, int ms) {
    struct pollfd poll_fd = {.fd = tr_engine_event_fd(rig->engine), .events = POLLIN};
    uint64_t count = 0;
    if (poll(&poll_fd, 1, ms) == 1) {
        CHECK_INT(read(poll_fd.fd, &count, 8), 8);
    }
    return count;
}

static void starts_and_stops_many_times(void) {
    struct loop_rig rig = paced(2, 64);
    struct tr_stats stats;
    struct tr_event event;
    for (int i = 0; i < 20; i++) {
        CHECK_INT(tr_engine_start(rig.engine), TR_OK);
        CHECK_INT(tr_engine_start(rig.engine), TR_E_STATE);
        say(&rig, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_SILENCE, 10}}, NULL, 0);
        if (i % 4 == 0) {
            wait_for_events(&rig, 1000);
        }
        CHECK_INT(tr_engine_stop(rig.engine), TR_OK);
        CHECK_INT(tr_engine_stop(rig.engine), TR_OK);
        while (tr_engine_events(rig.engine, &event, 1)) {
            CHECK(event.kind == TR_EV_PLAY_DONE || event.kind == TR_EV_LATE);
        }
    }
    tr_engine_stats(rig.engine, &stats);
    CHECK(stats.tick >= 20);
    CHECK(stats.tick_ns_total > 0);
    tr_engine *one = rig.engine;
    CHECK_INT(tr_engines_step(&one, 1, 1), TR_E_STATE); /* not stepped */
    loop_free(&rig);
    for (int i = 0; i < 10; i++) { /* freed while it runs */
        rig = paced(1, 64);
        CHECK_INT(tr_engine_start(rig.engine), TR_OK);
        loop_free(&rig);
    }
}

static void control_half_hammers(void) {
    struct loop_rig rig = paced(6, 256);
    static int16_t samples[24000];
    struct tr_event events[64];
    struct tr_port_state state;
    struct tr_stats stats;
    uint32_t seed = 1, epoch[LOOP_PORTS] = {0}, spare = 0;
    bool has_spare = false;
    uint64_t seen = 0, torn = 0;
    wav_write(prompt, WAV_PCM, samples, sizeof samples);
    rig.card->ports[1].peer = 0;
    rig.card->ports[3].peer = 2;
    CHECK_INT(tr_engine_start(rig.engine), TR_OK);
    for (int round = 0; round < 6000; round++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t port = (seed >> 8) % 6, what = (seed >> 16) % 16;
        struct tr_command c = {.port = port, .epoch = epoch[port] - (what == 15)};
        switch (what) {
        case 0:
            c.op = TR_OP_EPOCH;
            c.a[0] = (int32_t)++epoch[port];
            say(&rig, c, NULL, 0);
            break;
        case 1:
            c.op = TR_OP_RECORD;
            c.a[0] = 1 + (int32_t)(seed >> 28) % 3;
            c.a[1] = 100;
            say(&rig, c, recorded, strlen(recorded));
            break;
        case 2:
        case 3:
            c.op = TR_OP_PLAY;
            c.a[0] = TR_PLAY_FILE;
            say(&rig, c, prompt, strlen(prompt));
            break;
        case 4:
            c.op = TR_OP_PLAY;
            c.a[0] = TR_PLAY_DTMF;
            c.a[1] = c.a[2] = 50;
            c.a[3] = c.a[4] = -1000;
            say(&rig, c, "12", 2);
            break;
        case 5:
            c.op = TR_OP_HEAR;
            c.a[0] = (int32_t)(seed >> 28) % 6;
            say(&rig, c, NULL, 0);
            break;
        case 6:
            c.op = TR_OP_DETECT;
            c.a[0] = (int32_t)(seed >> 27);
            c.a[1] = TR_DUCK_PROMPT | TR_STOP_ON_DIGIT;
            say(&rig, c, NULL, 0);
            break;
        case 7:
            c.op = TR_OP_PLAY_STOP;
            say(&rig, c, NULL, 0);
            break;
        case 8:
            CHECK_INT(tr_engine_port_state(rig.engine, port, &state), TR_OK);
            torn += state.kind != TR_KIND_FXO || (state.playing != 0) != (state.play_queue != 0);
            break;
        case 9:
            tr_engine_stats(rig.engine, &stats);
            break;
        case 10:
            if (has_spare) {
                CHECK_INT(tr_port_release(rig.engine, spare), TR_OK);
                has_spare = false;
            } else if (tr_port_alloc(rig.engine, &rig.card->base, 6, &spare) == TR_OK) {
                has_spare = true; /* refused while the media thread still holds the old one */
            }
            break;
        case 11:
            seen += (uint64_t)tr_engine_events(rig.engine, events, 64);
            break;
        default:
            c.op = TR_OP_GAIN;
            c.a[0] = -100;
            say(&rig, c, NULL, 0);
        }
        if (round % 60 == 0) {
            wait_for_events(&rig, 20); /* a tick or so passes */
        }
    }
    CHECK_INT(tr_engine_stop(rig.engine), TR_OK);
    CHECK_INT(torn, 0);
    int n;
    while ((n = tr_engine_events(rig.engine, events, 64)) > 0) {
        seen += (uint64_t)n;
    }
    tr_engine_stats(rig.engine, &stats);
    CHECK(seen > 100);
    CHECK(stats.commands > 3000);
    CHECK(stats.tick > 20);
    loop_free(&rig);
}

static void events_reach_a_loop_that_sleeps(void) {
    struct loop_rig rig = paced(1, 64);
    struct tr_event event;
    uint32_t id = 0;
    CHECK_INT(tr_engine_start(rig.engine), TR_OK);
    for (int i = 0; i < 5; i++) {
        id = loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_SILENCE, 25}}, NULL, 0);
        bool done = false;
        for (int wait = 0; wait < 50 && !done; wait++) {
            wait_for_events(&rig, 1000);
            while (tr_engine_events(rig.engine, &event, 1)) {
                done = done || (event.kind == TR_EV_PLAY_DONE && event.id == id);
            }
        }
        CHECK(done);
    }
    loop_free(&rig);
}

/* A card whose driver stalls the media thread once, for 70 ms. */
static _Atomic bool stall;

static int stalling_exchange(tr_card *card, uint8_t *const *rx, const uint8_t *const *tx, uint32_t count) {
    if (atomic_exchange(&stall, false)) {
        usleep(70000);
    }
    return loop_exchange(card, rx, tx, count);
}

static bool await_kind(struct loop_rig *rig, uint32_t kind, struct tr_event *event) {
    for (int wait = 0; wait < 100; wait++) {
        wait_for_events(rig, 1000);
        while (tr_engine_events(rig->engine, event, 1)) {
            if (event->kind == kind) {
                return true;
            }
        }
    }
    return false;
}

static void missed_ticks_are_told(void) {
    struct loop_rig rig = paced(1, 64);
    struct tr_card_ops ops = loop_ops;
    struct tr_event event;
    struct tr_stats stats;
    ops.exchange = stalling_exchange;
    rig.card->base.ops = &ops;
    CHECK_INT(tr_engine_start(rig.engine), TR_OK);
    atomic_store(&stall, true);
    CHECK(await_kind(&rig, TR_EV_LATE, &event));
    CHECK_INT(event.port, TR_NO_PORT);
    CHECK(event.a[0] >= 1);
    CHECK_INT(tr_engine_stop(rig.engine), TR_OK);
    tr_engine_stats(rig.engine, &stats);
    CHECK(stats.late_ticks >= 1);
    loop_free(&rig);
}

/* A card that gives the pace itself, ten times too fast, says once that three ticks were missed, then is gone. */
static _Atomic int waits;

static int pacing_wait(tr_card *card) {
    (void)card;
    int n = atomic_fetch_add(&waits, 1);
    usleep(2000);
    return n == 100 ? 3 : n > 200 ? TR_E_SYSTEM : 0;
}

static void a_card_gives_the_pace(void) {
    struct loop_rig rig = paced(1, 64);
    struct tr_card_ops ops = loop_ops;
    struct tr_event event;
    ops.wait = pacing_wait;
    rig.card->base.ops = &ops;
    CHECK_INT(tr_engine_start(rig.engine), TR_OK);
    CHECK(await_kind(&rig, TR_EV_LATE, &event));
    CHECK_INT(event.tick, 100);
    CHECK_INT(event.a[0], 3);
    uint32_t id = 0;
    while (atomic_load(&waits) < 205) {
        usleep(5000);
    }
    id = loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_SILENCE, 40}}, NULL, 0);
    CHECK(await_kind(&rig, TR_EV_PLAY_DONE, &event)); /* the engine goes on by the clock */
    CHECK_INT(event.id, id);
    loop_free(&rig);
}

int main(void) {
    RUN(missed_ticks_are_told);
    RUN(a_card_gives_the_pace);
    RUN(starts_and_stops_many_times);
    RUN(control_half_hammers);
    RUN(events_reach_a_loop_that_sleeps);
    unlink(recorded);
    unlink(prompt);
    return check_end();
}
