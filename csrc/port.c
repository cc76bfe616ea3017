/* A port: what it is told, what its line reports, its level state: see port.h. The chain is in chain.c. Serves all nine
 * steps. */
#include "port.h"
#include "g711.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>

/* Our own echo canceller: the card has none, and what is sent in a block comes back in it. */
static bool cancels_itself(const struct tr_port *port) {
    const struct tr_card_ops *ops = port->card->ops;
    return (port->kind == TR_KIND_FXO || port->kind == TR_KIND_FXS) && !(port->capabilities & TR_CAP_RX_ONLY) &&
           !ops->echo_canceller && ops->delay(port->card) == 0;
}

struct tr_port *tr_port_create(struct tr_engine *engine, uint32_t card_index, uint32_t card_port, uint32_t number) {
    struct tr_port *port = (struct tr_port *)tr_alloc(sizeof *port);
    if (!port) {
        return NULL;
    }
    port->engine = engine;
    port->card_index = card_index;
    port->card = engine->cards[card_index].card;
    port->card_port = card_port;
    port->number = number;
    port->kind = port->card->ops->kind(port->card, card_port);
    port->capabilities = port->card->ops->capabilities(port->card, card_port);
    if ((port->capabilities & TR_CAP_HW_ECHO_CANCELLER) || cancels_itself(port)) {
        port->capabilities |= TR_CAP_ECHO_CANCELLER;
    }
    if ((port->kind == TR_KIND_B && !(port->r2 = (struct tr_r2 *)tr_alloc(sizeof *port->r2))) ||
        (cancels_itself(port) && !(port->echo = (struct tr_echo *)tr_alloc(sizeof *port->echo)))) {
        tr_port_free(port);
        return NULL;
    }
    if (port->echo) {
        tr_echo_init(port->echo);
    }
    atomic_init(&port->events_from, UINT64_MAX);
    port->rx_gain = port->tx_gain = tr_gain(0);
    port->voice_level = -4000;
    port->answer_voice_ms = 150;
    port->player.queue = port->queue;
    port->player.duck = 32768;
    return port;
}

void tr_port_free(struct tr_port *port) {
    free(atomic_load_explicit(&port->pri, memory_order_relaxed));
    free(port->r2);
    free(port->echo);
    free(port);
}

uint64_t tr_port_memory(const struct tr_port *port) {
    return sizeof *port + (port->r2 ? sizeof *port->r2 : 0) + (port->echo ? sizeof *port->echo : 0) +
           (atomic_load_explicit(&port->pri, memory_order_relaxed) ? sizeof(struct tr_pri_port) : 0);
}

void tr_port_raise(struct tr_port *port, uint32_t kind, uint32_t epoch, uint32_t id, uint64_t at, int32_t a0,
                   int32_t a1, int32_t a2) {
    struct tr_event event = {.kind = kind, .port = port->number, .epoch = epoch, .id = id, .at = at, .a = {a0, a1, a2}};
    tr_raise(port->engine, &event, NULL, 0);
}

/* ---- commands ---------------------------------------------------------------------------------- */

static void new_epoch(struct tr_port *port, uint32_t epoch) {
    tr_player_stop(port, TR_PLAY_STOPPED);
    tr_recorder_stop(port, &port->recorder, TR_RECORD_STOPPED);
    tr_port_arm(port, 0);
    port->options = 0;
    tr_bridge_cut(port);
    if (port->echo) {
        tr_echo_doubt(port->echo);
    }
    tr_bridge_forget(port); /* what is heard here from now on is another call's */
    port->epoch = epoch;
}

