/* The engine's public functions, as the control half calls them: life, cards, ports, the two rings, level state. The
 * tick itself is in tick.c. Serves all nine steps. */
#define _GNU_SOURCE
#include "internal.h"
#include "port.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static bool power_of_two(uint32_t n) { return n && !(n & (n - 1)); }

/* Fills the defaults in; false when a value is impossible. */
static bool complete(struct tr_engine_config *config) {
    config->command_ring = config->command_ring ? config->command_ring : 4096;
    config->event_ring = config->event_ring ? config->event_ring : 16384;
    config->side_bytes = config->side_bytes ? config->side_bytes : 1u << 20;
    return config->max_ports >= 1 && config->max_ports <= 65536 && power_of_two(config->command_ring) &&
           config->command_ring <= 1u << 24 && power_of_two(config->event_ring) && config->event_ring <= 1u << 24 &&
           power_of_two(config->side_bytes) && config->side_bytes >= 2 * TR_SIDE_MAX && config->side_bytes <= 1u << 30;
}

static int open_parts(struct tr_engine *engine) {
    uint32_t n = engine->config.max_ports;
    engine->table = (_Atomic(struct tr_port *) *)tr_alloc(n * sizeof *engine->table);
    engine->by_number = (struct tr_port **)tr_alloc(n * sizeof *engine->by_number);
    engine->active = (struct tr_port **)tr_alloc(n * sizeof *engine->active);
    engine->conference_count = n / 2;
    engine->conferences = (struct tr_conference *)tr_alloc((n / 2 + 1) * sizeof *engine->conferences);
    engine->number_free = (uint64_t *)tr_alloc(n * sizeof *engine->number_free);
    if (!engine->table || !engine->by_number || !engine->active || !engine->number_free || !engine->conferences) {
        errno = ENOMEM;
        return TR_E_NO_MEMORY;
    }
    int result = tr_shared_open(&engine->shared, &engine->config);
    if (result < 0) {
        return result;
    }
    engine->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->event_fd < 0) {
        return TR_E_SYSTEM;
    }
    result = tr_io_open(&engine->player_io, &engine->shared);
    return result < 0 ? result : tr_io_open(&engine->recorder_io, &engine->shared);
}

tr_engine *tr_engine_new(const struct tr_engine_config *config) {
    struct tr_engine_config complete_config = *config;
    if (!complete(&complete_config)) {
        errno = EINVAL;
        return NULL;
    }
    struct tr_engine *engine = (struct tr_engine *)tr_alloc(sizeof *engine);
    if (!engine) {
        errno = ENOMEM;
        return NULL;
    }
    engine->config = complete_config;
    engine->event_fd = engine->player_io.wake_fd = engine->player_io.ended_fd = -1;
    engine->recorder_io.wake_fd = engine->recorder_io.ended_fd = -1;
    int result = open_parts(engine);
    if (result < 0) {
        int error = result == TR_E_NO_MEMORY ? ENOMEM : errno;
        tr_engine_free(engine);
        errno = error;
        return NULL;
    }
    return engine;
}

static void reap(struct tr_engine *engine) {
    uint32_t seen = atomic_load_explicit(&engine->seen, memory_order_acquire);
    for (struct tr_port **link = &engine->retired; *link;) {
        struct tr_port *port = *link;
        if ((int32_t)(seen - port->retired_version) >= 0) {
            *link = port->next_retired;
            engine->cards[port->card_index].taken[port->card_port] = 0;
            tr_port_free(port);
        } else {
            link = &port->next_retired;
        }
    }
}

/* ---- cards and ports --------------------------------------------------------------------------- */

/* Makes the arrays of a card long enough for the ports it has now. */
static int fit(struct tr_engine_card *card) {
    uint32_t ports = card->card->ops->ports(card->card);
    if (ports <= card->ports) {
        return TR_OK;
    }
    uint8_t **rx = (uint8_t **)tr_alloc(ports * sizeof *rx);
    const uint8_t **tx = (const uint8_t **)tr_alloc(ports * sizeof *tx);
    struct tr_port **by_card_port = (struct tr_port **)tr_alloc(ports * sizeof *by_card_port);
    uint8_t *taken = (uint8_t *)tr_alloc(ports);
    if (!rx || !tx || !by_card_port || !taken) {
        free(rx);
        free(tx);
        free(by_card_port);
        free(taken);
        return TR_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < card->ports; i++) {
        rx[i] = card->rx[i];
        tx[i] = card->tx[i];
        by_card_port[i] = card->by_card_port[i];
        taken[i] = card->taken[i];
    }
    free(card->rx);
    free(card->tx);
    free(card->by_card_port);
    free(card->taken);
    *card = (struct tr_engine_card){card->card, ports, rx, tx, by_card_port, taken};
    return TR_OK;
}

