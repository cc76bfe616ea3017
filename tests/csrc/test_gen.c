/* Generators: levels, frequencies, times, cadences, refusals; SpanDSP hears our digits. */
#include "gen.h"
#include "signal.h"

#include <spandsp.h>

#define MOST (8000 * 12)
static int16_t pcm[MOST];

static int render(struct tr_command c, const void *side, size_t n, int max) {
    memset(pcm, 0, sizeof pcm);
    return tr_render(&c, side, n, pcm, max);
}
#define PLAY(...) ((struct tr_command){.op = TR_OP_PLAY, .a = {__VA_ARGS__}})

/* Level of one frequency over a range, dBm0, and what else there is, relative to it in dB. */
static double level_of(double hz, int from, int to, double *rest) {
    double re = 0, im = 0, energy = 0;
    for (int i = from; i < to; i++) {
        re += pcm[i] * cos(2 * M_PI * hz * i / 8000);
        im += pcm[i] * sin(2 * M_PI * hz * i / 8000);
        energy += (double)pcm[i] * pcm[i];
    }
    double n = to - from, power = 2 * (re * re + im * im) / n;
    if (rest)
        *rest = 10 * log10((energy - power + 1e-9) / power);
    return 20 * log10(2 * sqrt(re * re + im * im) / n / PEAK_0DBM0);
}

static void levels_and_frequencies(void) {
    static const int hz[] = {100, 350, 425, 450, 950, 1200, 1400, 2100, 3000, 3800};
    for (size_t i = 0; i < sizeof hz / sizeof *hz; i++) {
        for (int level = 300; level >= -4000; level -= 430) {
            double rest;
            CHECK_INT(render(PLAY(TR_PLAY_TONE, hz[i], 0, level, 1000), NULL, 0, MOST), 8000);
            CHECK_NEAR(level_of(hz[i], 1600, 5600, &rest), level / 100.0, 0.1);
            CHECK(rest < -60 || level < -2000);
        }
    }
    CHECK_INT(render(PLAY(TR_PLAY_TONE, 450, 425, -1300, 2000), NULL, 0, MOST), 16000);
    CHECK_NEAR(level_of(450, 800, 800 + 8000, NULL), -13, 0.1);
    CHECK_NEAR(level_of(425, 800, 800 + 8000, NULL), -13, 0.1);
    CHECK_INT(tr_gen_peak(0), 22827);
    CHECK_INT(tr_gen_peak(314), 32768);
    CHECK_INT(tr_gen_peak(-10000), 0);
    for (int i = 0; i < 4000; i++) {
        uint32_t phase = (uint32_t)i * 1073741u;
        CHECK_NEAR(tr_gen_sine(phase), 32767 * sin(2 * M_PI * phase / 4294967296.0), 1.5);
    }
}

static void cadences(void) {
    int32_t busy[2] = {350, 350}, info[8] = {100, 100, 100, 100, 100, 100, 400, 400};
    CHECK_INT(render(PLAY(TR_PLAY_TONE, 450, 0, -1000, 2450), busy, sizeof busy, MOST), 2450 * 8);
    for (int ms = 0; ms < 2450; ms += 5) {
        int most = 0;
        for (int i = ms * 8; i < ms * 8 + 40; i++)
            most = abs(pcm[i]) > most ? abs(pcm[i]) : most;
        if (ms / 350 % 2 == 0)
            CHECK(most > 1000);
        else
            CHECK_INT(most, 0);
    }
    CHECK_INT(render(PLAY(TR_PLAY_TONE, 450, 0, -1000, 0), info, sizeof info, 20000), 20000); /* for ever */
    for (int ms = 0; ms < 2500; ms += 5) {
        int at = ms % 1400, quiet = at < 600 ? at / 100 % 2 : at >= 1000, most = 0;
        for (int i = ms * 8; i < ms * 8 + 40; i++)
            most = abs(pcm[i]) > most ? abs(pcm[i]) : most;
        CHECK(quiet ? most == 0 : most > 1000);
    }
    CHECK_INT(render(PLAY(TR_PLAY_SILENCE, 250), NULL, 0, MOST), 2000);
    CHECK_INT(render(PLAY(TR_PLAY_TONE, 450, 0, -1000, 0), NULL, 0, MOST), MOST);
}

