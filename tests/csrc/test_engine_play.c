/* The player in a port's chain: joins to the sample, files of every kind, failures, stop, digits that stop or duck it.
 */
#include "gen.h"
#include "internal.h"
#include "loop_card.h"
#include "play.h"
#include "wav_file.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX 40000
static int16_t wanted[MAX], made[MAX];
static char path[] = "/tmp/tipring-test-play.wav";

/* What is left of samples after the codec. */
static void through_codec(int16_t *samples, int n) {
    static uint8_t codes[MAX];
    tr_g711_encode(TR_LAW_A, samples, codes, n);
    tr_g711_decode(TR_LAW_A, codes, samples, n);
}

static void ramp(int16_t *out, int n, int step) {
    for (int i = 0; i < n; i++) {
        out[i] = (int16_t)(((i * step) % 20000) - 10000);
    }
}

static uint32_t play(struct loop_rig *rig, int32_t kind, int32_t a1, int32_t a2, int32_t a3, const void *side,
                     size_t n) {
    return loop_say(rig, (struct tr_command){.op = TR_OP_PLAY, .a = {kind, a1, a2, a3}}, side, n);
}

static void check_end_of(struct loop_rig *rig, uint32_t id, enum tr_play_end end, int at, int ms, int error) {
    struct tr_event event;
    if (CHECK(loop_await(rig, TR_EV_PLAY_DONE, 400, &event))) {
        CHECK_INT(event.id, id);
        CHECK_INT(event.a[0], end);
        if (at >= 0) {
            CHECK_INT(event.at, at);
        }
        CHECK_INT(event.a[1], ms);
        CHECK_INT(event.a[2], error);
    }
}

static void items_join_in_the_sample(void) {
    struct loop_rig rig = loop_rig(1);
    struct tr_gen gen;
    struct tr_command digits = {.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, 50, 30, -700, -700}};
    int at = 0;
    ramp(wanted, 101, 77);
    uint32_t first = play(&rig, TR_PLAY_SAMPLES, 0, 0, 0, wanted, 202);
    at = 101;
    uint32_t second = play(&rig, TR_PLAY_SILENCE, 5, 0, 0, NULL, 0);
    memset(wanted + at, 0, 80);
    at += 40;
    ramp(wanted + at, 333, 91);
    wav_write(path, WAV_PCM, wanted + at, 666);
    uint32_t third = play(&rig, TR_PLAY_FILE, 0, 0, 0, path, strlen(path));
    at += 333;
    NEED(tr_gen_init(&gen, &digits, (const uint8_t *)"5", 1) == TR_OK);
    uint32_t fourth = loop_say(&rig, digits, "5", 1);
    int digit_samples = tr_gen_feed(&gen, wanted + at, MAX - at);
    at += digit_samples;
    uint32_t empty = play(&rig, TR_PLAY_SAMPLES, 0, 0, 0, NULL, 0);
    ramp(wanted + at, 77, 55);
    uint32_t last = play(&rig, TR_PLAY_SAMPLES, 0, 0, 0, wanted + at, 154);
    check_end_of(&rig, first, TR_PLAY_FINISHED, 101, 12, 0);
    check_end_of(&rig, second, TR_PLAY_FINISHED, 141, 5, 0);
    check_end_of(&rig, third, TR_PLAY_FINISHED, 474, 41, 0);
    check_end_of(&rig, fourth, TR_PLAY_FINISHED, at, digit_samples / 8, 0);
    check_end_of(&rig, empty, TR_PLAY_FINISHED, at, 0, 0);
    at += 77;
    check_end_of(&rig, last, TR_PLAY_FINISHED, at, 9, 0);
    loop_step(&rig, 2);
    through_codec(wanted, at);
    CHECK_MEM(rig.card->ports[0].sent, wanted, (size_t)at * 2);
    for (int i = at; i < at + 200; i++) {
        NEED(abs(rig.card->ports[0].sent[i]) <= 8);
    }
    struct tr_stats stats;
    tr_engine_stats(rig.engine, &stats);
    CHECK_INT(stats.io_underruns, 0);
    loop_free(&rig);
}

