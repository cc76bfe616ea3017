/* DTMF receiver against Q.23 and Q.24: frequencies, twist, lengths, breaks, levels, noise, both tones' times. */
#include "dtmf.h"
#include "signal.h"

#define MOST (8000 * 12)
static double line[MOST];
static int16_t pcm[MOST];

struct heard {
    int begins, ends;
    char digits[64];
    int64_t begin_at[64], end_at[64];
    int ms[64];
};

static void hear(const int16_t *x, int n, struct heard *h, int block) {
    static struct tr_dtmf d;
    struct tr_detection got;
    memset(h, 0, sizeof *h);
    tr_dtmf_init(&d);
    for (int i = 0; i < n; i += block) {
        tr_dtmf_feed(&d, x + i, n - i < block ? n - i : block);
        while (tr_dtmf_get(&d, &got)) {
            if (got.kind == TR_EV_DTMF_BEGIN && h->begins < 63) {
                h->begin_at[h->begins] = (int64_t)got.at;
                h->digits[h->begins++] = (char)got.a0;
            } else if (got.kind == TR_EV_DTMF_END && h->ends < 63) {
                h->end_at[h->ends] = (int64_t)got.at;
                h->ms[h->ends++] = got.a1;
            }
        }
    }
    tr_dtmf_release(&d);
}

/* One digit of the given make, 100 ms of nothing around; how many were heard. */
static struct heard one;
static int try_digit(char digit, double ms, double low_dbm0, double high_dbm0, double low_off, double high_off,
                     double noise_dbm0, uint32_t *seed) {
    double low, high, begin = 800 + uniform(seed) * 160;
    int n = 2400 + (int)(ms * 8);
    memset(line, 0, sizeof *line * (size_t)n);
    digit_hz(digit, &low, &high);
    add_sine(line, n, begin, ms * 8, low * (1 + low_off / 100), low_dbm0, uniform(seed));
    add_sine(line, n, begin, ms * 8, high * (1 + high_off / 100), high_dbm0, uniform(seed));
    if (noise_dbm0 != 0)
        add_noise(line, n, noise_dbm0, seed);
    to_line(line, pcm, n);
    hear(pcm, n, &one, 160);
    int right = one.begins == 1 && one.digits[0] == digit && one.ends == 1;
    if (right) {
        one.begin_at[0] -= (int64_t)begin;
        one.end_at[0] -= (int64_t)(begin + ms * 8);
    }
    return one.begins == 0 ? 0 : right ? 1 : 2;
}

static const char all[] = "123A456B789C*0#D";

static void every_digit_with_its_times(void) {
    uint32_t seed = 7;
    for (int i = 0; i < 16 * 6; i++) {
        double ms = 40 + i * 1.7;
        CHECK_INT(try_digit(all[i % 16], ms, -10, -8, 0, 0, 0, &seed), 1);
        CHECK_NEAR(one.ms[0], ms, 3);
        CHECK_NEAR(one.begin_at[0], 0, 24);
        CHECK_NEAR(one.end_at[0], 0, 24);
    }
    for (int i = 0; i < 16 * 6; i++) { /* 15 dB of signal to noise */
        double ms = 40 + i * 1.7;
        CHECK_INT(try_digit(all[i % 16], ms, -15, -15, 0, 0, -12 - 15, &seed), 1);
        CHECK_NEAR(one.ms[0], ms, 5);
    }
}

static void frequencies(void) {
    uint32_t seed = 11;
    for (int i = 0; i < 16; i++) {
        for (double off = -1.5; off <= 1.5; off += 0.5) {
            CHECK_INT(try_digit(all[i], 50, -17, -17, off, 0, 0, &seed), 1);
            CHECK_INT(try_digit(all[i], 50, -17, -17, 0, off, 0, &seed), 1);
            CHECK_INT(try_digit(all[i], 50, -17, -17, off, -off, 0, &seed), 1);
            CHECK_INT(try_digit(all[i], 50, -17, -17, off, off, -30, &seed), 1);
        }
        for (double off = 3.5; off <= 5.5; off += 0.25) {
            for (int sign = -1; sign <= 1; sign += 2) {
                if (!CHECK_INT(try_digit(all[i], 80, -17, -17, sign * off, 0, 0, &seed), 0))
                    fprintf(stderr, "  %c low %+g %%\n", all[i], sign * off);
                if (!CHECK_INT(try_digit(all[i], 80, -17, -17, 0, sign * off, 0, &seed), 0))
                    fprintf(stderr, "  %c high %+g %%\n", all[i], sign * off);
            }
        }
    }
}

