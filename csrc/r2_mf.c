#include "r2_mf.h"
#include "engine.h"
#include "gen.h"
#include "numeric.h"
#include "simd.h"
#include <string.h>

#define TONES 6
#define HOP TR_MF_HOP
#define WINDOW (TR_MF_HOP * TR_MF_WINDOW)
#define RAMP 8 /* samples */

/* Mean square over a hop under which it is silence: -45 dBm0. */
#define GATE 8200.0f
/* Squared peak of each tone: -38 dBm0. */
#define LEAST 82600.0f
#define TWIST 12.6f /* power: 11 dB */
/* Share of a window's energy which the two tones must explain. */
#define SHARE 0.80f
/* Of the signal's own: a hop with less is silence. */
#define SILENCE 0.1f
#define BEGIN_WINDOWS 2
#define SILENT_HOPS 2
/* Mean square over a hop, of -12 dBm0. An echo of ours is less: two tones of -11.5 dBm0, 6 dB at the least from the
 * hybrid (Q.454). */
#define LOUD 1.63e7f
/* A signal drowned in noise is not over as long as there is something to hear: 160 ms, after which it is another sound.
 */
#define OTHER_WINDOWS 32

static const float hz[2][8] = {{1140, 1020, 900, 780, 660, 540}, {1380, 1500, 1620, 1740, 1860, 1980}};
static const uint8_t low[16] = {0, 0, 0, 1, 0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 4};
static const uint8_t high[16] = {0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5};
static uint8_t code_of[TONES][TONES];
static float table[2][HOP][16] __attribute__((aligned(64)));

/* By direction: turn of each frequency in one and two hops; overlap of two tones, by the steps between them. */
static struct {
    float re[TR_MF_WINDOW][8], im[TR_MF_WINDOW][8];
    float cross_re[TONES], cross_im[TONES], scale[TONES];
} k[2];

__attribute__((constructor)) static void fill_constants(void) {
    for (int code = 1; code < 16; code++) {
        code_of[low[code]][high[code]] = (uint8_t)code;
    }
    for (int way = 0; way < 2; way++) {
        tr_fill_table(table[way], hz[way], TONES);
        for (int f = 0; f < TONES; f++) {
            for (int back = 0; back < TR_MF_WINDOW; back++) {
                double turns = (double)hz[way][f] * HOP * back / TR_RATE;
                k[way].re[back][f] = (float)tr_cos_turns(turns);
                k[way].im[back][f] = (float)tr_sin_turns(turns);
            }
        }
        for (int steps = 1; steps < TONES; steps++) {
            double re = 0, im = 0, apart = (way ? 120.0 : -120.0) * steps;
            for (int n = 0; n < WINDOW; n++) {
                re += tr_cos_turns(apart * n / TR_RATE);
                im -= tr_sin_turns(apart * n / TR_RATE);
            }
            re /= WINDOW;
            im /= WINDOW;
            k[way].cross_re[steps] = (float)re;
            k[way].cross_im[steps] = (float)im;
            k[way].scale[steps] = (float)(2.0 / WINDOW / (1.0 - re * re - im * im));
        }
    }
}

void tr_mf_init(struct tr_mf *mf, bool forward) {
    memset(mf, 0, sizeof *mf);
    mf->forward = forward;
    mf->empty = TR_MF_WINDOW;
}

static void change(struct tr_mf *mf, uint8_t code) {
    mf->on = code;
    mf->silent = mf->other = 0;
    if (mf->changes < TR_MF_CHANGES) {
        mf->change[mf->changes++] = code;
    }
}

/* The signal that the newest window is, 0 none. */
static uint8_t judge(const struct tr_mf *mf) {
    int way = mf->forward;
    float w[16], energy = mf->energy[0] + mf->energy[1] + mf->energy[2];
    const float *newest = mf->part[mf->hops % TR_MF_WINDOW];
    memcpy(w, newest, sizeof w);
    for (int back = 1; back < TR_MF_WINDOW; back++) {
        const float *part = mf->part[(mf->hops + TR_MF_WINDOW - (uint32_t)back) % TR_MF_WINDOW];
        for (int f = 0; f < 8; f++) {
            w[f] += part[f] * k[way].re[back][f] - part[8 + f] * k[way].im[back][f];
            w[8 + f] += part[f] * k[way].im[back][f] + part[8 + f] * k[way].re[back][f];
        }
    }
    int first = 0, second = 1;
    float most = -1, next = -1;
    for (int f = 0; f < TONES; f++) {
        float power = w[f] * w[f] + w[8 + f] * w[8 + f];
        if (power > most) {
            next = most;
            second = first;
            most = power;
            first = f;
        } else if (power > next) {
            next = power;
            second = f;
        }
    }
    int a = first < second ? first : second, b = first < second ? second : first, steps = b - a;
    float gr = k[way].cross_re[steps], gi = k[way].cross_im[steps], scale = k[way].scale[steps];
    /* W_a = a + g b, W_b = conj(g) a + b (times WINDOW / 2): see dtmf.c */
    float a_re = (w[a] - (gr * w[b] - gi * w[8 + b])) * scale, a_im = (w[8 + a] - (gr * w[8 + b] + gi * w[b])) * scale;
    float b_re = (w[b] - (gr * w[a] + gi * w[8 + a])) * scale, b_im = (w[8 + b] - (gr * w[8 + a] - gi * w[a])) * scale;
    float a2 = a_re * a_re + a_im * a_im, b2 = b_re * b_re + b_im * b_im;
    float explained = a_re * w[a] + a_im * w[8 + a] + b_re * w[b] + b_im * w[8 + b];
    bool clear = a2 >= LEAST && b2 >= LEAST && a2 <= b2 * TWIST && b2 <= a2 * TWIST && explained >= SHARE * energy;
    return clear ? code_of[a][b] : 0;
}

