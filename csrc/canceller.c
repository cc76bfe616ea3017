/* The echo canceller on sound in memory: benches and tests. Not real time: it may allocate. */
#include "echo.h"
#include <stdlib.h>
#include <string.h>

struct tr_canceller {
    struct tr_echo echo;
    uint64_t tick;
};

tr_canceller *tr_canceller_new(int taps) {
    tr_canceller *c = taps > TR_ECHO_PARTS * TR_ECHO_TAPS ? NULL : calloc(1, sizeof *c);
    if (c) {
        c->echo.mode = TR_ECHO_ON;
        c->echo.parts = taps > TR_ECHO_TAPS ? 2 : 1;
        tr_echo_init(&c->echo);
    }
    return c;
}

void tr_canceller_free(tr_canceller *c) { free(c); }

int tr_canceller_feed(tr_canceller *c, const int16_t *sent, const int16_t *received, int16_t *out, int count) {
    if (count < 0 || count % TR_BLOCK) {
        return TR_E_ARGUMENT;
    }
    for (int at = 0; at < count; at += TR_BLOCK) {
        struct tr_echo_step step;
        uint32_t studies = 0;
        memmove(out + at, received + at, TR_BLOCK * sizeof *out);
        tr_echo_cancel(&c->echo, c->tick++, sent + at, out + at, &step);
        tr_echo_learn(&c->echo, &step, &studies);
    }
    return TR_OK;
}