int tr_engine_add_card(tr_engine *engine, tr_card *card) {
    if (engine->running) {
        return TR_E_STATE;
    }
    if (card->engine || engine->card_count == TR_MAX_CARDS) {
        return TR_E_ARGUMENT;
    }
    struct tr_engine_card *slot = &engine->cards[engine->card_count];
    memset(slot, 0, sizeof *slot);
    slot->card = card;
    int result = fit(slot);
    if (result < 0) {
        return result;
    }
    card->engine = engine;
    card->paced = engine->config.paced != 0;
    engine->card_count++;
    return TR_OK;
}

static bool is_retired(const struct tr_engine *engine, uint32_t number) {
    for (const struct tr_port *port = engine->retired; port; port = port->next_retired) {
        if (port->number == number) {
            return true;
        }
    }
    return false;
}

/* May the number be given out? Its former owner may be in the media thread's hands yet, or its commands on the way. */
static bool is_free(const struct tr_engine *engine, uint32_t number) {
    return !atomic_load_explicit(&engine->table[number], memory_order_relaxed) && !is_retired(engine, number) &&
           tr_ring_taken(&engine->shared.commands) >= engine->number_free[number];
}

/* The table has changed: told to the media thread, or taken over at once when there is none. */
static void changed(struct tr_engine *engine) {
    atomic_fetch_add_explicit(&engine->version, 1, memory_order_release);
    tr_count_set(&engine->shared, TR_N_PORTS, engine->port_count);
    if (!engine->running) {
        tr_engine_refresh(engine);
        reap(engine);
    }
}

int tr_port_alloc(tr_engine *engine, tr_card *card, uint32_t card_port, uint32_t *port) {
    uint32_t index = 0, number = 0;
    reap(engine);
    while (index < engine->card_count && engine->cards[index].card != card) {
        index++;
    }
    if (index == engine->card_count) {
        return TR_E_ARGUMENT;
    }
    struct tr_engine_card *slot = &engine->cards[index];
    if (card_port >= slot->ports && engine->running) {
        return card_port < card->ops->ports(card) ? TR_E_STATE : TR_E_NO_PORT; /* grown since: stop first */
    }
    int result = engine->running ? TR_OK : fit(slot);
    if (result < 0) {
        return result;
    }
    if (card_port >= slot->ports) {
        return TR_E_NO_PORT;
    }
    if (slot->taken[card_port]) {
        return TR_E_STATE;
    }
    while (number < engine->config.max_ports && !is_free(engine, number)) {
        number++;
    }
    if (number == engine->config.max_ports) {
        return TR_E_FULL;
    }
    struct tr_port *made = tr_port_create(engine, index, card_port, number);
    if (!made) {
        return TR_E_NO_MEMORY;
    }
    struct tr_port_state state = {.kind = made->kind, .capabilities = made->capabilities};
    tr_cell_write(&engine->shared.cells[number], &state); /* the media thread writes it from the next tick on */
    slot->taken[card_port] = 1;
    engine->port_count++;
    engine->port_bytes += tr_port_memory(made);
    atomic_store_explicit(&engine->table[number], made, memory_order_release);
    changed(engine);
    *port = number;
    return TR_OK;
}

static int retire(struct tr_engine *engine, uint32_t number) {
    struct tr_port *port =
        number < engine->config.max_ports ? atomic_load_explicit(&engine->table[number], memory_order_relaxed) : NULL;
    if (!port) {
        return TR_E_NO_PORT;
    }
    atomic_store_explicit(&engine->table[number], NULL, memory_order_release);
    port->retired_version = atomic_load_explicit(&engine->version, memory_order_relaxed) + 1;
    port->next_retired = engine->retired;
    engine->retired = port;
    engine->number_free[number] = tr_ring_put(&engine->shared.commands);
    engine->port_count--;
    engine->port_bytes -= tr_port_memory(port);
    return TR_OK;
}

