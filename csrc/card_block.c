/* One tick of the software card: every port's block goes out, the far end's comes in, edges are classified and gate the
 * sound. See card_sim.h. Serves all nine steps: it is the telephone line. */
#include "backplane.h"
#include "card_sim.h"
#include "g711.h"
#include <string.h>

enum { HANGOVER = 25 /* blocks of 20 ms for which an on-hook line stays awake after sound or a change */ };

/* ---- events ---- */

static void raise_event(struct tr_sim_card *card, struct tr_line_event event) {
    if (card->events_count < card->events_max) {
        card->events[card->events_count++] = event;
    } else {
        card->events_lost++;
    }
}

static void take_found(struct tr_sim_card *card, uint32_t port, uint64_t at) {
    struct tr_sim_port *p = &card->ports[port];
    bool exact = p->capabilities & TR_CAP_PRECISION;
    for (int i = 0; i < p->line.found_count; i++) {
        const struct tr_found_line *f = &p->line.found[i];
        struct tr_line_event event = {.card_port = port, .kind = f->kind, .a0 = f->a0};
        if (exact) {
            event.offset = (uint32_t)(f->at - at);
            event.age = f->age;
        } else if (f->kind == TR_EV_FLASH || f->kind == TR_EV_RING_END) {
            event.a0 = 0;
        }
        raise_event(card, event);
        if (f->kind == TR_EV_OFFHOOK && p->out.ringing) {
            tr_out_ring_stop(&p->out); /* ring trip */
        }
    }
    p->line.found_count = 0;
}

static void raise_done(struct tr_sim_card *card, uint32_t port, uint64_t at) {
    struct tr_sim_port *p = &card->ports[port];
    for (int i = 0; i < p->out.done_count; i++) {
        const struct tr_out_done *d = &p->out.done[i];
        bool exact = p->capabilities & TR_CAP_PRECISION;
        raise_event(card, (struct tr_line_event){.card_port = port,
                                                 .kind = TR_EV_HOOK_DONE,
                                                 .offset = exact ? (uint32_t)(d->at - at) : 0,
                                                 .a0 = d->ms});
    }
    p->out.done_count = 0;
}

static void take_frames(struct tr_sim_card *card, uint32_t port, const uint8_t *line) {
    struct tr_hdlc *hdlc = card->ports[port].hdlc;
    bool exact = card->ports[port].capabilities & TR_CAP_PRECISION;
    tr_hdlc_hear(hdlc, line);
    for (uint32_t i = 0; i < hdlc->found_count; i++) {
        const struct tr_hdlc_found *f = &hdlc->found[i];
        raise_event(card, (struct tr_line_event){.card_port = port,
                                                 .kind = TR_EV_FRAME,
                                                 .offset = exact ? f->offset : 0,
                                                 .side = f->data,
                                                 .side_len = f->length});
    }
}

/* B, D: what the control half of a real span does by itself (ITU-T G.732), and what a scenario has it do. */
static void answer_alarms(struct tr_sim_port *p, const struct tr_wire_end *end) {
    tr_out_level(&p->out, TR_LEVEL_RAI, tr_line_in_alarm(&p->line));
    tr_out_alarm(&p->out, end ? end->active.alarm[end - end->wire->end] : 0);
}

static void sort_events(struct tr_sim_card *card) {
    for (uint32_t i = 1; i < card->events_count; i++) {
        struct tr_line_event event = card->events[i];
        uint32_t k = i;
        for (; k > 0 && card->events[k - 1].offset > event.offset; k--) {
            card->events[k] = card->events[k - 1];
        }
        card->events[k] = event;
    }
}

/* ---- one block of one port ---- */

static struct tr_own_block send_block(struct tr_sim_port *p, struct tr_wire_end *end, uint64_t at, const uint8_t *tx,
                                      struct tr_edge edges[TR_EDGES_MAX]) {
    struct tr_own_block own = {.before = p->out.sent, .edges = edges};
    uint8_t line[TR_BLOCK];
    if (p->hdlc) {
        tr_hdlc_say(p->hdlc, line);
        tx = line;
    }
    if (tr_out_line(&p->out) != p->out.sent || p->out.due < at + TR_BLOCK) {
        own.count = tr_out_block(&p->out, at, edges);
    }
    if (end) {
        bool mute = p->capabilities & TR_CAP_RX_ONLY;
        if (p->kind == TR_KIND_FXO && own.count == 0 && !(own.before & TR_LEVEL_LOOP)) {
            mute = true; /* an on-hook telephone sends nothing */
        }
        tr_wire_send(end, own.before, edges, own.count, mute ? NULL : tx, p->law);
    }
    return own;
}

