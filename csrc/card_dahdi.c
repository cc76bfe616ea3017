/* Real cards, through DAHDI: the table of functions, level state, building and release. See card_dahdi.h. Serves all
 * nine steps. */
#define _GNU_SOURCE
#include "card_dahdi.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORTS_MAX = 1024, EVENTS_A_PORT = 8, EVENTS_SPARE = 64 };

static const struct tr_dahdi_card *const_of(const tr_card *card) { return (const struct tr_dahdi_card *)card; }

static uint32_t ports(const tr_card *card) { return const_of(card)->count; }

static uint32_t kind(const tr_card *base, uint32_t port) {
    const struct tr_dahdi_card *card = const_of(base);
    return port < card->count ? card->channels[port].config.kind : TR_KIND_NONE;
}

static uint32_t capabilities(const tr_card *base, uint32_t port) {
    const struct tr_dahdi_card *card = const_of(base);
    return port < card->count ? card->channels[port].capabilities : 0;
}

static int state(const tr_card *base, uint32_t port, struct tr_port_state *out) {
    const struct tr_dahdi_card *card = const_of(base);
    if (port >= card->count) {
        return TR_E_NO_PORT;
    }
    const struct tr_dh_channel *c = &card->channels[port];
    const struct tr_line *line = &c->line;
    out->kind = c->config.kind;
    out->capabilities = c->capabilities;
    out->law = c->law;
    out->alarms = line->alarms | line->link_alarm;
    out->bits = line->bits;
    out->bits_edges = line->bits_edges;
    out->hook_edges = c->config.kind == TR_KIND_FXO ? c->hook_edges : line->hook_edges;
    out->polarity = c->reversed;
    out->polarity_edges = c->polarity_edges;
    if (c->config.kind == TR_KIND_FXO) {
        out->hook = c->off_hook;
        out->ringing = tr_line_ringing(line);
        out->battery = (c->far & TR_LEVEL_BATTERY) != 0;
        out->ring_edges = line->ring_edges;
        out->drop_edges = line->drop_edges;
        out->flash_edges = c->flash_edges;
    } else if (c->config.kind == TR_KIND_FXS) {
        out->hook = tr_line_off_hook(line);
        out->ringing = c->ringing;
        out->battery = !c->opening && !tr_dh_is_gone(c);
        out->ring_edges = c->ring_edges;
        out->drop_edges = c->drop_edges;
        out->flash_edges = line->flash_edges;
    }
    out->frames_sent = c->frames_sent;
    out->frames_received = c->frames_received;
    out->frames_bad = c->frames_bad;
    return TR_OK;
}

static int idle(const tr_card *base, uint32_t port) {
    const struct tr_dahdi_card *card = const_of(base);
    if (port >= card->count) {
        return 1;
    }
    const struct tr_dh_channel *c = &card->channels[port];
    if (tr_dh_is_gone(c) || !c->sound) {
        return 1;
    }
    return c->analog && !c->heard;
}

static uint32_t delay(const tr_card *base) {
    const struct tr_dahdi_card *card = const_of(base);
    uint32_t most = 0;
    for (uint32_t i = 0; i < card->count; i++) {
        const struct tr_dh_channel *c = &card->channels[i];
        most = c->sound && c->config.depth > most ? c->config.depth : most;
    }
    return (most + card->reserve) * TR_BLOCK;
}

static uint64_t slips(const tr_card *card) { return const_of(card)->slips; }

static uint64_t memory(const tr_card *base) {
    const struct tr_dahdi_card *card = const_of(base);
    return sizeof *card + card->count * sizeof *card->channels + card->events_max * sizeof *card->events;
}

static void health(const tr_card *base, struct tr_card_health *out) {
    const struct tr_dahdi_card *card = const_of(base);
    *out =
        (struct tr_card_health){.clock_ppb = card->ppb, .clock_losses = card->losses, .bad_frames = card->bad_frames};
}

static int hw_gain(tr_card *base, uint32_t port, int rx_cdb, int tx_cdb) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    if (port >= card->count || tr_dh_is_gone(&card->channels[port])) {
        return port < card->count ? TR_E_STATE : TR_E_NO_PORT;
    }
    struct tr_dh_channel *c = &card->channels[port];
    if (!c->sound || tr_dh_gains(c, rx_cdb, tx_cdb) < 0) {
        return TR_E_UNSUPPORTED;
    }
    c->config.rx_cdb = rx_cdb;
    c->config.tx_cdb = tx_cdb;
    return TR_OK;
}

static int echo_canceller(tr_card *base, uint32_t port, int mode) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    if (port >= card->count || tr_dh_is_gone(&card->channels[port])) {
        return port < card->count ? TR_E_STATE : TR_E_NO_PORT;
    }
    if (!(card->channels[port].capabilities & TR_CAP_HW_ECHO_CANCELLER)) {
        return TR_E_UNSUPPORTED;
    }
    if (tr_dh_echo(&card->channels[port], (uint32_t)mode) < 0) {
        return TR_E_SYSTEM;
    }
    card->channels[port].config.echo_mode = (uint32_t)mode;
    return TR_OK;
}

static void release(tr_card *base) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    for (uint32_t i = 0; i < card->count; i++) {
        if (!tr_dh_is_gone(&card->channels[i])) {
            tr_dh_system.close(card->channels[i].fd); /* hangs up, stops ringing */
        }
        free(card->channels[i].queue);
    }
    if (card->timer_fd >= 0) {
        tr_dh_system.close(card->timer_fd);
    }
    free(card->channels);
    free(card->events);
    free(card);
}