static void twist(void) {
    uint32_t seed = 13;
    for (int i = 0; i < 16; i++) {
        for (double off = -1.5; off <= 1.5; off += 1.5) {
            for (int times = 0; times < 3; times++) {
                CHECK_INT(try_digit(all[i], 50, -8, -16.5, off, off, 0, &seed), 1);
                CHECK_INT(try_digit(all[i], 50, -16, -10, off, off, 0, &seed), 1);
            }
        }
        CHECK_INT(try_digit(all[i], 50, -6, -19, 0, 0, 0, &seed), 0);
        CHECK_INT(try_digit(all[i], 50, -19, -6, 0, 0, 0, &seed), 0);
    }
}

static void lengths(void) {
    uint32_t seed = 17;
    int short_heard = 0, long_missed = 0;
    for (int i = 0; i < 320; i++) {
        short_heard += try_digit(all[i % 16], 23, -10 - i % 20, -9 - i % 20, 0, 0, i % 2 ? 0 : -25 - i % 20, &seed);
        long_missed +=
            try_digit(all[i % 16], 40, -10 - i % 20, -9 - i % 20, i % 3 - 1, 0, i % 2 ? 0 : -22 - i % 20, &seed) != 1;
    }
    CHECK_INT(short_heard, 0);
    CHECK_INT(long_missed, 0);
}

/* Breaks within a digit, and short pauses between equal digits. */
static void breaks(void) {
    uint32_t seed = 19;
    for (int i = 0; i < 64; i++) {
        int n = 4000, begin = 800 + (int)(uniform(&seed) * 160), gap = begin + 8 * (36 + i % 20);
        memset(line, 0, sizeof *line * (size_t)n);
        add_digit(line, n, begin, 100 * 8, all[i % 16], -12, -12, &seed);
        memset(line + gap, 0, sizeof *line * 80);
        to_line(line, pcm, n);
        hear(pcm, n, &one, 160);
        CHECK_INT(one.begins, 1);
        CHECK_INT(one.ends, 1);
        CHECK_NEAR(one.ms[0], 100, 5);
    }
    for (int pause = 23; pause <= 60; pause += 1) {
        int n = 8000;
        char digit = all[pause % 16];
        memset(line, 0, sizeof *line * (size_t)n);
        for (int i = 0; i < 5; i++)
            add_digit(line, n, 800 + i * 8 * (45 + pause), 45 * 8, digit, -12, -10, &seed);
        to_line(line, pcm, n);
        hear(pcm, n, &one, 160);
        CHECK_INT(one.begins, 5);
        CHECK_INT(one.ends, 5);
    }
}

/* A digit that comes back from the far end's hybrids, weaker and later, is the same press; the next press is not, even
 * where the echo fills the pause. */
static void echoes(void) {
    uint32_t seed = 31;
    for (int delay = 20; delay <= 240; delay += 10) {
        for (int back_db = 14; back_db <= 30; back_db += 4) {
            int n = 8000;
            double ms = 60 + uniform(&seed) * 130, pause = 50 + uniform(&seed) * 150;
            char digit = all[(unsigned)(delay + back_db) % 16];
            memset(line, 0, sizeof *line * (size_t)n);
            for (int press = 0; press < 2; press++) {
                double begin = 800 + press * 8 * (ms + pause);
                add_digit(line, n, begin, ms * 8, digit, -10, -8, &seed);
                add_digit(line, n, begin + delay * 8, ms * 8, digit, -10 - back_db, -8 - back_db, &seed);
            }
            to_line(line, pcm, n);
            hear(pcm, n, &one, 160);
            if (!CHECK_INT(one.begins, 2) | !CHECK_INT(one.ends, 2))
                fprintf(stderr, "  echo after %d ms at -%d dB, digits of %.0f ms, pauses of %.0f ms\n", delay, back_db,
                        ms, pause);
        }
    }
}

/* A level that jumps while the key is held makes no second press. */
static void jumps(void) {
    uint32_t seed = 33;
    for (int by = -24; by <= 24; by += 3) {
        for (int i = 0; i < 16; i++) {
            int n = 4000;
            double low, high;
            digit_hz(all[i], &low, &high);
            memset(line, 0, sizeof *line * (size_t)n);
            double from = by > 0 ? -10 - by : -10;
            for (int part = 0; part < 2; part++) {
                double begin = 800 + part * 700 + uniform(&seed) * 60;
                add_sine(line, n, begin, part ? 700 : 1500 - begin, low, from + part * by, 0);
                add_sine(line, n, begin, part ? 700 : 1500 - begin, high, from + part * by, 0.3);
            }
            to_line(line, pcm, n);
            hear(pcm, n, &one, 160);
            if (!CHECK_INT(one.begins, 1))
                fprintf(stderr, "  %c jumps by %d dB\n", all[i], by);
            CHECK_INT(one.ends, one.begins);
        }
    }
}

