#include "dtmf.h"
#include "numeric.h"
#include "simd.h"

#include <string.h>

#define HOP TR_DTMF_HOP
#define WINDOW 80

/* Mean square over a hop under which it is taken as silence: -45 dBm0. */
#define GATE 8200.0f
/* Squared peaks: -40 dBm0 of each tone for a digit, -36 dBm0 for suspicion. */
#define LEAST 52100.0f
#define NEAR_LEAST 131000.0f
/* Power of the low tone over the high one. */
#define TWIST_NORMAL 10.0f
#define TWIST_REVERSE 6.31f
/* Share of a window's energy which the two tones must explain. */
#define SHARE 0.80f
#define NEAR_SHARE 0.35f
/* In hops: decision, and end. */
#define DECIDED 5.7f
#define ENDED 3.8f
#define STRICT_WINDOWS 3
/* A candidate that begins so soon after the same digit's end goes on with it: 12.5 ms, in samples. */
#define BREAK 100
/* The far end's hybrids send a digit back: the same one, 10 dB weaker or more, within 250 ms (samples, amplitudes). */
#define ECHO_WITHIN 2000
#define ECHO_SHARE 0.316f
/* Suspicion lasts so many hops. */
#define NEAR_HOPS 3

/* Rows, then columns. */
static const float dtmf_hz[8] = {697, 770, 852, 941, 1209, 1336, 1477, 1633};
static float table[HOP][16] __attribute__((aligned(64)));

/* Constants of the windows, by frequency and pair of frequencies. */
static struct {
    float hop_re[8], hop_im[8];   /* turn of a frequency in a hop */
    float back_re[8], back_im[8]; /* turn back in two hops */
    float cos_limit[8];
    float cross_re[4][4], cross_im[4][4], scale[4][4]; /* overlap of row and column in a window */
} k;

__attribute__((constructor)) static void fill_constants(void) {
    tr_fill_table(table, dtmf_hz, 8);
    for (int f = 0; f < 8; f++) {
        double hz = (double)dtmf_hz[f];
        k.hop_re[f] = (float)tr_cos_turns(hz * HOP / TR_RATE);
        k.hop_im[f] = (float)tr_sin_turns(hz * HOP / TR_RATE);
        k.back_re[f] = (float)tr_cos_turns(hz * WINDOW / TR_RATE);
        k.back_im[f] = (float)-tr_sin_turns(hz * WINDOW / TR_RATE);
        k.cos_limit[f] = (float)tr_cos_turns(hz * 0.025 * WINDOW / TR_RATE);
    }
    for (int r = 0; r < 4; r++) {
        for (int c = 0; c < 4; c++) {
            double re = 0, im = 0, hz = (double)dtmf_hz[4 + c] - (double)dtmf_hz[r];
            for (int n = 0; n < WINDOW; n++) {
                re += tr_cos_turns(hz * n / TR_RATE);
                im -= tr_sin_turns(hz * n / TR_RATE);
            }
            re /= WINDOW;
            im /= WINDOW;
            k.cross_re[r][c] = (float)re;
            k.cross_im[r][c] = (float)im;
            k.scale[r][c] = (float)(2.0 / WINDOW / (1.0 - re * re - im * im));
        }
    }
}

void tr_dtmf_init(struct tr_dtmf *d) {
    memset(d, 0, sizeof *d);
    d->pair = d->near_pair = d->told_pair = -1;
    d->quiet_hops = TR_DTMF_HISTORY;
}

void tr_dtmf_release(struct tr_dtmf *d) { (void)d; }

int tr_dtmf_get(struct tr_dtmf *d, struct tr_detection *out) { return tr_found_get(&d->found, out); }

/* The two tones of a window, separated. */
struct tones {
    float row_re, row_im, column_re, column_im; /* complex amplitudes */
    float row2, column2;                        /* squared */
};

static struct tones separate(const float *w, int row, int column) {
    float gr = k.cross_re[row][column], gi = k.cross_im[row][column], scale = k.scale[row][column];
    int c = 4 + column;
    struct tones t;
    /* W_row = a_row + g a_column, W_column = conj(g) a_row + a_column (times WINDOW / 2) */
    t.row_re = (w[row] - (gr * w[c] - gi * w[8 + c])) * scale;
    t.row_im = (w[8 + row] - (gr * w[8 + c] + gi * w[c])) * scale;
    t.column_re = (w[c] - (gr * w[row] + gi * w[8 + row])) * scale;
    t.column_im = (w[8 + c] - (gr * w[8 + row] - gi * w[row])) * scale;
    t.row2 = t.row_re * t.row_re + t.row_im * t.row_im;
    t.column2 = t.column_re * t.column_re + t.column_im * t.column_im;
    return t;
}

