/* A small ring of detections between a detector's feed and its get. Fixed size; the oldest is lost when it is full
 * (a caller that drains after every block of 160 samples never fills it). */
#ifndef TIPRING_FOUND_H
#define TIPRING_FOUND_H

#include "detect.h"

#define TR_FOUND_MAX 8

struct tr_found {
    struct tr_detection ring[TR_FOUND_MAX];
    uint32_t put, got;
};

static inline void tr_found_put(struct tr_found *f, uint32_t kind, uint64_t at, int32_t a0, int32_t a1) {
    if (f->put - f->got == TR_FOUND_MAX)
        f->got++;
    struct tr_detection *d = &f->ring[f->put++ % TR_FOUND_MAX];
    d->kind = kind;
    d->at = at;
    d->a0 = a0;
    d->a1 = a1;
    d->side = NULL;
    d->side_len = 0;
}

static inline int tr_found_get(struct tr_found *f, struct tr_detection *out) {
    if (f->put == f->got)
        return 0;
    *out = f->ring[f->got++ % TR_FOUND_MAX];
    return 1;
}

#endif
