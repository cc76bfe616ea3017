/* The MF receiver of R2 against ITU-T Q.455's limits, with tones by libm; and against SpanDSP both ways: what it sends,
 * we hear; what we send, it hears. */
#include "gen.h"
#include "r2_mf.h"
#include "signal.h"
#include <spandsp.h>

#define SECOND 8000

static const int first_of[16] = {0, 0, 0, 1, 0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 4};
static const int second_of[16] = {0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5};

static double hz_of(bool forward, int tone) { return forward ? 1380 + 120 * tone : 1140 - 120 * tone; }

/* What the receiver tells of a sound, as text: "7" begin, "." end; and when the first of each came. */
struct told {
    char text[256];
    int begin_ms, end_ms;
};

static struct told hear(bool forward, const int16_t *x, int n) {
    static const char names[] = ".1234567890BCDEF";
    struct told told = {.begin_ms = -1, .end_ms = -1};
    struct tr_mf mf;
    size_t length = 0;
    tr_mf_init(&mf, forward);
    for (int at = 0; at + 160 <= n; at += 160) {
        tr_mf_feed(&mf, x + at);
        for (int i = 0; i < mf.changes && length < sizeof told.text - 1; i++) {
            told.text[length++] = names[mf.change[i]];
            int *first = mf.change[i] ? &told.begin_ms : &told.end_ms;
            *first = *first < 0 ? (at + 160) / 8 : *first;
        }
    }
    return told;
}

struct shape {
    double begin, length, low_dbm0, high_dbm0, off_hz, noise_dbm0;
};

static struct told hear_signal(bool forward, int code, struct shape s, uint32_t *seed) {
    static double x[SECOND];
    static int16_t line[SECOND];
    memset(x, 0, sizeof x);
    add_sine(x, SECOND, s.begin, s.length, hz_of(forward, first_of[code]) + s.off_hz, s.low_dbm0, uniform(seed));
    add_sine(x, SECOND, s.begin, s.length, hz_of(forward, second_of[code]) + s.off_hz, s.high_dbm0, uniform(seed));
    if (s.noise_dbm0 < 0) {
        add_noise(x, SECOND, s.noise_dbm0, seed);
    }
    to_line(x, line, SECOND);
    return hear(forward, line, SECOND);
}

static const struct shape usual = {800, 800, -11.5, -11.5, 0, 0};

static bool heard_once(struct told told, int code) {
    char want[3] = {".1234567890BCDEF"[code], '.', 0};
    return strcmp(told.text, want) == 0;
}

static void all_signals_both_ways(void) {
    uint32_t seed = 1;
    for (int forward = 0; forward < 2; forward++) {
        for (int code = 1; code < 16; code++) {
            struct told told = hear_signal(forward, code, usual, &seed);
            CHECK(heard_once(told, code));
            CHECK_INT(told.begin_ms, 120); /* in the tick that brings it: it began at 100 ms */
            CHECK_INT(told.end_ms, 220);
        }
    }
}

static void in_time_wherever_it_begins(void) {
    uint32_t seed = 2;
    int latest = 0, latest_end = 0;
    for (int begin = 800; begin < 960; begin += 7) {
        struct shape s = usual;
        s.begin = begin;
        struct told told = hear_signal(true, 1 + begin % 15, s, &seed);
        CHECK(heard_once(told, 1 + begin % 15));
        int took = told.begin_ms * 8 - begin, ended = told.end_ms * 8 - begin - 800;
        latest = took > latest ? took : latest;
        latest_end = ended > latest_end ? ended : latest_end;
    }
    CHECK(latest + latest_end <= 80 * 8); /* Q.455 */
}

static void levels_twist_and_frequencies(void) {
    uint32_t seed = 3;
    for (int code = 1; code < 16; code++) {
        int apart = second_of[code] - first_of[code];
        double twist = apart == 1 ? 5 : 7;
        for (double level = -35; level <= -5; level += 5) {
            for (double off = -10; off <= 10; off += 5) {
                struct shape s = {800, 800, level, level, off, 0};
                CHECK(heard_once(hear_signal(true, code, s, &seed), code));
                CHECK(heard_once(hear_signal(false, code, s, &seed), code));
            }
        }
        for (double off = -10; off <= 10; off += 10) {
            struct shape low_strong = {800, 800, -8, -8 - twist, off, 0},
                         high_strong = {800, 800, -8 - twist, -8, off, 0};
            CHECK(heard_once(hear_signal(true, code, low_strong, &seed), code));
            CHECK(heard_once(hear_signal(false, code, high_strong, &seed), code));
        }
        struct shape lame = {800, 800, -5, -25, 0, 0};
        CHECK_STR(hear_signal(true, code, lame, &seed).text, "");
        struct shape faint = {800, 800, -45, -45, 0, 0};
        CHECK_STR(hear_signal(true, code, faint, &seed).text, "");
    }
}

static void short_ones_and_breaks(void) {
    uint32_t seed = 4;
    static double x[SECOND];
    static int16_t line[SECOND];
    for (int begin = 800; begin < 960; begin += 13) {
        struct shape s = {begin, 7 * 8, -5, -5, 0, 0};
        CHECK_STR(hear_signal(true, 4, s, &seed).text, "");
        memset(x, 0, sizeof x);
        for (int part = 0; part < 2; part++) { /* 7 ms are missing in the middle */
            double from = part ? begin + 400 + 56 : begin, length = part ? 344 : 400;
            add_sine(x, SECOND, from, length, 1380, -11.5, 0.1);
            add_sine(x, SECOND, from, length, 1740, -11.5, 0.3);
        }
        to_line(x, line, SECOND);
        CHECK_STR(hear(true, line, SECOND).text, "4.");
    }
}