static void reads_every_kind_of_file(void) {
    static uint8_t codes[20000];
    ramp(wanted, 20000, 13);
    for (int kind = 0; kind < 5; kind++) {
        struct loop_rig rig = loop_rig(1);
        struct wav_shape shape = WAV_PCM;
        int n = 20000; /* longer than the ring: streamed */
        int start_ms = 0;
        if (kind == 1 || kind == 2) {
            shape.format = kind == 1 ? 6 : 7;
            shape.bits = 8;
            tr_g711_encode(kind == 1 ? TR_LAW_A : TR_LAW_MU, wanted, codes, n);
            wav_write(path, shape, codes, (size_t)n);
            tr_g711_decode(kind == 1 ? TR_LAW_A : TR_LAW_MU, codes, made, n);
        } else {
            shape.list_chunk = kind == 3;
            shape.extensible = kind == 3;
            shape.data_length = kind == 4 ? 0 : -1; /* its recorder died */
            start_ms = kind == 4 ? 1000 : 0;
            wav_write(path, shape, wanted, (size_t)n * 2);
            memcpy(made, wanted, sizeof made);
        }
        int skipped = start_ms * 8;
        uint32_t id = play(&rig, TR_PLAY_FILE, start_ms, 0, 0, path, strlen(path));
        check_end_of(&rig, id, TR_PLAY_FINISHED, n - skipped, (n - skipped) / 8, 0);
        loop_step(&rig, 2);
        through_codec(made, n);
        CHECK_MEM(rig.card->ports[0].sent, made + skipped, (size_t)(n - skipped) * 2);
        loop_free(&rig);
    }
}

static void repeats_and_amplifies(void) {
    struct loop_rig rig = loop_rig(1);
    ramp(wanted, 1000, 31);
    wav_write(path, WAV_PCM, wanted, 2000);
    uint32_t id = play(&rig, TR_PLAY_FILE, 100, -600, 1, path, strlen(path)); /* begins at 800, then from the start */
    loop_step(&rig, 200);
    loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY_STOP}, NULL, 0);
    check_end_of(&rig, id, TR_PLAY_STOPPED, 200 * TR_BLOCK, 4000, 0);
    for (int i = 0; i < 32000; i++) {
        made[i] = (int16_t)((wanted[(800 + i) % 1000] * tr_gain(-600)) >> 14);
    }
    through_codec(made, 32000);
    CHECK_MEM(rig.card->ports[0].sent, made, 64000);
    /* a file without samples is over at once, repeated or not */
    wav_write(path, WAV_PCM, wanted, 0);
    id = play(&rig, TR_PLAY_FILE, 0, 0, 1, path, strlen(path));
    check_end_of(&rig, id, TR_PLAY_FINISHED, 201 * TR_BLOCK, 0, 0);
    /* and one that begins behind its end */
    wav_write(path, WAV_PCM, wanted, 1000);
    id = play(&rig, TR_PLAY_FILE, 60000, 0, 0, path, strlen(path));
    check_end_of(&rig, id, TR_PLAY_FINISHED, -1, 0, 0);
    loop_free(&rig);
}

