/* Wires; see wire.h. Serves steps 1, 2, 5 and 7. */
#include "wire.h"
#include "card_sim.h"
#include "g711.h"
#include "hybrid.h"
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES_PER_MINUTE = TR_RATE * 60 };

/* Of plugging and unplugging, and of the retired wires; media threads never take it. */
static pthread_mutex_t control = PTHREAD_MUTEX_INITIALIZER;
static struct tr_wire *retired;
static int wires_made;

/* ---- faults ---- */

static const struct tr_wire_faults fair_line = {.loss_db = 0.5, .return_loss_db = 14.0};

static bool within(double x, double low, double high) { return x >= low && x <= high; } /* false for NaN */

static bool faults_make_sense(const struct tr_wire_faults *f) {
    return within(f->loss_db, 0, 100) && within(f->return_loss_db, 6, 100) &&
           (f->far_echo_db == 0 || (within(f->far_echo_db, 6, 100) && within(f->far_echo_ms, 10, 60))) &&
           (f->noise_dbm0 == 0 || within(f->noise_dbm0, -100, -1)) &&
           (f->clip_dbm0 == 0 || within(f->clip_dbm0, -60, 3.14)) && within(f->slip_per_min, 0, 6000);
}

static struct tr_wire_params params_of(const struct tr_wire_faults *f) {
    struct tr_wire_params p = {.far_gain = (float)tr_db_ratio(-f->loss_db),
                               .limit = 32767.0f,
                               .seed = f->seed,
                               .cut = f->cut != 0,
                               .no_loop_drop = f->no_loop_drop != 0,
                               .reversed = f->reversed != 0};
    if (f->return_loss_db < 100) {
        p.echo_gain = (float)tr_db_ratio(-f->return_loss_db);
    }
    if (f->far_echo_db != 0) {
        p.far_echo_gain = (float)tr_db_ratio(-f->far_echo_db);
        p.far_echo_delay = (uint32_t)(f->far_echo_ms * (TR_RATE / 1000) + 0.5);
    }
    if (f->noise_dbm0 != 0) {
        p.noise_rms = (float)(TR_PEAK_0DBM0 * 0.70710678118654752 * tr_db_ratio(f->noise_dbm0));
    }
    if (f->clip_dbm0 != 0) {
        double peak = TR_PEAK_0DBM0 * tr_db_ratio(f->clip_dbm0);
        p.limit = peak < 32767.0 ? (float)peak : 32767.0f;
    }
    if (f->slip_per_min > 0) {
        p.slip_every = (uint32_t)(SAMPLES_PER_MINUTE / f->slip_per_min);
        p.slip_every = p.slip_every ? p.slip_every : 1;
    }
    return p;
}