static int tone_plan(struct tr_port *port, const uint8_t *side, uint32_t n) {
    if (n % sizeof(struct tr_tone) || n > sizeof port->plan) {
        return TR_E_ARGUMENT;
    }
    struct tr_tone plan[TR_MAX_TONES];
    struct tr_tones probe; /* a plan that cannot be heard is refused now, not silently unheard later */
    int32_t count = (int32_t)(n / sizeof(struct tr_tone));
    if (n) {
        memcpy(plan, side, n);
    }
    if (tr_tones_init(&probe, plan, count, 0) != TR_OK) {
        return TR_E_ARGUMENT;
    }
    memcpy(port->plan, plan, n);
    port->plan_count = count;
    tr_port_rearm(port, TR_I_TONES);
    return TR_OK;
}

static int detect(struct tr_port *port, const struct tr_command *command) {
    uint32_t mask = (uint32_t)command->a[0], options = (uint32_t)command->a[1];
    if (mask >> TR_DETECTORS || options & ~(uint32_t)(TR_DUCK_PROMPT | TR_STOP_ON_DIGIT)) {
        return TR_E_ARGUMENT;
    }
    port->detect_id = command->id;
    port->options = options;
    tr_port_arm(port, mask);
    return TR_OK;
}

static int set_fallback(struct tr_port *port, int32_t value) {
    if (port->kind != TR_KIND_FXO && port->kind != TR_KIND_FXS) {
        return TR_E_UNSUPPORTED; /* a digital channel is blocked by its signalling */
    }
    if (value < TR_FALLBACK_LEAVE || value > TR_FALLBACK_ON_HOOK ||
        (value == TR_FALLBACK_BUSY && port->kind != TR_KIND_FXO)) {
        return TR_E_ARGUMENT;
    }
    port->fallback = (uint8_t)value;
    return TR_OK;
}

static int setting(struct tr_port *port, int32_t which, int32_t value) {
    switch (which) {
    case TR_SET_LAW:
        if (value != TR_LAW_A && value != TR_LAW_MU) {
            return TR_E_ARGUMENT;
        }
        port->law = (uint8_t)value;
        port->tx_sounding = true; /* the idle codes are to be made anew */
        port->card->ops->set(port->card, port->card_port, which, value);
        return TR_OK;
    case TR_SET_VOICE_LEVEL:
        if (value < -9000 || value >= 0) {
            return TR_E_ARGUMENT;
        }
        port->voice_level = value;
        tr_port_rearm(port, TR_I_VOICE);
        return TR_OK;
    case TR_SET_ANSWER_VOICE_MS:
        if (value < 20 || value > 10000) {
            return TR_E_ARGUMENT;
        }
        port->answer_voice_ms = value;
        tr_port_rearm(port, TR_I_TONES);
        return TR_OK;
    case TR_SET_FALLBACK:
        return set_fallback(port, value);
    default:
        return port->card->ops->set(port->card, port->card_port, which, value);
    }
}

static int gain(struct tr_port *port, int32_t rx, int32_t tx) {
    if (rx < -2400 || rx > 2400 || tx < -2400 || tx > 2400) {
        return TR_E_ARGUMENT;
    }
    port->rx_gain = tr_gain(rx);
    port->tx_gain = tr_gain(tx);
    return TR_OK;
}

/* What the card times; its end comes back as TR_EV_HOOK_DONE with this id. */
static int timed_by_card(struct tr_port *port, const struct tr_command *command, int result) {
    if (result >= 0) {
        port->hook_id = command->id;
        port->hook_epoch = command->epoch;
        port->line_open = true;
    }
    return result;
}

static int echo_canceller(struct tr_port *port, int32_t mode, int32_t taps) {
    uint8_t parts = (uint8_t)(taps > TR_ECHO_TAPS ? 2 : 1);
    if (mode < TR_ECHO_OFF || mode > TR_ECHO_FAX || taps < 0 || taps > TR_ECHO_PARTS * TR_ECHO_TAPS) {
        return TR_E_ARGUMENT;
    }
    if (!port->echo) {
        const struct tr_card_ops *ops = port->card->ops;
        return ops->echo_canceller ? ops->echo_canceller(port->card, port->card_port, mode) : TR_E_UNSUPPORTED;
    }
    if (mode == TR_ECHO_OFF || parts != port->echo->parts) {
        port->echo->parts = parts;
        tr_echo_init(port->echo);
        if (port->tx_sounding) {
            tr_echo_miss(port->echo); /* what was sent so far is not known to it */
        }
    }
    port->echo->mode = (uint8_t)mode;
    return TR_OK;
}

