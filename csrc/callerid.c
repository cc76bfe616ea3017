#include "callerid.h"
#include "numeric.h"
#include "simd.h"

#include <string.h>

#define WINDOW TR_FSK_WINDOW
#define HOP TR_FSK_HOP
#define TABLE 40         /* samples after which 1200 and 2200 Hz repeat together */
#define CLOCK 768        /* units of a sample */
#define BIT 5120         /* 8000 / 1200 samples */
#define GATE 26000.0f    /* mean square of a hop: -40 dBm0 */
#define CLEAN 0.5f       /* share of the energy in one of the tones */
#define MARK_SAMPLES 200 /* 25 ms */
#define LOST_SAMPLES 80  /* 10 ms without carrier: it is over */
#define IDLE_SAMPLES 800 /* 100 ms of mark within a message: it is broken off */

enum { HUNT, READY, START, BYTE };

static int16_t waves[TABLE][4]; /* mark cos, sin, space cos, sin */

__attribute__((constructor)) static void fill_waves(void) {
    for (int n = 0; n < TABLE; n++) {
        double mark = 1200.0 * n / TR_RATE, space = 2200.0 * n / TR_RATE;
        double v[4] = {tr_cos_turns(mark), tr_sin_turns(mark), tr_cos_turns(space), tr_sin_turns(space)};
        for (int i = 0; i < 4; i++)
            waves[n][i] = (int16_t)(v[i] * 16384.0 + (v[i] < 0 ? -0.5 : 0.5));
    }
}

static void reset(struct tr_fsk_id *f) {
    f->state = HUNT;
    f->mark_run = f->lost = f->idle = 0;
    f->length = 0;
    f->soft = 0;
}

void tr_fsk_id_init(struct tr_fsk_id *f) { memset(f, 0, sizeof *f); }

void tr_fsk_id_release(struct tr_fsk_id *f) { (void)f; }

int tr_fsk_id_get(struct tr_fsk_id *f, struct tr_detection *out) { return tr_found_get(&f->found, out); }

/* The message is whole or broken off: hand it over and hunt for the next. */
static void deliver(struct tr_fsk_id *f) {
    uint32_t length = f->length, sum = 0;
    if (length >= 2) {
        for (uint32_t i = 0; i < length; i++)
            sum += f->message[i];
        bool good = length >= 3 && length == f->message[1] + 3u && (sum & 0xFF) == 0;
        memcpy(f->done, f->message, length);
        tr_found_put(&f->found, TR_EV_CALLER_ID, f->begun, TR_CALLERID_FSK, good);
        struct tr_detection *d = &f->found.ring[(f->found.put - 1) % TR_FOUND_MAX];
        d->side = f->done;
        d->side_len = length;
    }
    reset(f);
}

static void take_byte(struct tr_fsk_id *f, uint8_t byte) {
    if (f->length == 0) {
        if (byte != 0x04 && byte != 0x06 && byte != 0x80 && byte != 0x82) {
            reset(f);
            return;
        }
        f->begun = f->byte_begun;
    }
    f->message[f->length++] = byte;
    f->state = READY;
    f->idle = 0;
    if (f->length >= 2 && f->length == f->message[1] + 3u)
        deliver(f);
}

/* One decision: mark over space in `soft`, and whether this is clean carrier. */
static void decide(struct tr_fsk_id *f, float soft, bool clean) {
    bool is_mark = soft > 0;
    if (clean) {
        f->lost = 0;
    } else if (++f->lost > LOST_SAMPLES) {
        if (f->length)
            deliver(f);
        else
            reset(f);
        return;
    }
    switch (f->state) {
    case HUNT:
        if (is_mark && clean) {
            if (++f->mark_run >= MARK_SAMPLES)
                f->state = READY;
        } else {
            f->mark_run = f->mark_run > 16 ? f->mark_run - 16 : 0;
        }
        break;
    case READY:
        if (is_mark) {
            if (++f->idle > IDLE_SAMPLES && f->length)
                deliver(f);
            break;
        }
        if (f->soft <= 0)
            break; /* space since before the stop bit: wait for mark */
        /* the edge lies between the last sample and this; the start bit's middle half a bit later */
        f->clock = BIT / 2 - (int32_t)((float)CLOCK * soft / (soft - f->soft));
        f->byte_begun = f->samples - WINDOW / 2;
        f->state = START;
        f->bits = 0;
        f->shift = 0;
        break;
    default:
        f->clock -= CLOCK;
        if (f->clock > 0)
            break;
        f->clock += BIT;
        if (f->state == START) {
            f->state = is_mark ? READY : BYTE;
            break;
        }
        if (f->bits < 8) {
            f->shift |= (uint32_t)is_mark << f->bits++;
            break;
        }
        if (!is_mark && f->length == 0)
            reset(f); /* no stop bit: this was no byte */
        else
            take_byte(f, (uint8_t)f->shift); /* within a message the checksum tells */
        break;
    }
    f->soft = soft;
}

