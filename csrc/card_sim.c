/* The software card: its table of functions, commands and states; see card_sim.h. What happens in a tick: card_block.c.
 * Serves all nine steps: it is the telephone line. */
#include "card_sim.h"
#include "backplane.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PORTS_MAX = 65536,
    EVENTS_A_PORT = 4, /* room per port and tick, beside frames; more are counted as lost, the level state stays true */
    EVENTS_SPARE = 64
};

static const uint32_t our_capabilities = TR_CAP_RX_ONLY | TR_CAP_HEARS_ON_HOOK | TR_CAP_REPORTS_RING_BEGIN |
                                         TR_CAP_PRECISION | TR_CAP_POLARITY | TR_CAP_LAMP;

struct tr_sim_card *tr_sim_card(tr_card *card) {
    return card && card->ops == &tr_sim_ops ? (struct tr_sim_card *)card : NULL;
}

static struct tr_sim_card *sim_of(tr_card *card) { return (struct tr_sim_card *)card; }
static const struct tr_sim_card *const_sim_of(const tr_card *card) { return (const struct tr_sim_card *)card; }

static uint64_t now(const struct tr_sim_card *card) {
    return atomic_load_explicit(&card->tick, memory_order_relaxed) * TR_BLOCK;
}

/* ---- line commands ---- */

static struct tr_sim_port *find(tr_card *base, uint32_t port, uint32_t kind, int *result) {
    struct tr_sim_card *card = sim_of(base);
    if (port >= card->count) {
        *result = TR_E_NO_PORT;
        return NULL;
    }
    struct tr_sim_port *p = &card->ports[port];
    if (p->kind != kind || (p->capabilities & TR_CAP_RX_ONLY)) {
        *result = TR_E_UNSUPPORTED;
        return NULL;
    }
    return p;
}

static int hook(tr_card *card, uint32_t port, int off_hook) {
    int result = TR_E_NO_PORT;
    struct tr_sim_port *p = find(card, port, TR_KIND_FXO, &result);
    return p ? tr_out_hook(&p->out, now(sim_of(card)), off_hook != 0) : result;
}

static int flash(tr_card *card, uint32_t port, int ms) {
    int result = TR_E_NO_PORT;
    struct tr_sim_port *p = find(card, port, TR_KIND_FXO, &result);
    return p ? tr_out_flash(&p->out, now(sim_of(card)), ms) : result;
}

static int ring(tr_card *card, uint32_t port, const int32_t cadence_ms[6]) {
    int result = TR_E_NO_PORT;
    struct tr_sim_port *p = find(card, port, TR_KIND_FXS, &result);
    if (!p) {
        return result;
    }
    bool stop = true;
    for (int i = 0; i < TR_CADENCE; i++) {
        stop &= cadence_ms[i] == 0;
    }
    if (!stop && tr_line_off_hook(&p->line)) {
        return TR_E_STATE;
    }
    return tr_out_ring(&p->out, now(sim_of(card)), cadence_ms);
}

static int loop_open(tr_card *card, uint32_t port, int ms) {
    int result = TR_E_NO_PORT;
    struct tr_sim_port *p = find(card, port, TR_KIND_FXS, &result);
    return p ? tr_out_loop_open(&p->out, now(sim_of(card)), ms) : result;
}

static int set_level(tr_card *card, uint32_t port, uint32_t capability, uint16_t level, int on) {
    int result = TR_E_NO_PORT;
    struct tr_sim_port *p = find(card, port, TR_KIND_FXS, &result);
    if (!p || (p->capabilities & capability) != capability) {
        return p ? TR_E_UNSUPPORTED : result;
    }
    tr_out_level(&p->out, level, on != 0);
    return TR_OK;
}

static int polarity(tr_card *card, uint32_t port, int reversed) {
    return set_level(card, port, TR_CAP_POLARITY, TR_LEVEL_REVERSED, reversed);
}

static int on_hook_tx(tr_card *card, uint32_t port, int on) {
    return set_level(card, port, 0, TR_LEVEL_ON_HOOK_TX, on);
}

static int lamp(tr_card *card, uint32_t port, int on) { return set_level(card, port, TR_CAP_LAMP, TR_LEVEL_LAMP, on); }

static int bits(tr_card *card, uint32_t port, int abcd) {
    int result = TR_E_NO_PORT;
    struct tr_sim_port *p = find(card, port, TR_KIND_B, &result);
    if (!p || abcd < 0 || abcd > 15) {
        return p ? TR_E_ARGUMENT : result;
    }
    tr_out_bits(&p->out, abcd);
    return TR_OK;
}

static int frame(tr_card *card, uint32_t port, const uint8_t *data, uint32_t length) {
    int result = TR_E_NO_PORT;
    struct tr_sim_port *p = find(card, port, TR_KIND_D, &result);
    return p ? tr_hdlc_send(p->hdlc, data, length) : result;
}

