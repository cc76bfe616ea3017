/* Wires, one tick after the other; see wire.h. Plugging and setting: wire_plug.c. Serves steps 1, 2, 5 and 7. */
#include "wire.h"
#include "card_sim.h"
#include "g711.h"
#include "hybrid.h"
#include <string.h>

bool tr_wire_refresh(struct tr_wire_end *end) {
    struct tr_wire *wire = end->wire;
    if (atomic_load_explicit(&wire->version, memory_order_relaxed) == end->seen ||
        atomic_flag_test_and_set_explicit(&wire->lock, memory_order_acquire)) {
        return false; /* nothing new, or just being set: the next tick will do */
    }
    uint32_t seed = end->active.seed;
    bool first = end->seen == 0;
    end->active = wire->pending;
    end->seen = atomic_load_explicit(&wire->version, memory_order_relaxed);
    atomic_flag_clear_explicit(&wire->lock, memory_order_release);
    if (first || end->active.seed != seed) {
        /* The two ends hear different noise of one seed; a Weyl step keeps small seeds apart. */
        end->noise = (end->active.seed * 2 + (uint32_t)(end - wire->end) + 1) * 2654435769u;
        end->noise = end->noise ? end->noise : 1;
    }
    if (!end->active.slip_every) {
        end->late = false;
        end->slip_phase = 0;
    }
    return true;
}

uint16_t tr_wire_levels(const struct tr_wire_end *end, uint16_t levels) {
    const struct tr_wire_params *p = &end->active;
    bool red = end->wire->span && end->wire->span->red;
    if (p->cut || red) {
        return 0;
    }
    if (p->no_loop_drop && end->taken && end->card->ports[end->port].kind == TR_KIND_FXO) {
        levels |= TR_LEVEL_BATTERY;
    }
    if (p->reversed && (levels & TR_LEVEL_BATTERY)) {
        levels ^= TR_LEVEL_REVERSED;
    }
    return levels;
}

/* ---- one tick ---- */

/* What is heard, or sent, where there is nothing: all ones in a D channel, so that it aborts. */
static uint8_t quiet(const struct tr_wire *wire, int law) { return wire->kind == TR_KIND_D ? 0xFF : tr_g711_idle(law); }

/* Is a block one byte throughout? */
static bool constant(const uint8_t *block, uint8_t byte) {
    uint64_t want = byte * 0x0101010101010101u, differs = 0;
    for (int i = 0; i < TR_BLOCK; i += 8) {
        uint64_t eight;
        memcpy(&eight, block + i, 8);
        differs |= eight ^ want;
    }
    return differs == 0;
}

/* Two ends in one process that got out of step (one ran alone): send the number after the far end's last, or its last.
 */
static void keep_step(struct tr_wire_end *end) {
    uint64_t far = end->far->sent;
    if (end->sent > far) {
        end->sent = far;
    } else if (end->sent + 1 < far) {
        end->sent = far - 1;
    }
}

void tr_wire_send(struct tr_wire_end *end, uint16_t before, const struct tr_edge *edges, int count, const uint8_t *tx,
                  int law) {
    if (!end->wire->span) {
        keep_step(end);
    }
    struct tr_slot *slot = &end->slot[end->sent % TR_SLOTS];
    slot->tag = end->sent++;
    slot->before = before;
    slot->after = count ? edges[count - 1].levels : before;
    slot->edges = (uint8_t)count;
    if (count) {
        memcpy(slot->edge, edges, (size_t)count * sizeof *edges);
    }
    slot->fill = tx ? tx[0] : quiet(end->wire, law);
    if (end->wire->octets) {
        slot->sound = tx && !constant(tx, slot->fill);
        if (slot->sound) {
            memcpy(slot->u.bytes, tx, TR_BLOCK);
        }
        return;
    }
    slot->sound = tx && !constant(tx, tr_g711_idle(law));
    if (slot->sound) {
        tr_g711_decode(law, tx, slot->u.linear, TR_BLOCK);
        const struct tr_wire_params *p = &end->active;
        uint32_t tail = (p->far_echo_gain != 0 ? p->far_echo_delay : 0) + TR_HYBRID_TAIL;
        end->echo_blocks = (uint8_t)(1 + (tail + TR_BLOCK - 1) / TR_BLOCK);
    }
}

const struct tr_slot *tr_wire_take(struct tr_wire_end *end) {
    const struct tr_span_view *span = end->wire->span;
    uint64_t want = end->sent - 2; /* the last block sent is sent - 1; the far end's of one tick before */
    if (span) {
        if (!span->valid) {
            return NULL;
        }
        want = span->tag;
    } else if (end->sent < 2 || want < end->taken) {
        return NULL;
    }
    const struct tr_slot *slot = &end->far->slot[want % TR_SLOTS];
    if (slot->tag != want) {
        return NULL;
    }
    end->taken = want + 1;
    return slot;
}

/* The far block before `slot`, or NULL. */
static const struct tr_slot *block_before(const struct tr_wire_end *end, const struct tr_slot *slot) {
    const struct tr_slot *before = &end->far->slot[(slot->tag - 1) % TR_SLOTS];
    return before->tag == slot->tag - 1 ? before : NULL;
}

/* Where in the coming block a slip lies, -1 for none. */
static int slip_at(struct tr_wire_end *end) {
    uint32_t every = end->active.slip_every;
    if (!every) {
        return -1;
    }
    if (end->slip_phase + TR_BLOCK < every) {
        end->slip_phase += TR_BLOCK;
        return -1;
    }
    int at = end->slip_phase < every ? (int)(every - end->slip_phase) : 0;
    at = at < TR_BLOCK ? at : TR_BLOCK - 1;
    end->slip_phase = (uint32_t)(TR_BLOCK - at);
    return at;
}

