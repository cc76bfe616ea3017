/* The chain of a port and its level state: see port.h. */
#include "port.h"
#include "g711.h"
#include "internal.h"
#include <stdlib.h>
#include <string.h>

/* Silent blocks (20 ms) that each receiver still hears before it is left alone. */
static const uint32_t settle_blocks[TR_DETECTORS] = {
    [TR_I_DTMF] = 10,    /* the end of a digit: 17 ms */
    [TR_I_TONES] = 350,  /* the longest gap of a cadence (4 s) with its tolerance, overdue bursts */
    [TR_I_FSK_ID] = 10,  /* loss of carrier */
    [TR_I_DTMF_ID] = 50, /* 500 ms without a digit end the number */
    [TR_I_VOICE] = 50,   /* 400 ms of silence end voice */
};

#define ECHO_MS 100 /* our own digits are not mistaken for an answer so long after their end */

static const int16_t zeros[TR_BLOCK];

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
    port->hears = -1;
    port->rx_gain = port->tx_gain = tr_gain(0);
    port->voice_level = -4000;
    port->answer_voice_ms = 150;
    port->player.queue = port->queue;
    port->player.duck = 32768;
    return port;
}

void tr_port_raise(struct tr_port *port, uint32_t kind, uint32_t epoch, uint32_t id, uint64_t at, int32_t a0,
                   int32_t a1, int32_t a2) {
    struct tr_event event = {.kind = kind, .port = port->number, .epoch = epoch, .id = id, .at = at, .a = {a0, a1, a2}};
    tr_raise(port->engine, &event, NULL, 0);
}

/* ---- detectors --------------------------------------------------------------------------------- */

static void init_detector(struct tr_port *port, int which) {
    switch (which) {
    case TR_I_DTMF:
        tr_dtmf_init(&port->dtmf);
        port->digit_on = false;
        break;
    case TR_I_TONES:
        tr_tones_init(&port->tones, port->plan, port->plan_count, port->answer_voice_ms);
        break;
    case TR_I_FSK_ID:
        tr_fsk_id_init(&port->fsk_id);
        break;
    case TR_I_DTMF_ID:
        tr_dtmf_id_init(&port->dtmf_id);
        break;
    default:
        tr_vad_init(&port->vad, port->voice_level);
    }
    port->origin[which] = port->engine->tick * TR_BLOCK;
}

static void release_detector(struct tr_port *port, int which) {
    switch (which) {
    case TR_I_DTMF:
        tr_dtmf_release(&port->dtmf);
        port->digit_on = false;
        break;
    case TR_I_TONES:
        tr_tones_release(&port->tones);
        break;
    case TR_I_FSK_ID:
        tr_fsk_id_release(&port->fsk_id);
        break;
    case TR_I_DTMF_ID:
        tr_dtmf_id_release(&port->dtmf_id);
        break;
    default:
        tr_vad_release(&port->vad);
    }
}

/* Blocks that were skipped are time for the armed receivers. */
static void catch_up(struct tr_port *port) {
    uint64_t tick = port->engine->tick;
    for (int i = 0; port->next_tick < tick && i < TR_DETECTORS; i++) {
        port->origin[i] += (tick - port->next_tick) * TR_BLOCK;
    }
    port->next_tick = port->next_tick < tick ? tick : port->next_tick;
}

static void arm(struct tr_port *port, uint32_t mask) {
    catch_up(port);
    for (int i = 0; i < TR_DETECTORS; i++) {
        uint32_t bit = 1u << i;
        if ((mask & bit) && !(port->armed & bit)) {
            init_detector(port, i);
        } else if (!(mask & bit) && (port->armed & bit)) {
            release_detector(port, i);
        }
    }
    if (mask & ~port->armed) {
        port->quiet = 0; /* what is new hears silence too */
    }
    port->armed = mask;
}

static void rearm(struct tr_port *port, int which) {
    if (port->armed & (1u << which)) {
        catch_up(port);
        release_detector(port, which);
        init_detector(port, which);
        port->quiet = 0;
    }
}

