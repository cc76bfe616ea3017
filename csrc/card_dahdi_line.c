/* DAHDI channels: line commands, the driver's events, and what the line does, looked at once a tick. See card_dahdi.h.
 * Serves steps 1, 2 and 7. */
#include "card_dahdi.h"
#include <errno.h>
#include <string.h>

enum {
    SAMPLES_PER_MS = TR_RATE / 1000,
    LONGEST_OPENING_MS = 10000,
    EVENTS_AT_ONCE = 128, /* twice the driver's ring: a line that chatters cannot hold the tick */
    ON_HOOK_TX_MS = 60000,
    FOR_EVER_MS = 3600000
};

void tr_dh_raise(struct tr_dahdi_card *card, uint32_t index, uint32_t kind, int32_t a0) {
    if (card->events_count < card->events_max) {
        card->events[card->events_count++] = (struct tr_line_event){.card_port = index, .kind = kind, .a0 = a0};
    }
}

static struct tr_dh_channel *find(tr_card *base, uint32_t port, uint32_t kind, int *result) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    if (port >= card->count) {
        *result = TR_E_NO_PORT;
        return NULL;
    }
    struct tr_dh_channel *c = &card->channels[port];
    *result = c->config.kind != kind ? TR_E_UNSUPPORTED : TR_E_STATE;
    return c->config.kind != kind || tr_dh_is_gone(c) ? NULL : c;
}

static int hook_ioctl(const struct tr_dh_channel *c, enum dh_hook what) {
    int result = tr_dh_ioctl_int(c, DH_HOOK, what);
    return result == -EINPROGRESS ? 0 : result;
}

/* ---- what line.h found -------------------------------------------------------------------------- */