static void tells_why_a_file_cannot_be_played(void) {
    struct loop_rig rig = loop_rig(1);
    struct wav_shape stereo = WAV_PCM, fast = WAV_PCM, adpcm = WAV_PCM;
    stereo.channels = 2;
    fast.rate = 16000;
    adpcm.format = 0x11;
    struct {
        struct wav_shape shape;
        int error;
    } shapes[] = {{stereo, EOPNOTSUPP}, {fast, EOPNOTSUPP}, {adpcm, EOPNOTSUPP}};
    for (int i = 0; i < 3; i++) {
        wav_write(path, shapes[i].shape, wanted, 100);
        check_end_of(&rig, play(&rig, TR_PLAY_FILE, 0, 0, 0, path, strlen(path)), TR_PLAY_FAILED, -1, 0,
                     shapes[i].error);
    }
    wav_write(path, WAV_PCM, wanted, 100);
    for (int length = 0; length < 44; length += 4) { /* cut anywhere in the header */
        CHECK_INT(truncate(path, length), 0);
        check_end_of(&rig, play(&rig, TR_PLAY_FILE, 0, 0, 0, path, strlen(path)), TR_PLAY_FAILED, -1, 0, EINVAL);
    }
    unlink(path);
    check_end_of(&rig, play(&rig, TR_PLAY_FILE, 0, 0, 0, path, strlen(path)), TR_PLAY_FAILED, -1, 0, ENOENT);
    check_end_of(&rig, play(&rig, TR_PLAY_FILE, 0, 0, 0, "/tmp", 4), TR_PLAY_FAILED, -1, 0, EISDIR);
    check_end_of(&rig, play(&rig, TR_PLAY_FILE, 0, 0, 0, "/dev/null", 9), TR_PLAY_FAILED, -1, 0, EINVAL);
    check_end_of(&rig, play(&rig, TR_PLAY_FILE, 0, 0, 0, NULL, 0), TR_PLAY_FAILED, -1, 0, ENOENT);
    CHECK_INT(mkfifo(path, 0600), 0); /* must not stop the I/O thread */
    check_end_of(&rig, play(&rig, TR_PLAY_FILE, 0, 0, 0, path, strlen(path)), TR_PLAY_FAILED, -1, 0, EINVAL);
    unlink(path);
    /* the queue goes on behind a failure without a gap */
    ramp(wanted, 160, 50);
    struct tr_stats stats;
    tr_engine_stats(rig.engine, &stats);
    int at = (int)stats.tick * TR_BLOCK;
    uint32_t a = play(&rig, TR_PLAY_SAMPLES, 0, 0, 0, wanted, 160);
    uint32_t b = play(&rig, TR_PLAY_FILE, 0, 0, 0, "/nowhere/x.wav", 14);
    uint32_t c = play(&rig, TR_PLAY_SAMPLES, 0, 0, 0, wanted + 80, 160);
    check_end_of(&rig, a, TR_PLAY_FINISHED, at + 80, 10, 0);
    check_end_of(&rig, b, TR_PLAY_FAILED, at + 80, 0, ENOENT);
    check_end_of(&rig, c, TR_PLAY_FINISHED, at + 160, 10, 0);
    loop_step(&rig, 1);
    through_codec(wanted, 160);
    CHECK_MEM(rig.card->ports[0].sent + at, wanted, 320);
    loop_free(&rig);
}

static void bounds_the_queue(void) {
    struct loop_rig rig = loop_rig(1);
    struct tr_event event;
    for (int i = 0; i < TR_PLAY_QUEUE; i++) {
        play(&rig, TR_PLAY_TONE, 450, 0, -2000, NULL, 0);
    }
    uint32_t last = play(&rig, TR_PLAY_SILENCE, 10, 0, 0, NULL, 0);
    CHECK(loop_await(&rig, TR_EV_COMMAND_FAILED, 2, &event));
    CHECK_INT(event.id, last);
    CHECK_INT(event.a[0], TR_E_STATE);
    struct tr_port_state state;
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.play_queue, TR_PLAY_QUEUE);
    loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY_STOP}, NULL, 0);
    for (uint32_t i = 1; i <= TR_PLAY_QUEUE; i++) {
        CHECK(loop_await(&rig, TR_EV_PLAY_DONE, 2, &event));
        CHECK_INT(event.id, i);
        CHECK_INT(event.a[0], TR_PLAY_STOPPED);
    }
    struct tr_stats before, after;
    loop_step(&rig, 2);
    tr_engine_stats(rig.engine, &before);
    play(&rig, TR_PLAY_TONE, 450, 0, -2000, NULL, 0);
    loop_step(&rig, 1);
    tr_engine_stats(rig.engine, &after);
    CHECK(after.memory_bytes > before.memory_bytes);
    loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY_STOP}, NULL, 0);
    loop_step(&rig, 2);
    tr_engine_stats(rig.engine, &after);
    CHECK_INT(after.memory_bytes, before.memory_bytes); /* an idle port gives its memory back */
    loop_free(&rig);
}

