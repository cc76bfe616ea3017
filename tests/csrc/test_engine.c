/* The engine as the control half sees it: life, ports, epochs, rings that are full, events that were lost. */
#include "internal.h"
#include "loop_card.h"
#include "port.h"
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

static void refuses_what_it_cannot_be(void) {
    struct tr_engine_config bad[] = {
        {.max_ports = 0},
        {.max_ports = 65537},
        {.max_ports = 1, .command_ring = 100},
        {.max_ports = 1, .event_ring = 3},
        {.max_ports = 1, .side_bytes = 4096}, /* cannot hold two of the longest */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        errno = 0;
        CHECK(tr_engine_new(&bad[i]) == NULL);
        CHECK_INT(errno, EINVAL);
    }
    CHECK_INT(tr_abi(), TR_ABI);
    CHECK_INT(sizeof(struct tr_event), TR_EVENT_SIZE);
    CHECK_INT(sizeof(struct tr_command), TR_COMMAND_SIZE);
    CHECK(strlen(tr_strerror(TR_E_STALE)) > 5);
    CHECK_STR(tr_strerror(0), "success");
    CHECK_STR(tr_strerror(-99), "unknown result");
    tr_engine_free(NULL);
}

static void survives_every_failed_allocation(void) {
    struct tr_engine_config config = {.max_ports = 8};
    int failures = 0;
    for (int n = 1; n < 50; n++) {
        atomic_store(&tr_alloc_fails_at, n);
        errno = 0;
        tr_engine *engine = tr_engine_new(&config);
        bool failed = atomic_load(&tr_alloc_fails_at) == 0;
        atomic_store(&tr_alloc_fails_at, 0);
        CHECK(failed == (engine == NULL));
        failures += failed;
        if (failed) {
            CHECK_INT(errno, ENOMEM);
            continue;
        }
        tr_engine_free(engine);
        break;
    }
    CHECK(failures >= 5);
    bool released = false;
    struct loop_card *card = loop_new();
    card->released = &released;
    tr_engine *engine = tr_engine_new(&config);
    for (int n = 1; n <= 4; n++) {
        atomic_store(&tr_alloc_fails_at, n);
        CHECK_INT(tr_engine_add_card(engine, &card->base), TR_E_NO_MEMORY);
        atomic_store(&tr_alloc_fails_at, 0);
    }
    CHECK_INT(tr_engine_add_card(engine, &card->base), TR_OK);
    uint32_t port;
    atomic_store(&tr_alloc_fails_at, 1);
    CHECK_INT(tr_port_alloc(engine, &card->base, 0, &port), TR_E_NO_MEMORY);
    atomic_store(&tr_alloc_fails_at, 0);
    CHECK_INT(tr_port_alloc(engine, &card->base, 0, &port), TR_OK);
    tr_engine_free(engine);
    CHECK(released);
}

static void survives_a_lack_of_descriptors(void) {
    struct rlimit before, none;
    struct tr_engine_config config = {.max_ports = 1};
    getrlimit(RLIMIT_NOFILE, &before);
    for (rlim_t spare = 0; spare < 3; spare++) {
        int next = dup(0);
        close(next);
        none = (struct rlimit){(rlim_t)next + spare, before.rlim_max};
        setrlimit(RLIMIT_NOFILE, &none);
        errno = 0;
        tr_engine *engine = tr_engine_new(&config);
        int error = errno;
        setrlimit(RLIMIT_NOFILE, &before);
        CHECK(engine == NULL);
        CHECK_INT(error, EMFILE);
    }
}