static void sample(struct tr_fsk_id *f, int32_t x) {
    /* two moving sums, of five and of three samples */
    int32_t *old = f->products[f->place], *older = f->fives[f->place3];
    const int16_t *wave = waves[f->turn];
    for (int i = 0; i < 4; i++) {
        int32_t p = x * wave[i] >> 14;
        f->five_sums[i] += p - old[i];
        old[i] = p;
        f->sums[i] += f->five_sums[i] - older[i];
        older[i] = f->five_sums[i];
    }
    int32_t square = x * x >> 6;
    f->square_sum += square - f->squares[f->place7];
    f->squares[f->place7] = square;
    f->place = f->place + 1 == 5 ? 0 : f->place + 1;
    f->place3 = f->place3 + 1 == 3 ? 0 : f->place3 + 1;
    f->place7 = f->place7 + 1 == WINDOW ? 0 : f->place7 + 1;
    f->turn = f->turn + 1 == TABLE ? 0 : f->turn + 1;
    float mc = (float)f->sums[0], ms = (float)f->sums[1], sc = (float)f->sums[2], ss = (float)f->sums[3];
    float mark = mc * mc + ms * ms, space = sc * sc + ss * ss, most = mark > space ? mark : space;
    bool clean = most * (2.0f * WINDOW / 225.0f) >= CLEAN * 64.0f * (float)f->square_sum;
    float soft = mark - space;
    decide(f, soft, clean);
    f->samples++;
}

static void hop(struct tr_fsk_id *f, const int16_t *x) {
    if (f->state == HUNT && tr_kernels->energy40(x) < GATE * HOP) {
        if (f->square_sum) {
            memset(f->products, 0, sizeof f->products);
            memset(f->fives, 0, sizeof f->fives);
            memset(f->five_sums, 0, sizeof f->five_sums);
            memset(f->sums, 0, sizeof f->sums);
            memset(f->squares, 0, sizeof f->squares);
            f->square_sum = 0;
        }
        reset(f);
        f->samples += HOP;
        return;
    }
    for (int i = 0; i < HOP; i++)
        sample(f, x[i]);
}

void tr_fsk_id_feed(struct tr_fsk_id *f, const int16_t *samples, int count) {
    int done = 0;
    if (f->pending_count) {
        int need = HOP - (int)f->pending_count;
        done = count < need ? count : need;
        memcpy(f->pending + f->pending_count, samples, (size_t)done * sizeof *samples);
        f->pending_count += (uint32_t)done;
        if (f->pending_count < HOP)
            return;
        hop(f, f->pending);
        f->pending_count = 0;
    }
    for (; count - done >= HOP; done += HOP)
        hop(f, samples + done);
    if (count > done) {
        memcpy(f->pending, samples + done, (size_t)(count - done) * sizeof *samples);
        f->pending_count = (uint32_t)(count - done);
    }
}

/* ---- DTMF ---- */

#define GAP_SAMPLES 4000 /* 500 ms */
#define LEAST_DIGITS 3

void tr_dtmf_id_init(struct tr_dtmf_id *d) {
    memset(d, 0, sizeof *d);
    tr_dtmf_init(&d->dtmf);
}

void tr_dtmf_id_release(struct tr_dtmf_id *d) { tr_dtmf_release(&d->dtmf); }

int tr_dtmf_id_get(struct tr_dtmf_id *d, struct tr_detection *out) { return tr_found_get(&d->found, out); }

static void deliver_digits(struct tr_dtmf_id *d, int whole) {
    if (d->length >= LEAST_DIGITS) {
        memcpy(d->done, d->digits, d->length);
        tr_found_put(&d->found, TR_EV_CALLER_ID, d->begun, TR_CALLERID_DTMF, whole);
        struct tr_detection *e = &d->found.ring[(d->found.put - 1) % TR_FOUND_MAX];
        e->side = (const uint8_t *)d->done;
        e->side_len = d->length;
    }
    d->length = 0;
}

void tr_dtmf_id_feed(struct tr_dtmf_id *d, const int16_t *samples, int count) {
    while (count > 0) { /* at most a tick at a time, so that gaps end in time */
        int n = count < TR_BLOCK ? count : TR_BLOCK;
        struct tr_detection got;
        tr_dtmf_feed(&d->dtmf, samples, n);
        d->samples += (uint64_t)n;
        samples += n;
        count -= n;
        while (tr_dtmf_get(&d->dtmf, &got)) {
            if (got.kind == TR_EV_DTMF_END) {
                d->sounding = 0;
                d->last_end = got.at;
                continue;
            }
            d->sounding = 1;
            if (d->length == 0)
                d->begun = got.at;
            d->digits[d->length++] = (char)got.a0;
            if (got.a0 == 'C' || got.a0 == '#')
                deliver_digits(d, 1);
            else if (d->length == TR_DTMF_ID_MAX)
                deliver_digits(d, 0);
        }
        if (d->length && !d->sounding && d->samples > d->last_end + GAP_SAMPLES)
            deliver_digits(d, 0);
    }
}