static int line_command(struct tr_port *port, const struct tr_command *command, const uint8_t *side) {
    tr_card *card = port->card;
    const struct tr_card_ops *ops = card->ops;
    uint32_t n = port->card_port;
    const int32_t *a = command->a;
    switch (command->op) {
    case TR_OP_HOOK:
        return ops->hook(card, n, a[0]);
    case TR_OP_FLASH:
        return a[0] <= 0 ? TR_E_ARGUMENT : timed_by_card(port, command, ops->flash(card, n, a[0]));
    case TR_OP_RING:
        return ops->ring(card, n, a);
    case TR_OP_LOOP_OPEN:
        return a[0] <= 0 ? TR_E_ARGUMENT : timed_by_card(port, command, ops->loop_open(card, n, a[0]));
    case TR_OP_POLARITY:
        return ops->polarity ? ops->polarity(card, n, a[0]) : TR_E_UNSUPPORTED;
    case TR_OP_ON_HOOK_TX:
        return ops->on_hook_tx(card, n, a[0]);
    case TR_OP_LAMP:
        return ops->lamp ? ops->lamp(card, n, a[0]) : TR_E_UNSUPPORTED;
    case TR_OP_ECHO_CANCELLER:
        return echo_canceller(port, a[0], a[1]);
    case TR_OP_PRI:
        return tr_pri_port_command(port, command, side);
    case TR_OP_R2:
        return tr_r2_command(port, command, side);
    case TR_OP_BITS:
        return tr_r2_runs(port->r2) ? TR_E_STATE : ops->bits ? ops->bits(card, n, a[0]) : TR_E_UNSUPPORTED;
    case TR_OP_FRAME:
        return ops->frame ? ops->frame(card, n, side, command->side_len) : TR_E_UNSUPPORTED;
    default:
        return TR_E_ARGUMENT;
    }
}

/* What a D channel has no use for. */
static bool needs_sound(uint32_t op) {
    switch (op) {
    case TR_OP_PLAY:
    case TR_OP_DETECT:
    case TR_OP_RECORD:
    case TR_OP_CAPTURE:
    case TR_OP_HEAR:
    case TR_OP_JOIN:
        return true;
    default:
        return false;
    }
}

int tr_port_command(struct tr_port *port, const struct tr_command *command, const uint8_t *side) {
    port->dirty = true;
    if (command->op == TR_OP_EPOCH) {
        new_epoch(port, (uint32_t)command->a[0]);
        return TR_OK;
    }
    if (command->epoch != port->epoch) {
        port->stale++;
        return TR_E_STALE;
    }
    if (port->kind == TR_KIND_D && needs_sound(command->op)) {
        return TR_E_UNSUPPORTED;
    }
    switch (command->op) {
    case TR_OP_PLAY:
        return tr_player_add(port, command, side);
    case TR_OP_PLAY_STOP:
        tr_player_stop(port, TR_PLAY_STOPPED);
        return TR_OK;
    case TR_OP_DETECT:
        return detect(port, command);
    case TR_OP_TONE_PLAN:
        return tone_plan(port, side, command->side_len);
    case TR_OP_GAIN:
        return gain(port, command->a[0], command->a[1]);
    case TR_OP_RECORD:
        return tr_recorder_start(port, &port->recorder, command, side);
    case TR_OP_RECORD_STOP:
        tr_recorder_stop(port, &port->recorder, TR_RECORD_STOPPED);
        return TR_OK;
    case TR_OP_CAPTURE:
        return tr_recorder_start(port, &port->capture, command, side);
    case TR_OP_CAPTURE_STOP:
        tr_recorder_stop(port, &port->capture, TR_RECORD_STOPPED);
        return TR_OK;
    case TR_OP_HEAR:
        return tr_bridge_hear(port, command->a[0], command->a[1], command->a[2] != 0);
    case TR_OP_JOIN:
        return tr_bridge_join(port, command->a[0], (uint32_t)command->a[1], command->a[2], command->a[3]);
    case TR_OP_SETTING:
        return setting(port, command->a[0], command->a[1]);
    default:
        return line_command(port, command, side);
    }
}