static void gives_the_lowest_free_number(void) {
    struct loop_rig rig = loop_rig(3);
    uint32_t port = 77;
    CHECK_INT(tr_port_alloc(rig.engine, &rig.card->base, 0, &port), TR_E_STATE); /* taken */
    CHECK_INT(tr_port_alloc(rig.engine, &rig.card->base, LOOP_PORTS, &port), TR_E_NO_PORT);
    struct loop_card *stranger = loop_new();
    CHECK_INT(tr_port_alloc(rig.engine, &stranger->base, 0, &port), TR_E_ARGUMENT);
    loop_release(&stranger->base);
    CHECK_INT(port, 77);
    CHECK_INT(tr_port_release(rig.engine, 1), TR_OK);
    CHECK_INT(tr_port_release(rig.engine, 1), TR_E_NO_PORT);
    CHECK_INT(tr_port_alloc(rig.engine, &rig.card->base, 5, &port), TR_OK);
    CHECK_INT(port, 1);
    CHECK_INT(tr_port_alloc(rig.engine, &rig.card->base, 1, &port), TR_OK);
    CHECK_INT(port, 3);
    struct tr_port_state state;
    CHECK_INT(tr_engine_port_state(rig.engine, 1, &state), TR_OK);
    CHECK_INT(state.kind, TR_KIND_FXO);
    CHECK_INT(state.capabilities, TR_CAP_PRECISION | TR_CAP_ECHO_CANCELLER);
    CHECK_INT(tr_engine_port_state(rig.engine, 4, &state), TR_E_NO_PORT);
    CHECK_INT(tr_engine_port_state(rig.engine, 400, &state), TR_E_NO_PORT);
    struct tr_stats stats;
    tr_engine_stats(rig.engine, &stats);
    CHECK_INT(stats.ports, 4);
    CHECK_INT(stats.realtime, 0);
    CHECK_INT(tr_engine_start(rig.engine), TR_E_STATE); /* stepped */
    loop_free(&rig);
}

static void released_port_goes_on_hook_and_ends_its_work(void) {
    struct loop_rig rig = loop_rig(2);
    struct tr_event event;
    uint32_t play =
        loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .port = 1, .a = {TR_PLAY_TONE, 450, 0, -1000}}, NULL, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_HEAR, .port = 0, .a = {1}}, NULL, 0);
    loop_step(&rig, 2);
    CHECK_INT(rig.card->ports[1].hook, 1);
    CHECK_INT(tr_port_release(rig.engine, 1), TR_OK);
    CHECK_INT(rig.card->ports[1].hook, 0);
    CHECK(loop_await(&rig, TR_EV_PLAY_DONE, 1, &event));
    CHECK_INT(event.id, play);
    CHECK_INT(event.a[0], TR_PLAY_STOPPED);
    loop_step(&rig, 3); /* port 0 heard it: no dangling pointer (ASan) */
    CHECK_INT(tr_engine_command(rig.engine, &(struct tr_command){.op = TR_OP_HOOK, .port = 1}, NULL, 0), TR_E_NO_PORT);
    loop_free(&rig);
}

/* Commands that were queued for a port when it was released do nothing to whoever comes after it. */
static void a_number_is_not_given_out_while_commands_wait_for_it(void) {
    struct loop_rig rig = loop_rig_with(2, (struct tr_engine_config){.max_ports = 3});
    struct tr_event event[8];
    uint32_t port;
    loop_step(&rig, 1);
    CHECK_INT(rig.card->ports[0].hook, 1);
    uint32_t late = loop_say(&rig, (struct tr_command){.op = TR_OP_HOOK, .port = 0, .a = {0}}, NULL, 0);
    CHECK_INT(tr_port_release(rig.engine, 0), TR_OK);
    CHECK_INT(tr_port_alloc(rig.engine, &rig.card->base, 4, &port), TR_OK);
    CHECK_INT(port, 2); /* not 0 */
    CHECK_INT(tr_port_alloc(rig.engine, &rig.card->base, 5, &port), TR_E_FULL);
    rig.card->ports[4].hook = 1;
    loop_step(&rig, 1);
    CHECK_INT(rig.card->ports[4].hook, 1);
    CHECK_INT(loop_drain(&rig, event, 8), 1);
    CHECK_INT(event[0].kind, TR_EV_COMMAND_FAILED);
    CHECK_INT(event[0].id, late);
    CHECK_INT(event[0].a[0], TR_E_NO_PORT);
    CHECK_INT(tr_port_alloc(rig.engine, &rig.card->base, 5, &port), TR_OK);
    CHECK_INT(port, 0);
    loop_free(&rig);
}