static void heard(struct tr_port *port, int which, const struct tr_detection *found) {
    struct tr_event event = {.kind = found->kind,
                             .port = port->number,
                             .epoch = port->epoch,
                             .id = port->detect_id,
                             .at = port->origin[which] + found->at,
                             .a = {found->a0, found->a1}};
    tr_raise(port->engine, &event, found->side, found->side_len);
    if (which != TR_I_DTMF) {
        return;
    }
    port->digit_on = found->kind == TR_EV_DTMF_BEGIN;
    if (port->digit_on) {
        port->digits++;
        port->dirty = true;
        if (port->options & TR_STOP_ON_DIGIT) {
            tr_player_stop(port, TR_PLAY_DIGIT);
        }
    }
}

static int feed_detector(struct tr_port *port, int which, const int16_t *samples, struct tr_detection *found,
                         bool feed) {
    switch (which) {
    case TR_I_DTMF:
        if (feed) {
            tr_dtmf_feed(&port->dtmf, samples, TR_BLOCK);
        }
        return tr_dtmf_get(&port->dtmf, found);
    case TR_I_TONES:
        if (feed) {
            tr_tones_feed(&port->tones, samples, TR_BLOCK);
        }
        return tr_tones_get(&port->tones, found);
    case TR_I_FSK_ID:
        if (feed) {
            tr_fsk_id_feed(&port->fsk_id, samples, TR_BLOCK);
        }
        return tr_fsk_id_get(&port->fsk_id, found);
    case TR_I_DTMF_ID:
        if (feed) {
            tr_dtmf_id_feed(&port->dtmf_id, samples, TR_BLOCK);
        }
        return tr_dtmf_id_get(&port->dtmf_id, found);
    default:
        if (feed) {
            tr_vad_feed(&port->vad, samples, TR_BLOCK);
        }
        return tr_vad_get(&port->vad, found);
    }
}

static void run_detectors(struct tr_port *port, const int16_t *samples) {
    for (int i = 0; i < TR_DETECTORS; i++) {
        if (!(port->armed & (1u << i))) {
            continue;
        }
        if (port->quiet > settle_blocks[i]) {
            port->origin[i] += TR_BLOCK;
            continue;
        }
        struct tr_detection found;
        for (bool feed = true; feed_detector(port, i, samples, &found, feed); feed = false) {
            heard(port, i, &found);
        }
    }
}

