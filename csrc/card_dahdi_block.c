/* DAHDI channels: one pass a tick over all of them. See card_dahdi.h. Serves all nine steps. */
#define _GNU_SOURCE
#include "card_dahdi.h"
#include "g711.h"
#include <errno.h>
#include <string.h>

enum {
    TRIES = 3,     /* of a read or write while events keep coming */
    AHEAD_MOST = 4 /* looks (of 64 ticks) before a block too many is dropped */
};

/* ---- one channel -------------------------------------------------------------------------------- */

/* A read or write that failed: 1 when it is worth another try (the driver's events stood in the way), 0 when there is
 * nothing or no room, -1 when the channel is gone. */
static int failed(struct tr_dahdi_card *card, uint32_t index) {
    if (errno == DH_ELAST) {
        tr_dh_drain(card, index);
        return tr_dh_is_gone(&card->channels[index]) ? -1 : 1;
    }
    if (errno == EINTR || errno == EAGAIN) {
        return errno == EINTR;
    }
    tr_dh_gone(card, index);
    return -1;
}

/* Reads one buffer: its length, 0 when there is none, -1 when the channel is gone. */
ssize_t tr_dh_read_one(struct tr_dahdi_card *card, uint32_t index, void *to, size_t room) {
    for (int i = 0; i < TRIES; i++) {
        ssize_t n = tr_dh_system.read(card->channels[index].fd, to, room);
        int again = n < 0 ? failed(card, index) : 0;
        if (again <= 0) {
            return n < 0 ? again : n;
        }
    }
    return 0;
}

/* The same for writing: 0 when there is no room. */
ssize_t tr_dh_write_one(struct tr_dahdi_card *card, uint32_t index, const void *from, size_t n) {
    for (int i = 0; i < TRIES; i++) {
        ssize_t done = tr_dh_system.write(card->channels[index].fd, from, n);
        int again = done < 0 ? failed(card, index) : 0;
        if (again <= 0) {
            return done < 0 ? again : done;
        }
    }
    return 0;
}

static void write_idle(struct tr_dahdi_card *card, uint32_t index, uint32_t blocks) {
    struct tr_dh_channel *c = &card->channels[index];
    uint8_t silence[TR_BLOCK];
    memset(silence, tr_g711_idle(c->law), sizeof silence);
    for (uint32_t i = 0; i < blocks && !tr_dh_is_gone(c); i++) {
        tr_dh_write_one(card, index, silence, sizeof silence);
    }
}

static bool readable(const struct tr_dh_channel *c) {
    struct pollfd wanted = {.fd = c->fd, .events = POLLIN};
    return tr_dh_system.poll(&wanted, 1, 0) > 0 && (wanted.revents & POLLIN);
}

/* Sound must not lie in the driver for long: of two blocks that are ready too soon, look after look, one is dropped. */
static void trim(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    if (c->stashed || !readable(c) || tr_dh_read_one(card, index, c->stash, TR_BLOCK) != TR_BLOCK) {
        c->ahead = 0;
        return;
    }
    c->stashed = true;
    c->ahead = readable(c) ? c->ahead + 1 : 0;
    if (c->ahead > AHEAD_MOST) {
        c->ahead = 0;
        c->stashed = false;
        card->slips++;
    }
}

/* May sound pass from us to the line, from the line to us? As on the software card. */
static bool sends(const struct tr_dh_channel *c) {
    switch (c->config.kind) {
    case TR_KIND_FXO:
        return c->own & TR_LEVEL_LOOP;
    case TR_KIND_FXS:
        return !c->opening && ((c->far & TR_LEVEL_LOOP) || c->on_hook_tx);
    default:
        return true;
    }
}

static bool hears(const struct tr_dh_channel *c) {
    switch (c->config.kind) {
    case TR_KIND_FXO:
        return (c->own & TR_LEVEL_LOOP) || (!c->off_hook && !(c->far & TR_LEVEL_RINGING));
    case TR_KIND_FXS:
        return !c->opening && (c->far & TR_LEVEL_LOOP);
    default:
        return !c->line.link_alarm;
    }
}

static void send_block(struct tr_dahdi_card *card, uint32_t index, const uint8_t *tx) {
    struct tr_dh_channel *c = &card->channels[index];
    if (c->refill) {
        if (--c->refill && !card->steady) {
            card->slips++; /* late, or catching up: this would only lengthen the queue */
            return;
        }
        int32_t flush = DH_FLUSH_WRITE;
        tr_dh_system.ioctl(c->fd, DH_FLUSH, &flush);
        write_idle(card, index, c->config.depth - 1);
        card->slips += !c->hold;
        c->refill = 0;
    }
    if (tr_dh_is_gone(c)) {
        return;
    }
    if (!tx || !sends(c)) {
        write_idle(card, index, 1);
    } else if (tr_dh_write_one(card, index, tx, TR_BLOCK) == 0) {
        card->slips++;
    }
}

