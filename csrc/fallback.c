/* What ports do when nobody commands them: the control half has stalled, or hangs in a call that does not return, while
 * the media thread lives. See enum tr_fallback in engine.h. Serves steps 3 and 7: a PBX does not hunt callers into a
 * port that nobody serves, and two who talk go on talking. */
#include "internal.h"
#include "port.h"

enum {
    SILENT_TICKS = 5000 / TR_TICK_MS,
    RING_TICKS = 6000 / TR_TICK_MS /* longer than the pause of any ringing cadence: it rings no more */
};

static void tell(struct tr_port *port, enum tr_fallback what) {
    port->fell = (uint8_t)what;
    port->dirty = true;
    tr_port_raise(port, TR_EV_FALLBACK, port->epoch, 0, port->engine->tick * TR_BLOCK, (int32_t)what, 0, 0);
}

static bool rings(const struct tr_port *port, const struct tr_port_state *state) {
    return state->ringing || (port->rang && port->engine->tick - port->rang < RING_TICKS);
}

static void fall_back(struct tr_port *port) {
    if (port->fallback == TR_FALLBACK_LEAVE || port->fell || tr_bridge_works(&port->bridge)) {
        return;
    }
    const int32_t no_ringing[6] = {0};
    const struct tr_card_ops *ops = port->card->ops;
    struct tr_port_state state = {0};
    int result = TR_E_STATE;
    ops->state(port->card, port->card_port, &state);
    if (port->kind == TR_KIND_FXS) {
        result = state.ringing ? ops->ring(port->card, port->card_port, no_ringing) : TR_E_STATE;
    } else if (port->fallback == TR_FALLBACK_ON_HOOK) {
        result = state.hook ? ops->hook(port->card, port->card_port, 0) : TR_E_STATE;
    } else if (!state.hook && !rings(port, &state)) {
        result = ops->hook(port->card, port->card_port, 1);
    }
    if (result >= 0) {
        tell(port, port->fallback);
    }
}

static void come_back(struct tr_port *port) {
    if (port->fell == TR_FALLBACK_BUSY) {
        port->card->ops->hook(port->card, port->card_port, 0);
    }
    if (port->fell) {
        tell(port, TR_FALLBACK_LEAVE);
    }
}

bool tr_engine_is_alone(const struct tr_engine *engine) { return engine->silent >= SILENT_TICKS; }

void tr_engine_watch(struct tr_engine *engine) {
    uint32_t beats = atomic_load_explicit(&engine->beats, memory_order_relaxed);
    bool alive = beats != engine->beats_seen, was_silent = engine->silent >= SILENT_TICKS;
    engine->beats_seen = beats;
    engine->silent = alive ? 0 : engine->silent + !was_silent;
    bool silent = engine->silent >= SILENT_TICKS;
    for (uint32_t i = 0; (silent || (alive && was_silent)) && i < engine->active_count; i++) {
        tr_r2_nobody(engine->active[i], silent);
        if (silent) {
            fall_back(engine->active[i]);
        } else {
            come_back(engine->active[i]);
        }
    }
}
