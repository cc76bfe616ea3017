/* The media half of the recorder: see record.h. */
#include "record.h"
#include "gen.h"
#include "internal.h"
#include "port.h"
#include <string.h>

#define FRAMES_MAX (0x7ffff000u / 4) /* a WAV file's lengths have 32 bits: 18 hours, then TR_RECORD_LIMIT */

int tr_recorder_start(struct tr_port *port, struct tr_recorder *r, const struct tr_command *record,
                      const uint8_t *side) {
    if (record->a[0] < TR_RECORD_RX || record->a[0] > TR_RECORD_STEREO || record->a[1] < 0 || record->a[2] < 0 ||
        record->side_len == 0) {
        return TR_E_ARGUMENT;
    }
    if (r->state != TR_RECORDER_OFF) {
        return TR_E_STATE;
    }
    struct tr_io_request request = {.command = *record, .serial = ++port->engine->serial};
    if (!tr_io_request(&port->engine->recorder_io, &request, side, record->side_len)) {
        return TR_E_FULL;
    }
    port->files++;
    int64_t peak = tr_gen_peak(port->voice_level);
    memset(r, 0, sizeof *r);
    r->state = TR_RECORDER_OPENING;
    r->id = record->id;
    r->epoch = record->epoch;
    r->serial = request.serial;
    r->limit = (uint64_t)record->a[1] * TR_RATE / 1000;
    r->limit = r->limit == 0 || r->limit > FRAMES_MAX ? FRAMES_MAX : r->limit;
    r->quiet_limit = (uint64_t)record->a[2] * TR_RATE / 1000;
    r->least = peak * peak / 2;
    r->what = (uint32_t)record->a[0];
    return TR_OK;
}

/* Which of the port's two waits for this answer; NULL: it was stopped meanwhile. */
static struct tr_recorder *opening(struct tr_port *port, uint32_t serial) {
    struct tr_recorder *both[] = {&port->recorder, &port->capture};
    for (int i = 0; i < 2; i++) {
        if (both[i]->state == TR_RECORDER_OPENING && both[i]->serial == serial) {
            return both[i];
        }
    }
    return NULL;
}

void tr_recorder_ready(struct tr_port *port, uint32_t serial, struct tr_recording *recording) {
    struct tr_recorder *r = opening(port, serial);
    if (r) {
        r->state = TR_RECORDER_ON;
        r->recording = recording;
        port->dirty = true;
    } else {
        atomic_store_explicit(&recording->closing, 1 + TR_RECORD_STOPPED, memory_order_release);
    }
}

void tr_recorder_failed(struct tr_port *port, uint32_t serial) {
    struct tr_recorder *r = opening(port, serial);
    if (r) {
        r->state = TR_RECORDER_OFF;
        port->dirty = true;
    }
}

void tr_recorder_stop(struct tr_port *port, struct tr_recorder *r, enum tr_record_end end) {
    if (r->state == TR_RECORDER_ON) {
        atomic_store_explicit(&r->recording->closing, 1 + (int32_t)end, memory_order_release);
    }
    if (r->state != TR_RECORDER_OFF) {
        r->state = TR_RECORDER_OFF;
        r->recording = NULL;
        port->dirty = true;
    }
}

static void put(struct tr_recording *recording, uint32_t head, const int16_t *left, const int16_t *right, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        int16_t *frame = recording->ring + (size_t)((head + i) % TR_RECORD_RING) * recording->channels;
        frame[0] = left ? left[i] : 0;
        if (recording->channels == 2) {
            frame[1] = right ? right[i] : 0;
        }
    }
}

/* `n` frames into the ring, after the silence that stands for what was lost. False: no room. */
static bool push(struct tr_recorder *r, const int16_t *left, const int16_t *right, uint32_t n) {
    struct tr_recording *recording = r->recording;
    uint32_t head = atomic_load_explicit(&recording->head, memory_order_relaxed);
    uint32_t room = TR_RECORD_RING - (head - atomic_load_explicit(&recording->tail, memory_order_acquire));
    if (r->lost > 0 && room > n) {
        uint32_t fill = r->lost < room - n ? (uint32_t)r->lost : room - n;
        put(recording, head, NULL, NULL, fill);
        head += fill;
        room -= fill;
        r->lost -= fill;
    }
    bool fits = r->lost == 0 && room >= n;
    if (fits) {
        put(recording, head, left, right, n);
        head += n;
    }
    atomic_store_explicit(&recording->head, head, memory_order_release);
    return fits;
}

static bool silent(const int16_t *samples, uint32_t n, int64_t least) {
    int64_t sum = 0;
    for (uint32_t i = 0; samples && i < n; i++) {
        sum += (int32_t)samples[i] * samples[i];
    }
    return sum < least * n;
}

void tr_recorder_feed(struct tr_port *port, struct tr_recorder *r, const int16_t *rx, const int16_t *tx) {
    if (r->state != TR_RECORDER_ON) {
        return;
    }
    if (atomic_load_explicit(&r->recording->error, memory_order_acquire)) {
        tr_recorder_stop(port, r, TR_RECORD_FAILED);
        return;
    }
    const int16_t *left = r->what == TR_RECORD_TX ? tx : rx, *right = r->what == TR_RECORD_STEREO ? tx : NULL;
    uint32_t n = r->limit - r->frames < TR_BLOCK ? (uint32_t)(r->limit - r->frames) : TR_BLOCK;
    if (!push(r, left, right, n)) {
        r->lost += n;
        tr_count(&port->engine->shared, TR_N_IO_OVERRUNS, 1);
    }
    r->frames += n;
    r->quiet = silent(left, n, r->least) && silent(right, n, r->least) ? r->quiet + n : 0;
    if (r->frames >= r->limit) {
        tr_recorder_stop(port, r, TR_RECORD_LIMIT);
    } else if (r->quiet_limit && r->quiet >= r->quiet_limit) {
        tr_recorder_stop(port, r, TR_RECORD_SILENCE);
    } else if (r->lost > TR_RECORD_LOST_MAX) {
        tr_recorder_stop(port, r, TR_RECORD_OVERRUN);
    }
}
