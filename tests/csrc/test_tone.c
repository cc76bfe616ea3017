/* Call-progress tones: the Chinese plan and others, their edges in time and level, and voice. */
#include "tone.h"
#include "signal.h"

#define MOST (8000 * 40)
static double line[MOST];
static int16_t pcm[MOST];

enum { DIAL = 1, RINGBACK, BUSY, CONGESTION, INFO, WAITING, HOWLER };

static const struct tr_tone cn[] = {
    {.id = DIAL, .f1_hz = 450, .tolerance_hz = 25, .level_min = -3500, .min_ms = 850, .bridge_ms = 100},
    {.id = RINGBACK,
     .f1_hz = 450,
     .tolerance_hz = 25,
     .level_min = -3500,
     .on_ms = {1000},
     .off_ms = {4000},
     .cadence_tolerance = 12,
     .min_cycles = 1,
     .watch_overdue = 1},
    {.id = BUSY,
     .f1_hz = 450,
     .tolerance_hz = 25,
     .level_min = -3500,
     .on_ms = {350},
     .off_ms = {350},
     .cadence_tolerance = 12,
     .min_cycles = 2},
    {.id = CONGESTION,
     .f1_hz = 450,
     .tolerance_hz = 25,
     .level_min = -3500,
     .on_ms = {700},
     .off_ms = {700},
     .cadence_tolerance = 12,
     .min_cycles = 2},
    {.id = INFO,
     .f1_hz = 450,
     .tolerance_hz = 25,
     .level_min = -3500,
     .on_ms = {100, 100, 100, 400},
     .off_ms = {100, 100, 100, 400},
     .cadence_tolerance = 12,
     .min_cycles = 1},
    {.id = WAITING,
     .f1_hz = 450,
     .tolerance_hz = 25,
     .level_min = -3500,
     .on_ms = {400},
     .off_ms = {4000},
     .cadence_tolerance = 10,
     .min_cycles = 2},
    {.id = HOWLER, .f1_hz = 950, .tolerance_hz = 45, .level_min = -3500, .min_ms = 1000, .bridge_ms = 50},
};
#define CN ((int)(sizeof cn / sizeof *cn))

static struct tr_detection heard[64];
static int heard_count;
static char story[256];

static void listen(const struct tr_tone *plan, int count, int n, int block) {
    static struct tr_tones t;
    CHECK_INT(tr_tones_init(&t, plan, count, 0), TR_OK);
    heard_count = 0;
    story[0] = 0;
    to_line(line, pcm, n);
    for (int i = 0; i < n; i += block) {
        tr_tones_feed(&t, pcm + i, n - i < block ? n - i : block);
        while (heard_count < 64 && tr_tones_get(&t, &heard[heard_count])) {
            struct tr_detection *d = &heard[heard_count++];
            const char *kind = d->kind == TR_EV_TONE           ? "+"
                               : d->kind == TR_EV_TONE_END     ? "-"
                               : d->kind == TR_EV_TONE_OVERDUE ? "!"
                                                               : "V";
            size_t at = strlen(story);
            snprintf(story + at, sizeof story - at, "%s%s", at ? " " : "", kind);
            if (*kind != 'V')
                snprintf(story + strlen(story), 8, "%d", d->a0);
        }
    }
    tr_tones_release(&t);
}

static void fresh(void) { memset(line, 0, sizeof line); }

/* A cadence from `begin` s for `bursts` bursts. */
static double cadence(double begin, int bursts, double on, double off, double hz, double dbm0) {
    for (int i = 0; i < bursts; i++) {
        add_sine(line, MOST, begin * 8000, on * 8000, hz, dbm0, 0.1 * i);
        begin += on + off;
    }
    return begin;
}