static void exchange_sound(struct tr_dahdi_card *card, uint32_t index, uint8_t *rx, const uint8_t *tx) {
    struct tr_dh_channel *c = &card->channels[index];
    uint8_t block[TR_BLOCK];
    bool whole = false, sends_now = true;
    if (c->hold) {
        sends_now = --c->hold == 0 || c->refill; /* in the tick of a flush enough was queued */
    } else if (c->stashed) {
        memcpy(block, c->stash, TR_BLOCK);
        c->stashed = false;
        whole = true;
    } else {
        whole = sends_now = tr_dh_read_one(card, index, block, sizeof block) == TR_BLOCK;
        card->slips += !whole && !tr_dh_is_gone(c);
    }
    c->heard = whole && hears(c);
    if (c->heard && c->config.kind == TR_KIND_FXO && !c->off_hook) {
        c->heard = memcmp(block, block + 1, TR_BLOCK - 1) != 0; /* one code all along is silence */
    }
    if (rx && c->heard) {
        memcpy(rx, block, TR_BLOCK);
    } else if (rx) {
        memset(rx, tr_g711_idle(c->law), TR_BLOCK);
    }
    if (sends_now && !tr_dh_is_gone(c)) {
        send_block(card, index, tx);
        if (whole && (card->tick + index) % TR_DH_LOOK_TICKS == 0 && !tr_dh_is_gone(c)) {
            trim(card, index);
        }
    }
}

/* A channel that was gone may be there again: the card was plugged in, dahdi_cfg has run. Its calls are long over. */
static void look_for(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    char error[8]; /* that it is gone is known */
    if (tr_dh_open(c, error, sizeof error) != TR_OK) {
        return;
    }
    c->own = c->config.kind == TR_KIND_FXS ? TR_LEVEL_BATTERY : 0;
    tr_line_own(&c->line, tr_dh_now(card), c->own);
    c->known = c->flashing = c->flash_waits = c->opening = false;
    c->hold = 2;
    c->refill = 1;
    c->queued = 0;
    c->ahead = 0;
    c->stashed = false;
    tr_dh_alarms(card, index);
}

/* ---- the pass ----------------------------------------------------------------------------------- */

/* All channels begin anew: their blocks end together from now on, `depth` blocks of silence are on their way. */
static void flush(struct tr_dahdi_card *card, uint32_t index, bool late) {
    struct tr_dh_channel *c = &card->channels[index];
    int32_t what = DH_FLUSH_READ | DH_FLUSH_WRITE;
    if (!tr_dh_is_gone(c)) {
        tr_dh_drain(card, index);
    }
    if (!tr_dh_is_gone(c) && c->sound) {
        tr_dh_system.ioctl(c->fd, DH_FLUSH, &what);
        c->refill = c->ahead = 0;
        c->hold = late ? 2 : 0;
        c->stashed = false;
    }
}

void tr_dh_start(struct tr_dahdi_card *card, bool late) {
    uint32_t master = tr_dh_master(card);
    for (uint32_t i = 0; i < card->count; i++) {
        if (i != master) {
            flush(card, i, late);
        }
    }
    if (master < card->count) {
        flush(card, master, late); /* last: when its block is there, those of all others are */
    }
    for (uint32_t i = 0; i < card->count; i++) {
        struct tr_dh_channel *c = &card->channels[i];
        if (!tr_dh_is_gone(c) && c->sound) {
            write_idle(card, i, c->config.depth);
            c->refill = 0; /* it ran dry between the flush and now */
        }
    }
    card->running = true;
    card->reserve = late;
    card->anchor = 0;
}

int tr_dh_exchange(tr_card *base, uint8_t *const *rx, const uint8_t *const *tx, uint32_t count) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    tr_dh_pass(card);
    for (uint32_t i = 0; i < card->count; i++) {
        struct tr_dh_channel *c = &card->channels[i];
        uint8_t *to = i < count ? rx[i] : NULL;
        if (!tr_dh_is_gone(c) && c->sound) {
            exchange_sound(card, i, to, i < count ? tx[i] : NULL);
        } else if (!tr_dh_is_gone(c)) {
            tr_dh_send_frames(card, i);
        }
        if (!tr_dh_is_gone(c)) {
            tr_dh_look(card, i);
        } else if ((card->tick + i) % TR_DH_LOOK_TICKS == 0) {
            look_for(card, i);
        }
        if (tr_dh_is_gone(c) && to) {
            memset(to, tr_g711_idle(c->law), TR_BLOCK);
        }
    }
    card->frame_channel = 0;
    card->frames_left = TR_DH_FRAMES_A_TICK;
    card->tick++;
    return TR_OK;
}

int tr_dh_next_event(tr_card *base, struct tr_line_event *out) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    if (card->events_next == card->events_count) {
        card->events_next = card->events_count = 0;
        if (tr_dh_next_frame(card, out)) {
            return 1;
        }
        if (card->events_count == 0) { /* reading for frames may have found events */
            return 0;
        }
    }
    *out = card->events[card->events_next++];
    return 1;
}
