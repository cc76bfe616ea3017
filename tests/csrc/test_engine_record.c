/* The recorder: what it records, how it ends, files that are readable at every moment, disks that fail or come late. */
#include "gen.h"
#include "internal.h"
#include "loop_card.h"
#include "record.h"
#include "wav_file.h"
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX 200000
static int16_t speech[MAX], file[2 * MAX];
static char path[] = "/tmp/tipring-test-record.wav";

/* A sine is speech enough. */
static void make_speech(int samples, int level) {
    uint32_t phase = 0;
    memset(speech, 0, sizeof speech);
    for (int i = 0; i < samples; i++, phase += tr_gen_step(700000)) {
        speech[i] = (int16_t)((tr_gen_sine(phase) * tr_gen_peak(level)) >> 15);
    }
}

static void hear_speech(struct loop_rig *rig, int port) {
    rig->card->ports[port].inject = speech;
    rig->card->ports[port].inject_count = MAX;
    rig->card->ports[port].inject_at = 0;
}

static uint32_t record(struct loop_rig *rig, int what, int limit_ms, int silence_ms, const char *name) {
    return loop_say(rig, (struct tr_command){.op = TR_OP_RECORD, .a = {what, limit_ms, silence_ms}}, name,
                    strlen(name));
}

static void check_done(struct loop_rig *rig, uint32_t id, enum tr_record_end end, int ms, int error, int ticks) {
    struct tr_event event;
    if (CHECK(loop_await(rig, TR_EV_RECORD_DONE, ticks, &event))) {
        CHECK_INT(event.id, id);
        CHECK_INT(event.a[0], end);
        CHECK_INT(event.a[1], ms);
        CHECK_INT(event.a[2], error);
    }
    struct tr_port_state state;
    tr_engine_port_state(rig->engine, 0, &state);
    CHECK_INT(state.recording, 0);
}

static void ends_at_the_limit_to_the_sample(void) {
    struct loop_rig rig = loop_rig(1);
    bool whole;
    make_speech(MAX, -1000);
    hear_speech(&rig, 0);
    uint32_t id = record(&rig, TR_RECORD_RX, 1510, 0, path);
    struct tr_event event;
    uint32_t second = record(&rig, TR_RECORD_RX, 0, 0, path); /* one at a time */
    CHECK(loop_await(&rig, TR_EV_COMMAND_FAILED, 1, &event));
    CHECK_INT(event.id, second);
    CHECK_INT(event.a[0], TR_E_STATE);
    check_done(&rig, id, TR_RECORD_LIMIT, 1510, 0, 100);
    CHECK_INT(wav_read_all(path, 1, file, MAX, &whole), 1510 * 8);
    CHECK(whole);
    uint8_t codes[1600];
    tr_g711_encode(TR_LAW_A, speech, codes, 1600);
    tr_g711_decode(TR_LAW_A, codes, speech, 1600);
    CHECK_MEM(file, speech, 3200);
    loop_free(&rig);
}

static void ends_at_silence_and_keeps_digits(void) {
    struct loop_rig rig = loop_rig(1);
    struct tr_gen gen;
    struct tr_event event;
    struct tr_command digit = {.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, 80, 0, -1000, -1000}};
    bool whole;
    make_speech(8000, -1500);
    NEED(tr_gen_init(&gen, &digit, (const uint8_t *)"#", 1) == TR_OK);
    tr_gen_feed(&gen, speech + 8000 + 8000, 640); /* a second of silence, then # */
    hear_speech(&rig, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .a = {TR_DETECT_DTMF | TR_DETECT_VOICE}}, NULL, 0);
    uint32_t id = record(&rig, TR_RECORD_RX, 0, 1500, path);
    CHECK(loop_await(&rig, TR_EV_DTMF_BEGIN, 200, &event)); /* heard while it records, and keeps the recording going */
    CHECK_INT(event.a[0], '#');
    check_done(&rig, id, TR_RECORD_SILENCE, (16000 + 640 + 12000) / 8, 0, 200);
    int frames = wav_read_all(path, 1, file, MAX, &whole);
    CHECK_INT(frames, 28640 + 0);
    int loudest = 0;
    for (int i = 16000; i < 16640; i++) {
        loudest = file[i] > loudest ? file[i] : loudest;
    }
    CHECK(loudest > 5000); /* the digit is in the file */
    loop_free(&rig);
}

static void records_both_sides_apart(void) {
    struct loop_rig rig = loop_rig(1);
    bool whole;
    make_speech(MAX, -1000);
    hear_speech(&rig, 0);
    loop_say(&rig, (struct tr_command){.op = TR_OP_GAIN, .a = {-600, 0}}, NULL, 0);
    uint32_t play = loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_SAMPLES}}, speech + 1000, 3200);
    uint32_t id = record(&rig, TR_RECORD_STEREO, 400, 0, path);
    check_done(&rig, id, TR_RECORD_LIMIT, 400, 0, 30);
    CHECK_INT(play, 2);
    CHECK_INT(wav_read_all(path, 2, file, MAX, &whole), 3200);
    CHECK(whole);
    for (int i = 0; i < 1600; i++) {
        NEED(file[2 * i + 1] == speech[1000 + i]);
        NEED(abs(file[2 * i] * 1995 / 1000 - speech[i]) < 600); /* what is heard is taken after gain */
    }
    for (int i = 1600; i < 3200; i++) {
        NEED(file[2 * i + 1] == 0);
    }
    id = record(&rig, TR_RECORD_TX, 40, 0, path);
    check_done(&rig, id, TR_RECORD_LIMIT, 40, 0, 30);
    CHECK_INT(wav_read_all(path, 1, file, MAX, &whole), 320);
    CHECK_INT(file[100], 0);
    loop_free(&rig);
}