int tr_port_release(tr_engine *engine, uint32_t number) {
    int result = retire(engine, number);
    if (result == TR_OK) {
        changed(engine);
    }
    return result;
}

/* ---- paced life -------------------------------------------------------------------------------- */

static int start_media(struct tr_engine *engine) {
    pthread_attr_t attributes;
    struct sched_param param = {.sched_priority = 50};
    int error = EPERM;
    if (engine->config.realtime) {
        pthread_attr_init(&attributes);
        pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
        pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
        pthread_attr_setschedparam(&attributes, &param);
        error = pthread_create(&engine->thread, &attributes, tr_engine_thread, engine);
        pthread_attr_destroy(&attributes);
    }
    tr_count_set(&engine->shared, TR_N_REALTIME, error == 0);
    return error == 0 ? 0 : pthread_create(&engine->thread, NULL, tr_engine_thread, engine);
}

static void stop_io(struct tr_engine *engine) {
    tr_io_stop(&engine->player_io);
    tr_io_stop(&engine->recorder_io);
}

static int start_io(struct tr_engine *engine) {
    int result = tr_io_start(&engine->player_io);
    result = result < 0 ? result : tr_io_start(&engine->recorder_io);
    if (result < 0) {
        int error = errno;
        stop_io(engine);
        errno = error;
    }
    return result;
}

int tr_engine_start(tr_engine *engine) {
    if (!engine->config.paced || engine->running) {
        return TR_E_STATE;
    }
    int result = start_io(engine);
    if (result < 0) {
        return result;
    }
    sigset_t all, before;
    sigfillset(&all);
    atomic_store_explicit(&engine->stop, false, memory_order_relaxed);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the server's own threads */
    int error = start_media(engine);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        stop_io(engine);
        errno = error;
        return TR_E_SYSTEM;
    }
    engine->running = true;
    return TR_OK;
}

int tr_engine_stop(tr_engine *engine) {
    if (engine->running) {
        atomic_store_explicit(&engine->stop, true, memory_order_release);
        pthread_join(engine->thread, NULL);
        stop_io(engine);
        engine->running = false;
        tr_engine_refresh(engine);
        reap(engine);
    }
    return TR_OK;
}

void tr_engine_free(tr_engine *engine) {
    if (!engine) {
        return;
    }
    tr_engine_stop(engine);
    for (uint32_t n = 0; engine->shared.block && n < engine->config.max_ports; n++) {
        retire(engine, n);
    }
    if (engine->shared.block) {
        changed(engine);
    }
    tr_io_close(&engine->player_io);
    tr_io_close(&engine->recorder_io);
    for (uint32_t i = 0; i < engine->card_count; i++) {
        struct tr_engine_card *card = &engine->cards[i];
        card->card->ops->release(card->card);
        free(card->rx);
        free(card->tx);
        free(card->by_card_port);
        free(card->taken);
    }
    if (engine->event_fd >= 0) {
        close(engine->event_fd);
    }
    free((void *)engine->table);
    free(engine->by_number);
    free(engine->active);
    free(engine->number_free);
    free(engine->conferences);
    if (!engine->player_io.lost && !engine->recorder_io.lost) { /* else their threads may still come back to it */
        tr_shared_close(&engine->shared);
        free(engine);
    }
}

int tr_engine_event_fd(tr_engine *engine) { return engine->event_fd; }

/* ---- what the control half says and hears ------------------------------------------------------- */

int tr_engine_command(tr_engine *engine, const struct tr_command *command, const void *side, size_t side_len) {
    struct tr_command copy = *command;
    if (copy.op < TR_OP_EPOCH || copy.op > TR_OP_PRI || (side_len > 0 && !side)) {
        return TR_E_ARGUMENT;
    }
    if (side_len > TR_SIDE_MAX) {
        return TR_E_TOO_LONG;
    }
    if (copy.port >= engine->config.max_ports ||
        !atomic_load_explicit(&engine->table[copy.port], memory_order_relaxed)) {
        return TR_E_NO_PORT;
    }
    tr_engine_beat(engine);
    copy.side_len = (uint32_t)side_len;
    return tr_ring_push(&engine->shared.commands, &copy, side, side_len, &copy.side_at, 4) ? TR_OK : TR_E_FULL;
}