static void hear_far(struct tr_wire_end *end, const struct tr_slot *far, float *mix) {
    const float gain = end->active.far_gain;
    int slip = slip_at(end);
    if (!far->sound && !end->late) {
        end->late = slip >= 0;
        return;
    }
    if (slip < 0 && !end->late) {
        for (int i = 0; i < TR_BLOCK; i++) {
            mix[i] += gain * (float)far->u.linear[i];
        }
        return;
    }
    const struct tr_slot *before = block_before(end, far);
    int16_t x[1 + TR_BLOCK] = {0};
    x[0] = before && before->sound ? before->u.linear[TR_BLOCK - 1] : 0;
    if (far->sound) {
        memcpy(x + 1, far->u.linear, sizeof far->u.linear);
    }
    for (int i = 0; i < TR_BLOCK; i++) {
        end->late ^= i == slip;
        mix[i] += gain * (float)x[end->late ? i : i + 1];
    }
}

/* True where a bit was damaged. */
static bool damage(struct tr_wire_end *end, uint8_t *rx) {
    uint32_t s = end->noise, wrong = 0;
    for (int i = 0; i < TR_BLOCK * 8; i++) {
        s ^= s << 13; /* xorshift32 (Marsaglia 2003) */
        s ^= s >> 17;
        s ^= s << 5;
        if (s <= end->active.bit_error) {
            rx[i / 8] ^= (uint8_t)(0x80 >> i % 8);
            wrong++;
        }
    }
    end->noise = s;
    return wrong > 0;
}

static void hear_octets(struct tr_wire_end *end, const struct tr_slot *far, uint8_t *rx) {
    int slip = slip_at(end);
    if (far->sound) {
        memcpy(rx, far->u.bytes, TR_BLOCK);
    } else {
        memset(rx, far->fill, TR_BLOCK);
    }
    if (slip < 0 && !end->late) {
        return;
    }
    const struct tr_slot *before = block_before(end, far);
    uint8_t x[1 + TR_BLOCK];
    x[0] = !before ? rx[0] : before->sound ? before->u.bytes[TR_BLOCK - 1] : before->fill;
    memcpy(x + 1, rx, TR_BLOCK);
    for (int i = 0; i < TR_BLOCK; i++) {
        end->late ^= i == slip;
        rx[i] = x[end->late ? i : i + 1];
    }
}

/* What this end sent, ending `back` samples before the end of the present block: TR_HYBRID_TAIL + TR_BLOCK samples. */
static bool own_history(const struct tr_wire_end *end, uint32_t back, float *out) {
    uint64_t now = end->sent - 1;
    int count = TR_HYBRID_TAIL + TR_BLOCK;
    bool any = false;
    int64_t first = (int64_t)TR_BLOCK - (int64_t)back - count; /* in samples from the start of the present block */
    for (int i = 0; i < count;) {
        int64_t at = first + i;
        int64_t block = at >= 0 ? at / TR_BLOCK : -((TR_BLOCK - 1 - at) / TR_BLOCK);
        int from = (int)(at - block * TR_BLOCK);
        int n = TR_BLOCK - from < count - i ? TR_BLOCK - from : count - i;
        uint64_t tag = now + (uint64_t)block;
        const struct tr_slot *slot = &end->slot[tag % TR_SLOTS];
        if (slot->tag == tag && slot->sound) {
            any = true;
            for (int k = 0; k < n; k++) {
                out[i + k] = (float)slot->u.linear[from + k];
            }
        } else {
            memset(out + i, 0, (size_t)n * sizeof *out);
        }
        i += n;
    }
    return any;
}

static void hear_echo(const struct tr_wire_end *end, float gain, uint32_t back, float *mix) {
    float sent[TR_HYBRID_TAIL + TR_BLOCK];
    if (gain != 0 && own_history(end, back, sent)) {
        tr_hybrid_add(mix, sent + TR_HYBRID_TAIL, gain);
    }
}

bool tr_wire_hear(struct tr_wire_end *end, const struct tr_slot *far, const struct tr_gate *gate, int law,
                  uint8_t *rx) {
    const struct tr_wire_params *p = &end->active;
    bool echo = end->echo_blocks > 0;
    end->echo_blocks -= echo;
    if (gate->all_closed || !rx) {
        if (rx) {
            memset(rx, quiet(end->wire, law), TR_BLOCK);
        }
        return false;
    }
    if (end->wire->octets) {
        if (!far) {
            memset(rx, quiet(end->wire, law), TR_BLOCK);
            return false;
        }
        hear_octets(end, far, rx);
        bool damaged = p->bit_error && damage(end, rx);
        return far->sound || damaged;
    }
    bool far_sound = far && (far->sound || end->late || p->slip_every);
    if (!far_sound && !echo && p->noise_rms == 0) {
        memset(rx, tr_g711_idle(law), TR_BLOCK);
        return false;
    }
    float mix[TR_BLOCK] = {0};
    if (far_sound) {
        hear_far(end, far, mix);
    }
    if (echo) {
        hear_echo(end, p->echo_gain, 0, mix);
        hear_echo(end, p->far_echo_gain, p->far_echo_delay, mix);
    }
    if (p->noise_rms != 0) {
        tr_noise_add(mix, p->noise_rms, &end->noise);
    }
    int16_t linear[TR_BLOCK];
    tr_to_linear(mix, p->limit, linear);
    for (int i = 0; i < gate->closed; i++) {
        int from = gate->span[i].from;
        memset(linear + from, 0, (size_t)(gate->span[i].to - from) * sizeof *linear);
    }
    tr_g711_encode(law, linear, rx, TR_BLOCK);
    return true;
}
