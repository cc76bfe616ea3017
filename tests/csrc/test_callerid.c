/* FSK and DTMF caller ID: golden messages, levels, noise, rates, twist; SpanDSP as a stranger on either side. */
#include "callerid.h"
#include "gen.h"
#include "signal.h"

#include <spandsp.h>

#define MOST (8000 * 4)
static double line[MOST];
static int16_t pcm[MOST];

static const uint8_t mdmf[] = "\x80\x16\x01\x08"
                              "03171656"
                              "\x02\x0A"
                              "2156430144"
                              "\xBA";
static const uint8_t sdmf[] = "\x04\x12"
                              "03171656"
                              "2156430144"
                              "\x4F";

struct fsk {
    double baud, mark_hz, space_hz, mark_dbm0, space_dbm0, noise_dbm0, gap_bits;
    int seizure, mark, begin;
};
static const struct fsk plain = {1200, 1200, 2200, -13.5, -13.5, 0, 0, 300, 180, 2000};

/* Sends a message by libm; returns the samples. */
static int send_fsk(const struct fsk *f, const uint8_t *message, int length, uint32_t *seed) {
    static uint8_t bits[8000];
    int count = 0;
    for (int i = 0; i < f->seizure; i++)
        bits[count++] = i & 1;
    for (int i = 0; i < f->mark; i++)
        bits[count++] = 1;
    for (int i = 0; i < length; i++) {
        bits[count++] = 0;
        for (int b = 0; b < 8; b++)
            bits[count++] = message[i] >> b & 1;
        bits[count++] = 1;
        for (int b = 0; b < (int)f->gap_bits; b++)
            bits[count++] = 1;
    }
    for (int i = 0; i < 5; i++)
        bits[count++] = 1;
    memset(line, 0, sizeof line);
    double phase = uniform(seed), t = 0, offset = uniform(seed);
    int n = f->begin + (int)(count * 8000 / f->baud);
    NEED(n + 2000 < MOST);
    for (int i = f->begin; i < n; i++, t += 1) {
        int at = (int)((t + offset) * f->baud / 8000);
        at = at < count ? at : count - 1;
        line[i] = peak_of(bits[at] ? f->mark_dbm0 : f->space_dbm0) * sin(2 * M_PI * phase);
        phase += (bits[at] ? f->mark_hz : f->space_hz) / 8000;
    }
    if (f->noise_dbm0 != 0)
        add_noise(line, n + 2000, f->noise_dbm0, seed);
    to_line(line, pcm, n + 2000);
    return n + 2000;
}

static int got_count, got_good, got_length;
static int64_t got_at;
static uint8_t got[TR_FSK_MESSAGE_MAX];

static void hear_fsk(const int16_t *x, int n, int block) {
    static struct tr_fsk_id f;
    struct tr_detection d;
    tr_fsk_id_init(&f);
    got_count = got_good = got_length = 0;
    for (int i = 0; i < n; i += block) {
        tr_fsk_id_feed(&f, x + i, n - i < block ? n - i : block);
        while (tr_fsk_id_get(&f, &d)) {
            got_count++;
            CHECK_INT(d.kind, TR_EV_CALLER_ID);
            CHECK_INT(d.a0, TR_CALLERID_FSK);
            got_good = d.a1;
            got_length = (int)d.side_len;
            got_at = (int64_t)d.at;
            memcpy(got, d.side, d.side_len);
        }
    }
    tr_fsk_id_release(&f);
}

static bool heard_is(const uint8_t *message, int length) {
    return got_count == 1 && got_good == 1 && got_length == length && memcmp(got, message, (size_t)length) == 0;
}

static bool passes(const struct fsk *f, uint32_t *seed) {
    int n = send_fsk(f, mdmf, sizeof mdmf - 1, seed);
    hear_fsk(pcm, n, 160);
    return heard_is(mdmf, sizeof mdmf - 1);
}

static void golden_messages(void) {
    uint32_t seed = 5;
    struct fsk f = plain;
    int n = send_fsk(&f, mdmf, sizeof mdmf - 1, &seed);
    hear_fsk(pcm, n, 160);
    CHECK(heard_is(mdmf, sizeof mdmf - 1));
    CHECK_NEAR(got_at, 2000 + 480 * 8000 / 1200, 16);
    n = send_fsk(&f, sdmf, sizeof sdmf - 1, &seed);
    hear_fsk(pcm, n, 160);
    CHECK(heard_is(sdmf, sizeof sdmf - 1));
    f.seizure = 0; /* off-hook: 80 bits of mark */
    f.mark = 80;
    CHECK(passes(&f, &seed));
    f.gap_bits = 20;
    CHECK(passes(&f, &seed));
}

