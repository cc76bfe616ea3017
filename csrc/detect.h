/* The detectors: one form for all. init, feed, get, release; fixed size, no heap, no locks.
 * They count samples from init; `at` in a detection is such a count. */
#ifndef TIPRING_DETECT_H
#define TIPRING_DETECT_H

#include "engine.h"
#include <stdbool.h>

struct tr_detection {
    uint32_t kind; /* TR_EV_DTMF_BEGIN .. TR_EV_CALLER_ID */
    uint64_t at;
    int32_t a0, a1;
    const uint8_t *side; /* caller ID; valid until the next feed */
    uint32_t side_len;
};

/* Each header (dtmf.h, tone.h, callerid.h, vad.h) declares, for its struct tr_X:
 *     void tr_X_init(struct tr_X *x, ...its parameters...);
 *     void tr_X_feed(struct tr_X *x, const int16_t *samples, int count);
 *     int  tr_X_get(struct tr_X *x, struct tr_detection *out);   1 = one more, 0 = none
 *     void tr_X_release(struct tr_X *x);
 * and its sources, times and levels. */

#endif
