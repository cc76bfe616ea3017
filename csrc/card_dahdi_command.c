/* DAHDI channels: line commands. Overlapping ones are as on the software card (lineout.h). See card_dahdi.h. Serves
 * steps 1, 2 and 7. */
#include "card_dahdi.h"
#include <errno.h>
#include <string.h>

enum {
    SAMPLES_PER_MS = TR_RATE / 1000,
    LONGEST_OPENING_MS = 10000,
    ON_HOOK_TX_MS = 60000,
    FOR_EVER_MS = 3600000 /* a burst of ringing without a pause */
};

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
        tr_dh_end_flash(card, port, (int32_t)((tr_dh_now(card) - c->began) / SAMPLES_PER_MS));
    }
    if ((off_hook != 0) == c->off_hook) {
        return TR_OK;
    }
    if (tr_dh_hook_ioctl(c, off_hook ? DH_OFFHOOK : DH_RINGOFF) < 0) {
        return TR_E_SYSTEM;
    }
    c->off_hook = off_hook != 0;
    c->hook_edges++;
    tr_dh_set_own(card, port, TR_LEVEL_LOOP, c->off_hook);
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
    if (tr_dh_begin_flash(card, port) < 0) {
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
    tr_dh_hook_ioctl(c, DH_RINGOFF); /* whatever state the driver thinks it is in */
    return tr_dh_hook_ioctl(c, DH_RING);
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
            tr_dh_hook_ioctl(c, tr_line_off_hook(&c->line) ? DH_OFFHOOK : DH_RINGOFF);
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
    if (tr_dh_hook_ioctl(c, DH_ONHOOK) < 0) {
        return TR_E_SYSTEM;
    }
    c->opening = true;
    c->refill = TR_DH_BUFFERS; /* the driver has emptied its queues */
    c->hold = 2;
    c->stashed = false;
    c->began = tr_dh_now(card);
    c->open_end = c->began + (uint64_t)(ms < TR_DH_KEWL_MS ? ms : TR_DH_KEWL_MS) * SAMPLES_PER_MS;
    c->drop_edges++;
    tr_dh_set_own(card, port, TR_LEVEL_BATTERY, false);
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