static int set(tr_card *base, uint32_t port, int setting, int value) {
    struct tr_sim_card *card = sim_of(base);
    if (port >= card->count) {
        return TR_E_NO_PORT;
    }
    if (setting == TR_SET_LAW) {
        if (value != TR_LAW_A && value != TR_LAW_MU) {
            return TR_E_ARGUMENT;
        }
        card->ports[port].law = (uint8_t)value;
        return TR_OK;
    }
    return tr_line_set(&card->ports[port].line, setting, value);
}

/* ---- what there is ---- */

static uint32_t ports(const tr_card *card) { return const_sim_of(card)->count; }

static uint32_t kind(const tr_card *base, uint32_t port) {
    const struct tr_sim_card *card = const_sim_of(base);
    return port < card->count ? card->ports[port].kind : TR_KIND_NONE;
}

static uint32_t capabilities(const tr_card *base, uint32_t port) {
    const struct tr_sim_card *card = const_sim_of(base);
    return port < card->count ? card->ports[port].capabilities : 0;
}

static int state(const tr_card *base, uint32_t port, struct tr_port_state *out) {
    const struct tr_sim_card *card = const_sim_of(base);
    if (port >= card->count) {
        return TR_E_NO_PORT;
    }
    const struct tr_sim_port *p = &card->ports[port];
    const struct tr_line *line = &p->line;
    out->kind = p->kind;
    out->capabilities = p->capabilities;
    out->law = p->law;
    out->alarms = line->alarms | line->link_alarm;
    out->bits = line->bits;
    out->bits_edges = line->bits_edges;
    out->hook_edges = line->hook_edges;
    if (p->kind == TR_KIND_FXO) {
        out->hook = p->out.off_hook;
        out->ringing = tr_line_ringing(line);
        out->polarity = line->polarity;
        out->battery = (p->far & TR_LEVEL_BATTERY) != 0;
        out->ring_edges = line->ring_edges;
        out->polarity_edges = line->polarity_edges;
        out->drop_edges = line->drop_edges;
        out->flash_edges = p->out.flash_edges;
    } else if (p->kind == TR_KIND_FXS) {
        out->hook = tr_line_off_hook(line);
        out->ringing = p->out.ringing;
        out->polarity = (p->out.levels & TR_LEVEL_REVERSED) != 0;
        out->battery = (p->out.levels & TR_LEVEL_BATTERY) != 0;
        out->ring_edges = p->out.ring_edges;
        out->polarity_edges = p->out.polarity_edges;
        out->drop_edges = p->out.drop_edges;
        out->flash_edges = line->flash_edges;
    } else if (p->kind == TR_KIND_D) {
        out->frames_sent = p->hdlc->sent;
        out->frames_received = p->hdlc->received;
        out->frames_bad = p->hdlc->bad;
    }
    return TR_OK;
}

static int idle(const tr_card *base, uint32_t port) {
    const struct tr_sim_card *card = const_sim_of(base);
    if (port >= card->count) {
        return 1;
    }
    const struct tr_sim_port *p = &card->ports[port];
    struct tr_wire_end *end = atomic_load_explicit(&p->end, memory_order_relaxed);
    if (p->kind == TR_KIND_D) {
        return 1;
    }
    if (!end) {
        return p->hangover == 0;
    }
    bool in_use = p->kind == TR_KIND_B || (p->kind == TR_KIND_FXO && p->out.off_hook) ||
                  (p->kind == TR_KIND_FXS && (p->far & TR_LEVEL_LOOP));
    return !in_use && p->hangover == 0;
}

static uint32_t delay(const tr_card *card) {
    (void)card;
    return 0;
}

static uint64_t slips(const tr_card *base) {
    uint64_t sum = 0;
    for (struct tr_backplane *b = const_sim_of(base)->backplanes; b; b = tr_backplane_next(b)) {
        sum += tr_backplane_slips(b);
    }
    return sum;
}

static uint64_t memory(const tr_card *base) {
    const struct tr_sim_card *card = const_sim_of(base);
    uint64_t sum = sizeof *card + card->count * sizeof *card->ports + card->events_max * sizeof *card->events;
    for (uint32_t i = 0; i < card->count; i++) {
        const struct tr_wire_end *end = atomic_load_explicit(&card->ports[i].end, memory_order_acquire);
        sum += !end ? 0 : end->wire->span ? sizeof(struct tr_wire) : sizeof(struct tr_wire) / 2;
    }
    sum += card->frame_ports * sizeof(struct tr_hdlc);
    for (struct tr_backplane *b = card->backplanes; b; b = tr_backplane_next(b)) {
        sum += tr_backplane_memory(b);
    }
    return sum;
}

