/* Wires as the control half sees them: plugging, unplugging, faults; see wire.h. */
#include "card_sim.h"
#include "hybrid.h"
#include <errno.h>
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

static bool digital_faults_make_sense(const struct tr_wire_faults *f, bool octets) {
    bool alarm = f->alarm == TR_ALARM_LOS || f->alarm == TR_ALARM_BLUE || f->alarm == TR_ALARM_YELLOW;
    return octets ? within(f->bit_error_rate, 0, 0.5) && (alarm || f->alarm == 0)
                  : f->bit_error_rate == 0 && f->alarm == 0;
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
    p.bit_error = (uint32_t)(f->bit_error_rate * UINT32_MAX);
    return p;
}

static void publish(struct tr_wire *wire, int end, const struct tr_wire_faults *faults) {
    struct tr_wire_params p = params_of(faults);
    wire->faults = *faults;
    wire->alarm[end] = faults->alarm;
    p.alarm[0] = (uint32_t)wire->alarm[0];
    p.alarm[1] = (uint32_t)wire->alarm[1];
    while (atomic_flag_test_and_set_explicit(&wire->lock, memory_order_acquire)) {
    }
    wire->pending = p;
    atomic_fetch_add_explicit(&wire->version, 1, memory_order_relaxed);
    atomic_flag_clear_explicit(&wire->lock, memory_order_release);
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
    wire->octets = kind == TR_KIND_B || kind == TR_KIND_D;
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
    publish(wire, 0, &fair_line);
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
        wire = new_wire(card->ports[port].kind, card, port, NULL, port);
        if (wire) {
            wire->span = span;
            plug(wire);
        }
    }
    pthread_mutex_unlock(&control);
    return wire;
}

bool tr_wire_joins(uint32_t one, uint32_t two) {
    return (one == TR_KIND_FXO && two == TR_KIND_FXS) || (one == TR_KIND_FXS && two == TR_KIND_FXO) ||
           (one == TR_KIND_B && two == TR_KIND_B) || (one == TR_KIND_D && two == TR_KIND_D);
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
    if (one == two || !tr_wire_joins(one->kind, two->kind)) {
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
    int result = !end ? TR_E_STATE : digital_faults_make_sense(faults, end->wire->octets) ? TR_OK : TR_E_ARGUMENT;
    if (result == TR_OK) {
        publish(end->wire, (int)(end - end->wire->end), faults);
    }
    pthread_mutex_unlock(&control);
    return result;
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
        faults->alarm = end->wire->alarm[end - end->wire->end];
    }
    pthread_mutex_unlock(&control);
    return end ? TR_OK : TR_E_STATE;
}
