#include "gen.h"
#include "numeric.h"

#include <stdbool.h>
#include <string.h>

#define RAMP 8 /* samples: 1 ms */
#define TABLE_BITS 12
#define SEIZURE_BITS 300 /* GR-30, on-hook */
#define MARK_BITS 180
#define TRAILING_MARKS 10

static int16_t sine_table[(1 << TABLE_BITS) + 1];

__attribute__((constructor)) static void fill_table(void) {
    for (int i = 0; i <= 1 << TABLE_BITS; i++) {
        double s = tr_sin_turns((double)i / (double)(1 << TABLE_BITS)) * 32767.0;
        sine_table[i] = (int16_t)(s < 0 ? s - 0.5 : s + 0.5);
    }
}

int32_t tr_gen_sine(uint32_t phase) {
    uint32_t i = phase >> (32 - TABLE_BITS);
    int32_t part = (int32_t)(phase >> (32 - TABLE_BITS - 12) & 0xFFF);
    int32_t a = sine_table[i], b = sine_table[i + 1];
    return a + (((b - a) * part + 2048) >> 12);
}

int32_t tr_gen_peak(int cdbm0) {
    if (cdbm0 < -9000)
        return 0;
    if (cdbm0 > 314)
        return 32769;
    return (int32_t)(32768.0 * tr_ratio_of_db((double)(cdbm0 - 314) / 100.0) + 0.5);
}

uint32_t tr_gen_step(uint32_t millihertz) { return (uint32_t)((((uint64_t)millihertz << 32) + 4000000u) / 8000000u); }

/* Digits are pairs of frequencies by name. */
struct pair {
    uint16_t low, high;
};

static bool pair_of(uint32_t kind, char digit, struct pair *out) {
    static const char dtmf[] = "123A456B789C*0#D", r1[] = "1234567890CA*B#", r2[] = "1234567890BCDEF";
    static const uint16_t rows[4] = {697, 770, 852, 941}, columns[4] = {1209, 1336, 1477, 1633};
    static const uint8_t first[15] = {0, 0, 1, 0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 4};
    static const uint8_t second[15] = {1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5};
    if (digit == 0)
        return false;
    if (kind == TR_PLAY_DTMF) {
        if (digit >= 'a' && digit <= 'd')
            digit = (char)(digit - 'a' + 'A');
        const char *p = strchr(dtmf, digit);
        if (!p)
            return false;
        int i = (int)(p - dtmf);
        *out = (struct pair){rows[i / 4], columns[i % 4]};
        return true;
    }
    const char *p = strchr(kind == TR_PLAY_MF_R1 ? r1 : r2, digit);
    if (!p)
        return false;
    int i = (int)(p - (kind == TR_PLAY_MF_R1 ? r1 : r2));
    int base = kind == TR_PLAY_MF_R1 ? 700 : kind == TR_PLAY_MF_R2F ? 1380 : 1140;
    int step = kind == TR_PLAY_MF_R1 ? 200 : kind == TR_PLAY_MF_R2F ? 120 : -120;
    *out = (struct pair){(uint16_t)(base + step * first[i]), (uint16_t)(base + step * second[i])};
    return true;
}

static int32_t samples_of(int32_t ms) { return ms > 200000000 ? INT32_MAX : ms * 8; }

static int init_tone(struct tr_gen *g, const int32_t *a, size_t n) {
    if (a[1] <= 0 || a[1] >= 4000 || a[2] < 0 || a[2] >= 4000 || a[4] < 0 || n % 8 != 0)
        return TR_E_ARGUMENT;
    g->step1 = tr_gen_step((uint32_t)a[1] * 1000u);
    g->peak1 = tr_gen_peak(a[3]);
    if (a[2]) {
        g->step2 = tr_gen_step((uint32_t)a[2] * 1000u);
        g->peak2 = g->peak1;
    }
    g->left = a[4] ? (int64_t)a[4] * 8 : -1;
    g->cadence_count = (int32_t)(n / 4);
    int64_t sum = 0;
    for (int i = 0; i < g->cadence_count; i++) {
        int32_t ms;
        memcpy(&ms, g->side + 4 * i, 4);
        if (ms < 0)
            return TR_E_ARGUMENT;
        sum += ms;
    }
    return g->cadence_count && sum == 0 ? TR_E_ARGUMENT : TR_OK;
}

