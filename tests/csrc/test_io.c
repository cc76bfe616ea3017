/* The I/O half that comes late, and answers to requests nobody waits for any more. The engine is paced but not started:
 * the test runs its tick and its I/O by hand, so lateness is exact. */
#include "internal.h"
#include "loop_card.h"
#include "record.h"
#include "play.h"
#include "wav_file.h"
#include <unistd.h>

static int16_t file[400000];
static char path[] = "/tmp/tipring-test-io.wav";

static struct loop_rig rig_by_hand(void) { return loop_rig_with(1, (struct tr_engine_config){.paced = 1}); }

static void run_io(struct loop_rig *rig) {
    tr_io_run(&rig->engine->player_io);
    tr_io_run(&rig->engine->recorder_io);
}

static void ticks(struct loop_rig *rig, int n) {
    for (int i = 0; i < n; i++) {
        tr_engine_tick(rig->engine);
    }
}

static bool next_event(struct loop_rig *rig, uint32_t kind, struct tr_event *event) {
    while (tr_engine_events(rig->engine, event, 1) == 1) {
        if (event->kind == kind) {
            return true;
        }
    }
    return false;
}

static uint32_t record(struct loop_rig *rig) {
    return loop_say(rig, (struct tr_command){.op = TR_OP_RECORD, .a = {TR_RECORD_RX}}, path, strlen(path));
}

static struct tr_stats stats_of(struct loop_rig *rig) {
    struct tr_stats stats;
    tr_engine_stats(rig->engine, &stats);
    return stats;
}

static void late_disk_loses_blocks_but_no_time(void) {
    struct loop_rig rig = rig_by_hand();
    struct tr_event event;
    bool whole;
    static int16_t tone[400 * TR_BLOCK];
    for (size_t i = 0; i < sizeof tone / 2; i++) {
        tone[i] = 8000;
    }
    rig.card->ports[0].inject = tone;
    rig.card->ports[0].inject_count = sizeof tone / 2;
    uint32_t id = record(&rig);
    ticks(&rig, 1);
    run_io(&rig);
    ticks(&rig, 100); /* two seconds without the disk: the ring holds one */
    CHECK_INT(stats_of(&rig).io_overruns, 100 - TR_RECORD_RING / TR_BLOCK);
    run_io(&rig);
    for (int i = 0; i < 50; i++) {
        ticks(&rig, 1);
        run_io(&rig);
    }
    loop_say(&rig, (struct tr_command){.op = TR_OP_RECORD_STOP}, NULL, 0);
    ticks(&rig, 1);
    run_io(&rig);
    ticks(&rig, 1);
    CHECK(next_event(&rig, TR_EV_RECORD_DONE, &event));
    CHECK_INT(event.id, id);
    CHECK_INT(event.a[0], TR_RECORD_STOPPED);
    CHECK_INT(event.a[1], 150 * 20);
    CHECK_INT(wav_read_all(path, 1, file, 100000, &whole), 150 * TR_BLOCK);
    CHECK(file[TR_BLOCK * 51 - 1] > 7000);
    CHECK_INT(file[TR_BLOCK * 51], 0); /* what was lost is silence of the same length */
    CHECK_INT(file[TR_BLOCK * 100 - 1], 0);
    CHECK(file[TR_BLOCK * 101] > 7000);
    loop_free(&rig);
}

static void dead_disk_ends_the_recording(void) {
    struct loop_rig rig = rig_by_hand();
    struct tr_event event;
    struct tr_port_state state;
    bool whole;
    uint32_t id = record(&rig);
    ticks(&rig, 1);
    run_io(&rig);
    ticks(&rig, 540);
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.recording, id);
    ticks(&rig, 20); /* the ring and ten seconds */
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.recording, 0);
    run_io(&rig);
    ticks(&rig, 1);
    CHECK(next_event(&rig, TR_EV_RECORD_DONE, &event));
    CHECK_INT(event.a[0], TR_RECORD_OVERRUN);
    CHECK_INT(wav_read_all(path, 1, file, 100000, &whole), TR_RECORD_RING / TR_BLOCK * TR_BLOCK);
    loop_free(&rig);
}