/* Nor do its events come to them. */
static void events_of_a_former_owner_are_not_delivered(void) {
    struct loop_rig rig = loop_rig(2);
    struct tr_event event[8];
    uint32_t port;
    uint8_t frame[] = {1, 2, 3};
    loop_event(rig.card, (struct tr_line_event){.card_port = 0, .kind = TR_EV_FRAME, .side = frame, .side_len = 3});
    loop_event(rig.card, (struct tr_line_event){.card_port = 1, .kind = TR_EV_FLASH});
    loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .port = 0, .a = {TR_PLAY_TONE, 450, 0, -1000}}, NULL, 0);
    loop_step(&rig, 1);
    CHECK_INT(tr_port_release(rig.engine, 0), TR_OK); /* raises PLAY_DONE */
    CHECK_INT(tr_port_alloc(rig.engine, &rig.card->base, 3, &port), TR_OK);
    CHECK_INT(port, 0);
    loop_event(rig.card, (struct tr_line_event){.card_port = 3, .kind = TR_EV_POLARITY, .a0 = 1});
    loop_step(&rig, 1);
    CHECK_INT(loop_drain(&rig, event, 8), 2);
    CHECK_INT(event[0].kind, TR_EV_FLASH);
    CHECK_INT(event[1].kind, TR_EV_POLARITY);
    CHECK_INT(event[1].port, 0);
    loop_free(&rig);
}

/* A recording's end waits for room in the event ring, however long nobody takes events. */
static void the_end_of_a_recording_is_never_lost(void) {
    struct loop_rig rig = loop_rig_with(2, (struct tr_engine_config){.event_ring = 4});
    struct tr_event event[16];
    struct tr_port_state state;
    const char *paths[] = {"/tmp/tipring-test-kept0.wav", "/tmp/tipring-test-kept1.wav"};
    uint32_t ids[2];
    for (uint32_t p = 0; p < 2; p++) {
        ids[p] = loop_say(&rig, (struct tr_command){.op = TR_OP_RECORD, .port = p, .a = {TR_RECORD_RX, 200}}, paths[p],
                          strlen(paths[p]));
    }
    loop_step(&rig, 3);
    CHECK_INT(tr_engine_port_state(rig.engine, 0, &state), TR_OK);
    CHECK_INT(state.files, 1);
    for (int i = 0; i < 9; i++) {
        loop_event(rig.card, (struct tr_line_event){.kind = TR_EV_POLARITY, .a0 = i});
    }
    loop_step(&rig, 300);
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.recording, 0);
    CHECK_INT(state.files, 1); /* not told */
    CHECK_INT(tr_port_release(rig.engine, 1), TR_OK);
    CHECK_INT(loop_drain(&rig, event, 16), 4);
    int told = 0, lost = 0;
    for (int t = 0; t < 4; t++) {
        loop_step(&rig, 1);
        int n = loop_drain(&rig, event, 16);
        for (int i = 0; i < n; i++) {
            lost += event[i].kind == TR_EV_OVERRUN ? event[i].a[0] : 0;
            if (event[i].kind == TR_EV_RECORD_DONE) {
                CHECK_INT(event[i].id, ids[event[i].port]);
                CHECK_INT(event[i].a[0], TR_RECORD_LIMIT);
                CHECK_INT(event[i].a[1], 200);
                told++;
            }
        }
    }
    CHECK_INT(told, 2); /* the released port's too */
    CHECK_INT(lost, 5);
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.files, 0);
    for (int p = 0; p < 2; p++) {
        unlink(paths[p]);
    }
    loop_free(&rig);
}