static void levels_rates_and_twist(void) {
    uint32_t seed = 7;
    for (double level = -32; level <= -8; level += 4) {
        for (double baud = 1188; baud <= 1212; baud += 12) {
            for (double twist = -6; twist <= 6; twist += 3) {
                for (double off = -0.01; off <= 0.011; off += 0.01) {
                    struct fsk f = plain;
                    f.mark_dbm0 = level + (twist > 0 ? 0 : twist);
                    f.space_dbm0 = level - (twist > 0 ? twist : 0);
                    f.baud = baud;
                    f.mark_hz *= 1 + off;
                    f.space_hz *= 1 - off;
                    if (!CHECK(passes(&f, &seed)))
                        fprintf(stderr, "  %g dBm0, %g baud, twist %g, offset %g\n", level, baud, twist, off);
                }
            }
        }
    }
}

static void noisy_lines(void) {
    uint32_t seed = 11;
    int right = 0;
    for (int i = 0; i < 200; i++) {
        struct fsk f = plain;
        f.noise_dbm0 = f.mark_dbm0 - 15;
        right += passes(&f, &seed);
    }
    CHECK_BETWEEN(right, 198, 200);
    right = 0;
    for (int i = 0; i < 100; i++) { /* with everything at once */
        struct fsk f = plain;
        f.mark_dbm0 = i & 1 ? -14 : -20;
        f.space_dbm0 = i & 1 ? -20 : -14;
        f.baud = i & 2 ? 1190 : 1210;
        f.noise_dbm0 = -37;
        right += passes(&f, &seed);
    }
    CHECK_BETWEEN(right, 98, 100);
}

static void broken_messages(void) {
    uint32_t seed = 13;
    struct fsk f = plain;
    uint8_t bad[sizeof mdmf];
    memcpy(bad, mdmf, sizeof mdmf);
    bad[10] ^= 4;
    int n = send_fsk(&f, bad, sizeof mdmf - 1, &seed);
    hear_fsk(pcm, n, 160);
    CHECK_INT(got_count, 1);
    CHECK_INT(got_good, 0);
    CHECK_MEM(got, bad, sizeof mdmf - 1);
    n = send_fsk(&f, mdmf, 12, &seed); /* broken off */
    hear_fsk(pcm, n, 160);
    CHECK_INT(got_count, 1);
    CHECK_INT(got_good, 0);
    CHECK_INT(got_length, 12);
    CHECK_MEM(got, mdmf, 12);
    bad[0] = 0x33; /* no type of ours */
    n = send_fsk(&f, bad, sizeof mdmf - 1, &seed);
    hear_fsk(pcm, n, 160);
    CHECK_INT(got_count, 0);
    memset(line, 0, sizeof line);
    add_noise(line, MOST, -15, &seed);
    to_line(line, pcm, MOST);
    hear_fsk(pcm, MOST, 160);
    CHECK_INT(got_count, 0);
}

static int render(int kind, int a1, int a2, int a3, int a4, const void *side, size_t n, int max) {
    struct tr_command c = {.op = TR_OP_PLAY, .a = {kind, a1, a2, a3, a4}};
    memset(pcm, 0, sizeof pcm);
    int got_samples = tr_render(&c, side, n, pcm, max);
    CHECK(got_samples > 0);
    return got_samples;
}

static uint8_t strange[256];
static int strange_length;
static void spandsp_heard(void *user, const uint8_t *message, int length) {
    (void)user;
    memcpy(strange, message, (size_t)length);
    strange_length = length;
}

static void spandsp_understands_us(void) {
    render(TR_PLAY_FSK_ID, 0, 0, -1350, 0, mdmf, sizeof mdmf - 1, MOST);
    hear_fsk(pcm, MOST, 160);
    CHECK(heard_is(mdmf, sizeof mdmf - 1));
    strange_length = 0;
    adsi_rx_state_t *rx = adsi_rx_init(NULL, ADSI_STANDARD_CLASS, spandsp_heard, NULL);
    NEED(rx);
    span_log_set_level(adsi_rx_get_logging_state(rx), SPAN_LOG_NONE);
    for (int i = 0; i < MOST; i += 160)
        adsi_rx(rx, pcm + i, 160);
    CHECK_INT(strange_length, sizeof mdmf - 2); /* it takes the checksum away */
    CHECK_MEM(strange, mdmf, sizeof mdmf - 2);
    adsi_rx_free(rx);
}

static void we_understand_spandsp(void) {
    adsi_tx_state_t *tx = adsi_tx_init(NULL, ADSI_STANDARD_CLASS);
    NEED(tx);
    CHECK(adsi_tx_put_message(tx, mdmf, sizeof mdmf - 2) > 0);
    memset(pcm, 0, sizeof pcm);
    int n = 0, some;
    while (n + 160 < MOST && (some = adsi_tx(tx, pcm + n, 160)) > 0)
        n += some;
    hear_fsk(pcm, MOST, 160);
    CHECK(heard_is(mdmf, sizeof mdmf - 1));
    adsi_tx_free(tx);
}

