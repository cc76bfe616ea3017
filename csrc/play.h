/* The player of a port: a queue of files, tones, digits and silences that join without a gap. Serves steps 5 and 6
 * (prompts, places in the queue) and 7 (the extension is dialled).
 *
 * Each item is prepared by the I/O half (struct tr_item), then read by the media half in the port's chain. The items of
 * the queue join in the sample at which the former one ends; in paced time an item not yet prepared, or a disk that
 * comes late, gives silence until it is there.
 */
#ifndef TIPRING_PLAY_H
#define TIPRING_PLAY_H

#include "engine.h"
#include "gen.h"
#include <stdatomic.h>
#include <stdbool.h>

#define TR_PLAY_QUEUE 32  /* items of a port; one more is TR_E_STATE */
#define TR_ITEM_RING 8192 /* samples of a file read ahead: 1.024 s */

struct tr_engine;
struct tr_port;

/* An item in the hands of both halves. Fixed by the I/O half before it is handed over, but for the atomics. */
struct tr_item {
    bool generated;    /* by gen; else from the ring */
    struct tr_gen gen; /* media */
    int16_t *ring;
    uint32_t mask;
    _Atomic uint32_t head; /* I/O writes */
    _Atomic uint32_t tail; /* media writes */
    _Atomic int32_t error; /* I/O: errno of a failed read, before `ended` */
    _Atomic bool ended;    /* I/O: no more samples will come */
    _Atomic bool done;     /* media: never looked at again */
    /* I/O */
    struct tr_prompt *prompt; /* NULL when all of it is in the ring */
    uint64_t next_sample;
    int32_t gain; /* Q14 */
    bool repeat;
    size_t bytes;
    struct tr_item *next;
};

struct tr_play_entry {
    uint32_t id, epoch, serial;
    bool ready, digits;
    int32_t error;        /* errno of an item that could not be prepared */
    struct tr_item *item; /* NULL while it is prepared, or when it failed */
    uint64_t played;      /* samples */
};

struct tr_player {
    uint32_t first, count;
    int32_t duck;                /* present gain of the prompt, Q15 */
    struct tr_play_entry *queue; /* TR_PLAY_QUEUE */
};

/* All media. A result: TR_E_STATE when the queue is full, TR_E_FULL when the I/O half is too busy. */
int tr_player_add(struct tr_port *port, const struct tr_command *play, const uint8_t *side);
/* The item of that serial is there, or failed; an item nobody waits for is given back. */
void tr_player_ready(struct tr_port *port, uint32_t serial, struct tr_item *item, int32_t result, int32_t error);
/* Ends all items: TR_EV_PLAY_DONE for each. */
void tr_player_stop(struct tr_port *port, enum tr_play_end end);
/* One block. False: silence, `out` untouched. *digits is set when signalling digits are in it. */
bool tr_player_render(struct tr_port *port, int16_t out[TR_BLOCK], bool duck, bool *digits);
void tr_item_drop(struct tr_item *item);

#endif