/* Does sound pass to this port at these levels? */
static bool passes(const struct tr_sim_port *p, uint16_t own, uint16_t far) {
    switch (p->kind) {
    case TR_KIND_FXO:
        if (own & TR_LEVEL_LOOP) {
            return far & TR_LEVEL_BATTERY;
        }
        return (p->capabilities & TR_CAP_HEARS_ON_HOOK) && (far & TR_LEVEL_ON_HOOK_TX) && (far & TR_LEVEL_BATTERY) &&
               !(far & TR_LEVEL_RINGING);
    case TR_KIND_FXS:
        return (own & TR_LEVEL_BATTERY) && (far & TR_LEVEL_LOOP);
    default:
        return far & TR_LEVEL_PRESENT;
    }
}

static void gate_close(struct tr_gate *gate, int from, int to) {
    if (from >= to) {
        return;
    }
    gate->span[gate->closed].from = (uint8_t)from;
    gate->span[gate->closed].to = (uint8_t)to;
    gate->closed++;
}

/* Walks the edges of both ends in the order of their time (ours first at the same sample): classification and gate. */
static void walk_edges(struct tr_sim_card *card, uint32_t port, uint64_t at, const struct tr_own_block *own,
                       const struct tr_edge *far, int far_count, struct tr_gate *gate) {
    struct tr_sim_port *p = &card->ports[port];
    uint16_t own_levels = own->before;
    bool open = passes(p, own_levels, p->far);
    int from = 0, i = 0, k = 0;
    gate->all_closed = !open;
    while (i < own->count || k < far_count) {
        bool ours = k >= far_count || (i < own->count && own->edges[i].offset <= far[k].offset);
        const struct tr_edge *edge = ours ? &own->edges[i++] : &far[k++];
        while (tr_line_timer(&p->line, at + edge->offset + 1)) {
            take_found(card, port, at);
        }
        if (ours) {
            own_levels = edge->levels;
            tr_line_own(&p->line, at + edge->offset, own_levels);
        } else {
            p->far = edge->levels;
            tr_line_far(&p->line, at + edge->offset, p->far);
        }
        take_found(card, port, at);
        bool open_now = passes(p, own_levels, p->far);
        if (open_now != open) {
            if (open_now) {
                gate_close(gate, from, edge->offset);
                gate->all_closed = false;
            }
            from = edge->offset;
            open = open_now;
        }
    }
    if (!open) {
        gate_close(gate, from, TR_BLOCK);
        gate->all_closed = gate->closed == 1 && from == 0;
    }
    p->open = open;
}

/* The far end's edges of this block as they are seen here: faults applied, and whatever was missed made good at the
 * first sample. `out` has room for TR_EDGES_MAX + 1. */
static int see_far(struct tr_sim_port *p, struct tr_wire_end *end, const struct tr_slot *slot, struct tr_edge *out) {
    int count = 0;
    uint16_t level = p->far;
    if (end && slot) {
        end->far_levels = slot->before;
    }
    uint16_t start = end ? tr_wire_levels(end, end->far_levels) : 0;
    if (start != level) {
        out[count++] = (struct tr_edge){.offset = 0, .levels = start};
        level = start;
    }
    if (slot) {
        for (int i = 0; i < slot->edges; i++) {
            end->far_levels = slot->edge[i].levels;
            uint16_t seen = tr_wire_levels(end, slot->edge[i].levels);
            if (seen == level) {
                continue;
            }
            if (count && out[count - 1].offset == slot->edge[i].offset) {
                count--;
            }
            out[count++] = (struct tr_edge){.offset = slot->edge[i].offset, .levels = seen};
            level = seen;
        }
        end->far_levels = slot->after;
    }
    return count;
}