static void publish(struct tr_wire *wire, const struct tr_wire_faults *faults) {
    struct tr_wire_params p = params_of(faults);
    wire->faults = *faults;
    while (atomic_flag_test_and_set_explicit(&wire->lock, memory_order_acquire)) {
    }
    wire->pending = p;
    atomic_fetch_add_explicit(&wire->version, 1, memory_order_relaxed);
    atomic_flag_clear_explicit(&wire->lock, memory_order_release);
}

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
    slot->fill = tx ? tx[0] : tr_g711_idle(law);
    if (end->wire->kind == TR_KIND_B) {
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

static void hear_bytes(struct tr_wire_end *end, const struct tr_slot *far, uint8_t *rx) {
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
            memset(rx, tr_g711_idle(law), TR_BLOCK);
        }
        return false;
    }
    if (end->wire->kind == TR_KIND_B) {
        if (!far) {
            memset(rx, tr_g711_idle(law), TR_BLOCK);
            return false;
        }
        hear_bytes(end, far, rx);
        return far->sound;
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

/* ---- plugging ---- */

static void free_retired(const struct tr_sim_card *gone) {
    struct tr_wire **link = &retired;
    while (*link) {
        struct tr_wire *wire = *link;
        bool free_it = true;
        for (int i = 0; i < 2; i++) {
            struct tr_wire_end *end = &wire->end[i];
            if (end->card == gone) {
                end->card = NULL;
            }
            free_it &=
                !end->card || atomic_load_explicit(&end->card->tick, memory_order_acquire) >= wire->retired_at[i] + 2;
        }
        if (free_it) {
            *link = wire->next_retired;
            free(wire);
        } else {
            link = &wire->next_retired;
        }
    }
}

static void unplug(struct tr_wire *wire) {
    for (int i = 0; i < 2; i++) {
        struct tr_sim_card *card = wire->end[i].card;
        if (card) {
            atomic_store_explicit(&card->ports[wire->end[i].port].end, NULL, memory_order_release);
            wire->retired_at[i] = atomic_load_explicit(&card->tick, memory_order_acquire);
        }
    }
    wire->next_retired = retired;
    retired = wire;
}

void tr_wire_unplug(struct tr_wire *wire) {
    pthread_mutex_lock(&control);
    unplug(wire);
    pthread_mutex_unlock(&control);
}

void tr_wire_forget_card(struct tr_sim_card *card) {
    pthread_mutex_lock(&control);
    for (uint32_t i = 0; i < card->count; i++) {
        struct tr_wire_end *end = atomic_load(&card->ports[i].end);
        if (end) {
            unplug(end->wire);
        }
    }
    free_retired(card);
    pthread_mutex_unlock(&control);
}

static struct tr_wire *new_wire(uint32_t kind, struct tr_sim_card *a, uint32_t pa, struct tr_sim_card *b, uint32_t pb) {
    struct tr_wire *wire = calloc(1, sizeof *wire);
    if (!wire) {
        return NULL;
    }
    wire->kind = kind;
    wire->number = wires_made++;
    atomic_flag_clear(&wire->lock);
    for (int i = 0; i < 2; i++) {
        struct tr_wire_end *end = &wire->end[i];
        end->wire = wire;
        end->far = &wire->end[!i];
        end->card = i ? b : a;
        end->port = i ? pb : pa;
        for (int k = 0; k < TR_SLOTS; k++) {
            end->slot[k].tag = UINT64_MAX;
        }
    }
    publish(wire, &fair_line);
    return wire;
}

static void plug(struct tr_wire *wire) {
    for (int i = 0; i < 2; i++) {
        struct tr_wire_end *end = &wire->end[i];
        if (end->card) {
            atomic_store_explicit(&end->card->ports[end->port].end, end, memory_order_release);
        }
    }
}

struct tr_wire *tr_wire_to_span(struct tr_sim_card *card, uint32_t port, const struct tr_span_view *span) {
    pthread_mutex_lock(&control);
    struct tr_wire *wire = NULL;
    if (atomic_load(&card->ports[port].end)) {
        errno = EBUSY;
    } else {
        wire = new_wire(card->ports[port].kind == TR_KIND_B ? TR_KIND_B : TR_KIND_FXO, card, port, NULL, port);
        if (wire) {
            wire->span = span;
            plug(wire);
        }
    }
    pthread_mutex_unlock(&control);
    return wire;
}

static struct tr_sim_port *port_of(tr_card *card, uint32_t port) {
    struct tr_sim_card *sim = tr_sim_card(card);
    return sim && port < sim->count ? &sim->ports[port] : NULL;
}

int tr_wire_connect(tr_card *a, uint32_t pa, tr_card *b, uint32_t pb) {
    if (!tr_sim_card(a) || !tr_sim_card(b)) {
        return TR_E_UNSUPPORTED;
    }
    struct tr_sim_port *one = port_of(a, pa), *two = port_of(b, pb);
    if (!one || !two) {
        return TR_E_NO_PORT;
    }
    bool analog = (one->kind == TR_KIND_FXO && two->kind == TR_KIND_FXS) ||
                  (one->kind == TR_KIND_FXS && two->kind == TR_KIND_FXO);
    if (one == two || (!analog && !(one->kind == TR_KIND_B && two->kind == TR_KIND_B))) {
        return TR_E_ARGUMENT;
    }
    pthread_mutex_lock(&control);
    int result = TR_E_STATE;
    free_retired(NULL);
    if (!atomic_load(&one->end) && !atomic_load(&two->end)) {
        struct tr_wire *wire = new_wire(one->kind, tr_sim_card(a), pa, tr_sim_card(b), pb);
        result = TR_E_NO_MEMORY;
        if (wire) {
            plug(wire);
            result = wire->number;
        }
    }
    pthread_mutex_unlock(&control);
    return result;
}

int tr_wire_disconnect(tr_card *a, uint32_t pa) {
    struct tr_sim_port *port = port_of(a, pa);
    if (!port) {
        return TR_E_NO_PORT;
    }
    pthread_mutex_lock(&control);
    struct tr_wire_end *end = atomic_load(&port->end);
    int result = TR_E_STATE;
    if (end && !end->wire->span) { /* a span's wires go with their backplane */
        unplug(end->wire);
        result = TR_OK;
    }
    free_retired(NULL);
    pthread_mutex_unlock(&control);
    return result;
}

int tr_wire_set(tr_card *a, uint32_t pa, const struct tr_wire_faults *faults) {
    struct tr_sim_port *port = port_of(a, pa);
    if (!port) {
        return TR_E_NO_PORT;
    }
    if (!faults_make_sense(faults)) {
        return TR_E_ARGUMENT;
    }
    pthread_mutex_lock(&control);
    struct tr_wire_end *end = atomic_load(&port->end);
    if (end) {
        publish(end->wire, faults);
    }
    pthread_mutex_unlock(&control);
    return end ? TR_OK : TR_E_STATE;
}

int tr_wire_get(tr_card *a, uint32_t pa, struct tr_wire_faults *faults) {
    struct tr_sim_port *port = port_of(a, pa);
    if (!port) {
        return TR_E_NO_PORT;
    }
    pthread_mutex_lock(&control);
    struct tr_wire_end *end = atomic_load(&port->end);
    if (end) {
        *faults = end->wire->faults;
    }
    pthread_mutex_unlock(&control);
    return end ? TR_OK : TR_E_STATE;
}