static void health(const tr_card *base, struct tr_card_health *out) {
    const struct tr_sim_card *card = const_sim_of(base);
    *out = (struct tr_card_health){0};
    for (uint32_t i = 0; card->frame_ports && i < card->count; i++) {
        out->bad_frames += card->ports[i].hdlc ? card->ports[i].hdlc->bad : 0;
    }
}

/* ---- building ---- */

static int add_port(struct tr_sim_card *card, uint32_t kind_, uint32_t capabilities_, uint32_t law) {
    if (kind_ < TR_KIND_FXO || kind_ > TR_KIND_D || law > TR_LAW_MU) {
        return TR_E_ARGUMENT;
    }
    if (card->count >= PORTS_MAX) {
        return TR_E_TOO_LONG;
    }
    struct tr_sim_port *p = &card->ports[card->count];
    memset(p, 0, sizeof *p);
    if (kind_ == TR_KIND_D) {
        p->hdlc = malloc(sizeof *p->hdlc);
        if (!p->hdlc) {
            return TR_E_NO_MEMORY;
        }
        tr_hdlc_init(p->hdlc);
        card->frame_ports++;
    }
    atomic_init(&p->end, NULL);
    p->kind = (uint8_t)kind_;
    p->law = (uint8_t)law;
    p->capabilities = capabilities_ & our_capabilities;
    tr_line_init(&p->line, kind_, p->capabilities);
    tr_out_init(&p->out, kind_);
    return (int)card->count++;
}

/* For `count` ports, `frame_ports` of them D channels. */
static int make_room(struct tr_sim_card *card, uint32_t count, uint32_t frame_ports) {
    struct tr_sim_port *more = realloc(card->ports, count * sizeof *more);
    if (!more) {
        return TR_E_NO_MEMORY;
    }
    card->ports = more;
    uint32_t events_max = count * EVENTS_A_PORT + frame_ports * TR_HDLC_FOUND_MAX + EVENTS_SPARE;
    struct tr_line_event *events = realloc(card->events, events_max * sizeof *events);
    if (!events) {
        return TR_E_NO_MEMORY;
    }
    card->events = events;
    card->events_max = events_max;
    return TR_OK;
}

static void release(tr_card *base) {
    struct tr_sim_card *card = sim_of(base);
    while (card->backplanes) {
        struct tr_backplane *first = card->backplanes;
        card->backplanes = tr_backplane_next(first);
        tr_backplane_free(first);
    }
    tr_wire_forget_card(card);
    for (uint32_t i = 0; i < card->count; i++) {
        tr_tap_close(card->ports[i].tap);
        free(card->ports[i].hdlc);
    }
    free(card->ports);
    free(card->events);
    free(card);
}

const struct tr_card_ops tr_sim_ops = {
    .name = "software",
    .ports = ports,
    .kind = kind,
    .capabilities = capabilities,
    .exchange = tr_sim_exchange,
    .next_event = tr_sim_next_event,
    .hook = hook,
    .flash = flash,
    .ring = ring,
    .loop_open = loop_open,
    .polarity = polarity,
    .on_hook_tx = on_hook_tx,
    .lamp = lamp,
    .set = set,
    .bits = bits,
    .frame = frame,
    .state = state,
    .idle = idle,
    .delay = delay,
    .health = health,
    .slips = slips,
    .memory = memory,
    .release = release,
};

tr_card *tr_sim_card_new(const struct tr_sim_config *config) {
    if (!config->ports || config->ports > PORTS_MAX || config->kind < TR_KIND_FXO || config->kind > TR_KIND_D ||
        config->law > TR_LAW_MU) {
        errno = EINVAL;
        return NULL;
    }
    struct tr_sim_card *card = calloc(1, sizeof *card);
    int result = card ? make_room(card, config->ports, config->kind == TR_KIND_D ? config->ports : 0) : TR_E_NO_MEMORY;
    for (uint32_t i = 0; i < config->ports && result >= 0; i++) {
        result = add_port(card, config->kind, config->capabilities, config->law);
    }
    if (result < 0) {
        if (card) {
            release(&card->base);
        }
        errno = ENOMEM;
        return NULL;
    }
    card->base.ops = &tr_sim_ops;
    return &card->base;
}

int tr_sim_card_add_port(tr_card *base, uint32_t kind_, uint32_t capabilities_) {
    struct tr_sim_card *card = tr_sim_card(base);
    if (!card) {
        return TR_E_UNSUPPORTED;
    }
    int result = make_room(card, card->count + 1, card->frame_ports + (kind_ == TR_KIND_D));
    return result < 0 ? result : add_port(card, kind_, capabilities_, card->ports[0].law);
}