static char digits_got[TR_DTMF_ID_MAX + 1];
static int digits_whole, digits_count;

static void hear_digits(const char *digits, double on_ms, double off_ms, double after_ms) {
    static struct tr_dtmf_id d;
    struct tr_detection e;
    uint32_t seed = 3;
    int n = 0;
    memset(line, 0, sizeof line);
    for (const char *p = digits; *p; p++, n += (int)((on_ms + off_ms) * 8))
        add_digit(line, MOST, 400 + n, on_ms * 8, *p, -12, -10, &seed);
    n += 400 + (int)(after_ms * 8);
    NEED(n < MOST);
    to_line(line, pcm, n);
    tr_dtmf_id_init(&d);
    digits_count = digits_whole = 0;
    digits_got[0] = 0;
    for (int i = 0; i < n; i += 160) {
        tr_dtmf_id_feed(&d, pcm + i, n - i < 160 ? n - i : 160);
        while (tr_dtmf_id_get(&d, &e)) {
            CHECK_INT(e.a0, TR_CALLERID_DTMF);
            digits_count++;
            digits_whole = e.a1;
            memcpy(digits_got, e.side, e.side_len);
            digits_got[e.side_len] = 0;
        }
    }
    tr_dtmf_id_release(&d);
}

static void dtmf_forms(void) {
    static const char *const whole[] = {"A01062001234C", "D13800138000C", "A62001234#", "62001234#",     "B00C",
                                        "B10C",          "D1#",           "D2#",        "A1001D1002B00C"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        hear_digits(whole[i], 50, 50, 100);
        CHECK_INT(digits_count, 1);
        CHECK_STR(digits_got, whole[i]);
        CHECK_INT(digits_whole, 1);
        hear_digits(whole[i], 45, 25, 100);
        CHECK_STR(digits_got, whole[i]);
    }
    hear_digits("A62001234", 50, 50, 400);
    CHECK_INT(digits_count, 0);
    hear_digits("A62001234", 50, 50, 700);
    CHECK_INT(digits_count, 1);
    CHECK_INT(digits_whole, 0);
    CHECK_STR(digits_got, "A62001234");
    hear_digits("A6", 50, 50, 900);
    CHECK_INT(digits_count, 0);
}

static void blocks_of_any_size(void) {
    uint32_t seed = 17;
    int n = send_fsk(&plain, mdmf, sizeof mdmf - 1, &seed);
    static const int blocks[] = {1, 39, 41, 160, 1000};
    for (int i = 0; i < 5; i++) {
        hear_fsk(pcm, n, blocks[i]);
        CHECK(heard_is(mdmf, sizeof mdmf - 1));
    }
}

static void by_the_listener(void) {
    struct tr_event events[8];
    uint8_t side[64];
    render(TR_PLAY_FSK_ID, 0, 0, -1350, 0, mdmf, sizeof mdmf - 1, MOST);
    tr_listener *l = tr_listener_new(TR_DETECT_DTMF | TR_DETECT_FSK_ID | TR_DETECT_DTMF_ID, NULL, 0);
    NEED(l);
    CHECK_INT(tr_listener_feed(l, pcm, MOST, events, 8), 1);
    CHECK_INT(events[0].kind, TR_EV_CALLER_ID);
    CHECK_INT(tr_listener_side(l, &events[0], side, sizeof side), (int)sizeof mdmf - 1);
    CHECK_MEM(side, mdmf, sizeof mdmf - 1);
    CHECK_INT(tr_listener_side(l, &events[0], side, 4), TR_E_TOO_LONG);
    memset(pcm, 0, sizeof pcm);
    struct tr_command c = {.op = TR_OP_PLAY, .a = {TR_PLAY_DTMF, 80, 80, -900, -700, 0}};
    CHECK_INT(tr_render(&c, "123#", 4, pcm, MOST), 4 * 160 * 8);
    CHECK_INT(tr_listener_feed(l, pcm, MOST, events, 3), 3); /* the rest is kept */
    CHECK_INT(events[0].kind, TR_EV_DTMF_BEGIN);
    CHECK_INT(events[0].a[0], '1');
    CHECK_NEAR(events[0].at, MOST, 16);
    CHECK_INT(events[1].kind, TR_EV_DTMF_END);
    CHECK_NEAR(events[1].a[1], 80, 3);
    CHECK_INT(tr_listener_feed(l, pcm, 0, events, 8), 6);
    CHECK_INT(events[5].kind == TR_EV_CALLER_ID || events[4].kind == TR_EV_CALLER_ID, 1);
    tr_listener_free(l);
}

int main(void) {
    RUN(golden_messages);
    RUN(levels_rates_and_twist);
    RUN(noisy_lines);
    RUN(broken_messages);
    RUN(spandsp_understands_us);
    RUN(we_understand_spandsp);
    RUN(dtmf_forms);
    RUN(blocks_of_any_size);
    RUN(by_the_listener);
    return check_end();
}