static int init_digits(struct tr_gen *g, const int32_t *a, size_t n) {
    bool dtmf = g->kind == TR_PLAY_DTMF, r2 = g->kind == TR_PLAY_MF_R2F || g->kind == TR_PLAY_MF_R2B;
    if (a[1] < 0 || a[2] < 0 || (a[1] == 0 && !r2) || (dtmf && a[5] < 0))
        return TR_E_ARGUMENT;
    struct pair pair;
    for (size_t i = 0; i < n; i++) {
        if (!(dtmf && g->side[i] == ',') && !pair_of(g->kind, (char)g->side[i], &pair))
            return TR_E_ARGUMENT;
    }
    g->on = a[1] ? samples_of(a[1]) : -1;
    g->off = samples_of(a[2]);
    g->pause = dtmf ? samples_of(a[5]) : 0;
    g->peak1 = tr_gen_peak(a[3]);
    g->peak2 = dtmf ? tr_gen_peak(a[4]) : g->peak1;
    return TR_OK;
}

/* The next bit, or -1 at the end: seizure, mark, then start, 8 data and stop bits of each byte, marks. */
static int next_bit(struct tr_gen *g) {
    if (g->lead > 0) {
        int bit = g->lead > MARK_BITS ? (int)(g->lead & 1) : 1; /* seizure begins with space */
        g->lead--;
        return bit;
    }
    if (g->frame_bits == 0) {
        if (g->at > g->side_len)
            return -1;
        if (g->at == g->side_len) {
            g->frame = ~0u;
            g->frame_bits = TRAILING_MARKS;
        } else {
            g->frame = (uint32_t)g->side[g->at] << 1 | 0x200;
            g->frame_bits = 10;
        }
        g->at++;
    }
    int bit = (int)(g->frame & 1);
    g->frame >>= 1;
    g->frame_bits--;
    return bit;
}

int tr_gen_init(struct tr_gen *g, const struct tr_command *play, const uint8_t *side, size_t n) {
    memset(g, 0, sizeof *g);
    if (n > TR_GEN_SIDE)
        return TR_E_TOO_LONG;
    const int32_t *a = play->a;
    g->kind = (uint32_t)a[0];
    g->side_len = (uint32_t)n;
    g->left = -1;
    if (n)
        memcpy(g->side, side, n);
    int result = TR_OK;
    switch (g->kind) {
    case TR_PLAY_TONE:
        result = init_tone(g, a, n);
        break;
    case TR_PLAY_DTMF:
    case TR_PLAY_MF_R1:
    case TR_PLAY_MF_R2F:
    case TR_PLAY_MF_R2B:
        result = init_digits(g, a, n);
        break;
    case TR_PLAY_FSK_ID:
        g->peak1 = tr_gen_peak(a[3]);
        g->step1 = tr_gen_step(1200000);
        g->step2 = tr_gen_step(2200000);
        g->lead = SEIZURE_BITS + MARK_BITS;
        g->sounding = 1;
        g->bit = (uint32_t)next_bit(g);
        break;
    case TR_PLAY_SILENCE:
        if (a[1] < 0)
            return TR_E_ARGUMENT;
        g->left = (int64_t)a[1] * 8;
        break;
    default:
        return TR_E_ARGUMENT;
    }
    if (result == TR_OK && g->peak1 + (g->kind == TR_PLAY_FSK_ID ? 0 : g->peak2) > 32768)
        return TR_E_ARGUMENT;
    return result;
}