static void drops_stale_commands(void) {
    struct loop_rig rig = loop_rig(1);
    struct tr_event event;
    struct tr_port_state state;
    loop_say(&rig, (struct tr_command){.op = TR_OP_EPOCH, .a = {5}}, NULL, 0);
    uint32_t stale = loop_say(&rig, (struct tr_command){.op = TR_OP_HOOK, .epoch = 4, .a = {0}}, NULL, 0);
    CHECK(loop_await(&rig, TR_EV_COMMAND_FAILED, 1, &event));
    CHECK_INT(event.id, stale);
    CHECK_INT(event.epoch, 4);
    CHECK_INT(event.a[0], TR_E_STALE);
    CHECK_INT(event.a[1], TR_OP_HOOK);
    CHECK_INT(rig.card->ports[0].hook, 1);
    loop_say(&rig, (struct tr_command){.op = TR_OP_HOOK, .epoch = 5, .a = {0}}, NULL, 0);
    CHECK(!loop_await(&rig, TR_EV_COMMAND_FAILED, 2, &event));
    CHECK_INT(rig.card->ports[0].hook, 0);
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.epoch, 5);
    CHECK_INT(state.stale_commands, 1);
    loop_free(&rig);
}

static void new_epoch_ends_the_old_call(void) {
    struct loop_rig rig = loop_rig(2);
    struct tr_event event;
    struct tr_port_state state;
    char path[] = "/tmp/tipring-test-epoch.wav";
    loop_say(&rig, (struct tr_command){.op = TR_OP_EPOCH, .a = {1}}, NULL, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .epoch = 1, .a = {31}}, NULL, 0);
    uint32_t play =
        loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .epoch = 1, .a = {TR_PLAY_TONE, 450, 0, -1000}}, NULL, 0);
    uint32_t queued =
        loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .epoch = 1, .a = {TR_PLAY_SILENCE, 100}}, NULL, 0);
    uint32_t record =
        loop_say(&rig, (struct tr_command){.op = TR_OP_RECORD, .epoch = 1, .a = {TR_RECORD_RX}}, path, strlen(path));
    loop_say(&rig, (struct tr_command){.op = TR_OP_HEAR, .epoch = 1, .a = {1}}, NULL, 0);
    loop_step(&rig, 10);
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.playing, play);
    CHECK_INT(state.play_queue, 2);
    CHECK_INT(state.recording, record);
    CHECK_INT(state.detectors, 31);
    loop_say(&rig, (struct tr_command){.op = TR_OP_EPOCH, .epoch = 77, .a = {2}}, NULL,
             0); /* its own is not compared */
    CHECK(loop_await(&rig, TR_EV_PLAY_DONE, 3, &event));
    CHECK_INT(event.id, play);
    CHECK_INT(event.epoch, 1);
    CHECK_INT(event.a[0], TR_PLAY_STOPPED);
    CHECK_INT(event.a[1], 200);
    CHECK(loop_await(&rig, TR_EV_PLAY_DONE, 3, &event));
    CHECK_INT(event.id, queued);
    CHECK_INT(event.epoch, 1);
    CHECK_INT(event.a[1], 0);
    CHECK(loop_await(&rig, TR_EV_RECORD_DONE, 3, &event));
    CHECK_INT(event.id, record);
    CHECK_INT(event.epoch, 1);
    CHECK_INT(event.a[0], TR_RECORD_STOPPED);
    CHECK_INT(event.a[1], 200);
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.epoch, 2);
    CHECK_INT(state.detectors, 0);
    CHECK_INT(state.playing, 0);
    CHECK_INT(state.recording, 0);
    size_t before = rig.card->ports[0].sent_count;
    loop_step(&rig, 5);
    for (size_t i = before + TR_BLOCK; i < rig.card->ports[0].sent_count; i++) {
        NEED(abs(rig.card->ports[0].sent[i]) <= 8); /* nothing is heard or played any more */
    }
    unlink(path);
    loop_free(&rig);
}

