/* ISDN PRI: one D channel that speaks DSS1 (EuroISDN) by libpri, user or network side. Serves steps 1 and 3, where the
 * trunk is ISDN: the office's calls with their numbers, and ours.
 *
 * libpri runs in the tick, on the media thread: a frame is answered in the tick that brings it, timers are the engine's
 * (so they expire in stepped time), and layer 2 and the far end's hang-ups are served even while the control half is
 * stuck; a call that comes then is refused with cause 34, so that the office hunts on. It costs no system call, no lock
 * and no heap (pri_world.h): a call costs either end about 20 us in all, a tick without one 0.4 us.
 *
 * What libpri leaves to others is done here: DISCONNECT and RELEASE of the far end are answered at once; what
 * layer 2 lost when it was begun anew is said again, and asked for (pri_again.c); calls that libpri drops without a
 * word are told as cleared; records of calls that it makes for a message and forgets are freed; a call that does not
 * end within T305 + 2 * T308 + 5 s is dropped; messages are cut at the first element that does not fit (pri_frame.h),
 * before libpri reads them; an arena that is full begins the D channel anew. Channels are chosen by the control half,
 * by its span.
 *
 * Pure state: what it says goes through struct tr_pri_io, so tests and the fuzzer drive it without an engine. */
#ifndef TIPRING_PRI_H
#define TIPRING_PRI_H

#include "engine.h"
#include "pri_world.h"

#define TR_PRI_MAX_CALLS 64 /* at once; E1: 30, with those that are ending */

enum { TR_PRI_FRESH = 4 };

struct pri;
struct q921_link;
struct q931_call;

struct tr_pri_io {
    void *context;
    /* One frame of layer 2 to the far end; negative: no room. */
    int (*send)(void *context, const uint8_t *frame, uint32_t length);
    /* kind is TR_EV_PRI or TR_EV_PRI_FRAME. */
    void (*tell)(void *context, uint32_t kind, const int32_t a[5], const void *side, uint32_t length);
};

struct tr_pri_call {
    struct q931_call *call; /* NULL: an empty place, or freed by libpri (then `handle` is not 0) */
    int32_t handle;         /* 0: an empty place */
    int32_t slot, cause;
    int32_t step;        /* told last: enum tr_pri_what */
    bool told;           /* cleared */
    bool unanswered;     /* incoming: nothing was said to it yet */
    bool by_us;          /* a command ended it */
    uint64_t ends_by_ms; /* once it is being cleared; 0 before */
};

struct tr_pri {
    struct tr_pri_world world;
    struct tr_pri_config config;
    struct tr_pri_io io;
    struct pri *d;          /* NULL: closed */
    struct q921_link *link; /* of libpri's layer 2, once it has spoken; NULL before */
    struct tr_pri_call calls[TR_PRI_MAX_CALLS];
    int32_t serial;      /* of incoming calls */
    int32_t said_cause;  /* in the message that is being read; 0 none */
    int32_t said_status; /* of a channel, in the last SERVICE: libpri reads none on EuroISDN, and answers none */
    bool up, alone, closing, by_timer;
    bool begun_anew;                       /* layer 2, by this frame */
    size_t call_bytes;                     /* of libpri's record of a call */
    struct q931_call *fresh[TR_PRI_FRESH]; /* records made since the frame came, not known to be a call's yet */
    int fresh_count;
    const uint8_t *in; /* the frame that libpri is to read next */
    uint32_t in_length;
    const uint8_t *read; /* the frame that is being read; NULL: none is */
    uint32_t read_length;
    bool settled; /* it was offered, or told as refused */
    uint64_t notes_from_ms;
    uint32_t notes_left;
    struct tr_pri_stats stats;
};

/* TR_OK, TR_E_ARGUMENT. */
int tr_pri_check(const struct tr_pri_config *config);
/* The configuration has been checked. `memory`: TR_PRI_ARENA bytes, 16-byte aligned. Says nothing yet. */
void tr_pri_init(struct tr_pri *pri, const struct tr_pri_config *config, const struct tr_pri_io *io, void *memory);
/* Begins layer 2. */
void tr_pri_start(struct tr_pri *pri, uint64_t now_ms);
/* A frame of layer 2 without check sequence; longer ones than N201 allows are dropped. */
void tr_pri_hear(struct tr_pri *pri, uint64_t now_ms, const uint8_t *frame, uint32_t length);
/* Once a tick, after the frames: timers. `alone`: the control half is silent, calls that come are refused. */
void tr_pri_tick(struct tr_pri *pri, uint64_t now_ms, bool alone);
/* TR_OP_PRI. */
int tr_pri_command(struct tr_pri *pri, uint64_t now_ms, const struct tr_command *command, const uint8_t *side);
void tr_pri_read_stats(const struct tr_pri *pri, struct tr_pri_stats *out);

#endif