/* A telephone was lifted or hung up: the driver's own idea of the line must follow, for the next disconnect or ring. */
static void follow(struct tr_dh_channel *c, uint32_t kind) {
    if (c->config.kind == TR_KIND_FXS && kind == TR_EV_OFFHOOK) {
        c->ringing = false;
        hook_ioctl(c, DH_OFFHOOK);
    } else if (c->config.kind == TR_KIND_FXS && kind == TR_EV_ONHOOK) {
        hook_ioctl(c, DH_RINGOFF);
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

static void set_own(struct tr_dahdi_card *card, uint32_t index, uint16_t level, bool on) {
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
    hook_ioctl(c, DH_RINGOFF); /* battery is back */
    set_own(card, index, TR_LEVEL_BATTERY, true);
    if (tr_line_off_hook(&c->line)) {
        hook_ioctl(c, DH_OFFHOOK);
    }
    tr_dh_raise(card, index, TR_EV_HOOK_DONE, ms);
}

static void end_flash(struct tr_dahdi_card *card, uint32_t index, int32_t ms) {
    struct tr_dh_channel *c = &card->channels[index];
    c->flashing = c->flash_waits = false;
    tr_dh_raise(card, index, TR_EV_HOOK_DONE, ms);
}

static int begin_flash(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    struct dh_params params = c->params;
    params.flashtime = c->flash_ms;
    int result = tr_dh_system.ioctl(c->fd, DH_SET_PARAMS, &params) < 0 ? -errno : hook_ioctl(c, DH_FLASH);
    c->flash_waits = result == -EBUSY;
    if (result == 0) {
        c->began = tr_dh_now(card);
        set_own(card, index, TR_LEVEL_LOOP, false);
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
        if (c->flash_waits && begin_flash(card, index) < 0) {
            end_flash(card, index, 0);
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
    uint32_t alarms = 0;
    if (tr_dh_system.ioctl(c->fd, DH_SPANSTAT, &span) == 0) {
        alarms = (uint32_t)span.alarms;
    }
    if (get_params(c) == 0) {
        alarms |= c->params.chan_alarms;
    }
    set_alarms(card, index, alarms_of(alarms));
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
        end_flash(card, index, 0);
    }
}

static void flash_complete(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    if (c->flashing && !c->flash_waits) {
        set_own(card, index, TR_LEVEL_LOOP, true);
        end_flash(card, index, c->flash_ms);
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

/* ---- commands ----------------------------------------------------------------------------------- */

int tr_dh_hook(tr_card *base, uint32_t port, int off_hook) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    int result = TR_OK;
    struct tr_dh_channel *c = find(base, port, TR_KIND_FXO, &result);
    if (!c) {
        return result == TR_E_STATE && !off_hook ? TR_OK : result; /* what is gone is on-hook */
    }
    if (c->flashing) {
        if (off_hook) {
            return TR_E_STATE;
        }
        end_flash(card, port, (int32_t)((tr_dh_now(card) - c->began) / SAMPLES_PER_MS));
    }
    if ((off_hook != 0) == c->off_hook) {
        return TR_OK;
    }
    if (hook_ioctl(c, off_hook ? DH_OFFHOOK : DH_RINGOFF) < 0) {
        return TR_E_SYSTEM;
    }
    c->off_hook = off_hook != 0;
    c->hook_edges++;
    set_own(card, port, TR_LEVEL_LOOP, c->off_hook);
    return TR_OK;
}

int tr_dh_flash(tr_card *base, uint32_t port, int ms) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    int result = TR_OK;
    struct tr_dh_channel *c = find(base, port, TR_KIND_FXO, &result);
    if (!c || ms < 1 || ms > LONGEST_OPENING_MS) {
        return c ? TR_E_ARGUMENT : result;
    }
    if (!c->off_hook || c->flashing) {
        return TR_E_STATE;
    }
    c->flash_ms = ms;
    if (begin_flash(card, port) < 0) {
        return TR_E_SYSTEM;
    }
    c->flashing = true;
    c->flash_edges++;
    return TR_OK;
}

/* The driver's form of a cadence: parts of length 0 merged away. 0 where it is to stop, or a result. */
static int cadence_of(const int32_t cadence_ms[6], struct dh_ring_cadence *out) {
    int count = 0;
    bool ended = false;
    memset(out, 0, sizeof *out);
    for (int i = 0; i < 6; i++) {
        int32_t ms = cadence_ms[i];
        ended |= i % 2 == 0 && ms == 0;
        if (ms != 0 && (ended || ms < 10 || ms > 60000)) {
            return TR_E_ARGUMENT;
        }
        if (ms == 0) {
            continue;
        }
        if (i % 2 == 0 && count % 2 == 1) {
            out->ms[count - 1] += ms; /* no pause before this burst */
        } else {
            out->ms[count++] = ms;
        }
    }
    if (count == 1) {
        out->ms[0] = FOR_EVER_MS;
        out->ms[count++] = 10;
    } else if (count % 2 == 1) {
        out->ms[0] += out->ms[--count]; /* the last burst runs into the first */
        out->ms[count] = 0;
    }
    return count;
}

static int start_ringing(const struct tr_dh_channel *c, struct dh_ring_cadence *cadence) {
    if (tr_dh_system.ioctl(c->fd, DH_SETCADENCE, cadence) < 0) {
        return -errno;
    }
    hook_ioctl(c, DH_RINGOFF); /* whatever state the driver thinks it is in */
    return hook_ioctl(c, DH_RING);
}

int tr_dh_ring(tr_card *base, uint32_t port, const int32_t cadence_ms[6]) {
    struct dh_ring_cadence cadence;
    int result = TR_OK;
    struct tr_dh_channel *c = find(base, port, TR_KIND_FXS, &result);
    int parts = cadence_of(cadence_ms, &cadence);
    if (parts < 0) {
        return parts;
    }
    if (!c) {
        return result == TR_E_STATE && parts == 0 ? TR_OK : result;
    }
    if (parts == 0) {
        if (c->ringing) {
            hook_ioctl(c, tr_line_off_hook(&c->line) ? DH_OFFHOOK : DH_RINGOFF);
        }
        c->ringing = false;
        return TR_OK;
    }
    if (c->opening || tr_line_off_hook(&c->line)) {
        return TR_E_STATE;
    }
    if (start_ringing(c, &cadence) < 0) {
        return TR_E_SYSTEM;
    }
    c->ringing = true;
    c->ring_edges++;
    return TR_OK;
}

int tr_dh_loop_open(tr_card *base, uint32_t port, int ms) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    int result = TR_OK;
    struct tr_dh_channel *c = find(base, port, TR_KIND_FXS, &result);
    if (!c || ms < 1 || ms > LONGEST_OPENING_MS) {
        return c ? TR_E_ARGUMENT : result;
    }
    if (c->sig != DH_SIG_FXOKS) {
        return TR_E_UNSUPPORTED; /* loop start has no disconnect */
    }
    if (c->opening || c->ringing) {
        return TR_E_STATE;
    }
    /* Without a telephone off-hook the driver drops no battery: nobody would see it. */
    if (hook_ioctl(c, DH_ONHOOK) < 0) {
        return TR_E_SYSTEM;
    }
    c->opening = true;
    c->refill = TR_DH_BUFFERS; /* the driver has emptied its queues */
    c->late = true;
    c->began = tr_dh_now(card);
    c->open_end = c->began + (uint64_t)(ms < TR_DH_KEWL_MS ? ms : TR_DH_KEWL_MS) * SAMPLES_PER_MS;
    c->drop_edges++;
    set_own(card, port, TR_LEVEL_BATTERY, false);
    return TR_OK;
}

static int fxs_ioctl(tr_card *base, uint32_t port, uint32_t capability, unsigned long request, int value) {
    int result = TR_OK;
    struct tr_dh_channel *c = find(base, port, TR_KIND_FXS, &result);
    if (!c || (c->capabilities & capability) != capability) {
        return c ? TR_E_UNSUPPORTED : result;
    }
    return tr_dh_ioctl_int(c, request, value) < 0 ? TR_E_SYSTEM : TR_OK;
}

int tr_dh_polarity(tr_card *base, uint32_t port, int reversed) {
    int result = fxs_ioctl(base, port, TR_CAP_POLARITY, DH_SETPOLARITY, reversed != 0);
    if (result == TR_OK) {
        struct tr_dh_channel *c = &tr_dahdi_of(base)->channels[port];
        c->polarity_edges += c->reversed != (reversed != 0);
        c->reversed = reversed != 0;
    }
    return result;
}

int tr_dh_lamp(tr_card *base, uint32_t port, int on) { return fxs_ioctl(base, port, TR_CAP_LAMP, DH_VMWI, on != 0); }

int tr_dh_on_hook_tx(tr_card *base, uint32_t port, int on) {
    int result = TR_OK;
    struct tr_dh_channel *c = find(base, port, TR_KIND_FXS, &result);
    if (!c) {
        return result;
    }
    /* The driver takes a time; a card without this ioctl passes sound always. */
    tr_dh_ioctl_int(c, DH_ONHOOKTRANSFER, on ? ON_HOOK_TX_MS : 1);
    c->on_hook_tx = on != 0;
    return TR_OK;
}

int tr_dh_bits(tr_card *base, uint32_t port, int abcd) {
    int result = TR_OK;
    struct tr_dh_channel *c = find(base, port, TR_KIND_B, &result);
    if (!c || !c->cas || abcd < 0 || abcd > 15) {
        return !c ? result : !c->cas ? TR_E_UNSUPPORTED : TR_E_ARGUMENT;
    }
    return tr_dh_ioctl_int(c, DH_SETTXBITS, abcd) < 0 ? TR_E_SYSTEM : TR_OK;
}

int tr_dh_set(tr_card *base, uint32_t port, int setting, int value) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    if (port >= card->count) {
        return TR_E_NO_PORT;
    }
    struct tr_dh_channel *c = &card->channels[port];
    if (setting == TR_SET_PULSE_DIAL) {
        c->pulse_dial = value != 0; /* counted by the driver: 20 ms looks are too coarse */
        return TR_OK;
    }
    if (setting == TR_SET_LAW) {
        if ((value != TR_LAW_A && value != TR_LAW_MU) || !c->sound) {
            return c->sound ? TR_E_ARGUMENT : TR_E_UNSUPPORTED;
        }
        if (!tr_dh_is_gone(c) && tr_dh_ioctl_int(c, DH_SETLAW, value == TR_LAW_MU ? DH_LAW_MULAW : DH_LAW_ALAW) < 0) {
            return TR_E_SYSTEM;
        }
        c->law = (uint8_t)value;
        c->config.law = (uint32_t)value;
        if (!tr_dh_is_gone(c) && (c->config.rx_cdb || c->config.tx_cdb)) {
            tr_dh_gains(c, c->config.rx_cdb, c->config.tx_cdb);
        }
        return TR_OK;
    }
    return tr_line_set(&c->line, setting, value);
}