static void levels(void) {
    uint32_t seed = 23;
    for (double level = -38; level <= -3; level += 1) /* 35 dB */
        for (int i = 0; i < 16; i++)
            CHECK_INT(try_digit(all[i], 50, level, level, 0, 0, 0, &seed), 1);
    for (int i = 0; i < 16; i++)
        CHECK_INT(try_digit(all[i], 100, -48, -48, 0, 0, 0, &seed), 0);
}

static void noise(void) {
    uint32_t seed = 29;
    int missed = 0;
    for (int i = 0; i < 1000; i++)
        missed += try_digit(all[i % 16], 50, -4, -4, 0, 0, -1 - 15, &seed) != 1;
    CHECK_INT(missed, 0);
    for (int i = 0; i < 1000; i++)
        missed += try_digit(all[i % 16], 50, -20, -20, 0, 0, -17 - 12, &seed) != 1;
    CHECK_BETWEEN(missed, 0, 10);
    /* noise alone */
    struct heard h;
    memset(line, 0, sizeof line);
    add_noise(line, MOST, -12, &seed);
    to_line(line, pcm, MOST);
    hear(pcm, MOST, &h, 160);
    CHECK_INT(h.begins, 0);
}

/* Two tones of other signals are no digits. */
static void other_tones(void) {
    static const double pairs[][2] = {{350, 440},   {440, 480},   {480, 620},   {697, 770},   {852, 941},
                                      {1209, 1336}, {1477, 1633}, {941, 1100},  {1004, 1209}, {770, 1400},
                                      {950, 1400},  {900, 1300},  {1140, 1020}, {700, 1100},  {1100, 2100},
                                      {697, 2100},  {450, 1209},  {941, 1550},  {1400, 1800}, {2130, 2750}};
    struct heard h;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        memset(line, 0, sizeof *line * 16000);
        add_sine(line, 16000, 100, 15000, pairs[i][0], -6, 0);
        add_sine(line, 16000, 100, 15000, pairs[i][1], -8, 0);
        to_line(line, pcm, 16000);
        hear(pcm, 16000, &h, 160);
        if (!CHECK_INT(h.begins, 0))
            fprintf(stderr, "  %g and %g Hz\n", pairs[i][0], pairs[i][1]);
    }
}

/* Blocks of any size give the same events, and so do all SIMD paths. */
static void same_by_any_path(void) {
    uint32_t seed = 37;
    memset(line, 0, sizeof line);
    for (int i = 0; i < 60; i++)
        add_digit(line, MOST, 500 + i * 1500, 300 + i * 10, all[i % 16], -30 + i % 20, -32 + i % 20, &seed);
    add_noise(line, MOST, -40, &seed);
    to_line(line, pcm, MOST);
    struct heard first, other;
    NEED(tr_simd("generic"));
    hear(pcm, MOST, &first, 160);
    CHECK_INT(first.begins, 60);
    static const int blocks[] = {1, 7, 40, 80, 161, 479};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        hear(pcm, MOST, &other, blocks[i]);
        CHECK(memcmp(&first, &other, sizeof first) == 0);
    }
    static const char *const paths[] = {"avx2", "avx512"};
    static struct tr_dtmf a, b;
    for (int p = 0; p < 2; p++) {
        if (!tr_simd(paths[p]))
            continue;
        hear(pcm, MOST, &other, 160);
        CHECK(memcmp(&first, &other, sizeof first) == 0);
        memset(&a, 0, sizeof a);
        memset(&b, 0, sizeof b);
        tr_dtmf_init(&a);
        tr_dtmf_init(&b);
        int differ = 0;
        for (int i = 0; i + 160 <= MOST; i += 160) {
            tr_simd("generic");
            tr_dtmf_feed(&a, pcm + i, 160);
            tr_simd(paths[p]);
            tr_dtmf_feed(&b, pcm + i, 160);
            differ +=
                memcmp(a.window, b.window, sizeof a.window) != 0 || memcmp(a.energy, b.energy, sizeof a.energy) != 0;
        }
        CHECK_INT(differ, 0);
    }
    CHECK(tr_simd("nonsense") == NULL);
}

int main(void) {
    RUN(every_digit_with_its_times);
    RUN(frequencies);
    RUN(twist);
    RUN(lengths);
    RUN(breaks);
    RUN(echoes);
    RUN(jumps);
    RUN(levels);
    RUN(noise);
    RUN(other_tones);
    RUN(same_by_any_path);
    return check_end();
}