static void full_command_ring_refuses(void) {
    struct loop_rig rig = loop_rig_with(1, (struct tr_engine_config){.command_ring = 4, .side_bytes = 16384});
    struct tr_command command = {.op = TR_OP_HOOK, .a = {1}};
    uint8_t side[TR_SIDE_MAX + 1] = {0};
    for (int round = 0; round < 5; round++) { /* wraps */
        for (int i = 0; i < 4; i++) {
            CHECK_INT(tr_engine_command(rig.engine, &command, NULL, 0), TR_OK);
        }
        CHECK_INT(tr_engine_command(rig.engine, &command, NULL, 0), TR_E_FULL);
        loop_step(&rig, 1);
    }
    struct tr_command play = {.op = TR_OP_PLAY, .a = {TR_PLAY_SAMPLES}};
    CHECK_INT(tr_engine_command(rig.engine, &play, side, TR_SIDE_MAX + 1), TR_E_TOO_LONG);
    CHECK_INT(tr_engine_command(rig.engine, &play, NULL, 5), TR_E_ARGUMENT);
    command.op = TR_OP_PRI + 1;
    CHECK_INT(tr_engine_command(rig.engine, &command, NULL, 0), TR_E_ARGUMENT);
    command.op = TR_OP_NONE;
    CHECK_INT(tr_engine_command(rig.engine, &command, NULL, 0), TR_E_ARGUMENT);
    for (int round = 0; round < 5;
         round++) { /* 16 KiB of side data hold three of 4000 bytes (each in one piece), not more */
        int taken = 0;
        while (tr_engine_command(rig.engine, &play, side, 4000) == TR_OK) {
            taken++;
        }
        CHECK_BETWEEN(taken, 3, 4);
        loop_step(&rig, 1);
    }
    struct tr_stats stats;
    tr_engine_stats(rig.engine, &stats);
    CHECK_INT(stats.commands_failed, 0);
    loop_free(&rig);
}

static void line_events_carry_time_id_and_epoch(void) {
    struct loop_rig rig = loop_rig(2);
    struct tr_event event;
    uint8_t frame[] = {1, 2, 3, 4, 5};
    loop_say(&rig, (struct tr_command){.op = TR_OP_EPOCH, .port = 1, .a = {9}}, NULL, 0);
    uint32_t flash = loop_say(&rig, (struct tr_command){.op = TR_OP_FLASH, .port = 1, .epoch = 9, .a = {600}}, NULL, 0);
    loop_step(&rig, 3);
    CHECK_INT(rig.card->ports[1].flash_ms, 600);
    loop_say(&rig, (struct tr_command){.op = TR_OP_EPOCH, .port = 1, .a = {10}}, NULL, 0);
    loop_event(rig.card, (struct tr_line_event){.card_port = 1, .kind = TR_EV_HOOK_DONE, .offset = 7, .a0 = 600});
    loop_event(rig.card, (struct tr_line_event){.card_port = 5, .kind = TR_EV_FLASH}); /* not allocated: nobody's */
    loop_event(rig.card, (struct tr_line_event){.card_port = 0, .kind = TR_EV_LOOP_DROP, .offset = 40, .age = 100});
    loop_event(rig.card, (struct tr_line_event){.card_port = 0, .kind = TR_EV_FRAME, .side = frame, .side_len = 5});
    CHECK_INT(tr_engines_step(&rig.engine, 1, 10), 1); /* ends after the tick with events */
    CHECK_INT(loop_drain(&rig, &event, 1), 1);
    CHECK_INT(event.kind, TR_EV_HOOK_DONE);
    CHECK_INT(event.port, 1);
    CHECK_INT(event.id, flash);
    CHECK_INT(event.epoch, 9); /* of the flash, not of the call that has begun since */
    CHECK_INT(event.tick, 3);
    CHECK_INT(event.at, 3 * TR_BLOCK + 7);
    CHECK_INT(loop_drain(&rig, &event, 1), 1);
    CHECK_INT(event.kind, TR_EV_LOOP_DROP);
    CHECK_INT(event.at, 3 * TR_BLOCK + 40 - 100);
    CHECK_INT(loop_drain(&rig, &event, 1), 1);
    CHECK_INT(event.kind, TR_EV_FRAME);
    uint8_t got[8];
    CHECK_INT(tr_engine_side(rig.engine, &event, got, sizeof got), 5);
    CHECK_MEM(got, frame, 5);
    CHECK_INT(tr_engine_side(rig.engine, &event, got, 4), TR_E_TOO_LONG);
    CHECK_INT(loop_drain(&rig, &event, 1), 0);
    loop_free(&rig);
}

