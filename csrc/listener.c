/* The detectors and generators on sound in memory: `tipring audio`, benches and tests. Not real time: it may allocate.
 */
#include "callerid.h"
#include "gen.h"
#include "tone.h"
#include "vad.h"

#include <stdlib.h>
#include <string.h>

struct tr_listener {
    uint32_t mask;
    uint64_t samples;
    struct tr_dtmf dtmf;
    struct tr_tones tones;
    struct tr_fsk_id fsk_id;
    struct tr_dtmf_id dtmf_id;
    struct tr_vad vad;
    struct tr_event *events; /* found and not yet handed over: from `taken` to `count` */
    size_t count, taken, room;
    uint8_t *side; /* of those events and the ones handed over last */
    size_t side_len, side_room;
};

tr_listener *tr_listener_new(uint32_t detect_mask, const struct tr_tone *plan, int tones) {
    tr_listener *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->mask = detect_mask;
    tr_dtmf_init(&l->dtmf);
    tr_fsk_id_init(&l->fsk_id);
    tr_dtmf_id_init(&l->dtmf_id);
    tr_vad_init(&l->vad, 0);
    if (tr_tones_init(&l->tones, plan, tones, 0) != TR_OK) {
        free(l);
        return NULL;
    }
    return l;
}

void tr_listener_free(tr_listener *l) {
    if (!l)
        return;
    free(l->events);
    free(l->side);
    free(l);
}

static int keep(tr_listener *l, const struct tr_detection *d) {
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        struct tr_event *more = realloc(l->events, room * sizeof *more);
        if (!more)
            return TR_E_NO_MEMORY;
        l->events = more;
        l->room = room;
    }
    if (l->side_len + d->side_len > l->side_room) {
        size_t room = 2 * (l->side_len + d->side_len);
        uint8_t *more = realloc(l->side, room);
        if (!more)
            return TR_E_NO_MEMORY;
        l->side = more;
        l->side_room = room;
    }
    struct tr_event *e = &l->events[l->count++];
    memset(e, 0, sizeof *e);
    e->kind = d->kind;
    e->at = d->at;
    e->tick = l->samples / TR_BLOCK;
    e->a[0] = d->a0;
    e->a[1] = d->a1;
    e->side_len = d->side_len;
    e->side_at = l->side_len;
    if (d->side_len)
        memcpy(l->side + l->side_len, d->side, d->side_len);
    l->side_len += d->side_len;
    return TR_OK;
}

static int feed_block(tr_listener *l, const int16_t *x, int n) {
    struct tr_detection d;
    int result = TR_OK;
    if (l->mask & TR_DETECT_DTMF)
        tr_dtmf_feed(&l->dtmf, x, n);
    while (result == TR_OK && tr_dtmf_get(&l->dtmf, &d))
        result = keep(l, &d);
    if (l->mask & TR_DETECT_TONES)
        tr_tones_feed(&l->tones, x, n);
    while (result == TR_OK && tr_tones_get(&l->tones, &d))
        result = keep(l, &d);
    if (l->mask & TR_DETECT_FSK_ID)
        tr_fsk_id_feed(&l->fsk_id, x, n);
    while (result == TR_OK && tr_fsk_id_get(&l->fsk_id, &d))
        result = keep(l, &d);
    if (l->mask & TR_DETECT_DTMF_ID)
        tr_dtmf_id_feed(&l->dtmf_id, x, n);
    while (result == TR_OK && tr_dtmf_id_get(&l->dtmf_id, &d))
        result = keep(l, &d);
    if (l->mask & TR_DETECT_VOICE)
        tr_vad_feed(&l->vad, x, n);
    while (result == TR_OK && tr_vad_get(&l->vad, &d))
        result = keep(l, &d);
    l->samples += (uint64_t)n;
    return result;
}

/* Events beyond `max` are kept for the next call, which may feed nothing. */
int tr_listener_feed(tr_listener *l, const int16_t *samples, int count, struct tr_event *out, int max) {
    if (count < 0 || max < 0)
        return TR_E_ARGUMENT;
    if (l->taken == l->count)
        l->taken = l->count = l->side_len = 0;
    for (int i = 0; i < count; i += TR_BLOCK) {
        int result = feed_block(l, samples + i, count - i < TR_BLOCK ? count - i : TR_BLOCK);
        if (result != TR_OK)
            return result;
    }
    int n = 0;
    while (n < max && l->taken < l->count)
        out[n++] = l->events[l->taken++];
    return n;
}

int tr_listener_side(tr_listener *l, const struct tr_event *event, void *out, size_t max) {
    if (event->side_at + event->side_len > l->side_len)
        return TR_E_ARGUMENT;
    if (event->side_len > max)
        return TR_E_TOO_LONG;
    if (event->side_len)
        memcpy(out, l->side + event->side_at, event->side_len);
    return (int)event->side_len;
}

int tr_render(const struct tr_command *play, const void *side, size_t side_len, int16_t *out, int max) {
    if (max < 0)
        return TR_E_ARGUMENT;
    if (play->a[0] == TR_PLAY_SAMPLES) {
        size_t n = side_len / 2;
        if (n > (size_t)max)
            n = (size_t)max;
        if (n)
            memcpy(out, side, n * 2);
        return (int)n;
    }
    struct tr_gen g;
    int result = tr_gen_init(&g, play, side, side_len);
    return result < 0 ? result : tr_gen_feed(&g, out, max);
}