static void each_tone_alone(void) {
    for (double hz = 426; hz <= 474; hz += 12) {
        for (double level = -5; level >= -33; level -= 14) {
            for (double stretch = 0.92; stretch < 1.09; stretch += 0.04) {
                fresh();
                cadence(0.3, 1, 5 * stretch, 0, hz, level);
                listen(cn, CN, 8 * 8000, 160);
                CHECK_STR(story, "+1 -1");
                CHECK_NEAR(heard[0].at, 0.3 * 8000, 40);
                CHECK_NEAR(heard[0].a1, level * 100, 20);
                CHECK_NEAR(heard[1].at, (0.3 + 5 * stretch) * 8000, 40);
                fresh();
                cadence(0.3, 3, stretch, 4 * stretch, hz, level);
                listen(cn, CN, (int)(8000 * (0.3 + 12.4 * stretch)), 160);
                CHECK_STR(story, "+2");
                CHECK_NEAR(heard[0].at, 0.3 * 8000, 40);
                CHECK_NEAR(heard[0].a1, level * 100, 20);
                fresh();
                cadence(0.3, 6, .35 * stretch, .35 * stretch, hz, level);
                listen(cn, CN, 6 * 8000, 160);
                CHECK_STR(story, "+3 -3");
                fresh();
                cadence(0.3, 5, .7 * stretch, .7 * stretch, hz, level);
                listen(cn, CN, 10 * 8000, 160);
                CHECK_STR(story, "+4 -4");
                fresh();
                double at = 0.3;
                for (int i = 0; i < 3; i++) {
                    at = cadence(at, 3, .1, .1, hz, level);
                    at = cadence(at, 1, .4, .4, hz, level);
                }
                listen(cn, CN, 6 * 8000, 160);
                CHECK_STR(story, "+5 -5");
            }
        }
    }
}

static void dial_tone_is_not_confused(void) {
    fresh();
    cadence(0.2, 4, 0.4, 4, 450, -10);
    listen(cn, CN, 17 * 8000, 160);
    CHECK_STR(story, "+6");
    fresh(); /* stutter: gaps under 100 ms are bridged */
    for (int i = 0; i < 12; i++)
        add_sine(line, MOST, 1600 + i * 2400, 2400 - 8 * 80, 450, -12, 0);
    listen(cn, CN, 1600 + 12 * 2400 + 8000, 160);
    CHECK_STR(story, "+1 -1");
    fresh();
    cadence(0.2, 1, 5, 0, 450, -60);
    listen(cn, CN, 8 * 8000, 160);
    CHECK_STR(story, "");
    fresh(); /* the North American dial tone */
    add_sine(line, MOST, 1600, 40000, 350, -13, 0);
    add_sine(line, MOST, 1600, 40000, 440, -13, 0.3);
    listen(cn, CN, 8 * 8000, 160);
    CHECK_STR(story, "");
    for (double hz = 350; hz <= 560; hz += 10) { /* neighbours */
        fresh();
        cadence(0.2, 1, 3, 0, hz, -10);
        listen(cn, CN, 5 * 8000, 160);
        if (hz <= 410 || hz >= 490)
            CHECK_STR(story, "");
        else if (hz >= 425 && hz <= 475)
            CHECK_STR(story, "+1 -1");
    }
    fresh(); /* where no ringback can come, dial tone is heard after 850 ms */
    cadence(0.2, 1, 0.95, 0, 450, -10);
    listen(cn, 1, 3 * 8000, 160);
    CHECK_STR(story, "+1 -1");
    fresh(); /* congestion of 700 ms is no dial tone even then */
    cadence(0.2, 4, 0.75, 0.7, 450, -10);
    listen(cn, 1, 8 * 8000, 160);
    CHECK_STR(story, "");
    fresh(); /* cut in at any moment: a ringback of which the begin was missed */
    cadence(-0.5, 3, 1, 4, 450, -10);
    listen(cn, CN, (int)(9.9 * 8000), 160);
    CHECK_STR(story, "+2");
    CHECK_NEAR(heard[0].at, 4.5 * 8000, 40);
}

