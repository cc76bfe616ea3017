/* The echo canceller in the chain of a port on a wire: it learns from our own sound, and rests while the line is open
 * (flash), on-hook, while a digit is heard and while one is sent; each time it learns again afterwards. */
#include "internal.h"
#include "port.h"
#include "signal.h"
#include "wav_file.h"

#define NOISE "/tmp/tipring-test-echo.wav"

struct line {
    tr_engine *engine, *far_engine;
    uint32_t port, far_port, id;
    struct tr_port *ours;
};

static void say(struct line *line, bool far, struct tr_command command, const void *side, size_t n) {
    command.id = ++line->id;
    command.port = far ? line->far_port : line->port;
    CHECK_INT(tr_engine_command(far ? line->far_engine : line->engine, &command, side, n), TR_OK);
}

/* Until our engine tells such an event; 0: never mind. */
static bool run(struct line *line, uint32_t kind, int ticks) {
    tr_engine *engines[] = {line->engine, line->far_engine};
    bool found = false;
    while (ticks > 0 && !found) {
        struct tr_event event;
        ticks -= tr_engines_step(engines, 2, 1);
        while (tr_engine_events(line->engine, &event, 1)) {
            CHECK(event.kind != TR_EV_COMMAND_FAILED);
            found = found || event.kind == kind;
        }
        while (tr_engine_events(line->far_engine, &event, 1)) {
            CHECK(event.kind != TR_EV_COMMAND_FAILED);
        }
    }
    return found;
}

static void play_noise(struct line *line) {
    say(line, false, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_FILE}}, NOISE, strlen(NOISE));
}

static tr_engine *end(uint32_t kind, tr_card **card, uint32_t *port) {
    struct tr_engine_config config = {.max_ports = 4};
    struct tr_sim_config sim = {.ports = 1, .kind = kind, .capabilities = TR_CAP_PRECISION};
    tr_engine *engine = tr_engine_new(&config);
    *card = tr_sim_card_new(&sim);
    NEED(engine && *card);
    NEED(tr_engine_add_card(engine, *card) == TR_OK);
    NEED(tr_port_alloc(engine, *card, 0, port) == TR_OK);
    return engine;
}

/* A conversation in which we have made noise for two seconds, and still do. */
static struct line begin(int32_t taps) {
    static int16_t sound[30 * TR_RATE];
    static double noise[30 * TR_RATE];
    uint32_t seed = 9;
    struct line line = {0};
    tr_card *ours, *theirs;
    memset(noise, 0, sizeof noise);
    add_noise(noise, 30 * TR_RATE, -16, &seed);
    to_line(noise, sound, 30 * TR_RATE);
    wav_write(NOISE, WAV_PCM, sound, sizeof sound);
    line.engine = end(TR_KIND_FXO, &ours, &line.port);
    line.far_engine = end(TR_KIND_FXS, &theirs, &line.far_port);
    NEED(tr_wire_connect(theirs, 0, ours, 0) >= 0);
    say(&line, false, (struct tr_command){.op = TR_OP_ECHO_CANCELLER, .a = {TR_ECHO_ON, taps}}, NULL, 0);
    say(&line, false, (struct tr_command){.op = TR_OP_HOOK, .a = {1}}, NULL, 0);
    say(&line, false, (struct tr_command){.op = TR_OP_DETECT, .a = {TR_DETECT_DTMF}}, NULL, 0);
    play_noise(&line);
    run(&line, 0, 100);
    line.ours = line.engine->by_number[line.port];
    NEED(line.ours && line.ours->echo);
    CHECK_INT(line.ours->echo->parts, taps > 256 ? 2 : 1);
    return line;
}

static void over(struct line *line) {
    tr_engine_free(line->engine);
    tr_engine_free(line->far_engine);
    remove(NOISE);
}

static float known[TR_ECHO_PARTS][2 * TR_ECHO_TAPS];

static void remember(const struct line *line) {
    for (int p = 0; p < TR_ECHO_PARTS; p++) {
        memcpy(known[p], line->ours->echo->path[p].taps, sizeof known[p]);
    }
}

static bool as_before(const struct line *line) {
    bool same = true;
    for (int p = 0; p < TR_ECHO_PARTS; p++) {
        same = same && memcmp(known[p], line->ours->echo->path[p].taps, sizeof known[p]) == 0;
    }
    return same;
}

static void learns(struct line *line) {
    remember(line);
    run(line, 0, 3);
    CHECK(!as_before(line));
}

static void rests_during_a_flash(void) {
    struct line line = begin(256);
    learns(&line);
    say(&line, false, (struct tr_command){.op = TR_OP_FLASH, .a = {510}}, NULL, 0);
    run(&line, 0, 1);
    remember(&line);
    CHECK(run(&line, TR_EV_HOOK_DONE, 50));
    CHECK(as_before(&line));
    learns(&line);
    over(&line);
}

static void rests_on_hook(void) {
    struct line line = begin(512);
    say(&line, false, (struct tr_command){.op = TR_OP_HOOK, .a = {0}}, NULL, 0);
    run(&line, 0, 1);
    remember(&line);
    run(&line, 0, 100);
    CHECK(line.ours->tx_sounding); /* though nobody hears it */
    CHECK(as_before(&line));
    say(&line, false, (struct tr_command){.op = TR_OP_HOOK, .a = {1}}, NULL, 0);
    run(&line, 0, 2);
    learns(&line);
    over(&line);
}

static void rests_while_a_digit_is_heard(void) {
    struct line line = begin(256);
    say(&line, true, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, 800, 60, -1000, -1000}}, "5", 1);
    CHECK(run(&line, TR_EV_DTMF_BEGIN, 20));
    remember(&line);
    run(&line, 0, 30);
    CHECK(as_before(&line));
    CHECK(run(&line, TR_EV_DTMF_END, 20));
    run(&line, 0, 5);
    learns(&line);
    over(&line);
}

static void rests_while_a_digit_is_sent(void) {
    struct line line = begin(256);
    say(&line, false, (struct tr_command){.op = TR_OP_PLAY_STOP}, NULL, 0);
    run(&line, 0, 10);
    say(&line, false, (struct tr_command){.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, 100, 60, -700, -700}}, "15963", 5);
    remember(&line);
    CHECK(run(&line, TR_EV_PLAY_DONE, 100));
    CHECK(as_before(&line));
    play_noise(&line);
    run(&line, 0, 2);
    learns(&line);
    over(&line);
}

static void refuses_what_it_has_not(void) {
    struct line line = begin(256);
    struct tr_event event = {0};
    tr_engine *engines[] = {line.engine, line.far_engine};
    say(&line, false, (struct tr_command){.op = TR_OP_ECHO_CANCELLER, .a = {TR_ECHO_ON, 513}}, NULL, 0);
    for (int i = 0; i < 5 && event.kind != TR_EV_COMMAND_FAILED; i++) {
        tr_engines_step(engines, 2, 1);
        tr_engine_events(line.engine, &event, 1);
    }
    CHECK_INT(event.kind, TR_EV_COMMAND_FAILED);
    CHECK_INT(event.a[0], TR_E_ARGUMENT);
    over(&line);
}

int main(void) {
    RUN(rests_during_a_flash);
    RUN(rests_on_hook);
    RUN(rests_while_a_digit_is_heard);
    RUN(rests_while_a_digit_is_sent);
    RUN(refuses_what_it_has_not);
    return check_end();
}
