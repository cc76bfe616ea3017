/* Arithmetic that gives the same bits on every machine: no libm, only + - * / and square root, which IEEE 754 fixes
 * (build with -ffp-contract=off). For constants at init and for levels and angles once per block, not per sample. */
#ifndef TIPRING_NUMERIC_H
#define TIPRING_NUMERIC_H

#include <stdint.h>

/* Mean square of a sine of 0 dBm0: (32768 * 10^(-3.14/20))^2 / 2. */
#define TR_MEAN_SQUARE_0DBM0 2.6051e8

/* sin(2 pi t), any t of moderate size; error below 1e-12. */
static inline double tr_sin_turns(double t) {
    t -= (double)(int64_t)t;
    if (t < 0)
        t += 1.0;
    double sign = 1.0;
    if (t >= 0.5) {
        t -= 0.5;
        sign = -1.0;
    }
    if (t > 0.25)
        t = 0.5 - t;
    double x = t * 6.283185307179586476925, x2 = x * x;
    double term = x, sum = x;
    for (int n = 2; n <= 18; n += 2) {
        term = -term * x2 / (double)(n * (n + 1));
        sum = sum + term;
    }
    return sign * sum;
}

static inline double tr_cos_turns(double t) { return tr_sin_turns(t + 0.25); }

/* 10^(db / 20) */
static inline double tr_ratio_of_db(double db) {
    double e = db * 0.16609640474436811739; /* log2(10) / 20 */
    int64_t whole = (int64_t)e;
    if ((double)whole > e)
        whole--;
    double f = (e - (double)whole) * 0.69314718055994530942, term = 1.0, sum = 1.0;
    for (int n = 1; n <= 16; n++) {
        term = term * f / (double)n;
        sum = sum + term;
    }
    for (; whole > 0; whole--)
        sum = sum * 2.0;
    for (; whole < 0; whole++)
        sum = sum * 0.5;
    return sum;
}

/* 10 log10(ratio) in hundredths; -12000 for what is not positive. */
static inline int32_t tr_cdb_of_power(double ratio) {
    if (!(ratio > 1e-12))
        return -12000;
    double e = 0.0;
    while (ratio >= 2.0) {
        ratio = ratio * 0.5;
        e = e + 1.0;
    }
    while (ratio < 1.0) {
        ratio = ratio * 2.0;
        e = e - 1.0;
    }
    double z = (ratio - 1.0) / (ratio + 1.0), z2 = z * z, term = z, sum = z; /* ln r = 2 artanh z, z <= 1/3 */
    for (int n = 3; n <= 21; n += 2) {
        term = term * z2;
        sum = sum + term / (double)n;
    }
    double cdb = 1000.0 * (e * 0.30102999566398119521 + 2.0 * sum * 0.43429448190325182765);
    return (int32_t)(cdb < 0 ? cdb - 0.5 : cdb + 0.5);
}

/* Level of a mean square, 1/100 dBm0. */
static inline int32_t tr_cdbm0(double mean_square) { return tr_cdb_of_power(mean_square / TR_MEAN_SQUARE_0DBM0); }

/* Mean square of a level in 1/100 dBm0. */
static inline double tr_mean_square(int32_t cdbm0) {
    double r = tr_ratio_of_db((double)cdbm0 / 100.0);
    return r * r * TR_MEAN_SQUARE_0DBM0;
}

/* The angle of (re, im) in turns, -0.5 .. 0.5; error below 1e-5. */
static inline float tr_turns_of(float re, float im) {
    float ax = re < 0 ? -re : re, ay = im < 0 ? -im : im;
    if (ax + ay == 0)
        return 0;
    float z = ax > ay ? ay / ax : ax / ay, z2 = z * z;
    float a =
        z * (0.159154943f +
             z2 * (-0.0530433f +
                   z2 * (0.0317196f + z2 * (-0.0222112f + z2 * (0.0153452f + z2 * (-0.0083914f + z2 * 0.0024266f))))));
    if (ay > ax)
        a = 0.25f - a;
    if (re < 0)
        a = 0.5f - a;
    return im < 0 ? -a : a;
}

#endif