static void recording_stopped_before_it_was_open(void) {
    struct loop_rig rig = rig_by_hand();
    struct tr_event event;
    uint32_t id = record(&rig);
    ticks(&rig, 1);
    loop_say(&rig, (struct tr_command){.op = TR_OP_EPOCH, .a = {1}}, NULL, 0);
    ticks(&rig, 1);
    run_io(&rig); /* opens it only now */
    ticks(&rig, 1);
    CHECK(!next_event(&rig, TR_EV_RECORD_DONE, &event));
    run_io(&rig);
    ticks(&rig, 1);
    CHECK(next_event(&rig, TR_EV_RECORD_DONE, &event)); /* told once, with its own epoch */
    CHECK_INT(event.id, id);
    CHECK_INT(event.epoch, 0);
    CHECK_INT(event.a[0], TR_RECORD_STOPPED);
    CHECK_INT(event.a[1], 0);
    CHECK(rig.engine->recorder_io.recordings == NULL);
    loop_free(&rig);
}

static void item_stopped_before_it_was_ready(void) {
    struct loop_rig rig = rig_by_hand();
    struct tr_event event;
    uint64_t before = stats_of(&rig).memory_bytes;
    uint32_t id = loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_TONE, 450, 0, -1000}}, NULL, 0);
    ticks(&rig, 3);
    loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY_STOP}, NULL, 0);
    ticks(&rig, 1);
    CHECK(next_event(&rig, TR_EV_PLAY_DONE, &event));
    CHECK_INT(event.id, id);
    CHECK_INT(event.a[0], TR_PLAY_STOPPED);
    CHECK_INT(event.a[1], 0);
    run_io(&rig);
    ticks(&rig, 1);
    run_io(&rig);
    CHECK(rig.engine->player_io.items == NULL); /* given back */
    CHECK_INT(stats_of(&rig).memory_bytes, before);
    CHECK(!next_event(&rig, TR_EV_PLAY_DONE, &event));
    loop_free(&rig);
}

static void port_gone_before_the_answer(void) {
    struct loop_rig rig = rig_by_hand();
    struct tr_event event;
    loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_TONE, 450, 0, -1000}}, NULL, 0);
    uint32_t id = record(&rig);
    ticks(&rig, 1);
    CHECK_INT(tr_port_release(rig.engine, 0), TR_OK);
    for (int i = 0; i < 3; i++) {
        run_io(&rig);
        ticks(&rig, 1);
    }
    CHECK(rig.engine->player_io.items == NULL);
    CHECK(rig.engine->recorder_io.recordings == NULL);
    CHECK(next_event(&rig, TR_EV_RECORD_DONE, &event));
    CHECK_INT(event.id, id);
    loop_free(&rig);
}

static void late_prompt_is_counted_as_silence(void) {
    struct loop_rig rig = rig_by_hand();
    struct tr_event event;
    memset(file, 0, sizeof file);
    for (int i = 0; i < 20000; i++) {
        file[i] = 5000;
    }
    wav_write(path, WAV_PCM, file, 40000);
    uint32_t id = loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_FILE}}, path, strlen(path));
    ticks(&rig, 1);
    CHECK_INT(stats_of(&rig).io_underruns, 0); /* not begun yet is not late */
    run_io(&rig);
    ticks(&rig, 60);
    CHECK_BETWEEN(stats_of(&rig).io_underruns, 8, 10); /* 51 blocks were read ahead */
    for (int i = 0; i < 100; i++) {
        run_io(&rig);
        ticks(&rig, 1);
    }
    CHECK(next_event(&rig, TR_EV_PLAY_DONE, &event));
    CHECK_INT(event.id, id);
    CHECK_INT(event.a[0], TR_PLAY_FINISHED);
    CHECK_INT(event.a[1], 2500); /* nothing of it was skipped */
    loop_free(&rig);
}

static void too_many_requests_are_refused(void) {
    struct loop_rig rig = loop_rig_with(1, (struct tr_engine_config){.paced = 1, .event_ring = 32768});
    struct tr_event event;
    for (int i = 0; i < TR_IO_REQUESTS + 5; i++) {
        loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_SILENCE, 1000}}, NULL, 0);
        loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY_STOP}, NULL, 0);
        ticks(&rig, 1);
    }
    int refused = 0;
    while (next_event(&rig, TR_EV_COMMAND_FAILED, &event)) {
        CHECK_INT(event.a[0], TR_E_FULL);
        refused++;
    }
    CHECK_INT(refused, 5);
    run_io(&rig);
    ticks(&rig, 1);
    run_io(&rig);
    CHECK(rig.engine->player_io.items == NULL);
    loop_free(&rig);
}

int main(void) {
    RUN(late_disk_loses_blocks_but_no_time);
    RUN(dead_disk_ends_the_recording);
    RUN(recording_stopped_before_it_was_open);
    RUN(item_stopped_before_it_was_ready);
    RUN(port_gone_before_the_answer);
    RUN(late_prompt_is_counted_as_silence);
    RUN(too_many_requests_are_refused);
    unlink(path);
    return check_end();
}
