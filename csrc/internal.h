/* What the engine's own files share: the engine, its cards, its allocator. Never included by a card or a detector.
 *
 * Four threads, each with its own fields: the control thread (any that calls the public functions, one at a time), the
 * media thread (stepped: tr_engines_step), the two I/O threads (stepped: inline in the tick). They meet only in the
 * rings of `shared` and of the two `io`, in the atomic port table, and in struct tr_item and struct tr_recording.
 * Serves all nine steps.
 */
#ifndef TIPRING_INTERNAL_H
#define TIPRING_INTERNAL_H

#include "card.h"
#include "io.h"
#include "ring.h"
#include <pthread.h>

#define TR_MAX_CARDS 16

struct tr_port;
struct tr_conference;

/* A card of this engine with the arrays its exchange() takes. The arrays grow only while no media thread runs. */
struct tr_engine_card {
    tr_card *card;
    uint32_t ports; /* length of the arrays */
    uint8_t **rx;
    const uint8_t **tx;
    struct tr_port **by_card_port; /* media */
    uint8_t *taken;                /* control */
};

struct tr_engine {
    struct tr_engine_config config;
    struct tr_shared shared;
    struct tr_io player_io, recorder_io;
    int event_fd;

    /* Control. */
    struct tr_engine_card cards[TR_MAX_CARDS];
    uint32_t card_count;
    uint32_t port_count;
    uint64_t port_bytes;
    struct tr_port *retired; /* released, perhaps still in the media thread's hands */
    uint64_t *number_free;   /* commands put when a number was released: it is free once they have been taken */
    uint64_t side_release;   /* event side data given out so far */
    bool running;
    pthread_t thread;

    /* Control writes, media reads: the ports there are. `version` counts changes, `seen` is the last one taken over. */
    _Atomic(struct tr_port *) *table;
    _Atomic uint32_t version, seen;
    _Atomic uint32_t beats; /* signs of life of the control half */
    _Atomic bool stop;

    /* Media. */
    struct tr_port **by_number;
    struct tr_port **active; /* in the order of their numbers */
    uint32_t active_count;
    uint64_t tick;
    struct tr_conference *conferences; /* by their numbers less 1 */
    uint32_t conference_count;
    uint64_t raised;             /* events of this tick, lost ones too */
    uint64_t lost;               /* events lost since the last TR_EV_OVERRUN */
    uint32_t serial;             /* of I/O requests */
    uint32_t echo_studies;       /* lines that have studied their echo in this tick */
    uint32_t beats_seen, silent; /* silent: ticks since */
    struct tr_io_answer held;    /* a recording's end, for which there is no room yet */
    bool holding;
    bool was_late;
    int64_t due; /* stepped: of the tick, where a card has lost its clock */
};

/* tick.c: one tick. Stepped engines do their I/O within it. */
void tr_engine_tick(struct tr_engine *engine);
/* fallback.c: at the beginning of a tick, before commands: is the control half alive, and what ports do if not. */
void tr_engine_watch(struct tr_engine *engine);
/* Media: it is not, for 5 s now. */
bool tr_engine_is_alone(const struct tr_engine *engine);
/* Control: it is. */
static inline void tr_engine_beat(struct tr_engine *engine) {
    atomic_fetch_add_explicit(&engine->beats, 1, memory_order_relaxed);
}
/* Takes over ports added and released since the last call. Media, or control while no media thread runs. */
void tr_engine_refresh(struct tr_engine *engine);
/* The paced media thread. */
void *tr_engine_thread(void *engine);
/* Media: an event out. Fills tick and side fields. A full ring loses it, counted. */
void tr_raise(struct tr_engine *engine, struct tr_event *event, const void *side, size_t n);

/* Zeroed memory or NULL; the second form begins on a cache line. Tests make the n-th one fail: 0 = none. */
void *tr_alloc(size_t bytes);
void *tr_alloc_line(size_t bytes);
extern _Atomic int tr_alloc_fails_at;

/* Linear gain in Q14 of a hundredth-dB value, -9600 .. 2400. By integer multiplication, equal on every machine. */
int32_t tr_gain(int32_t hundredths_db);
static inline int16_t tr_saturate(int32_t x) { return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x); }

#endif
