/* DAHDI channels: what the line does, looked at once a tick, and the driver's events. See card_dahdi.h. Serves steps 1
 * (ring), 2 and 7 (flash, off-hook, hang-up). */
#include "card_dahdi.h"
#include <errno.h>
#include <string.h>

enum {
    SAMPLES_PER_MS = TR_RATE / 1000,
    EVENTS_AT_ONCE = 128 /* twice the driver's ring: a line that chatters cannot hold the tick */
};

int tr_dh_hook_ioctl(const struct tr_dh_channel *c, enum dh_hook what) {
    int result = tr_dh_ioctl_int(c, DH_HOOK, what);
    return result == -EINPROGRESS ? 0 : result;
}

void tr_dh_raise(struct tr_dahdi_card *card, uint32_t index, uint32_t kind, int32_t a0) {
    if (card->events_count < card->events_max) {
        card->events[card->events_count++] = (struct tr_line_event){.card_port = index, .kind = kind, .a0 = a0};
    }
}

/* ---- what line.h found -------------------------------------------------------------------------- */

/* A telephone was lifted or hung up: the driver's own idea of the line must follow, for the next disconnect or ring. */
static void follow(struct tr_dh_channel *c, uint32_t kind) {
    if (c->config.kind == TR_KIND_FXS && kind == TR_EV_OFFHOOK) {
        c->ringing = false;
        tr_dh_hook_ioctl(c, DH_OFFHOOK);
    } else if (c->config.kind == TR_KIND_FXS && kind == TR_EV_ONHOOK) {
        tr_dh_hook_ioctl(c, DH_RINGOFF);
    }
}

static void take_found(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    for (int i = 0; i < c->line.found_count; i++) {
        const struct tr_found_line *found = &c->line.found[i];
        bool has_length = found->kind == TR_EV_FLASH || found->kind == TR_EV_RING_END;
        tr_dh_raise(card, index, found->kind, has_length ? 0 : found->a0); /* lengths to 20 ms are none */
        if (!tr_dh_is_gone(c)) {
            follow(c, found->kind);
        }
    }
    c->line.found_count = 0;
}

void tr_dh_set_own(struct tr_dahdi_card *card, uint32_t index, uint16_t level, bool on) {
    struct tr_dh_channel *c = &card->channels[index];
    c->own = (uint16_t)(on ? c->own | level : c->own & ~level);
    tr_line_own(&c->line, tr_dh_now(card), c->own);
    take_found(card, index);
}

static void set_far(struct tr_dahdi_card *card, uint32_t index, uint16_t levels) {
    struct tr_dh_channel *c = &card->channels[index];
    uint64_t at = tr_dh_now(card);
    c->far = levels;
    tr_line_far(&c->line, at, levels);
    take_found(card, index);
    if (!c->known) {
        c->known = true;
        tr_line_plug(&c->line, at);
        take_found(card, index);
    }
}

/* ---- looking ----------------------------------------------------------------------------------- */

static int get_params(struct tr_dh_channel *c) {
    c->params.channo = 0;
    return tr_dh_system.ioctl(c->fd, DH_GET_PARAMS, &c->params) < 0 ? -errno : 0;
}

static uint16_t levels_of(const struct tr_dh_channel *c) {
    int32_t seen = c->params.rxhooksig;
    if (c->config.kind == TR_KIND_FXS) {
        return seen == DH_RX_OFFHOOK ? TR_LEVEL_LOOP : 0;
    }
    return seen == DH_RX_RING ? TR_LEVEL_BATTERY | TR_LEVEL_RINGING : seen == DH_RX_ONHOOK ? 0 : TR_LEVEL_BATTERY;
}

static void bits_changed(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    int32_t seen = 0;
    if (c->cas && tr_dh_system.ioctl(c->fd, DH_GETRXBITS, &seen) == 0) {
        /* Some drivers leave a neighbour's bits in the upper half. */
        set_far(card, index, (uint16_t)(TR_LEVEL_PRESENT | (uint32_t)(seen & 0xF) << TR_LEVEL_BITS_SHIFT));
    }
}

static void end_opening(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    int32_t ms = (int32_t)((tr_dh_now(card) - c->began) / SAMPLES_PER_MS);
    c->opening = false;
    tr_dh_hook_ioctl(c, DH_RINGOFF); /* battery is back */
    tr_dh_set_own(card, index, TR_LEVEL_BATTERY, true);
    if (tr_line_off_hook(&c->line)) {
        tr_dh_hook_ioctl(c, DH_OFFHOOK);
    }
    tr_dh_raise(card, index, TR_EV_HOOK_DONE, ms);
}

void tr_dh_end_flash(struct tr_dahdi_card *card, uint32_t index, int32_t ms) {
    struct tr_dh_channel *c = &card->channels[index];
    c->flashing = c->flash_waits = false;
    tr_dh_raise(card, index, TR_EV_HOOK_DONE, ms);
}

int tr_dh_begin_flash(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    struct dh_params params = c->params;
    params.flashtime = c->flash_ms;
    int result = tr_dh_system.ioctl(c->fd, DH_SET_PARAMS, &params) < 0 ? -errno : tr_dh_hook_ioctl(c, DH_FLASH);
    c->flash_waits = result == -EBUSY;
    if (result == 0) {
        c->began = tr_dh_now(card);
        tr_dh_set_own(card, index, TR_LEVEL_LOOP, false);
    }
    return c->flash_waits ? 0 : result;
}