static const float *window_back(const struct tr_dtmf *d, unsigned back) {
    return d->window[(d->hops - back) % TR_DTMF_HISTORY];
}

/* Has frequency f turned between two windows 10 ms apart as it should, within 2.5 %? */
static bool in_phase(int f, float now_re, float now_im, float then_re, float then_im) {
    float re = now_re * then_re + now_im * then_im, im = now_im * then_re - now_re * then_im;
    float turned = re * k.back_re[f] - im * k.back_im[f]; /* |a||b| cos(difference) */
    float limit = k.cos_limit[f];
    float size = (now_re * now_re + now_im * now_im) * (then_re * then_re + then_im * then_im) * limit * limit;
    if (limit >= 0)
        return turned > 0 && turned * turned >= size;
    return turned >= 0 || turned * turned <= size;
}

/* How whole is the candidate in the window `back` hops ago: 0 .. 1. */
static float ratio_back(const struct tr_dtmf *d, unsigned back) {
    int row = d->pair >> 2, column = d->pair & 3;
    struct tones t = separate(window_back(d, back), row, column);
    float row2 = t.row2 / (d->row_amp * d->row_amp), column2 = t.column2 / (d->column_amp * d->column_amp);
    float least = row2 < column2 ? row2 : column2, most = row2 < column2 ? column2 : row2;
    if (most > 10.0f)
        return 0;
    return least >= 1.0f ? 1.0f : __builtin_sqrtf(least);
}

/* Where the tone's edge lies when the window that ends at `at` is half full, by the ratios around. */
static int64_t edge_between(int64_t at, float before, float after) {
    float part = after == before ? 0.5f : (0.5f - before) / (after - before);
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    return at - HOP + (int64_t)(part * HOP) - HOP;
}

static int64_t now(const struct tr_dtmf *d) { return (int64_t)(d->hops + 1) * HOP; }

/* Starts a candidate; looks back how long it has sounded, as far as something else was not louder. */
static void begin_candidate(struct tr_dtmf *d, int pair, const struct tones *t) {
    d->pair = (int8_t)pair;
    d->on = 0;
    d->strict = 1;
    d->row_amp = __builtin_sqrtf(t->row2);
    d->column_amp = __builtin_sqrtf(t->column2);
    d->absent = 0;
    d->heard = 0;
    d->last_ratio = 1.0f;
    float newer = 1.0f, missing = 0;
    d->first = now(d) - WINDOW;
    for (unsigned back = 0; back < TR_DTMF_HISTORY - 1; back++) {
        float r = back == 0 ? 1.0f : ratio_back(d, back);
        missing = r > 0.85f ? 0 : missing + (1.0f - r);
        if (missing > ENDED)
            break;
        d->heard += r;
        if (newer >= 0.5f && r < 0.5f)
            d->first = edge_between(now(d) - (int64_t)(back - 1) * HOP, r, newer);
        else if (r >= 0.5f)
            d->first = now(d) - (int64_t)back * HOP - WINDOW;
        newer = r;
    }
    if (d->first < 0)
        d->first = 0;
}

/* Is the candidate the digit told last: after a jump of its level, or come back as an echo? */
static bool same_press(const struct tr_dtmf *d) {
    int64_t since = d->first - d->told_last;
    if (d->pair != d->told_pair)
        return false;
    return since < BREAK || (since < ECHO_WITHIN && d->row_amp < d->told_row_amp * ECHO_SHARE &&
                             d->column_amp < d->told_column_amp * ECHO_SHARE);
}

static void end_candidate(struct tr_dtmf *d) {
    if (d->on) {
        d->told_last = d->last;
        int digit = "123A456B789C*0#D"[(int)d->pair];
        tr_found_put(&d->found, TR_EV_DTMF_END, (uint64_t)(d->last - 1), digit,
                     (int32_t)((d->last - d->first + 4) / 8));
    }
    d->pair = -1;
    d->on = 0;
}

/* Follows the candidate through the newest window. */
static void follow(struct tr_dtmf *d, bool strict) {
    float r = ratio_back(d, 0);
    d->heard += r;
    if (d->last_ratio >= 0.5f && r < 0.5f)
        d->last = edge_between(now(d), d->last_ratio, r);
    else if (r >= 0.5f)
        d->last = now(d);
    d->last_ratio = r;
    d->absent = r > 0.85f ? 0 : d->absent + (1.0f - r);
    if (strict && d->strict < 255)
        d->strict++;
    if (!d->on && d->strict >= STRICT_WINDOWS && d->heard >= DECIDED && !same_press(d)) {
        d->on = 1;
        d->told_pair = d->pair;
        d->told_row_amp = d->row_amp;
        d->told_column_amp = d->column_amp;
        tr_found_put(&d->found, TR_EV_DTMF_BEGIN, (uint64_t)d->first, "123A456B789C*0#D"[(int)d->pair], 0);
    }
    if (d->absent >= ENDED)
        end_candidate(d);
}