static void ringback_overdue(void) {
    fresh();
    cadence(0.5, 2, 1, 4, 450, -15);
    listen(cn, CN, 20 * 8000, 160);
    CHECK_STR(story, "+2 !2 -2");
    CHECK_BETWEEN(heard[1].at / 8000.0, 6.5 + 4.0 * 1.14, 6.5 + 4 * 1.17);
    fresh(); /* a learnt gap of 3.7 s */
    cadence(0.5, 4, .96, 3.7, 450, -15);
    listen(cn, CN, 26 * 8000, 160);
    CHECK_STR(story, "+2 !2 -2");
    CHECK_BETWEEN(heard[1].at / 8000.0, 0.5 + 3 * 4.66 + .96 + 3.7 * 1.14, 0.5 + 3 * 4.66 + .96 + 3.7 * 1.17);
    fresh(); /* answered in the middle of a burst */
    double at = cadence(0.5, 1, 1, 4, 450, -15);
    cadence(at, 1, 0.3, 0, 450, -15);
    listen(cn, CN, 20 * 8000, 160);
    CHECK_STR(story, "+2 -2 !2");
    CHECK_BETWEEN(heard[1].at / 8000.0, at + 0.28, at + 0.32);
    CHECK_BETWEEN(heard[2].at / 8000.0, at + 5, at + 5.8);
    fresh(); /* ringback, then busy */
    at = cadence(0.5, 2, 1, 4, 450, -15);
    cadence(at - 2, 5, 0.35, 0.35, 450, -15);
    listen(cn, CN, 20 * 8000, 160);
    CHECK_STR(story, "+2 -2 +3 -3");
}

/* Pairs: the North American plan. */
static void pairs(void) {
    static const struct tr_tone us[] = {
        {.id = 1, .f1_hz = 350, .f2_hz = 440, .tolerance_hz = 10, .level_min = -3500, .min_ms = 1000, .bridge_ms = 50},
        {.id = 2,
         .f1_hz = 440,
         .f2_hz = 480,
         .tolerance_hz = 10,
         .level_min = -3500,
         .on_ms = {2000},
         .off_ms = {4000},
         .cadence_tolerance = 10,
         .min_cycles = 1},
        {.id = 3,
         .f1_hz = 480,
         .f2_hz = 620,
         .tolerance_hz = 10,
         .level_min = -3500,
         .on_ms = {500},
         .off_ms = {500},
         .cadence_tolerance = 10,
         .min_cycles = 2},
    };
    static const double hz[3][2] = {{350, 440}, {440, 480}, {480, 620}};
    static const double times[3][2] = {{4, 1}, {2, 4}, {.5, .5}};
    static const char *const want[3] = {"+1 -1", "+2", "+3"};
    for (int i = 0; i < 3; i++) {
        for (double twist = -4; twist <= 4; twist += 4) {
            fresh();
            double at = cadence(0.2, i == 0 ? 1 : 2, times[i][0], times[i][1], hz[i][0], -15 + twist);
            cadence(0.2, i == 0 ? 1 : 2, times[i][0], times[i][1], hz[i][1], -15);
            listen(us, 3, (int)(at * 8000) - 800, 160);
            CHECK_STR(story, want[i]);
            CHECK_NEAR(heard[0].a1, -1500 + (twist < 0 ? twist * 100 : 0), 60);
        }
    }
    fresh();
    cadence(0.2, 1, 4, 0, 440, -12);
    listen(us, 3, 8 * 8000, 160);
    CHECK_STR(story, "");
}

