/* The far end of a D channel for tests: layer 2 as far as it takes to be believed (Q.921), layer 3 as the test wants.
 */
#ifndef TIPRING_TESTS_PRI_PEER_H
#define TIPRING_TESTS_PRI_PEER_H

#include "pri.h"
#include <stdlib.h>
#include <string.h>

enum { PEER_QUEUE = 64 };

struct peer {
    struct tr_pri pri; /* under test */
    void *memory;
    bool network;   /* the one under test is */
    uint8_t ns, nr; /* ours */
    bool up;        /* we have seen its SABME or it our UA */
    uint64_t now_ms;
    struct {
        uint8_t data[300];
        uint32_t length;
    } queue[PEER_QUEUE]; /* answers of layer 2, said after libpri has returned */
    uint32_t head, tail;
    bool mute; /* does not answer layer 2 */
    /* what it said and told */
    uint64_t frames_sent;
    int32_t handles[TR_PRI_MAX_CALLS]; /* calls it has told of and not cleared */
    void (*message)(struct peer *peer, const uint8_t *frame, uint32_t length);
    void (*told)(struct peer *peer, const int32_t a[5], const void *side, uint32_t length);
};

static inline void peer_queue(struct peer *p, const uint8_t *data, uint32_t length) {
    if (p->head - p->tail < PEER_QUEUE && length <= 300) {
        memcpy(p->queue[p->head % PEER_QUEUE].data, data, length);
        p->queue[p->head++ % PEER_QUEUE].length = length;
    }
}

/* Octet 1: commands of the network and answers of the user have the C/R bit. */
static inline uint8_t peer_address(const struct peer *p, bool command) { return p->network == command ? 0x00 : 0x02; }

static inline int peer_hears(void *context, const uint8_t *frame, uint32_t length) {
    struct peer *p = (struct peer *)context;
    p->frames_sent++;
    if (length < 3) {
        return 0;
    }
    if ((frame[2] & 1) == 0 && length >= 4) {
        p->nr = (uint8_t)((frame[2] >> 1) + 1) & 127;
        const uint8_t rr[] = {peer_address(p, false), 1, 1, (uint8_t)(p->nr << 1)};
        if (!p->mute) {
            peer_queue(p, rr, sizeof rr);
        }
        if (p->message) {
            p->message(p, frame, length);
        }
    } else if ((frame[2] & 3) == 1 && length >= 4) {
        const uint8_t rr[] = {peer_address(p, false), 1, 1, (uint8_t)(p->nr << 1 | 1)};
        if ((frame[3] & 1) && ((frame[0] & 2) != 0) == p->network && !p->mute) { /* a command that polls */
            peer_queue(p, rr, sizeof rr);
        }
    } else if ((frame[2] & 0xEF) == 0x6F) { /* SABME */
        const uint8_t ua[] = {peer_address(p, false), 1, 0x73};
        if (!p->mute) {
            p->ns = p->nr = 0;
            p->up = true;
            peer_queue(p, ua, sizeof ua);
        }
    } else if ((frame[2] & 0xEF) == 0x63) { /* UA */
        p->up = true;
        p->ns = p->nr = 0;
    }
    return 0;
}

static inline void peer_told(void *context, uint32_t kind, const int32_t a[5], const void *side, uint32_t length) {
    struct peer *p = (struct peer *)context;
    if (kind != TR_EV_PRI) {
        return;
    }
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        if (a[0] == TR_PRI_CLEARED && p->handles[i] == a[1]) {
            p->handles[i] = 0;
        }
    }
    for (int i = 0; i < TR_PRI_MAX_CALLS && a[0] == TR_PRI_OFFERED; i++) {
        if (!p->handles[i]) {
            p->handles[i] = a[1];
            break;
        }
    }
    if (p->told) {
        p->told(p, a, side, length);
    }
}

static inline void peer_say(struct peer *p, const uint8_t *frame, uint32_t length) {
    tr_pri_hear(&p->pri, p->now_ms, frame, length);
    while (p->tail != p->head) {
        uint32_t at = p->tail++ % PEER_QUEUE;
        tr_pri_hear(&p->pri, p->now_ms, p->queue[at].data, p->queue[at].length);
    }
}

/* One message of layer 3, numbered as it has to be. */
static inline void peer_message(struct peer *p, const uint8_t *data, uint32_t length) {
    uint8_t frame[1100] = {peer_address(p, true), 1, (uint8_t)(p->ns << 1), (uint8_t)(p->nr << 1)};
    memcpy(frame + 4, data, length);
    p->ns = (p->ns + 1) & 127;
    peer_say(p, frame, length + 4);
}

static inline void peer_run(struct peer *p, uint64_t ms) {
    for (uint64_t end = p->now_ms + ms; p->now_ms < end;) {
        p->now_ms += TR_TICK_MS;
        tr_pri_tick(&p->pri, p->now_ms, false);
        while (p->tail != p->head) {
            uint32_t at = p->tail++ % PEER_QUEUE;
            tr_pri_hear(&p->pri, p->now_ms, p->queue[at].data, p->queue[at].length);
        }
    }
}

static inline int peer_do(struct peer *p, int32_t verb, int32_t handle, int32_t slot, int32_t value, const void *side,
                          uint32_t length) {
    struct tr_command command = {.op = TR_OP_PRI, .a = {verb, handle, slot, value}, .side_len = length};
    int result = tr_pri_command(&p->pri, p->now_ms, &command, (const uint8_t *)side);
    while (p->tail != p->head) {
        uint32_t at = p->tail++ % PEER_QUEUE;
        tr_pri_hear(&p->pri, p->now_ms, p->queue[at].data, p->queue[at].length);
    }
    return result;
}

static inline void peer_open(struct peer *p, bool network, bool service) {
    struct tr_pri_config config = {
        .side = network ? TR_PRI_NETWORK : TR_PRI_USER, .trace = TR_PRI_TRACE_ALL, .service = service};
    memset(config.timer, -1, sizeof config.timer);
    memset(p, 0, sizeof *p);
    p->network = network;
    p->memory = aligned_alloc(64, TR_PRI_ARENA);
    memset(p->memory, 0xA5, TR_PRI_ARENA);
    const struct tr_pri_io io = {.context = p, .send = peer_hears, .tell = peer_told};
    tr_pri_init(&p->pri, &config, &io, p->memory);
    tr_pri_start(&p->pri, 0);
    peer_run(p, 100);
}

static inline void peer_close(struct peer *p) { free(p->memory); }

#endif