/* No step at a begin or end is larger than the tone's own slope. */
static void no_clicks(void) {
    CHECK_INT(render(PLAY(TR_PLAY_DTMF, 80, 80, -900, -700, 100), "159D*0#,", 8, MOST), (7 * 160 + 100) * 8);
    int most = 0, edge = 0;
    for (int i = 1; i < 7 * 1280; i++) {
        int step = abs(pcm[i] - pcm[i - 1]), place = i % 1280;
        if (place < 3 || (place > 637 && place < 642))
            edge = step > edge ? step : edge;
        else
            most = step > most ? step : most;
    }
    CHECK(edge < most / 3);
}

static char heard[256];
static void spandsp_digits(void *user, const char *digits, int n) {
    (void)user;
    strncat(heard, digits, (size_t)n);
}

static void spandsp_hears_our_digits(void) {
    static const char all[] = "123A456B789C*0#D";
    for (int on = 45; on <= 100; on += 55) {
        int n = render(PLAY(TR_PLAY_DTMF, on, on, -900, -700, 0), all, 16, MOST);
        CHECK_INT(n, 16 * 2 * on * 8);
        for (int i = 0; i < 16; i++) {
            double low, high;
            digit_hz(all[i], &low, &high);
            int from = i * 2 * on * 8 + 40, to = from + on * 8 - 80;
            CHECK_NEAR(level_of(low, from, to, NULL), -9, 0.7); /* the other tone leaks into so short a sum */
            CHECK_NEAR(level_of(high, from, to, NULL), -7, 0.7);
        }
        heard[0] = 0;
        dtmf_rx_state_t *rx = dtmf_rx_init(NULL, spandsp_digits, NULL);
        for (int i = 0; i < n; i += 160)
            dtmf_rx(rx, pcm + i, 160);
        dtmf_rx_free(rx);
        CHECK_STR(heard, all);
    }
    static const char r1[] = "1234567890CA*B#";
    int n = render(PLAY(TR_PLAY_MF_R1, 68, 68, -700), r1, 15, MOST);
    heard[0] = 0;
    bell_mf_rx_state_t *mf = bell_mf_rx_init(NULL, spandsp_digits, NULL);
    for (int i = 0; i < n; i += 160)
        bell_mf_rx(mf, pcm + i, 160);
    bell_mf_rx_free(mf);
    CHECK_STR(heard, r1);
}

static char r2_heard[64];
static void spandsp_r2(void *user, int digit, int level, int delay) {
    (void)user, (void)level, (void)delay;
    size_t n = strlen(r2_heard);
    if (digit > 0 && n < 60) {
        r2_heard[n] = (char)digit;
        r2_heard[n + 1] = 0;
    }
}

static void spandsp_hears_r2(void) {
    static const char r2[] = "1234567890BCDEF";
    for (int forward = 0; forward < 2; forward++) {
        int n = render(PLAY(forward ? TR_PLAY_MF_R2F : TR_PLAY_MF_R2B, 120, 120, -1100), r2, 15, MOST);
        CHECK_INT(n, 15 * 240 * 8);
        r2_heard[0] = 0;
        r2_mf_rx_state_t *rx = r2_mf_rx_init(NULL, forward, spandsp_r2, NULL);
        for (int i = 0; i < n; i += 160)
            r2_mf_rx(rx, pcm + i, 160);
        r2_mf_rx_free(rx);
        CHECK_STR(r2_heard, r2);
    }
    CHECK_INT(render(PLAY(TR_PLAY_MF_R2F, 0, 0, -1100), "5", 1, MOST), MOST); /* compelled: until it is stopped */
}

