/* The tick: commands in, one block exchanged with every card, every port's chain, events out; and the media thread that
 * runs it by the clock. Serves all nine steps.
 *
 * Paced: the n-th tick is due n * 20 ms after the start on the monotonic clock (or when the first card that can wait
 * says so). A tick that begins a whole tick late or more is counted; up to LATE_MAX ticks are caught up at full speed,
 * so that the sample clock stays true, more are given up. Each such episode raises one TR_EV_LATE.
 *
 * The media thread takes no lock, allocates nothing and touches no file; its only system calls are the clock, the sleep
 * and two eventfd writes.
 */
#define _GNU_SOURCE
#include "internal.h"
#include "port.h"
#include <time.h>
#include <unistd.h>

#define TICK_NS (TR_TICK_MS * 1000000ll)
#define LATE_MAX 5
#define REFRESH_TICKS 64 /* every port's level state is published at least so often */

/* ---- events ------------------------------------------------------------------------------------ */

static bool push_event(struct tr_engine *engine, struct tr_event *event, const void *side, size_t n) {
    event->tick = engine->tick;
    event->side_len = (uint32_t)n;
    return tr_ring_push(&engine->shared.events, event, side, n, &event->side_at, 8);
}

/* After a loss nothing is delivered before the notice of it. */
static bool tell_lost(struct tr_engine *engine) {
    if (engine->lost == 0) {
        return true;
    }
    struct tr_event event = {.kind = TR_EV_OVERRUN,
                             .port = TR_NO_PORT,
                             .at = engine->tick * TR_BLOCK,
                             .a = {engine->lost > INT32_MAX ? INT32_MAX : (int32_t)engine->lost}};
    if (!push_event(engine, &event, NULL, 0)) {
        return false;
    }
    engine->lost = 0;
    engine->raised++;
    return true;
}

void tr_raise(struct tr_engine *engine, struct tr_event *event, const void *side, size_t n) {
    engine->raised++;
    tr_count(&engine->shared, TR_N_EVENTS, 1);
    if (!tell_lost(engine) || !push_event(engine, event, side, n)) {
        engine->lost++;
        tr_count(&engine->shared, TR_N_EVENTS_LOST, 1);
    }
}

static void notify(struct tr_engine *engine) {
    uint64_t one = 1;
    if (engine->raised > 0 && write(engine->event_fd, &one, sizeof one) < 0) {
        return; /* EAGAIN: it is readable anyway */
    }
}

/* ---- ports ------------------------------------------------------------------------------------- */

void tr_engine_refresh(struct tr_engine *engine) {
    uint32_t version = atomic_load_explicit(&engine->version, memory_order_acquire);
    if (version == atomic_load_explicit(&engine->seen, memory_order_relaxed)) {
        return;
    }
    for (uint32_t n = 0; n < engine->config.max_ports; n++) {
        struct tr_port *old = engine->by_number[n];
        if (old && old != atomic_load_explicit(&engine->table[n], memory_order_acquire)) {
            struct tr_engine_card *card = &engine->cards[old->card_index];
            tr_port_detach(old);
            engine->by_number[n] = NULL;
            card->rx[old->card_port] = NULL;
            card->tx[old->card_port] = NULL;
            card->by_card_port[old->card_port] = NULL;
        }
    }
    engine->active_count = 0;
    for (uint32_t n = 0; n < engine->config.max_ports; n++) {
        struct tr_port *port = atomic_load_explicit(&engine->table[n], memory_order_acquire);
        if (port && !engine->by_number[n]) {
            struct tr_engine_card *card = &engine->cards[port->card_index];
            engine->by_number[n] = port;
            card->rx[port->card_port] = port->rx;
            card->tx[port->card_port] = port->tx;
            card->by_card_port[port->card_port] = port;
            tr_port_attach(port);
        }
        if (engine->by_number[n]) {
            engine->active[engine->active_count++] = engine->by_number[n];
        }
    }
    atomic_store_explicit(&engine->seen, version, memory_order_release);
}

/* ---- commands and answers ---------------------------------------------------------------------- */

static void fail(struct tr_engine *engine, const struct tr_command *command, int result) {
    struct tr_event event = {.kind = TR_EV_COMMAND_FAILED,
                             .port = command->port,
                             .epoch = command->epoch,
                             .id = command->id,
                             .at = engine->tick * TR_BLOCK,
                             .a = {result, (int32_t)command->op}};
    tr_count(&engine->shared, TR_N_COMMANDS_FAILED, 1);
    tr_raise(engine, &event, NULL, 0);
}