static int loudest(const float *w, int from) {
    int best = from;
    float most = -1;
    for (int f = from; f < from + 4; f++) {
        float p = w[f] * w[f] + w[8 + f] * w[8 + f];
        if (p > most) {
            most = p;
            best = f;
        }
    }
    return best - from;
}

static void judge(struct tr_dtmf *d) {
    const float *w = window_back(d, 0);
    float energy = d->energy[0] + d->energy[1];
    int row = loudest(w, 0), column = loudest(w, 4), pair = row * 4 + column;
    struct tones t = separate(w, row, column);
    float explained =
        t.row_re * w[row] + t.row_im * w[8 + row] + t.column_re * w[4 + column] + t.column_im * w[12 + column];
    bool twist = t.row2 <= t.column2 * TWIST_NORMAL && t.column2 <= t.row2 * TWIST_REVERSE;
    bool strict = twist && t.row2 >= LEAST && t.column2 >= LEAST && explained >= SHARE * energy;
    if (strict) {
        struct tones then = separate(window_back(d, 2), row, column);
        strict = then.row2 * 4 >= t.row2 && then.column2 * 4 >= t.column2 && t.row2 * 4 >= then.row2 &&
                 t.column2 * 4 >= then.column2 && in_phase(row, t.row_re, t.row_im, then.row_re, then.row_im) &&
                 in_phase(4 + column, t.column_re, t.column_im, then.column_re, then.column_im);
    }
    if (t.row2 >= NEAR_LEAST && t.column2 >= NEAR_LEAST && explained >= NEAR_SHARE * energy && twist) {
        d->near_pair = (int8_t)pair;
        d->near_hop = d->hops + 1;
    } else {
        d->near_pair = -1;
    }
    if (d->pair >= 0 && strict && d->pair != pair && !d->on)
        d->pair = -1;
    if (d->pair >= 0)
        follow(d, strict && d->pair == pair);
    if (d->pair < 0 && strict)
        begin_candidate(d, pair, &t);
}

static void hop(struct tr_dtmf *d, const int16_t *x) {
    float energy = tr_kernels->energy40(x);
    float *w = d->window[d->hops % TR_DTMF_HISTORY];
    d->energy[d->hops % 2] = energy;
    if (energy < GATE * HOP) {
        if (d->quiet_hops++ >= TR_DTMF_HISTORY) {
            d->quiet_hops = TR_DTMF_HISTORY; /* all is zero already */
        } else {
            for (int f = 0; f < 8; f++) {
                w[f] = d->part[f] * k.hop_re[f] - d->part[8 + f] * k.hop_im[f];
                w[8 + f] = d->part[f] * k.hop_im[f] + d->part[8 + f] * k.hop_re[f];
            }
            memset(d->part, 0, sizeof d->part);
            d->near_pair = -1;
            if (d->pair >= 0)
                follow(d, false);
        }
        d->hops++;
        return;
    }
    d->quiet_hops = 0;
    float part[16];
    tr_kernels->sixteen40((const float(*)[16])table, x, part);
    for (int f = 0; f < 8; f++) {
        w[f] = part[f] + (d->part[f] * k.hop_re[f] - d->part[8 + f] * k.hop_im[f]);
        w[8 + f] = part[8 + f] + (d->part[f] * k.hop_im[f] + d->part[8 + f] * k.hop_re[f]);
    }
    memcpy(d->part, part, sizeof part);
    judge(d);
    d->hops++;
}

void tr_dtmf_feed(struct tr_dtmf *d, const int16_t *samples, int count) {
    int done = 0;
    if (d->pending_count) {
        int need = HOP - (int)d->pending_count;
        done = count < need ? count : need;
        memcpy(d->pending + d->pending_count, samples, (size_t)done * sizeof *samples);
        d->pending_count += (uint32_t)done;
        if (d->pending_count < HOP)
            return;
        hop(d, d->pending);
        d->pending_count = 0;
    }
    for (; count - done >= HOP; done += HOP)
        hop(d, samples + done);
    if (count > done) {
        memcpy(d->pending, samples + done, (size_t)(count - done) * sizeof *samples);
        d->pending_count = (uint32_t)(count - done);
    }
}

bool tr_dtmf_suspects(const struct tr_dtmf *d) {
    return d->pair >= 0 || (d->near_hop && d->hops - d->near_hop < NEAR_HOPS);
}
