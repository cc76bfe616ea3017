/* The card of the benches: B channels, or analog lines off-hook, whose far ends are a given input (A-law, repeated),
 * without lines or timing. */
#ifndef TIPRING_BENCH_CARD_H
#define TIPRING_BENCH_CARD_H

#include "card.h"
#include <stdbool.h>

struct bench_card {
    tr_card base;
    uint32_t count, samples, distinct, at;
    const uint8_t *input;
    bool analog;
    /* Told each block that a port sends, before what it hears now. */
    void (*sent)(void *whose, uint32_t port, const uint8_t *tx);
    void *whose;
    bool live; /* false while the calls are set up: idle codes */
};

/* Port p hears input p % distinct, of `samples` octets each. NULL: no memory. */
struct bench_card *bench_card_new(uint32_t ports, const uint8_t *input, uint32_t samples, uint32_t distinct);
/* Processor time of this thread: what other programs take of the machine counts for nothing. */
int64_t bench_now_ns(void);

#endif
