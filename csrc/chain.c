/* The chain of a port and the receivers that listen in it: see port.h. Serves steps 5 (the caller's digits), 6 (voice
 * in a message), 7 (dial tone, ringback, answer) and 1 (caller ID). */
#include "g711.h"
#include "internal.h"
#include "port.h"
#include <string.h>

/* Silent blocks (20 ms) that each receiver still hears before it is left alone. */
static const uint32_t settle_blocks[TR_DETECTORS] = {
    [TR_I_DTMF] = 10,    /* the end of a digit: 17 ms */
    [TR_I_TONES] = 350,  /* the longest gap of usual cadences (4 s) with its tolerance, overdue bursts */
    [TR_I_FSK_ID] = 10,  /* loss of carrier */
    [TR_I_DTMF_ID] = 50, /* 500 ms without a digit end the number */
    [TR_I_VOICE] = 50,   /* 400 ms of silence end voice */
};

#define ECHO_MS 100 /* our own digits are not mistaken for an answer so long after their end */

static const int16_t zeros[TR_BLOCK];

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

static uint32_t settles(const struct tr_port *port, int which) {
    uint32_t blocks = which == TR_I_TONES ? (uint32_t)port->tones.settle_ms / TR_TICK_MS + 2 : 0;
    return blocks > settle_blocks[which] ? blocks : settle_blocks[which];
}

/* Blocks that were skipped are time for the armed receivers. */
static void catch_up(struct tr_port *port) {
    uint64_t tick = port->engine->tick;
    for (int i = 0; port->next_tick < tick && i < TR_DETECTORS; i++) {
        port->origin[i] += (tick - port->next_tick) * TR_BLOCK;
    }
    port->next_tick = port->next_tick < tick ? tick : port->next_tick;
}

void tr_port_arm(struct tr_port *port, uint32_t mask) {
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

void tr_port_rearm(struct tr_port *port, int which) {
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
        if (port->quiet > settles(port, i)) {
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
        if ((port->armed & (1u << i)) && port->quiet <= settles(port, i)) {
            return true;
        }
    }
    return false;
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

/* Does anything here need what was received as samples? Who only hears it takes the codes. */
static bool wants_samples(const struct tr_port *port, bool echoes) {
    return port->armed || port->recorder.state || port->capture.state || tr_bridge_talks(&port->bridge) ||
           (port->bridge.heard_by && (port->rx_gain != 1 << 14 || echoes)) || tr_r2_listens(port->r2);
}

/* Can what was sent come back? */
static bool line_is_closed(const struct tr_port *port) {
    struct tr_port_state state = {0};
    if (!port->line_open) {
        port->card->ops->state(port->card, port->card_port, &state);
    }
    return state.hook;
}

/* A digit heard is louder than any echo, and one that we send fills two frequencies: neither teaches the canceller. */
static bool may_learn(const struct tr_port *port) {
    bool heard = (port->armed & TR_DETECT_DTMF) && (port->digit_on || tr_dtmf_suspects(&port->dtmf));
    return !heard && !port->sends_digits;
}

/* True where it changed the samples. */
static bool cancel(struct tr_port *port, int16_t rx[TR_BLOCK], struct tr_echo_step *step) {
    int16_t sent[TR_BLOCK];
    if (port->tx_sounding) {
        tr_g711_decode(port->law, port->tx, sent, TR_BLOCK); /* what the line was given in this very block */
    }
    return tr_echo_cancel(port->echo, port->engine->tick, port->tx_sounding ? sent : NULL, rx, step);
}

/* The received half. Returns the samples after gain, `zeros` where the card hears nothing or nobody needs them. */
static const int16_t *receive(struct tr_port *port, int16_t rx[TR_BLOCK], bool idle) {
    const int16_t *samples = zeros;
    struct tr_echo_step step;
    step.heard = false;
    bool due = !idle && tr_echo_due(port->echo, port->tx_sounding), echoes = due && line_is_closed(port);
    bool loud = false, half_open = port->was_open; /* the block in which a line closes is half one, half the other */
    port->was_open = due && !echoes;
    bool wanted = wants_samples(port, echoes), as_came = true;
    if (!idle && wanted) {
        tr_g711_decode(port->law, port->rx, rx, TR_BLOCK);
        as_came = !echoes || !cancel(port, rx, &step);
        loud = is_loud(rx);
        samples = rx;
    }
    if (!step.heard && tr_echo_due(port->echo, port->tx_sounding)) {
        tr_echo_miss(port->echo);
    }
    port->quiet = loud ? 0 : port->quiet + (port->quiet < UINT32_MAX);
    if (port->armed) {
        run_detectors(port, samples);
    }
    if (step.heard && may_learn(port) && !half_open) {
        tr_echo_learn(port->echo, &step, &port->engine->echo_studies);
    }
    if (tr_r2_runs(port->r2)) {
        tr_r2_run(port, loud ? samples : NULL);
    }
    if (samples == rx) {
        apply_gain(rx, port->rx_gain);
    }
    if (tr_bridge_works(&port->bridge)) {
        tr_bridge_keep(port, samples == rx ? rx : NULL, as_came, idle);
    }
    return samples;
}

/* The sent half. Returns its samples, NULL for silence; where codes are passed on, only a recorder needs them. */
static const int16_t *transmit(struct tr_port *port, int16_t tx[TR_BLOCK]) {
    bool sounds = false, digits = false;
    if (port->r2 && tr_r2_render(port->r2, tx)) {
        tr_g711_encode(port->law, tx, port->tx, TR_BLOCK);
        port->tx_sounding = true;
        return tx;
    }
    if (port->player.count > 0) {
        bool duck = (port->options & TR_DUCK_PROMPT) && (port->armed & TR_DETECT_DTMF) &&
                    (port->digit_on || tr_dtmf_suspects(&port->dtmf));
        sounds = tr_player_render(port, tx, duck, &digits);
        if (digits && (port->armed & TR_DETECT_TONES)) {
            tr_tones_hold(&port->tones, TR_TICK_MS + ECHO_MS);
        }
    } else {
        port->player.duck = 32768; /* what is played next begins whole */
    }
    port->sends_digits = digits;
    if (tr_bridge_works(&port->bridge)) {
        if (!sounds && !digits && port->tx_gain == 1 << 14 && tr_bridge_copy(port)) {
            port->tx_sounding = true;
            if (port->recorder.state || port->capture.state) {
                tr_g711_decode(port->law, port->tx, tx, TR_BLOCK);
                return tx;
            }
            return NULL;
        }
        sounds = tr_bridge_mix(port, tx, sounds, digits);
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
    tr_recorder_feed(port, &port->recorder, received, sent);
    tr_recorder_feed(port, &port->capture, received, sent);
}