/* The next burst or gap of a cadence or digit string. False at the end. segment_length -1 = for ever. */
static bool next_segment(struct tr_gen *g) {
    g->segment = 0;
    if (g->kind == TR_PLAY_TONE) {
        if (g->cadence_count == 0) {
            g->sounding = 1;
            g->segment_length = g->left > INT32_MAX ? INT32_MAX : (int32_t)g->left;
            return g->left != 0;
        }
        int32_t ms;
        do {
            memcpy(&ms, g->side + 4 * g->at, 4);
            g->sounding = g->at % 2 == 0;
            g->at = (g->at + 1) % (uint32_t)g->cadence_count;
        } while (ms == 0);
        g->segment_length = samples_of(ms);
        if (g->left >= 0 && g->segment_length > g->left)
            g->segment_length = (int32_t)g->left;
        g->phase1 = g->phase2 = 0;
        return g->left != 0;
    }
    if (g->sounding && g->off) {
        g->sounding = 0;
        g->segment_length = g->off;
        return true;
    }
    if (g->at >= g->side_len)
        return false;
    char digit = (char)g->side[g->at++];
    if (digit == ',') {
        g->sounding = 0;
        g->segment_length = g->pause;
        return true;
    }
    struct pair pair = {0, 0};
    pair_of(g->kind, digit, &pair);
    g->step1 = tr_gen_step(pair.low * 1000u);
    g->step2 = tr_gen_step(pair.high * 1000u);
    g->phase1 = g->phase2 = 0;
    g->sounding = 1;
    g->segment_length = g->on;
    return true;
}

static int feed_segments(struct tr_gen *g, int16_t *out, int count) {
    int done = 0;
    while (done < count) {
        while (g->segment_length >= 0 && g->segment >= g->segment_length) {
            if (!next_segment(g))
                return done;
        }
        int run = count - done;
        if (g->segment_length >= 0 && run > g->segment_length - g->segment)
            run = g->segment_length - g->segment;
        if (!g->sounding) {
            memset(out + done, 0, (size_t)run * sizeof *out);
            g->segment += run;
        } else {
            for (int i = 0; i < run; i++, g->segment++) {
                int32_t v = tr_gen_sine(g->phase1) * g->peak1;
                g->phase1 += g->step1;
                if (g->peak2 && g->step2) {
                    v += tr_gen_sine(g->phase2) * g->peak2;
                    g->phase2 += g->step2;
                }
                v = (v + 16384) >> 15;
                int edge = g->segment_length < 0 ? INT32_MAX : g->segment_length - 1 - g->segment;
                if (g->segment < edge)
                    edge = g->segment;
                if (edge < RAMP)
                    v = v * (2 * edge + 1) / (2 * RAMP);
                if (g->segment_length < 0 && g->segment == INT32_MAX - 1) /* a tone for ever */
                    g->segment = RAMP;
                out[done + i] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
            }
        }
        done += run;
        if (g->left > 0)
            g->left -= run;
    }
    return done;
}

static int feed_fsk(struct tr_gen *g, int16_t *out, int count) {
    for (int i = 0; i < count; i++) {
        if (!g->sounding)
            return i;
        int32_t v = (int32_t)(((int64_t)tr_gen_sine(g->phase1) * g->peak1 + 16384) >> 15);
        out[i] = (int16_t)(v > 32767 ? 32767 : v);
        uint32_t step = g->bit ? g->step1 : g->step2;
        g->bit_phase += 1200;
        if (g->bit_phase >= TR_RATE) { /* the bit ends within this sample: share the step */
            g->bit_phase -= TR_RATE;
            int bit = next_bit(g);
            if (bit < 0) {
                g->sounding = 0;
                return i + 1;
            }
            g->bit = (uint32_t)bit;
            uint32_t after = bit ? g->step1 : g->step2;
            step = (uint32_t)((int64_t)step + ((int64_t)after - (int64_t)step) * (int64_t)g->bit_phase / 1200);
        }
        g->phase1 += step;
    }
    return count;
}

int tr_gen_feed(struct tr_gen *g, int16_t *out, int count) {
    if (g->kind == TR_PLAY_FSK_ID)
        return feed_fsk(g, out, count);
    if (g->kind == TR_PLAY_SILENCE) {
        int n = g->left < count ? (int)g->left : count;
        memset(out, 0, (size_t)n * sizeof *out);
        g->left -= n;
        return n;
    }
    return feed_segments(g, out, count);
}