static int open_descriptors(void) {
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

static void shares_the_descriptor_of_a_prompt(void) {
    struct loop_rig rig = loop_rig(8);
    ramp(wanted, 30000, 3);
    struct wav_shape shape = WAV_PCM;
    shape.data_length = 0; /* up to the file's end */
    wav_write(path, shape, wanted, 60000);
    NEED(truncate(path, 2 * TR_PROMPT_KEPT) == 0); /* too long to be kept in memory */
    int before = open_descriptors();
    for (uint32_t p = 0; p < 8; p++) {
        loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY, .port = p, .a = {TR_PLAY_FILE}}, path, strlen(path));
    }
    loop_step(&rig, 3);
    CHECK_INT(open_descriptors(), before + 1);
    loop_step(&rig, 250);
    for (uint32_t p = 0; p < 8; p++) {
        loop_say(&rig, (struct tr_command){.op = TR_OP_PLAY_STOP, .port = p}, NULL, 0);
    }
    loop_step(&rig, 3);
    CHECK_INT(open_descriptors(), before);
    for (int p = 1; p < 8; p++) {
        CHECK_MEM(rig.card->ports[p].sent, rig.card->ports[0].sent, 60000);
    }
    loop_free(&rig);
    unlink(path);
}

/* A digit pressed from `at` on, 80 ms. */
static void press(struct loop_rig *rig, int port, int at) {
    static int16_t sound[MAX];
    struct tr_gen gen;
    struct tr_command digit = {.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, 80, 0, -1000, -1000}};
    memset(sound, 0, sizeof sound);
    NEED(tr_gen_init(&gen, &digit, (const uint8_t *)"7", 1) == TR_OK);
    tr_gen_feed(&gen, sound + at, 640);
    rig->card->ports[port].inject = sound;
    rig->card->ports[port].inject_count = (size_t)at + 1280;
    rig->card->ports[port].inject_at = 0;
}

static void a_digit_stops_the_prompt_in_its_tick(void) {
    struct loop_rig rig = loop_rig(1);
    struct tr_event event;
    loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .a = {TR_DETECT_DTMF, TR_STOP_ON_DIGIT}}, NULL, 0);
    uint32_t first = play(&rig, TR_PLAY_TONE, 450, 0, -1000, NULL, 0);
    uint32_t second = play(&rig, TR_PLAY_SILENCE, 10, 0, 0, NULL, 0);
    press(&rig, 0, 10 * TR_BLOCK + 33);
    CHECK(loop_await(&rig, TR_EV_DTMF_BEGIN, 50, &event));
    CHECK_INT(event.a[0], '7');
    CHECK_NEAR(event.at, 10 * TR_BLOCK + 33, 16);
    uint64_t tick = event.tick;
    CHECK(loop_await(&rig, TR_EV_PLAY_DONE, 0, &event));
    CHECK_INT(event.id, first);
    CHECK_INT(event.tick, tick);
    CHECK_INT(event.a[0], TR_PLAY_DIGIT);
    CHECK(loop_await(&rig, TR_EV_PLAY_DONE, 0, &event));
    CHECK_INT(event.id, second);
    CHECK_INT(event.a[0], TR_PLAY_DIGIT);
    uint32_t after = play(&rig, TR_PLAY_TONE, 450, 0, -1000, NULL, 0); /* the digit is still on: no second stop */
    CHECK(loop_await(&rig, TR_EV_DTMF_END, 20, &event));
    CHECK_NEAR(event.a[1], 80, 4);
    struct tr_port_state state;
    tr_engine_port_state(rig.engine, 0, &state);
    CHECK_INT(state.playing, after);
    CHECK_INT(state.digits, 1);
    const int16_t *sent = rig.card->ports[0].sent;
    CHECK(abs(sent[tick * TR_BLOCK - 3]) + abs(sent[tick * TR_BLOCK - 7]) > 1000);
    for (uint64_t i = tick * TR_BLOCK; i < (tick + 1) * TR_BLOCK; i++) {
        NEED(abs(sent[i]) <= 8);
    }
    loop_free(&rig);
}