static void hear_block(struct tr_sim_card *card, uint32_t port, uint64_t at, const struct tr_own_block *own,
                       uint8_t *rx, const uint8_t *tx) {
    struct tr_sim_port *p = &card->ports[port];
    struct tr_wire_end *end = atomic_load_explicit(&p->end, memory_order_acquire);
    const struct tr_slot *slot = end ? tr_wire_take(end) : NULL;
    struct tr_edge far[TR_EDGES_MAX + 1];
    int far_count = 0;
    uint16_t far_before = p->far;
    bool faults_changed = end && tr_wire_refresh(end);
    uint32_t link_alarm = end && end->wire->span && end->wire->span->red ? TR_ALARM_RED : 0;
    if (!end || !slot || slot->edges || faults_changed || link_alarm != p->link_alarm ||
        slot->before != end->far_levels) {
        far_count = see_far(p, end, slot, far);
    }
    struct tr_gate gate = {.all_closed = !p->open};
    if (own->count || far_count) {
        walk_edges(card, port, at, own, far, far_count, &gate);
        p->hangover = HANGOVER;
    }
    if (slot && !p->line.plugged) {
        tr_line_plug(&p->line, at);
        take_found(card, port, at);
    }
    if (link_alarm != p->link_alarm) {
        p->link_alarm = link_alarm;
        tr_line_link_alarm(&p->line, at, link_alarm);
        take_found(card, port, at);
    }
    while (tr_line_timer(&p->line, at + TR_BLOCK)) {
        take_found(card, port, at);
    }
    if (p->out.done_count) {
        raise_done(card, port, at);
    }
    if (p->kind == TR_KIND_B || p->kind == TR_KIND_D) {
        answer_alarms(p, end);
    }
    if (p->hdlc) {
        uint8_t line[TR_BLOCK];
        memset(line, 0xFF, sizeof line);
        if (end) {
            tr_wire_hear(end, slot, &gate, p->law, line);
        }
        take_frames(card, port, line);
    }
    if (!end || p->hdlc) {
        if (rx) {
            memset(rx, tr_g711_idle(p->law), TR_BLOCK);
        }
        p->hangover -= p->hangover > 0;
    } else if (tr_wire_hear(end, slot, &gate, p->law, rx)) {
        p->hangover = HANGOVER;
    } else if (p->hangover) {
        p->hangover--;
    }
    if (p->tap && !card->base.paced) {
        tr_tap_block(p->tap, p->law, rx, tx, own->before, own->edges, own->count, far_before, far, far_count);
    }
}

static bool remote(const struct tr_wire_end *end) { return end && end->wire->span; }

int tr_sim_exchange(tr_card *base, uint8_t *const *rx, const uint8_t *const *tx, uint32_t count) {
    struct tr_sim_card *card = (struct tr_sim_card *)base;
    uint64_t at = atomic_load_explicit(&card->tick, memory_order_relaxed) * TR_BLOCK;
    struct tr_edge edges[TR_EDGES_MAX];
    card->events_count = card->events_next = 0;
    for (struct tr_backplane *b = card->backplanes; b; b = tr_backplane_next(b)) {
        tr_backplane_exchange(b, at, tx, count);
    }
    for (uint32_t i = 0; i < card->count; i++) {
        struct tr_sim_port *p = &card->ports[i];
        struct tr_wire_end *end = atomic_load_explicit(&p->end, memory_order_acquire);
        const uint8_t *sent = i < count ? tx[i] : NULL;
        struct tr_own_block own;
        if (remote(end)) {
            const struct tr_slot *slot = tr_wire_last_sent(end);
            own = (struct tr_own_block){.before = slot->before, .count = slot->edges, .edges = slot->edge};
        } else {
            own = send_block(p, end, at, sent, edges);
        }
        hear_block(card, i, at, &own, i < count ? rx[i] : NULL, sent);
    }
    sort_events(card);
    atomic_fetch_add_explicit(&card->tick, 1, memory_order_release);
    return TR_OK;
}

void tr_sim_send_remote(struct tr_sim_card *card, uint32_t port, uint64_t at, const uint8_t *tx) {
    struct tr_edge edges[TR_EDGES_MAX];
    struct tr_wire_end *end = atomic_load_explicit(&card->ports[port].end, memory_order_acquire);
    send_block(&card->ports[port], end, at, tx, edges);
}

int tr_sim_next_event(tr_card *base, struct tr_line_event *out) {
    struct tr_sim_card *card = (struct tr_sim_card *)base;
    if (card->events_next >= card->events_count) {
        return 0;
    }
    *out = card->events[card->events_next++];
    return 1;
}