static void file_is_readable_while_it_grows(void) {
    struct loop_rig rig = loop_rig(1);
    bool whole;
    make_speech(MAX, -1000);
    hear_speech(&rig, 0);
    uint32_t id = record(&rig, TR_RECORD_RX, 0, 0, path);
    loop_step(&rig, 1);
    CHECK_INT(wav_read_all(path, 1, file, MAX, &whole), 0);
    for (int second = 1; second <= 5; second++) {
        loop_step(&rig, 50);
        /* as after a crash: what the header says is there, at most a second and a quarter is missing */
        int frames = wav_read_all(path, 1, file, MAX, &whole);
        CHECK_BETWEEN(frames, second * 8000 - 10000, second * 8000);
    }
    loop_say(&rig, (struct tr_command){.op = TR_OP_RECORD_STOP}, NULL, 0);
    check_done(&rig, id, TR_RECORD_STOPPED, 251 * 20, 0, 2);
    CHECK_INT(wav_read_all(path, 1, file, MAX, &whole), 251 * TR_BLOCK);
    /* an engine that is freed while it records leaves a whole file */
    record(&rig, TR_RECORD_RX, 0, 0, path);
    loop_step(&rig, 33);
    loop_free(&rig);
    CHECK_INT(wav_read_all(path, 1, file, MAX, &whole), 33 * TR_BLOCK);
    CHECK(whole);
}

static void disk_failures_are_told(void) {
    struct loop_rig rig = loop_rig(1);
    bool whole;
    make_speech(MAX, -1000);
    hear_speech(&rig, 0);
    check_done(&rig, record(&rig, TR_RECORD_RX, 0, 0, "/dev/full"), TR_RECORD_FAILED, 0, ENOSPC, 2);
    check_done(&rig, record(&rig, TR_RECORD_RX, 0, 0, "/nowhere/x.wav"), TR_RECORD_FAILED, 0, ENOENT, 2);
    check_done(&rig, record(&rig, TR_RECORD_RX, 0, 0, "/tmp"), TR_RECORD_FAILED, 0, EISDIR, 2);
    /* A disk that becomes full after 1.5 s: the limit on file sizes stands for it. */
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){44 + 24001, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    uint32_t id = record(&rig, TR_RECORD_RX, 0, 0, path);
    struct tr_event event;
    bool done = loop_await(&rig, TR_EV_RECORD_DONE, 200, &event);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(done);
    CHECK_INT(event.id, id);
    CHECK_INT(event.a[0], TR_RECORD_FAILED);
    CHECK_INT(event.a[2], EFBIG);
    CHECK_INT(event.a[1], 1500);
    CHECK_INT(wav_read_all(path, 1, file, MAX, &whole), 12000); /* what came before is a valid file */
    CHECK(whole);
    struct tr_port_state state;
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.recording, 0);
    loop_free(&rig);
}

static void silent_line_is_recorded_as_silence(void) {
    struct loop_rig rig = loop_rig(1);
    bool whole;
    rig.card->ports[0].idle = true; /* the chain has nothing else to do */
    uint32_t id = record(&rig, TR_RECORD_RX, 1000, 0, path);
    check_done(&rig, id, TR_RECORD_LIMIT, 1000, 0, 60);
    CHECK_INT(wav_read_all(path, 1, file, MAX, &whole), 8000);
    for (int i = 0; i < 8000; i++) {
        NEED(file[i] == 0);
    }
    loop_free(&rig);
}

static void capture_goes_on_over_calls(void) {
    static char message[] = "/tmp/tipring-test-message.wav";
    struct loop_rig rig = loop_rig(1);
    bool whole;
    make_speech(MAX, -1000);
    hear_speech(&rig, 0);
    struct tr_command capture = {.op = TR_OP_CAPTURE, .a = {TR_RECORD_STEREO, 3000, 0}};
    uint32_t id = loop_say(&rig, capture, path, strlen(path));
    uint32_t of_the_call = record(&rig, TR_RECORD_RX, 0, 0, message); /* beside it */
    struct tr_event event;
    uint32_t second = loop_say(&rig, capture, path, strlen(path));
    CHECK(loop_await(&rig, TR_EV_COMMAND_FAILED, 1, &event));
    CHECK_INT(event.id, second);
    loop_step(&rig, 48);
    loop_say(&rig, (struct tr_command){.op = TR_OP_EPOCH, .a = {1}}, NULL, 0);
    check_done(&rig, of_the_call, TR_RECORD_STOPPED, 980, 0, 2);
    check_done(&rig, id, TR_RECORD_LIMIT, 3000, 0, 110);
    CHECK_INT(wav_read_all(path, 2, file, MAX, &whole), 3 * TR_RATE);
    for (int i = 2 * TR_BLOCK; i < 3 * TR_RATE;
         i++) { /* 80 samples are 7 periods: without a gap where the call ended */
        NEED(abs(file[2 * i] - file[2 * (i - 80)]) < 2000);
    }
    capture.epoch = 1;
    id = loop_say(&rig, capture, path, strlen(path));
    loop_step(&rig, 10);
    loop_say(&rig, (struct tr_command){.op = TR_OP_CAPTURE_STOP, .epoch = 1}, NULL, 0);
    check_done(&rig, id, TR_RECORD_STOPPED, 200, 0, 2);
    unlink(message);
    loop_free(&rig);
}

int main(void) {
    RUN(ends_at_the_limit_to_the_sample);
    RUN(ends_at_silence_and_keeps_digits);
    RUN(records_both_sides_apart);
    RUN(file_is_readable_while_it_grows);
    RUN(disk_failures_are_told);
    RUN(silent_line_is_recorded_as_silence);
    RUN(capture_goes_on_over_calls);
    unlink(path);
    return check_end();
}