static void take_commands(struct tr_engine *engine) {
    struct tr_ring *ring = &engine->shared.commands;
    struct tr_command command;
    /* What was waiting when the tick began: a control half that hammers cannot hold the tick. */
    for (uint64_t left = tr_ring_waiting(ring); left > 0 && tr_ring_pop(ring, &command); left--) {
        struct tr_port *port = command.port < engine->config.max_ports ? engine->by_number[command.port] : NULL;
        const uint8_t *side = tr_ring_side(ring, command.side_at, command.side_len);
        int result = !port ? TR_E_NO_PORT : !side ? TR_E_ARGUMENT : tr_port_command(port, &command, side);
        if (result < 0) {
            fail(engine, &command, result);
        }
        if (command.side_len > 0 && side) {
            tr_ring_side_release32(ring, command.side_at + command.side_len);
        }
        tr_count(&engine->shared, TR_N_COMMANDS, 1);
    }
}

/* A recording has ended, or could not begin. The port may have gone on to another call, or be gone. Somebody keeps a
 * file open in mind until this is told, so it is never lost: false where there is no room for it yet. */
static bool record_done(struct tr_engine *engine, const struct tr_io_answer *answer) {
    uint64_t ms = answer->frames * 1000 / TR_RATE;
    struct tr_event event = {.kind = TR_EV_RECORD_DONE,
                             .port = answer->port,
                             .epoch = answer->epoch,
                             .id = answer->id,
                             .at = engine->tick * TR_BLOCK,
                             .a = {answer->end, ms > INT32_MAX ? INT32_MAX : (int32_t)ms, answer->error}};
    if (!tell_lost(engine) || !push_event(engine, &event, NULL, 0)) {
        return false;
    }
    engine->raised++;
    tr_count(&engine->shared, TR_N_EVENTS, 1);
    struct tr_port *port = engine->by_number[answer->port];
    if (port && (int32_t)(answer->serial - port->born) > 0) {
        port->files--;
        port->dirty = true;
    }
    return true;
}

static void take_items(struct tr_engine *engine) {
    struct tr_io_answer answer;
    while (tr_io_answer(&engine->player_io, &answer)) {
        struct tr_port *port = engine->by_number[answer.port];
        struct tr_item *item = (struct tr_item *)answer.object;
        if (port) {
            tr_player_ready(port, answer.serial, item, answer.result, answer.error);
        } else if (item) {
            tr_item_drop(item);
        }
    }
}

/* The next answer of the recorder's I/O half; with a recording's end held back, none: the control half takes no events,
 * and would have no use for it. */
static bool next_recording(struct tr_engine *engine, struct tr_io_answer *answer) {
    engine->holding = engine->holding && !record_done(engine, &engine->held);
    return !engine->holding && tr_io_answer(&engine->recorder_io, answer);
}

static void take_recordings(struct tr_engine *engine) {
    struct tr_io_answer answer;
    while (next_recording(engine, &answer)) {
        struct tr_port *port = engine->by_number[answer.port];
        if (answer.kind == TR_IO_RECORD && answer.object) {
            struct tr_recording *recording = (struct tr_recording *)answer.object;
            if (port) {
                tr_recorder_ready(port, answer.serial, recording);
            } else {
                atomic_store_explicit(&recording->closing, 1 + TR_RECORD_STOPPED, memory_order_release);
            }
        } else {
            if (answer.kind == TR_IO_RECORD && port) {
                tr_recorder_failed(port, answer.serial);
            }
            engine->held = answer;
            engine->holding = !record_done(engine, &answer);
        }
    }
}

/* ---- time by the card or by the clock ------------------------------------------------------------ */

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void sleep_until(int64_t when) {
    struct timespec t = {.tv_sec = when / 1000000000ll, .tv_nsec = when % 1000000000ll};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {
    }
}

/* Waits for the next block; returns how many whole ticks late it begins. */
static int64_t await_tick(tr_card *master, int64_t *due) {
    if (master) {
        int missed = master->ops->wait(master);
        if (missed >= 0) {
            *due = now_ns();
            return missed;
        }
        /* The card is gone (its ALARM says so): go on by the clock, so that the other cards' calls live. */
    }
    *due += TICK_NS;
    if (now_ns() < *due) {
        sleep_until(*due);
    }
    int64_t late = (now_ns() - *due) / TICK_NS;
    if (late > LATE_MAX) {
        *due += late * TICK_NS;
    }
    return late;
}

/* ---- the tick ---------------------------------------------------------------------------------- */

static void exchange(struct tr_engine *engine) {
    for (uint32_t i = 0; i < engine->card_count; i++) {
        struct tr_engine_card *card = &engine->cards[i];
        struct tr_line_event line;
        card->card->ops->exchange(card->card, card->rx, card->tx, card->ports);
        while (card->card->ops->next_event(card->card, &line)) {
            struct tr_port *port = line.card_port < card->ports ? card->by_card_port[line.card_port] : NULL;
            if (port) {
                tr_port_line_event(port, &line);
            }
        }
    }
}

