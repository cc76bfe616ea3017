/* D channels of the engine: see pri_port.h. Serves step 1 where the trunk is ISDN. */
#include "pri_port.h"
#include "internal.h"
#include "port.h"
#include <stdlib.h>
#include <string.h>

static uint64_t now_ms(const struct tr_port *port) { return port->engine->tick * TR_TICK_MS; }

static struct tr_pri_port *open_one(const struct tr_port *port) {
    struct tr_pri_port *p = atomic_load_explicit(&port->pri, memory_order_acquire);
    return p && atomic_load_explicit(&p->phase, memory_order_acquire) == TR_PRI_OPEN ? p : NULL;
}

/* ---- media ------------------------------------------------------------------------------------- */

static int send_frame(void *context, const uint8_t *frame, uint32_t length) {
    const struct tr_port *port = (const struct tr_port *)context;
    return port->card->ops->frame(port->card, port->card_port, frame, length);
}

static void tell(void *context, uint32_t kind, const int32_t a[5], const void *side, uint32_t length) {
    struct tr_port *port = (struct tr_port *)context;
    struct tr_event event = {
        .kind = kind, .port = port->number, .epoch = port->epoch, .at = port->engine->tick * TR_BLOCK};
    memcpy(event.a, a, sizeof event.a);
    tr_raise(port->engine, &event, side, length);
}

bool tr_pri_port_frame(struct tr_port *port, const struct tr_line_event *line) {
    struct tr_pri_port *p = open_one(port);
    if (p) {
        tr_pri_hear(&p->pri, now_ms(port), line->side, line->side_len);
    }
    return p != NULL;
}

int tr_pri_port_command(struct tr_port *port, const struct tr_command *command, const uint8_t *side) {
    struct tr_pri_port *p = open_one(port);
    if (!p) {
        return port->kind == TR_KIND_D ? TR_E_STATE : TR_E_UNSUPPORTED;
    }
    return tr_pri_command(&p->pri, now_ms(port), command, side);
}

static void publish(struct tr_pri_port *p) {
    struct tr_pri_stats stats;
    uint32_t words[TR_PRI_STAT_WORDS];
    tr_pri_read_stats(&p->pri, &stats);
    memcpy(words, &stats, sizeof stats);
    for (int i = 0; i < TR_PRI_STAT_WORDS; i++) {
        atomic_store_explicit(&p->stats[i], words[i], memory_order_relaxed);
    }
}

void tr_pri_port_run(struct tr_port *port) {
    struct tr_pri_port *p = atomic_load_explicit(&port->pri, memory_order_acquire);
    if (!p) {
        return;
    }
    int phase = atomic_load_explicit(&p->phase, memory_order_acquire);
    if (phase == TR_PRI_OPENING) {
        const struct tr_pri_io io = {.context = port, .send = send_frame, .tell = tell};
        tr_pri_init(&p->pri, &p->wanted, &io, p->memory);
        tr_pri_start(&p->pri, now_ms(port));
        atomic_store_explicit(&p->phase, TR_PRI_OPEN, memory_order_release);
    } else if (phase == TR_PRI_OPEN) {
        tr_pri_tick(&p->pri, now_ms(port), tr_engine_is_alone(port->engine));
        if (!p->pri.d) {
            atomic_store_explicit(&p->phase, TR_PRI_CLOSED, memory_order_release);
        }
    }
    if (phase != TR_PRI_CLOSED) {
        publish(p);
    }
}

/* ---- control ----------------------------------------------------------------------------------- */

static struct tr_port *find(tr_engine *engine, uint32_t number) {
    return number < engine->config.max_ports ? atomic_load_explicit(&engine->table[number], memory_order_relaxed)
                                             : NULL;
}

int tr_pri_open(tr_engine *engine, uint32_t number, const struct tr_pri_config *config) {
    struct tr_port *port = find(engine, number);
    if (!port || port->kind != TR_KIND_D) {
        return port ? TR_E_UNSUPPORTED : TR_E_NO_PORT;
    }
    int result = tr_pri_check(config);
    if (result < 0) {
        return result;
    }
    struct tr_pri_port *p = atomic_load_explicit(&port->pri, memory_order_relaxed);
    if (p && atomic_load_explicit(&p->phase, memory_order_acquire) != TR_PRI_CLOSED) {
        return TR_E_STATE;
    }
    if (!p) {
        p = (struct tr_pri_port *)tr_alloc_line(sizeof *p);
        if (!p) {
            return TR_E_NO_MEMORY;
        }
        engine->port_bytes += sizeof *p;
    }
    p->wanted = *config;
    atomic_store_explicit(&p->phase, TR_PRI_OPENING, memory_order_release);
    atomic_store_explicit(&port->pri, p, memory_order_release);
    return TR_OK;
}

int tr_pri_stats(tr_engine *engine, uint32_t number, struct tr_pri_stats *out) {
    struct tr_port *port = find(engine, number);
    struct tr_pri_port *p = port ? atomic_load_explicit(&port->pri, memory_order_relaxed) : NULL;
    if (!p) {
        return port ? TR_E_STATE : TR_E_NO_PORT;
    }
    uint32_t words[TR_PRI_STAT_WORDS];
    for (int i = 0; i < TR_PRI_STAT_WORDS; i++) {
        words[i] = atomic_load_explicit(&p->stats[i], memory_order_relaxed);
    }
    memcpy(out, words, sizeof words);
    return TR_OK;
}