/* True while some armed receiver has not settled. */
static bool unsettled(const struct tr_port *port) {
    for (int i = 0; i < TR_DETECTORS; i++) {
        if ((port->armed & (1u << i)) && port->quiet <= settle_blocks[i]) {
            return true;
        }
    }
    return false;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static void stop_hearing(struct tr_port *port) {
    if (port->hears >= 0) {
        port->engine->by_number[port->hears]->heard_by--;
        port->hears = -1;
    }
}

static void new_epoch(struct tr_port *port, uint32_t epoch) {
    tr_player_stop(port, TR_PLAY_STOPPED);
    tr_recorder_stop(port, TR_RECORD_STOPPED);
    arm(port, 0);
    port->options = 0;
    stop_hearing(port);
    port->epoch = epoch;
}

static int hear(struct tr_port *port, int32_t number, int32_t gain) {
    struct tr_engine *engine = port->engine;
    if (number >= 0 && ((uint32_t)number >= engine->config.max_ports || !engine->by_number[number])) {
        return TR_E_NO_PORT;
    }
    if (gain < -9600 || gain > 2400) {
        return TR_E_ARGUMENT;
    }
    stop_hearing(port);
    if (number >= 0) {
        port->hears = number;
        port->hear_gain = tr_gain(gain);
        engine->by_number[number]->heard_by++;
    }
    return TR_OK;
}

static int tone_plan(struct tr_port *port, const uint8_t *side, uint32_t n) {
    if (n % sizeof(struct tr_tone) || n > sizeof port->plan) {
        return TR_E_ARGUMENT;
    }
    memcpy(port->plan, side, n);
    port->plan_count = (int32_t)(n / sizeof(struct tr_tone));
    rearm(port, TR_I_TONES);
    return TR_OK;
}

static int detect(struct tr_port *port, const struct tr_command *command) {
    uint32_t mask = (uint32_t)command->a[0], options = (uint32_t)command->a[1];
    if (mask >> TR_DETECTORS || options & ~(uint32_t)(TR_DUCK_PROMPT | TR_STOP_ON_DIGIT)) {
        return TR_E_ARGUMENT;
    }
    port->detect_id = command->id;
    port->options = options;
    arm(port, mask);
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
        rearm(port, TR_I_VOICE);
        return TR_OK;
    case TR_SET_ANSWER_VOICE_MS:
        if (value < 20 || value > 10000) {
            return TR_E_ARGUMENT;
        }
        port->answer_voice_ms = value;
        rearm(port, TR_I_TONES);
        return TR_OK;
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
    }
    return result;
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
    case TR_OP_BITS:
        return ops->bits ? ops->bits(card, n, a[0]) : TR_E_UNSUPPORTED;
    default:
        return ops->frame ? ops->frame(card, n, side, command->side_len) : TR_E_UNSUPPORTED;
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
        return tr_recorder_start(port, command, side);
    case TR_OP_RECORD_STOP:
        tr_recorder_stop(port, TR_RECORD_STOPPED);
        return TR_OK;
    case TR_OP_HEAR:
        return hear(port, command->a[0], command->a[1]);
    case TR_OP_SETTING:
        return setting(port, command->a[0], command->a[1]);
    default:
        return line_command(port, command, side);
    }
}

void tr_port_line_event(struct tr_port *port, const struct tr_line_event *line) {
    uint64_t known = port->engine->tick * TR_BLOCK + line->offset;
    struct tr_event event = {.kind = line->kind,
                             .port = port->number,
                             .epoch = port->epoch,
                             .at = known > line->age ? known - line->age : 0,
                             .a = {line->a0}};
    if (line->kind == TR_EV_HOOK_DONE) {
        event.id = port->hook_id;
        event.epoch = port->hook_epoch;
    }
    port->dirty = true;
    tr_raise(port->engine, &event, line->side, line->side_len);
}

/* ---- the chain --------------------------------------------------------------------------------- */

static void apply_gain(int16_t *samples, int32_t gain_q14) {
    if (gain_q14 == 1 << 14) {
        return;
    }
    if (gain_q14 < 1 << 16) { /* below 12 dB: 32 bits suffice, eight samples at a time */
        for (int i = 0; i < TR_BLOCK; i++) {
            samples[i] = tr_saturate((samples[i] * gain_q14) >> 14);
        }
    } else {
        for (int i = 0; i < TR_BLOCK; i++) {
            samples[i] = tr_saturate((int32_t)(((int64_t)samples[i] * gain_q14) >> 14));
        }
    }
}

static bool is_loud(const int16_t *samples) {
    int32_t low = 0, high = 0;
    for (int i = 0; i < TR_BLOCK; i++) {
        low = samples[i] < low ? samples[i] : low;
        high = samples[i] > high ? samples[i] : high;
    }
    return high > TR_GATE_PEAK || low < -TR_GATE_PEAK;
}

/* The received half. Returns the samples after gain, `zeros` where the card hears nothing. */
static const int16_t *receive(struct tr_port *port, int16_t rx[TR_BLOCK], bool idle) {
    const int16_t *samples = zeros;
    bool loud = false;
    if (!idle) {
        tr_g711_decode(port->law, port->rx, rx, TR_BLOCK);
        loud = is_loud(rx);
        samples = rx;
    }
    port->quiet = loud ? 0 : port->quiet + (port->quiet < UINT32_MAX);
    if (port->armed) {
        run_detectors(port, samples);
    }
    if (!idle) {
        apply_gain(rx, port->rx_gain);
    }
    if (port->heard_by) {
        uint64_t tick = port->engine->tick;
        memcpy(port->heard[tick & 1], samples, sizeof port->heard[0]);
        port->heard_tick[tick & 1] = tick + 1;
    }
    return samples;
}