static void sample_cards(struct tr_engine *engine) {
    uint64_t slips = 0, memory = 0, losses = 0, bad_frames = 0;
    int64_t clock_ppb = 0;
    bool clocked = false;
    for (uint32_t i = 0; i < engine->card_count; i++) {
        tr_card *card = engine->cards[i].card;
        struct tr_card_health health = {0};
        if (card->ops->health) {
            card->ops->health(card, &health);
        }
        clock_ppb = clocked ? clock_ppb : health.clock_ppb; /* of the master: the first that can wait */
        clocked = clocked || card->ops->wait;
        losses += health.clock_losses;
        bad_frames += health.bad_frames;
        slips += card->ops->slips ? card->ops->slips(card) : 0;
        memory += card->ops->memory ? card->ops->memory(card) : 0;
    }
    tr_count_set(&engine->shared, TR_N_SLIPS, slips);
    tr_count_set(&engine->shared, TR_N_CARD_MEMORY, memory);
    tr_count_set(&engine->shared, TR_N_CLOCK_PPB, (uint64_t)clock_ppb);
    tr_count_set(&engine->shared, TR_N_CLOCK_LOSSES, losses);
    tr_count_set(&engine->shared, TR_N_BAD_FRAMES, bad_frames);
}

/* Stepped: each card that has a clock waits for its own block; where the first has lost it, ours stands in. */
static void step_cards(struct tr_engine *engine) {
    bool first = true;
    for (uint32_t i = 0; i < engine->card_count; i++) {
        tr_card *card = engine->cards[i].card;
        if (card->ops->wait && first) {
            await_tick(card, &engine->due);
            first = false;
        } else if (card->ops->wait) {
            card->ops->wait(card);
        }
    }
}

void tr_engine_tick(struct tr_engine *engine) {
    bool paced = engine->config.paced;
    engine->raised = 0;
    engine->echo_studies = 0;
    tell_lost(engine);
    tr_engine_refresh(engine);
    tr_engine_watch(engine);
    take_commands(engine);
    if (!paced) {
        tr_io_run(&engine->player_io);
        tr_io_run(&engine->recorder_io);
        step_cards(engine);
    }
    take_items(engine);
    take_recordings(engine);
    exchange(engine);
    for (uint32_t i = 0; i < engine->active_count; i++) {
        struct tr_port *port = engine->active[i];
        tr_port_run(port);
        tr_pri_port_run(port);
        if (port->dirty || (i + engine->tick) % REFRESH_TICKS == 0) {
            tr_port_publish(port);
        }
    }
    if (engine->tick % REFRESH_TICKS == 0) {
        sample_cards(engine);
    }
    engine->tick++;
    tr_count_set(&engine->shared, TR_N_TICK, engine->tick);
    notify(engine);
}

int tr_engines_step(tr_engine **engines, int count, int ticks) {
    for (int i = 0; i < count; i++) {
        if (engines[i]->config.paced) {
            return TR_E_STATE;
        }
    }
    for (int done = 0; done < ticks;) {
        bool raised = false;
        for (int i = 0; i < count; i++) {
            tr_engine_beat(engines[i]);
            tr_engine_tick(engines[i]);
            raised = raised || engines[i]->raised > 0;
        }
        done++;
        if (raised) {
            return done;
        }
    }
    return ticks < 0 ? 0 : ticks;
}

/* ---- paced time -------------------------------------------------------------------------------- */

static void note_late(struct tr_engine *engine, int64_t late) {
    if (late > 0) {
        tr_count(&engine->shared, TR_N_LATE, 1);
    }
    if (late > 0 && !engine->was_late) {
        struct tr_event event = {
            .kind = TR_EV_LATE, .port = TR_NO_PORT, .at = engine->tick * TR_BLOCK, .a = {(int32_t)late}};
        tr_raise(engine, &event, NULL, 0);
        notify(engine);
    }
    engine->was_late = late > 0;
}

void *tr_engine_thread(void *argument) {
    struct tr_engine *engine = (struct tr_engine *)argument;
    tr_card *master = NULL;
    for (uint32_t i = 0; i < engine->card_count && !master; i++) {
        master = engine->cards[i].card->ops->wait ? engine->cards[i].card : NULL;
    }
    int64_t due = now_ns();
    uint64_t most = tr_counted(&engine->shared, TR_N_NS_MAX);
    engine->was_late = false;
    while (!atomic_load_explicit(&engine->stop, memory_order_acquire)) {
        note_late(engine, await_tick(master, &due));
        int64_t begin = now_ns();
        tr_engine_tick(engine);
        uint64_t cost = (uint64_t)(now_ns() - begin);
        most = cost > most ? cost : most;
        tr_count_set(&engine->shared, TR_N_NS_LAST, cost);
        tr_count_set(&engine->shared, TR_N_NS_MAX, most);
        tr_count(&engine->shared, TR_N_NS_TOTAL, cost);
    }
    return NULL;
}