static void failed_line_commands_are_told(void) {
    struct loop_rig rig = loop_rig(1);
    struct {
        struct tr_command command;
        int result;
    } cases[] = {
        {{.op = TR_OP_POLARITY}, TR_E_UNSUPPORTED},
        {{.op = TR_OP_LAMP}, TR_E_UNSUPPORTED},
        {{.op = TR_OP_BITS}, TR_E_UNSUPPORTED},
        {{.op = TR_OP_FRAME}, TR_E_UNSUPPORTED},
        {{.op = TR_OP_FLASH, .a = {0}}, TR_E_ARGUMENT},
        {{.op = TR_OP_SETTING, .a = {99, 1}}, TR_E_ARGUMENT},
        {{.op = TR_OP_SETTING, .a = {TR_SET_LAW, 2}}, TR_E_ARGUMENT},
        {{.op = TR_OP_GAIN, .a = {2401, 0}}, TR_E_ARGUMENT},
        {{.op = TR_OP_HEAR, .a = {3}}, TR_E_NO_PORT},
        {{.op = TR_OP_HEAR, .a = {99}}, TR_E_NO_PORT},
        {{.op = TR_OP_DETECT, .a = {32}}, TR_E_ARGUMENT},
        {{.op = TR_OP_PLAY, .a = {0}}, TR_E_ARGUMENT},
        {{.op = TR_OP_PLAY, .a = {TR_PLAY_TONE, 9000, 0, 0}}, TR_E_ARGUMENT},
        {{.op = TR_OP_RECORD, .a = {TR_RECORD_RX}}, TR_E_ARGUMENT}, /* no path */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tr_event event;
        uint32_t id = loop_say(&rig, cases[i].command, NULL, 0);
        if (!CHECK(loop_await(&rig, TR_EV_COMMAND_FAILED, 2, &event))) {
            fprintf(stderr, "  case %zu\n", i);
            continue;
        }
        CHECK_INT(event.id, id);
        CHECK_INT(event.a[0], cases[i].result);
        CHECK_INT(event.a[1], cases[i].command.op);
    }
    uint8_t plan[sizeof(struct tr_tone) + 1] = {0};
    struct tr_event event;
    loop_say(&rig, (struct tr_command){.op = TR_OP_TONE_PLAN}, plan, sizeof plan);
    CHECK(loop_await(&rig, TR_EV_COMMAND_FAILED, 2, &event));
    loop_free(&rig);
}

static void lost_events_are_counted_told_and_healed(void) {
    struct loop_rig rig = loop_rig_with(1, (struct tr_engine_config){.event_ring = 4});
    struct tr_event event[16];
    for (int i = 0; i < 10; i++) {
        loop_event(rig.card, (struct tr_line_event){.kind = TR_EV_POLARITY, .a0 = i});
    }
    rig.card->ports[0].ringing = 1;
    loop_step(&rig, 2); /* never blocks */
    struct tr_stats stats;
    tr_engine_stats(rig.engine, &stats);
    CHECK_INT(stats.events, 10);
    CHECK_INT(stats.events_lost, 6);
    CHECK_INT(loop_drain(&rig, event, 16), 4); /* the oldest are kept, in order */
    for (int i = 0; i < 4; i++) {
        CHECK_INT(event[i].a[0], i);
    }
    loop_event(rig.card, (struct tr_line_event){.kind = TR_EV_LOOP_DROP});
    loop_step(&rig, 1);
    CHECK_INT(loop_drain(&rig, event, 16), 2); /* the notice comes before anything newer */
    CHECK_INT(event[0].kind, TR_EV_OVERRUN);
    CHECK_INT(event[0].port, TR_NO_PORT);
    CHECK_INT(event[0].a[0], 6);
    CHECK_INT(event[1].kind, TR_EV_LOOP_DROP);
    struct tr_port_state state;
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.ringing, 1); /* what is true now */
    loop_step(&rig, 1);
    CHECK_INT(loop_drain(&rig, event, 16), 0);
    loop_free(&rig);
}