/* What is on goes on, or ends; another signal begins. */
static void follow(struct tr_mf *mf, uint8_t code, float energy) {
    if (mf->on) {
        mf->silent = energy < SILENCE * mf->steady ? mf->silent + 1 : 0;
        bool hidden = mf->bridges && mf->drowned && energy >= mf->steady;
        mf->other = code == mf->on || hidden ? 0 : mf->other + 1;
        if (code == mf->on && !mf->silent) { /* the last window of a signal can still look whole */
            mf->steady = energy;
        }
        if (mf->silent >= SILENT_HOPS || mf->other >= OTHER_WINDOWS) {
            change(mf, 0);
        }
    }
    if (!code || code != mf->candidate) {
        mf->candidate = code;
        mf->seen = code != 0;
    } else if (mf->seen < BEGIN_WINDOWS && ++mf->seen == BEGIN_WINDOWS && code != mf->on) {
        if (mf->on) {
            change(mf, 0);
        }
        change(mf, code);
        mf->steady = energy;
    }
}

static void hop(struct tr_mf *mf, const int16_t *x) {
    float energy = x ? tr_kernels->energy40(x) : 0;
    bool sound = energy >= GATE * HOP;
    uint32_t at = mf->hops % TR_MF_WINDOW;
    mf->empty = sound ? 0 : mf->empty < TR_MF_WINDOW ? mf->empty + 1 : TR_MF_WINDOW;
    mf->energy[at] = energy;
    if (sound) {
        tr_kernels->sixteen40((const float(*)[16])table[mf->forward], x, mf->part[at]);
    } else {
        memset(mf->part[at], 0, sizeof mf->part[at]);
    }
    uint8_t code = mf->empty < TR_MF_WINDOW ? judge(mf) : 0;
    mf->drowned = !code && energy >= LOUD * HOP;
    if (mf->on || mf->candidate || code) {
        follow(mf, code, energy);
    }
    mf->hops++;
}

void tr_mf_feed(struct tr_mf *mf, const int16_t *samples) {
    mf->changes = 0;
    for (int at = 0; at < TR_BLOCK; at += HOP) {
        hop(mf, samples ? samples + at : NULL);
    }
}

/* ---- sending ----------------------------------------------------------------------------------- */

void tr_mf_send(struct tr_mf_out *out, bool forward, uint8_t code, int32_t level) {
    out->code = code;
    if (code) {
        out->peak = tr_gen_peak(level);
        out->step[0] = tr_gen_step((uint32_t)hz[forward][low[code]] * 1000u);
        out->step[1] = tr_gen_step((uint32_t)hz[forward][high[code]] * 1000u);
    }
}

static int16_t next_sample(struct tr_mf_out *out) {
    int32_t v = tr_gen_sine(out->phase[0]) * out->peak + tr_gen_sine(out->phase[1]) * out->peak;
    out->phase[0] += out->step[0];
    out->phase[1] += out->step[1];
    return (int16_t)((v + 16384) >> 15);
}

bool tr_mf_render(struct tr_mf_out *out, int16_t *samples) {
    bool begins = out->code && out->code != out->sent, ends = !out->code && out->sent;
    out->sent = out->code;
    if (!out->code && !ends) {
        return false;
    }
    if (begins) {
        out->phase[0] = out->phase[1] = 0;
    }
    int count = ends ? RAMP : TR_BLOCK;
    for (int i = 0; i < count; i++) {
        samples[i] = next_sample(out);
    }
    for (int i = 0; (begins || ends) && i < RAMP; i++) {
        int part = begins ? 2 * i + 1 : 2 * (RAMP - i) - 1;
        samples[i] = (int16_t)(samples[i] * part / (2 * RAMP));
    }
    memset(samples + count, 0, (size_t)(TR_BLOCK - count) * sizeof *samples);
    return true;
}