static void noise_and_clicks(void) {
    uint32_t seed = 3;
    fresh(); /* noise at -45, and tones in noise 15 dB weaker */
    add_noise(line, MOST, -45, &seed);
    listen(cn, CN, MOST, 160);
    CHECK_STR(story, "");
    fresh();
    add_noise(line, MOST, -30, &seed);
    listen(cn, CN, MOST, 160);
    CHECK_STR(story, "");
    fresh();
    cadence(0.3, 4, 1, 4, 450, -15);
    add_noise(line, MOST, -30, &seed);
    listen(cn, CN, 19 * 8000, 160);
    CHECK_STR(story, "+2");
    fresh();
    cadence(0.3, 10, .35, .35, 450, -20);
    add_noise(line, MOST, -45, &seed);
    listen(cn, CN, 6 * 8000, 160);
    CHECK_STR(story, "+3");
    fresh(); /* clicks */
    for (int i = 4000; i < MOST; i += 2400 + (int)(rand_of(&seed) % 8000))
        for (int j = 0; j < 24 && i + j < MOST; j++)
            line[i + j] = 12000 * uniform(&seed) - 6000;
    listen(cn, CN, MOST, 160);
    CHECK_STR(story, "");
    fresh(); /* a digit of our own, held */
    add_digit(line, MOST, 4000, 800, '5', -20, -18, &seed);
    add_digit(line, MOST, 5600, 800, '6', -20, -18, &seed);
    listen(cn, CN, 16000, 160);
    CHECK_STR(story, "");
}

static void voice_is_an_answer(void) {
    static const char *const voices[] = {"en", "en+f3", "cmn", "cmn+f2", "en+m3"};
    static const char *const texts[] = {"Hello?", "Sales department, good morning, how can I help you?", "喂，你好。",
                                        "您好，销售部，很高兴为您服务。", "Yes."};
    int tried = 0;
    for (size_t v = 0; v < sizeof voices / sizeof *voices; v++) {
        for (size_t w = 0; w < sizeof texts / sizeof *texts; w++) {
            for (double level = -10; level >= -30; level -= 10) {
                int n;
                int16_t *x = speech(voices[v], texts[w], level, &n);
                if (!x)
                    continue;
                fresh();
                double at = cadence(0.5, 2, 1, 4, 450, -15) - 2.5;
                int begin = (int)(at * 8000), first = 0;
                for (int i = 0; i < n && begin + i < MOST; i++)
                    line[begin + i] = x[i];
                double e = 0;
                for (first = 0; first + 80 < n && e < 16450.0 * 80; first += 80) {
                    e = 0;
                    for (int j = 0; j < 80; j++)
                        e += (double)x[first + j] * x[first + j];
                }
                listen(cn, CN, begin + n + 4000 < MOST ? begin + n + 4000 : MOST, 160);
                int k = 0;
                while (k < heard_count && heard[k].kind != TR_EV_NOT_TONE)
                    k++;
                tried++;
                /* when was it known? feed again up to 600 ms after the voice began */
                int known = k < heard_count;
                if (known) {
                    listen(cn, CN, begin + first - 80 + 4800, 160);
                    known = strchr(story, 'V') != NULL;
                }
                if (!CHECK(known))
                    fprintf(stderr, "  %s \"%s\" at %g dBm0: %s\n", voices[v], texts[w], level, story);
                free(x);
            }
        }
    }
    if (!tried)
        fprintf(stderr, "     (no espeak-ng: not tried)\n");
}

static void blocks_of_any_size(void) {
    uint32_t seed = 9;
    fresh();
    double at = cadence(0.3, 3, 1, 4, 450, -15);
    cadence(at, 5, .35, .35, 450, -20);
    add_noise(line, MOST, -45, &seed);
    listen(cn, CN, MOST / 2, 160);
    struct tr_detection first[64];
    int count = heard_count;
    memcpy(first, heard, sizeof first);
    CHECK(count > 3);
    static const int blocks[] = {1, 79, 80, 333};
    static const char *const paths[] = {"generic", "avx2", "avx512"};
    for (int p = 0; p < 3; p++) {
        if (!tr_simd(paths[p]))
            continue;
        for (int b = 0; b < 4; b++) {
            listen(cn, CN, MOST / 2, blocks[b]);
            CHECK_INT(heard_count, count);
            for (int i = 0; i < count; i++)
                CHECK(heard[i].kind == first[i].kind && heard[i].at == first[i].at && heard[i].a0 == first[i].a0 &&
                      heard[i].a1 == first[i].a1);
        }
    }
}