static void full_event_side_ring_loses_and_heals(void) {
    struct loop_rig rig = loop_rig_with(1, (struct tr_engine_config){.side_bytes = 8192});
    uint8_t frame[1000] = {42};
    struct tr_event event[16];
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 10; i++) {
            loop_event(rig.card, (struct tr_line_event){.kind = TR_EV_FRAME, .side = frame, .side_len = 1000});
        }
        loop_step(&rig, 1);
        int delivered = 0, lost = 0;
        for (int tick = 0; tick < 3; tick++) {
            int n = loop_drain(&rig, event, 16);
            for (int i = 0; i < n; i++) {
                uint8_t got[1000];
                if (event[i].kind == TR_EV_OVERRUN) {
                    lost += event[i].a[0];
                    continue;
                }
                delivered++;
                CHECK_INT(tr_engine_side(rig.engine, &event[i], got, sizeof got), 1000);
                CHECK_INT(got[0], 42);
            }
            CHECK_INT(loop_drain(&rig, event, 16), 0); /* frees the side data */
            loop_step(&rig, 1);
        }
        CHECK_BETWEEN(delivered, 7, 8);
        CHECK_INT(delivered + lost, 10);
    }
    loop_free(&rig);
}

static void event_descriptor_becomes_readable(void) {
    struct loop_rig rig = loop_rig(1);
    struct pollfd poll_fd = {.fd = tr_engine_event_fd(rig.engine), .events = POLLIN};
    uint64_t count;
    loop_step(&rig, 2);
    CHECK_INT(poll(&poll_fd, 1, 0), 0);
    loop_event(rig.card, (struct tr_line_event){.kind = TR_EV_FLASH});
    loop_step(&rig, 1);
    CHECK_INT(poll(&poll_fd, 1, 0), 1);
    CHECK_INT(read(poll_fd.fd, &count, 8), 8);
    CHECK_INT(poll(&poll_fd, 1, 0), 0);
    loop_free(&rig);
}

static void engines_step_together(void) {
    struct loop_rig a = loop_rig(1), b = loop_rig(1);
    tr_engine *both[] = {a.engine, b.engine};
    CHECK_INT(tr_engines_step(both, 2, 7), 7);
    CHECK_INT(tr_engines_step(both, 2, 0), 0);
    loop_event(b.card, (struct tr_line_event){.kind = TR_EV_FLASH});
    CHECK_INT(tr_engines_step(both, 2, 7), 1); /* an event in any of them ends it */
    struct tr_stats stats;
    tr_engine_stats(a.engine, &stats);
    CHECK_INT(stats.tick, 8);
    CHECK_INT(stats.tick_ns_total, 0);
    loop_free(&a);
    loop_free(&b);
}

static void gains_are_exact(void) {
    CHECK_INT(tr_gain(0), 16384);
    CHECK_INT(tr_gain(2000), 163840);
    CHECK_INT(tr_gain(-2000), 1638);
    CHECK_INT(tr_gain(600), 32690);
    CHECK_INT(tr_gain(-600), 8211);
    CHECK_INT(tr_gain(5000), tr_gain(2400));
    for (int c = -9600; c <= 2400; c++) {
        CHECK_NEAR(tr_gain(c), 16384 * pow(10, c / 2000.0), 0.6 + 16384 * pow(10, c / 2000.0) * 1e-6);
    }
}

int main(void) {
    RUN(refuses_what_it_cannot_be);
    RUN(survives_every_failed_allocation);
    RUN(survives_a_lack_of_descriptors);
    RUN(gives_the_lowest_free_number);
    RUN(released_port_goes_on_hook_and_ends_its_work);
    RUN(a_number_is_not_given_out_while_commands_wait_for_it);
    RUN(events_of_a_former_owner_are_not_delivered);
    RUN(the_end_of_a_recording_is_never_lost);
    RUN(drops_stale_commands);
    RUN(new_epoch_ends_the_old_call);
    RUN(full_command_ring_refuses);
    RUN(line_events_carry_time_id_and_epoch);
    RUN(failed_line_commands_are_told);
    RUN(lost_events_are_counted_told_and_healed);
    RUN(full_event_side_ring_loses_and_heals);
    RUN(event_descriptor_becomes_readable);
    RUN(engines_step_together);
    RUN(gains_are_exact);
    return check_end();
}
