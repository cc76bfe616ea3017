/* Signals for the detector tests: tones by libm (not by our generators, so that one mistake does not pass at both
 * ends), noise, levels, A-law. Doubles, 0 dBm0 = peak 22827. */
#ifndef TIPRING_TEST_SIGNAL_H
#define TIPRING_TEST_SIGNAL_H

#include "check.h"
#include "detect.h"
#include "g711.h"

#define PEAK_0DBM0 22826.9

static inline double peak_of(double dbm0) { return PEAK_0DBM0 * pow(10.0, dbm0 / 20.0); }

static inline uint32_t rand_of(uint32_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}
static inline double uniform(uint32_t *seed) { return rand_of(seed) / 4294967296.0; }
static inline double gauss(uint32_t *seed) {
    double u = uniform(seed) + 1e-12, v = uniform(seed);
    return sqrt(-2.0 * log(u)) * cos(2.0 * M_PI * v);
}

static inline int16_t clip16(double v) { return (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : lrint(v)); }

/* Adds a sine; begin and length in samples may be fractions. Phase in turns at its begin. */
static inline void add_sine(double *x, int n, double begin, double length, double hz, double dbm0, double phase) {
    double peak = peak_of(dbm0);
    for (int i = 0; i < n; i++) {
        if (i >= begin && i < begin + length)
            x[i] += peak * sin(2.0 * M_PI * (hz * (i - begin) / 8000.0 + phase));
    }
}
static inline void add_noise(double *x, int n, double dbm0, uint32_t *seed) {
    double sigma = peak_of(dbm0) / sqrt(2.0);
    for (int i = 0; i < n; i++)
        x[i] += sigma * gauss(seed);
}
static inline void digit_hz(char digit, double *low, double *high) {
    static const double rows[4] = {697, 770, 852, 941}, columns[4] = {1209, 1336, 1477, 1633};
    const char *p = strchr("123A456B789C*0#D", digit);
    NEED(p);
    int i = (int)(p - "123A456B789C*0#D");
    *low = rows[i / 4];
    *high = columns[i % 4];
}
static inline void add_digit(double *x, int n, double begin, double length, char digit, double low_dbm0,
                             double high_dbm0, uint32_t *seed) {
    double low, high;
    digit_hz(digit, &low, &high);
    add_sine(x, n, begin, length, low, low_dbm0, uniform(seed));
    add_sine(x, n, begin, length, high, high_dbm0, uniform(seed));
}
/* To PCM16 through A-law. */
static inline void to_line(const double *x, int16_t *out, int n) {
    for (int i = 0; i < n; i++)
        out[i] = tr_linear_of[TR_LAW_A][tr_alaw(clip16(x[i]))];
}

/* espeak-ng's speech at 8 kHz, scaled to `dbm0` (mean of the blocks above -30 dB of its peak); NULL without espeak. */
static inline int16_t *speech(const char *voice, const char *text, double dbm0, int *count) {
    char command[600];
    snprintf(
        command, sizeof command,
        "espeak-ng -v %s --stdout \"%s\" 2>/dev/null | sox -t wav - -t raw -r 8000 -e signed -b 16 -c 1 - 2>/dev/null",
        voice, text);
    FILE *f = popen(command, "r");
    if (!f)
        return NULL;
    int room = 1 << 16, n = 0;
    int16_t *x = malloc(sizeof *x * (size_t)room);
    size_t got;
    while ((got = fread(x + n, sizeof *x, (size_t)(room - n), f)) > 0) {
        n += (int)got;
        if (n == room)
            x = realloc(x, sizeof *x * (size_t)(room *= 2));
    }
    pclose(f);
    if (n < 8000) {
        free(x);
        return NULL;
    }
    double most = 0, sum = 0, blocks = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i + 160 <= n; i += 160) {
            double e = 0;
            for (int j = 0; j < 160; j++)
                e += (double)x[i + j] * x[i + j];
            if (pass == 0 && e > most)
                most = e;
            if (pass == 1 && e > most * 1e-3) {
                sum += e / 160;
                blocks++;
            }
        }
    }
    double gain = peak_of(dbm0) / sqrt(2.0) / sqrt(sum / blocks);
    for (int i = 0; i < n; i++)
        x[i] = clip16(x[i] * gain);
    *count = n;
    return x;
}

#endif
