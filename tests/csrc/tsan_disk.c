/* A disk that takes no more recordings, under ThreadSanitizer: prompts go on, the engine stops all the same, and what
 * was recorded is in the file when the disk comes back. The program's own pwrite() stands before the system's and hangs
 * when told so; ticks and prompts are run by hand, so nothing depends on how fast the machine is. */
#include "internal.h"
#include "loop_card.h"
#include "port.h"
#include "wav_file.h"
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

static char recorded[] = "/tmp/tipring-tsan-disk-record.wav", prompt[] = "/tmp/tipring-tsan-disk-prompt.wav";
static int16_t sound[40000], file[100000];

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool hangs, waits;

ssize_t pwrite(int fd, const void *buffer, size_t count, off_t at) {
    pthread_mutex_lock(&disk);
    while (hangs) {
        waits = true;
        pthread_cond_broadcast(&changed);
        pthread_cond_wait(&changed, &disk);
    }
    waits = false;
    pthread_mutex_unlock(&disk);
    return syscall(SYS_pwrite64, fd, buffer, count, at);
}

static void disk_hangs(bool on) {
    pthread_mutex_lock(&disk);
    hangs = on;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&disk);
}

static void await_writer(void) {
    pthread_mutex_lock(&disk);
    while (!waits) {
        pthread_cond_wait(&changed, &disk);
    }
    pthread_mutex_unlock(&disk);
}

static void ticks(struct loop_rig *rig, int n) {
    for (int i = 0; i < n; i++) {
        tr_io_run(&rig->engine->player_io);
        tr_engine_tick(rig->engine);
    }
}

static struct tr_stats stats_of(struct loop_rig *rig) {
    struct tr_stats stats;
    tr_engine_stats(rig->engine, &stats);
    return stats;
}

static bool event_of(struct loop_rig *rig, uint32_t kind, uint32_t id, struct tr_event *event) {
    while (tr_engine_events(rig->engine, event, 1) == 1) {
        if (event->kind == kind && event->id == id) {
            return true;
        }
    }
    return false;
}

/* Port 0 is recorded; its recorder's thread hangs in the disk. */
static uint32_t hang(struct loop_rig *rig) {
    *rig = loop_rig_with(2, (struct tr_engine_config){.paced = 1});
    CHECK_INT(tr_io_start(&rig->engine->recorder_io), TR_OK);
    uint32_t id =
        loop_say(rig, (struct tr_command){.op = TR_OP_RECORD, .a = {TR_RECORD_RX}}, recorded, strlen(recorded));
    do {
        ticks(rig, 1);
    } while (rig->engine->by_number[0]->recorder.state != TR_RECORDER_ON);
    disk_hangs(true);
    ticks(rig, 20);
    await_writer();
    return id;
}

static void prompts_go_on(void) {
    struct loop_rig rig;
    struct tr_event event;
    bool whole;
    uint32_t recording = hang(&rig);
    wav_write(prompt, WAV_PCM, sound, sizeof sound);
    uint32_t played =
        loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .port = 1, .a = {TR_PLAY_FILE}}, prompt, strlen(prompt));
    ticks(&rig, 260); /* 5.2 s */
    CHECK(event_of(&rig, TR_EV_PLAY_DONE, played, &event));
    CHECK_INT(event.a[0], TR_PLAY_FINISHED);
    CHECK_INT(event.a[1], 5000);
    struct tr_stats stats = stats_of(&rig);
    CHECK_INT(stats.io_underruns, 0);
    CHECK(stats.recorder_io_ms >= 5200);
    CHECK(stats.player_io_ms == 0);
    CHECK(stats.io_overruns > 100);
    disk_hangs(false);
    loop_say(&rig, (struct tr_command){.op = TR_OP_RECORD_STOP}, NULL, 0);
    struct tr_port_state state = {.files = 1};
    while (state.files > 0) {
        ticks(&rig, 1);
        tr_engine_port_state(rig.engine, 0, &state);
    }
    tr_io_stop(&rig.engine->recorder_io);
    CHECK_INT(stats_of(&rig).recorder_io_ms, 0);
    CHECK(event_of(&rig, TR_EV_RECORD_DONE, recording, &event));
    CHECK_INT(event.a[0], TR_RECORD_STOPPED);
    int frames = wav_read_all(recorded, 1, file, 100000, &whole);
    CHECK_INT(event.a[1], frames / 8);
    CHECK(frames >=
          TR_RECORD_RING / TR_BLOCK * TR_BLOCK); /* what the ring held; what came later was lost, and is counted */
    loop_free(&rig);
}

static tr_engine *left_behind; /* its thread may still need it: never freed */

static void a_thread_that_hangs_is_left_behind(void) {
    struct loop_rig rig;
    bool whole;
    hang(&rig);
    left_behind = rig.engine;
    rig.engine->running = false;
    tr_io_ends_ms = 50;
    tr_io_stop(&rig.engine->recorder_io);
    CHECK(rig.engine->recorder_io.lost);
    CHECK_INT(tr_engine_start(rig.engine), TR_E_STATE);
    CHECK(!rig.engine->player_io.running);
    loop_free(&rig); /* all but what the thread needs */
    disk_hangs(false);
    uint64_t ended = 0;
    while (read(left_behind->recorder_io.ended_fd, &ended, sizeof ended) < 0) {
        usleep(1000);
    }
    CHECK_BETWEEN(wav_read_all(recorded, 1, file, 100000, &whole), 20 * TR_BLOCK, TR_RECORD_RING);
    CHECK(whole);
}

int main(void) {
    RUN(prompts_go_on);
    RUN(a_thread_that_hangs_is_left_behind);
    unlink(recorded);
    unlink(prompt);
    return check_end();
}