static const struct tr_card_ops dahdi_ops = {
    .name = "dahdi",
    .ports = ports,
    .kind = kind,
    .capabilities = capabilities,
    .exchange = tr_dh_exchange,
    .next_event = tr_dh_next_event,
    .wait = tr_dh_wait,
    .hook = tr_dh_hook,
    .flash = tr_dh_flash,
    .ring = tr_dh_ring,
    .loop_open = tr_dh_loop_open,
    .polarity = tr_dh_polarity,
    .on_hook_tx = tr_dh_on_hook_tx,
    .lamp = tr_dh_lamp,
    .set = tr_dh_set,
    .hw_gain = hw_gain,
    .echo_canceller = echo_canceller,
    .bits = tr_dh_bits,
    .frame = tr_dh_frame,
    .state = state,
    .idle = idle,
    .delay = delay,
    .health = health,
    .slips = slips,
    .memory = memory,
    .release = release,
};

/* ---- building ---------------------------------------------------------------------------------- */

static int refuse(char *error, size_t room, uint32_t channel, const char *what) {
    snprintf(error, room, "DAHDI channel %u: %s", channel, what);
    errno = EINVAL;
    return TR_E_ARGUMENT;
}

static int check(const struct tr_dahdi_port *p, char *error, size_t room) {
    uint32_t taps = p->echo_taps;
    if (!p->channel || p->kind < TR_KIND_FXO || p->kind > TR_KIND_D || p->law > TR_LAW_MU) {
        return refuse(error, room, p->channel, "number, type or law is none there is");
    }
    if (p->kind != TR_KIND_D && (p->depth < 2 || p->depth > TR_DH_DEPTH_MAX)) {
        return refuse(error, room, p->channel, "depth is 2 to 16 blocks of 20 ms; 4 suits voice");
    }
    if (p->rx_cdb < -2400 || p->rx_cdb > 2400 || p->tx_cdb < -2400 || p->tx_cdb > 2400) {
        return refuse(error, room, p->channel, "gains are -24 to 24 dB");
    }
    if (taps && (taps < 32 || taps > 1024 || (taps & (taps - 1)))) {
        return refuse(error, room, p->channel, "echo_taps is 0 (off), 32, 64, 128, 256, 512 or 1024");
    }
    if (p->echo_mode > TR_ECHO_FAX) {
        return refuse(error, room, p->channel, "the echo canceller is off, on or in fax mode");
    }
    return TR_OK;
}

static int open_timer(struct tr_dahdi_card *card, char *error, size_t room) {
    int32_t samples = TR_BLOCK;
    for (uint32_t i = 0; i < card->count; i++) {
        if (card->channels[i].sound) {
            return TR_OK;
        }
    }
    card->timer_fd = tr_dh_system.open("/dev/dahdi/timer", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (card->timer_fd < 0 || tr_dh_system.ioctl(card->timer_fd, DH_TIMERCONFIG, &samples) < 0) {
        int seen = errno;
        snprintf(error, room, "/dev/dahdi/timer, which times D channels, cannot be opened: %s", strerror(seen));
        errno = seen;
        return TR_E_SYSTEM;
    }
    return TR_OK;
}

static int open_channels(struct tr_dahdi_card *card, const struct tr_dahdi_port *configs, uint32_t count, char *error,
                         size_t room) {
    for (uint32_t i = 0; i < count; i++) {
        struct tr_dh_channel *c = &card->channels[i];
        int result = check(&configs[i], error, room);
        c->config = configs[i];
        if (result == TR_OK) {
            result = tr_dh_open(c, error, room);
        }
        if (result < 0) {
            return result;
        }
        card->count++;
        c->queue = c->sound ? NULL : calloc(1, TR_DH_FRAME_QUEUE);
        if (!c->sound && !c->queue) {
            refuse(error, room, c->config.channel, "no memory for its frames");
            errno = ENOMEM;
            return TR_E_NO_MEMORY;
        }
        tr_line_init(&c->line, c->config.kind, c->capabilities);
        c->own = c->config.kind == TR_KIND_FXS ? TR_LEVEL_BATTERY : 0;
        tr_line_own(&c->line, 0, c->own);
    }
    return open_timer(card, error, room);
}

tr_card *tr_dahdi_card_new(const struct tr_dahdi_port *configs, uint32_t count, char *error, size_t room) {
    if (!count || count > PORTS_MAX) {
        snprintf(error, room, "a DAHDI card has 1 to %d channels, not %u", PORTS_MAX, count);
        errno = EINVAL;
        return NULL;
    }
    struct tr_dahdi_card *card = calloc(1, sizeof *card);
    if (card) {
        card->base.ops = &dahdi_ops;
        card->timer_fd = -1;
        card->channels = calloc(count, sizeof *card->channels);
        card->events_max = count * EVENTS_A_PORT + EVENTS_SPARE;
        card->events = calloc(card->events_max, sizeof *card->events);
    }
    if (!card || !card->channels || !card->events) {
        snprintf(error, room, "no memory for %u DAHDI channels", count);
        if (card) {
            release(&card->base);
        }
        errno = ENOMEM;
        return NULL;
    }
    if (open_channels(card, configs, count, error, room) < 0) {
        int seen = errno;
        release(&card->base);
        errno = seen;
        return NULL;
    }
    return &card->base;
}