static void fsk_bits_are_exact(void) {
    uint8_t message[3] = {0x80, 0x00, 0x80};
    int n = render(PLAY(TR_PLAY_FSK_ID, 0, 0, -1350), message, 3, MOST);
    CHECK_NEAR(n, (300 + 180 + 30 + 10) * 8000.0 / 1200.0, 1);
    double rest;
    CHECK_NEAR(level_of(1200, 2000 + 100, 2000 + 1100, &rest), -13.5, 0.1); /* 180 marks after 2000 samples */
    CHECK(rest < -50);
    double early = level_of(2200, 1990, 2000, NULL), late = level_of(2200, 2200, 2600, NULL);
    CHECK(early > late + 20);
}

static void refusals(void) {
    struct tr_gen g;
    uint8_t many[TR_GEN_SIDE + 1];
    memset(many, '1', sizeof many);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_DTMF, 80, 80, -900, -700, 0), many, sizeof many), TR_E_TOO_LONG);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_DTMF, 80, 80, -900, -700, 0), many, TR_GEN_SIDE), TR_OK);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_DTMF, 80, 80, -900, -700, 0), (const uint8_t *)"12E", 3), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_DTMF, 0, 80, -900, -700, 0), many, 3), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_DTMF, 80, 80, 0, 0, 0), many, 3), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_TONE, 4000, 0, -900, 0), NULL, 0), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_TONE, 0, 0, -900, 0), NULL, 0), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_TONE, 450, 0, -900, 0), (const uint8_t[8]){0}, 8), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_TONE, 450, 0, 9900, 0), NULL, 0), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_TONE, 450, 0, INT32_MAX, 0), NULL, 0), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_DTMF, 80, 80, 9700, 9700, 0), many, 3), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_FILE), many, 3), TR_E_ARGUMENT);
    CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_SILENCE, -1), NULL, 0), TR_E_ARGUMENT);
    CHECK(sizeof g <= 1024);
}

/* More samples than 31 bits count: a tone of so many ends, one for ever does not. */
static void tones_of_days(void) {
    for (int ever = 0; ever < 2; ever++) {
        struct tr_gen g;
        CHECK_INT(tr_gen_init(&g, &PLAY(TR_PLAY_TONE, 450, 0, -900, ever ? 0 : 80 * 3600 * 1000), NULL, 0), TR_OK);
        CHECK_INT(tr_gen_feed(&g, pcm, 160), 160);
        g.segment = INT32_MAX - 100; /* three days later, one second before the end */
        g.left = ever ? -1 : 8000;
        CHECK_INT(tr_gen_feed(&g, pcm, 7000), 7000);
        CHECK_INT(tr_gen_feed(&g, pcm, 7000), ever ? 7000 : 1000);
    }
}

/* Pieces of any size give the same samples. */
static void same_in_pieces(void) {
    static int16_t whole[MOST];
    struct tr_command c = PLAY(TR_PLAY_DTMF, 61, 47, -900, -700, 33);
    int n = tr_render(&c, "12,3", 4, whole, MOST);
    for (int piece = 1; piece < 400; piece += 57) {
        struct tr_gen g;
        CHECK_INT(tr_gen_init(&g, &c, (const uint8_t *)"12,3", 4), TR_OK);
        int at = 0, some;
        memset(pcm, 0, sizeof pcm);
        do {
            some = tr_gen_feed(&g, pcm + at, piece);
            at += some;
        } while (some == piece);
        CHECK_INT(at, n);
        CHECK_MEM(pcm, whole, (size_t)n * 2);
    }
}

int main(void) {
    RUN(levels_and_frequencies);
    RUN(cadences);
    RUN(no_clicks);
    RUN(spandsp_hears_our_digits);
    RUN(spandsp_hears_r2);
    RUN(fsk_bits_are_exact);
    RUN(refusals);
    RUN(tones_of_days);
    RUN(same_in_pieces);
    return check_end();
}