static double level(const int16_t *samples, int n) {
    double sum = 1e-9;
    for (int i = 0; i < n; i++) {
        sum += (double)samples[i] * samples[i];
    }
    return 10 * log10(sum / n);
}

static void a_digit_ducks_the_prompt(void) {
    struct loop_rig rig = loop_rig(1);
    struct tr_event event;
    loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .a = {TR_DETECT_DTMF, TR_DUCK_PROMPT}}, NULL, 0);
    play(&rig, TR_PLAY_TONE, 1000, 0, -300, NULL, 0);
    press(&rig, 0, 20 * TR_BLOCK);
    CHECK(loop_await(&rig, TR_EV_DTMF_BEGIN, 50, &event));
    int begin = (int)event.tick * TR_BLOCK;
    CHECK(loop_await(&rig, TR_EV_DTMF_END, 50, &event));
    loop_step(&rig, 20);
    const int16_t *sent = rig.card->ports[0].sent;
    double before = level(sent + 10 * TR_BLOCK, TR_BLOCK);
    /* at the latest when the digit is sure, 2 ms into the block, the prompt is 40 dB down */
    CHECK_NEAR(level(sent + begin + 16, TR_BLOCK - 16), before - 40, 2);
    int up = begin;
    while (up < begin + 4000 && level(sent + up, 40) < before - 35) {
        up += TR_BLOCK;
    }
    CHECK_BETWEEN(up, 20 * TR_BLOCK + 640, 20 * TR_BLOCK + 640 + 4 * TR_BLOCK);
    CHECK_NEAR(level(sent + up + TR_BLOCK, TR_BLOCK), before, 0.2); /* back within 20 ms */
    CHECK_INT(rig.card->ports[0].idle, 0);
    loop_free(&rig);
}

/* The gain of a prompt that a digit stopped is not that of the digits dialled afterwards. */
static void what_follows_a_ducked_prompt_begins_whole(void) {
    struct loop_rig rig = loop_rig(1);
    struct tr_event event;
    const int32_t options = TR_DUCK_PROMPT | TR_STOP_ON_DIGIT;
    loop_say(&rig, (struct tr_command){.op = TR_OP_DETECT, .a = {TR_DETECT_DTMF, options}}, NULL, 0);
    play(&rig, TR_PLAY_TONE, 1000, 0, -300, NULL, 0);
    press(&rig, 0, 20 * TR_BLOCK);
    CHECK(loop_await(&rig, TR_EV_DTMF_END, 60, &event));
    loop_step(&rig, 20);
    size_t begin = rig.card->ports[0].sent_count;
    play(&rig, TR_PLAY_TONE, 1000, 0, -300, NULL, 0);
    loop_step(&rig, 4);
    const int16_t *sent = rig.card->ports[0].sent + begin;
    while (abs(*sent) <= 8) {
        sent++;
    }
    CHECK_NEAR(level(sent, 80), level(sent + TR_BLOCK, 80), 0.5);
    loop_free(&rig);
}

int main(void) {
    RUN(items_join_in_the_sample);
    RUN(reads_every_kind_of_file);
    RUN(repeats_and_amplifies);
    RUN(tells_why_a_file_cannot_be_played);
    RUN(bounds_the_queue);
    RUN(shares_the_descriptor_of_a_prompt);
    RUN(a_digit_stops_the_prompt_in_its_tick);
    RUN(a_digit_ducks_the_prompt);
    RUN(what_follows_a_ducked_prompt_begins_whole);
    unlink(path);
    return check_end();
}