/* While we send, nothing counts as voice; after it, voice does. And again after half a second without. */
static void hold_and_again(void) {
    static struct tr_tones t;
    struct tr_detection d;
    uint32_t seed = 21;
    fresh();
    for (int i = 0; i < 40;
         i++) /* something that varies: 60 ms sounds at changing levels, with a pause from 4 s to 5 s */
        add_sine(line, MOST, 8000 + i * 800 + (i >= 30 ? 8000 : 0), 480 + rand_of(&seed) % 200, 500 + 37 * i,
                 -12 - (int)(rand_of(&seed) % 14), 0);
    to_line(line, pcm, 8 * 8000);
    for (int hold = 0; hold < 2; hold++) {
        CHECK_INT(tr_tones_init(&t, cn, CN, 0), TR_OK);
        int64_t first = -1;
        int times = 0;
        for (int i = 0; i < 8 * 8000; i += 160) {
            if (hold && i < 16000)
                tr_tones_hold(&t, 60);
            tr_tones_feed(&t, pcm + i, 160);
            while (tr_tones_get(&t, &d)) {
                CHECK_INT(d.kind, TR_EV_NOT_TONE);
                first = times++ ? first : i;
            }
        }
        CHECK_INT(times, 2);
        CHECK_BETWEEN(first, hold ? 16000 : 8000, hold ? 16000 + 4800 : 8000 + 4800);
    }
}

static void plans_that_cannot_be(void) {
    static struct tr_tones t;
    struct tr_tone bad = cn[0], nine[9];
    bad.f1_hz = 4000;
    CHECK_INT(tr_tones_init(&t, &bad, 1, 0), TR_E_ARGUMENT);
    bad = cn[1];
    bad.off_ms[0] = 0;
    CHECK_INT(tr_tones_init(&t, &bad, 1, 0), TR_E_ARGUMENT);
    bad = cn[1];
    bad.on_ms[0] = INT32_MAX / 4; /* no arithmetic on a plan may overflow */
    CHECK_INT(tr_tones_init(&t, (const struct tr_tone[]){cn[0], bad}, 2, 0), TR_E_ARGUMENT);
    bad = cn[1];
    bad.cadence_tolerance = INT32_MAX;
    CHECK_INT(tr_tones_init(&t, (const struct tr_tone[]){cn[0], bad}, 2, 0), TR_E_ARGUMENT);
    bad = cn[0];
    bad.min_ms = INT32_MAX;
    CHECK_INT(tr_tones_init(&t, &bad, 1, 0), TR_E_ARGUMENT);
    bad = cn[1];
    bad.min_cycles = INT32_MAX;
    CHECK_INT(tr_tones_init(&t, &bad, 1, 0), TR_E_ARGUMENT);
    for (int i = 0; i < 9; i++) {
        nine[i] = cn[0];
        nine[i].f1_hz = 300 + i * 100;
    }
    CHECK_INT(tr_tones_init(&t, nine, 9, 0), TR_E_ARGUMENT);
    CHECK_INT(tr_tones_init(&t, nine, 8, 0), TR_OK);
    CHECK_INT(tr_tones_init(&t, NULL, 0, 0), TR_OK);
}

int main(void) {
    RUN(each_tone_alone);
    RUN(dial_tone_is_not_confused);
    RUN(ringback_overdue);
    RUN(pairs);
    RUN(noise_and_clicks);
    RUN(voice_is_an_answer);
    RUN(blocks_of_any_size);
    RUN(hold_and_again);
    RUN(plans_that_cannot_be);
    return check_end();
}