void tr_dh_look(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    uint64_t at = tr_dh_now(card);
    if (c->analog) {
        if (get_params(c) < 0) {
            tr_dh_gone(card, index);
            return;
        }
        uint16_t levels = levels_of(c);
        c->opening_seen |= c->config.kind == TR_KIND_FXS && (c->far & TR_LEVEL_LOOP) && !levels;
        if ((levels != c->far || !c->known) && c->params.rxhooksig != DH_RX_INITIAL) {
            set_far(card, index, levels);
        }
        if (c->opening && at >= c->open_end) {
            end_opening(card, index);
        }
        if (c->flash_waits && tr_dh_begin_flash(card, index) < 0) {
            tr_dh_end_flash(card, index, 0);
        }
    }
    if (c->cas && !c->known) {
        bits_changed(card, index);
    }
    if ((card->tick + index) % TR_DH_LOOK_TICKS == 0) {
        tr_dh_alarms(card, index); /* should an event have been lost */
    }
    while (tr_line_timer(&c->line, at + TR_BLOCK)) {
        take_found(card, index);
    }
}

/* ---- the driver's events ------------------------------------------------------------------------ */

static uint32_t alarms_of(uint32_t dahdi) {
    return (dahdi & (DH_ALARM_RED | DH_ALARM_NOTOPEN | DH_ALARM_LFA | DH_ALARM_LMFA | DH_ALARM_RECOVER) ? TR_ALARM_RED
                                                                                                        : 0) |
           (dahdi & DH_ALARM_YELLOW ? TR_ALARM_YELLOW : 0) | (dahdi & DH_ALARM_BLUE ? TR_ALARM_BLUE : 0) |
           (dahdi & DH_ALARM_LOS ? TR_ALARM_LOS : 0);
}

static void set_alarms(struct tr_dahdi_card *card, uint32_t index, uint32_t alarms) {
    struct tr_dh_channel *c = &card->channels[index];
    if (alarms != c->line.link_alarm) {
        tr_line_link_alarm(&c->line, tr_dh_now(card), alarms);
        take_found(card, index);
    }
}

void tr_dh_alarms(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    struct dh_spaninfo span = {0};
    if (tr_dh_system.ioctl(c->fd, DH_SPANSTAT, &span) < 0 || get_params(c) < 0) {
        return; /* going: the next read will tell */
    }
    set_alarms(card, index, alarms_of((uint32_t)span.alarms | c->params.chan_alarms));
}

void tr_dh_gone(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    if (tr_dh_is_gone(c)) {
        return;
    }
    tr_dh_system.close(c->fd);
    c->fd = -1;
    c->heard = c->ringing = c->off_hook = c->on_hook_tx = false;
    set_alarms(card, index, TR_ALARM_REMOVED);
    if (c->flashing || c->opening) {
        c->opening = false;
        tr_dh_end_flash(card, index, 0);
    }
}

static void flash_complete(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    if (c->flashing && !c->flash_waits) {
        tr_dh_set_own(card, index, TR_LEVEL_LOOP, true);
        tr_dh_end_flash(card, index, c->flash_ms);
    } else if (c->opening) {
        end_opening(card, index); /* the driver's longest disconnect */
    }
}

/* An opening between two looks, in a pause of the media thread: only the driver saw it. */
static void flash_unseen(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    if (c->config.kind == TR_KIND_FXS && !c->opening_seen && tr_line_off_hook(&c->line)) {
        c->line.flash_edges++;
        tr_dh_raise(card, index, TR_EV_FLASH, 0);
    }
    c->opening_seen = false;
}

static void event(struct tr_dahdi_card *card, uint32_t index, int32_t what) {
    struct tr_dh_channel *c = &card->channels[index];
    switch (what) {
    case DH_EV_ALARM:
    case DH_EV_NOALARM:
        tr_dh_alarms(card, index);
        break;
    case DH_EV_REMOVED:
        tr_dh_gone(card, index);
        break;
    case DH_EV_HOOKCOMPLETE:
        flash_complete(card, index);
        break;
    case DH_EV_WINKFLASH:
        flash_unseen(card, index);
        break;
    case DH_EV_BITSCHANGED:
        bits_changed(card, index);
        break;
    case DH_EV_POLARITY:
        c->reversed = !c->reversed;
        c->polarity_edges++;
        tr_dh_raise(card, index, TR_EV_POLARITY, c->reversed);
        break;
    case DH_EV_NEONMWI_ON:
    case DH_EV_NEONMWI_OFF:
        tr_dh_raise(card, index, TR_EV_LAMP, what == DH_EV_NEONMWI_ON);
        break;
    case DH_EV_WRITE_UNDERRUN:
        c->refill = TR_DH_BUFFERS;
        break;
    case DH_EV_READ_OVERRUN:
        card->slips++;
        break;
    case DH_EV_ABORT:
    case DH_EV_OVERRUN:
    case DH_EV_BADFCS:
        card->bad_frames++;
        c->frames_bad++;
        break;
    default:
        if ((what & DH_EV_PULSEDIGIT) && c->pulse_dial && (what & 0xFF) >= '0' && (what & 0xFF) <= '9') {
            tr_dh_raise(card, index, TR_EV_PULSE_DIGIT, (what & 0xFF) - '0');
        }
    }
}

void tr_dh_drain(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    for (int i = 0; i < EVENTS_AT_ONCE && !tr_dh_is_gone(c); i++) {
        int32_t what = DH_EV_NONE;
        if (tr_dh_system.ioctl(c->fd, DH_GETEVENT, &what) < 0) {
            tr_dh_gone(card, index);
            return;
        }
        if (what == DH_EV_NONE) {
            return;
        }
        event(card, index, what);
    }
}