void tr_port_line_event(struct tr_port *port, const struct tr_line_event *line) {
    if (tr_r2_line(port, line)) {
        return;
    }
    uint64_t known = port->engine->tick * TR_BLOCK + line->offset;
    struct tr_event event = {.kind = line->kind,
                             .port = port->number,
                             .epoch = port->epoch,
                             .at = known > line->age ? known - line->age : 0,
                             .a = {line->a0}};
    if (line->kind == TR_EV_RING_BEGIN || line->kind == TR_EV_RING_END) {
        port->rang = port->engine->tick;
    }
    if (port->echo && (line->kind <= TR_EV_FLASH || line->kind == TR_EV_HOOK_DONE)) {
        tr_echo_doubt(port->echo); /* another call, or another far end */
    }
    if (line->kind == TR_EV_HOOK_DONE) {
        port->line_open = false;
        event.id = port->hook_id;
        event.epoch = port->hook_epoch;
    }
    port->dirty = true;
    if (line->kind != TR_EV_FRAME || !tr_pri_port_frame(port, line)) {
        tr_raise(port->engine, &event, line->side, line->side_len);
    }
}

/* ---- level state ------------------------------------------------------------------------------- */

void tr_port_attach(struct tr_port *port) {
    struct tr_port_state state = {0};
    port->card->ops->state(port->card, port->card_port, &state);
    port->law = (uint8_t)(state.law == TR_LAW_MU ? TR_LAW_MU : TR_LAW_A);
    memset(port->tx, tr_g711_idle(port->law), TR_BLOCK);
    memset(port->rx, tr_g711_idle(port->law), TR_BLOCK);
    port->next_tick = port->engine->tick;
    port->born = port->engine->serial;
    atomic_store_explicit(&port->events_from, tr_ring_put(&port->engine->shared.events), memory_order_release);
    tr_port_publish(port);
}

void tr_port_detach(struct tr_port *port) {
    const int32_t no_ringing[6] = {0};
    struct tr_engine *engine = port->engine;
    struct tr_port_state none = {0};
    tr_r2_detach(port);
    new_epoch(port, port->epoch);
    tr_recorder_stop(port, &port->capture, TR_RECORD_STOPPED);
    if (port->kind == TR_KIND_FXO) {
        port->card->ops->hook(port->card, port->card_port, 0);
    } else if (port->kind == TR_KIND_FXS) {
        port->card->ops->ring(port->card, port->card_port, no_ringing);
    }
    tr_cell_write(&engine->shared.cells[port->number], &none);
}

void tr_port_state_now(const struct tr_port *port, struct tr_port_state *out) {
    memset(out, 0, sizeof *out);
    port->card->ops->state(port->card, port->card_port, out);
    out->kind = port->kind;
    out->capabilities = port->capabilities;
    out->epoch = port->epoch;
    out->law = port->law;
    out->detectors = port->armed;
    out->playing = port->player.count ? port->queue[port->player.first].id : 0;
    out->recording = port->recorder.state ? port->recorder.id : 0;
    out->play_queue = port->player.count;
    out->digits = port->digits;
    out->stale_commands = port->stale;
    out->files = port->files;
    out->fallback = port->fell;
}

void tr_port_publish(struct tr_port *port) {
    struct tr_port_state state;
    tr_port_state_now(port, &state);
    tr_cell_write(&port->engine->shared.cells[port->number], &state);
    port->dirty = false;
}