/* Adds what the port heard received in the tick before. */
static bool add_heard(const struct tr_port *port, int16_t tx[TR_BLOCK], bool sounds) {
    const struct tr_port *other = port->engine->by_number[port->hears];
    uint64_t tick = port->engine->tick;
    uint32_t half = (uint32_t)((tick - 1) & 1);
    if (tick == 0 || other->heard_tick[half] != tick) {
        return sounds;
    }
    for (int i = 0; i < TR_BLOCK; i++) {
        int32_t mixed = (int32_t)(((int64_t)other->heard[half][i] * port->hear_gain) >> 14) + (sounds ? tx[i] : 0);
        tx[i] = tr_saturate(mixed);
    }
    return true;
}

static const int16_t *transmit(struct tr_port *port, int16_t tx[TR_BLOCK]) {
    bool sounds = false, digits = false;
    if (port->player.count > 0) {
        bool duck = (port->options & TR_DUCK_PROMPT) && (port->armed & TR_DETECT_DTMF) &&
                    (port->digit_on || tr_dtmf_suspects(&port->dtmf));
        sounds = tr_player_render(port, tx, duck, &digits);
        if (digits && (port->armed & TR_DETECT_TONES)) {
            tr_tones_hold(&port->tones, TR_TICK_MS + ECHO_MS);
        }
    }
    if (port->hears >= 0) {
        sounds = add_heard(port, tx, sounds);
    }
    if (sounds) {
        apply_gain(tx, port->tx_gain);
        tr_g711_encode(port->law, tx, port->tx, TR_BLOCK);
    } else if (port->tx_sounding) {
        memset(port->tx, tr_g711_idle(port->law), TR_BLOCK);
    }
    port->tx_sounding = sounds;
    return sounds ? tx : NULL;
}

void tr_port_run(struct tr_port *port) {
    bool idle = port->card->ops->idle(port->card, port->card_port);
    if (idle && !tr_port_works(port) && !unsettled(port)) {
        return; /* the origins make it good when sound comes back */
    }
    catch_up(port);
    port->next_tick++;
    int16_t rx[TR_BLOCK], tx[TR_BLOCK];
    const int16_t *received = receive(port, rx, idle);
    const int16_t *sent = transmit(port, tx);
    tr_recorder_feed(port, received, sent);
}

/* ---- level state ------------------------------------------------------------------------------- */

void tr_port_attach(struct tr_port *port) {
    struct tr_port_state state = {0};
    port->card->ops->state(port->card, port->card_port, &state);
    port->law = (uint8_t)(state.law == TR_LAW_MU ? TR_LAW_MU : TR_LAW_A);
    memset(port->tx, tr_g711_idle(port->law), TR_BLOCK);
    memset(port->rx, tr_g711_idle(port->law), TR_BLOCK);
    port->next_tick = port->engine->tick;
    tr_port_publish(port);
}

void tr_port_detach(struct tr_port *port) {
    const int32_t no_ringing[6] = {0};
    struct tr_engine *engine = port->engine;
    struct tr_port_state none = {0};
    new_epoch(port, port->epoch);
    if (port->kind == TR_KIND_FXO) {
        port->card->ops->hook(port->card, port->card_port, 0);
    } else if (port->kind == TR_KIND_FXS) {
        port->card->ops->ring(port->card, port->card_port, no_ringing);
    }
    for (uint32_t i = 0; port->heard_by && i < engine->active_count; i++) {
        if (engine->active[i]->hears == (int32_t)port->number) {
            stop_hearing(engine->active[i]);
        }
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
}

void tr_port_publish(struct tr_port *port) {
    struct tr_port_state state;
    tr_port_state_now(port, &state);
    tr_cell_write(&port->engine->shared.cells[port->number], &state);
    port->dirty = false;
}