static void noise_and_single_tones(void) {
    uint32_t seed = 5;
    int wrong = 0;
    for (int round = 0; round < 60; round++) {
        struct shape s = {800, 1600, -11.5, -11.5, 0, -20};
        wrong += !heard_once(hear_signal(round % 2, 1 + round % 15, s, &seed), 1 + round % 15);
    }
    CHECK_INT(wrong, 0);
    static double x[SECOND];
    static int16_t line[SECOND];
    for (int tone = 0; tone < 6; tone++) {
        memset(x, 0, sizeof x);
        add_sine(x, SECOND, 0, SECOND, hz_of(true, tone), -8, 0);
        to_line(x, line, SECOND);
        CHECK_STR(hear(true, line, SECOND).text, "");
    }
    static const double others[] = {350, 450, 697, 1209, 1000, 2400, 1320};
    for (int i = 0; i < 7; i++) {
        memset(x, 0, sizeof x);
        add_sine(x, SECOND, 0, SECOND, others[i], -8, 0);
        to_line(x, line, SECOND);
        CHECK_STR(hear(true, line, SECOND).text, "");
        CHECK_STR(hear(false, line, SECOND).text, "");
    }
    memset(x, 0, sizeof x); /* the other direction's signals are none of ours: both may sound on a two-wire line */
    add_sine(x, SECOND, 0, SECOND, 1140, -11.5, 0);
    add_sine(x, SECOND, 0, SECOND, 1020, -11.5, 0);
    to_line(x, line, SECOND);
    CHECK_STR(hear(true, line, SECOND).text, "");
    memset(x, 0, sizeof x);
    add_noise(x, SECOND, -10, &seed);
    to_line(x, line, SECOND);
    CHECK_STR(hear(true, line, SECOND).text, "");
}

static void one_signal_after_another(void) {
    static double x[SECOND];
    static int16_t line[SECOND];
    memset(x, 0, sizeof x);
    for (int i = 0; i < 5; i++) { /* without silence between them, then with 20 ms of it */
        for (int tone = 0; tone < 2; tone++) {
            double f = hz_of(true, tone ? second_of[i + 1] : first_of[i + 1]);
            add_sine(x, SECOND, 800 + 480 * i, 480, f, -11.5, 0);
            add_sine(x, SECOND, 4000 + 640 * i, 480, f, -11.5, 0);
        }
    }
    to_line(x, line, SECOND);
    CHECK_STR(hear(true, line, SECOND).text, "1.2.3.4.5.1.2.3.4.5.");
}

static void spandsp_sends_and_we_hear(void) {
    static const char names[] = "1234567890BCDEF";
    for (int forward = 0; forward < 2; forward++) {
        r2_mf_tx_state_t *tx = r2_mf_tx_init(NULL, forward);
        static int16_t x[SECOND];
        for (int i = 0; i < 15; i++) {
            memset(x, 0, sizeof x);
            r2_mf_tx_put(tx, names[i]);
            r2_mf_tx(tx, x + 237, 900);
            r2_mf_tx_put(tx, 0);
            CHECK(heard_once(hear(forward, x, 3200), i + 1));
        }
        r2_mf_tx_free(tx);
    }
}

static char spandsp_said[8];
static void spandsp_tells(void *data, int code, int level, int delay) {
    (void)data, (void)level, (void)delay;
    size_t n = strlen(spandsp_said);
    if (n < sizeof spandsp_said - 1) {
        spandsp_said[n] = code ? (char)code : '.';
        spandsp_said[n + 1] = 0;
    }
}

static void we_send_and_spandsp_hears(void) {
    static const char names[] = "1234567890BCDEF";
    for (int forward = 0; forward < 2; forward++) {
        for (int i = 0; i < 15; i++) {
            struct tr_mf_out out = {0};
            int16_t block[160], silence[160] = {0};
            r2_mf_rx_state_t *rx = r2_mf_rx_init(NULL, forward, spandsp_tells, NULL);
            memset(spandsp_said, 0, sizeof spandsp_said);
            r2_mf_rx(rx, silence, 160);
            tr_mf_send(&out, forward, (uint8_t)(i + 1), -1150);
            for (int n = 0; n < 10; n++) {
                if (n == 5) {
                    tr_mf_send(&out, forward, 0, 0);
                }
                r2_mf_rx(rx, tr_mf_render(&out, block) ? block : silence, 160);
            }
            char want[3] = {names[i], '.', 0};
            CHECK_STR(spandsp_said, want);
            CHECK(!tr_mf_render(&out, block));
            r2_mf_rx_free(rx);
        }
    }
}

static void the_level_is_what_was_asked_for(void) {
    struct tr_mf_out out = {0};
    int16_t block[160];
    double sum = 0;
    tr_mf_send(&out, true, 7, -1150);
    for (int n = 0; n < 50; n++) {
        NEED(tr_mf_render(&out, block));
        for (int i = 0; n > 0 && i < 160; i++) {
            sum += (double)block[i] * block[i];
        }
    }
    double each = sum / (49 * 160) / 2;
    CHECK_NEAR(10 * log10(each / (PEAK_0DBM0 * PEAK_0DBM0 / 2)), -11.5, 0.2);
}

int main(void) {
    RUN(all_signals_both_ways);
    RUN(in_time_wherever_it_begins);
    RUN(levels_twist_and_frequencies);
    RUN(short_ones_and_breaks);
    RUN(noise_and_single_tones);
    RUN(one_signal_after_another);
    RUN(spandsp_sends_and_we_hear);
    RUN(we_send_and_spandsp_hears);
    RUN(the_level_is_what_was_asked_for);
    return check_end();
}