/* Was it raised by an earlier owner of the port's number? What it recorded is told all the same. */
static bool is_outdated(const struct tr_engine *engine, const struct tr_event *event, uint64_t place) {
    struct tr_port *port = event->port < engine->config.max_ports && event->kind != TR_EV_RECORD_DONE
                               ? atomic_load_explicit(&engine->table[event->port], memory_order_relaxed)
                               : NULL;
    return port && place < atomic_load_explicit(&port->events_from, memory_order_acquire);
}

int tr_engine_events(tr_engine *engine, struct tr_event *out, int max) {
    int count = 0;
    tr_engine_beat(engine);
    if (engine->side_release) {
        tr_ring_side_release(&engine->shared.events, engine->side_release);
    }
    reap(engine);
    for (uint64_t place = tr_ring_taken(&engine->shared.events);
         count < max && tr_ring_pop(&engine->shared.events, &out[count]); place++) {
        if (out[count].side_len > 0) {
            engine->side_release = out[count].side_at + out[count].side_len;
        }
        count += !is_outdated(engine, &out[count], place);
    }
    return count;
}

int tr_engine_side(tr_engine *engine, const struct tr_event *event, void *out, size_t max) {
    const uint8_t *side = tr_ring_side(&engine->shared.events, event->side_at, event->side_len);
    if (!side || event->side_len > max) {
        return side ? TR_E_TOO_LONG : TR_E_ARGUMENT;
    }
    if (event->side_len > 0) {
        memcpy(out, side, event->side_len);
    }
    return (int)event->side_len;
}

int tr_engine_port_state(tr_engine *engine, uint32_t number, struct tr_port_state *out) {
    struct tr_port *port =
        number < engine->config.max_ports ? atomic_load_explicit(&engine->table[number], memory_order_relaxed) : NULL;
    if (!port) {
        return TR_E_NO_PORT;
    }
    if (engine->running) {
        tr_cell_read(&engine->shared.cells[number], out);
    } else {
        tr_port_state_now(port, out);
    }
    return TR_OK;
}

int tr_engine_stats(tr_engine *engine, struct tr_stats *out) {
    const struct tr_shared *shared = &engine->shared;
    memset(out, 0, sizeof *out);
    reap(engine);
    out->tick = tr_counted(shared, TR_N_TICK);
    out->late_ticks = tr_counted(shared, TR_N_LATE);
    out->events = tr_counted(shared, TR_N_EVENTS);
    out->events_lost = tr_counted(shared, TR_N_EVENTS_LOST);
    out->commands = tr_counted(shared, TR_N_COMMANDS);
    out->commands_failed = tr_counted(shared, TR_N_COMMANDS_FAILED);
    out->slips = tr_counted(shared, TR_N_SLIPS);
    out->io_underruns = tr_counted(shared, TR_N_IO_UNDERRUNS);
    out->io_overruns = tr_counted(shared, TR_N_IO_OVERRUNS);
    out->player_io_ms = tr_io_pass_ms(&engine->player_io);
    out->recorder_io_ms = tr_io_pass_ms(&engine->recorder_io);
    out->tick_ns_last = tr_counted(shared, TR_N_NS_LAST);
    out->tick_ns_max = tr_counted(shared, TR_N_NS_MAX);
    out->tick_ns_total = tr_counted(shared, TR_N_NS_TOTAL);
    out->ports = (uint32_t)tr_counted(shared, TR_N_PORTS);
    out->realtime = (uint32_t)tr_counted(shared, TR_N_REALTIME);
    out->clock_ppb = (int64_t)tr_counted(shared, TR_N_CLOCK_PPB);
    out->clock_losses = tr_counted(shared, TR_N_CLOCK_LOSSES);
    out->bad_frames = tr_counted(shared, TR_N_BAD_FRAMES);
    out->memory_bytes = sizeof *engine + shared->block->bytes +
                        engine->config.max_ports * (3 * sizeof(void *) + sizeof(uint64_t)) + engine->port_bytes +
                        engine->conference_count * sizeof(struct tr_conference) + tr_counted(shared, TR_N_IO_MEMORY) +
                        tr_counted(shared, TR_N_CARD_MEMORY);
    return TR_OK;
}
