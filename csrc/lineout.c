/* A port's own line signals, timed in samples; see lineout.h. */
#include "lineout.h"
#include <string.h>

enum { SAMPLES_PER_MS = TR_RATE / 1000, LONGEST_OPENING_MS = 10000, SHORTEST_RING_MS = 10, LONGEST_RING_MS = 60000 };

static void reckon_due(struct tr_line_out *out) {
    out->due = out->flash_end < out->open_end ? out->flash_end : out->open_end;
    if (out->ring_next < out->due) {
        out->due = out->ring_next;
    }
}

void tr_out_init(struct tr_line_out *out, uint32_t kind) {
    memset(out, 0, sizeof *out);
    out->kind = (uint8_t)kind;
    out->levels = kind == TR_KIND_FXS ? TR_LEVEL_BATTERY : kind == TR_KIND_FXO ? 0 : TR_LEVEL_PRESENT;
    out->keep = UINT16_MAX;
    out->flash_end = out->open_end = out->ring_next = out->due = TR_NEVER;
}

static void done(struct tr_line_out *out, uint64_t at) {
    out->done[out->done_count++] = (struct tr_out_done){.at = at, .ms = (int32_t)((at - out->began) / SAMPLES_PER_MS)};
}

void tr_out_level(struct tr_line_out *out, uint16_t level, bool on) {
    uint16_t before = out->levels;
    out->levels = on ? before | level : before & (uint16_t)~level;
    if ((before ^ out->levels) & TR_LEVEL_REVERSED) {
        out->polarity_edges++;
    }
}

int tr_out_hook(struct tr_line_out *out, uint64_t at, bool off_hook) {
    if (out->flash_end != TR_NEVER) {
        if (off_hook) {
            return TR_E_STATE;
        }
        out->flash_end = TR_NEVER;
        reckon_due(out);
        done(out, at);
    }
    if (off_hook != out->off_hook) {
        out->hook_edges++;
    }
    out->off_hook = off_hook;
    tr_out_level(out, TR_LEVEL_LOOP, off_hook);
    return TR_OK;
}

int tr_out_flash(struct tr_line_out *out, uint64_t at, int ms) {
    if (ms < 1 || ms > LONGEST_OPENING_MS) {
        return TR_E_ARGUMENT;
    }
    if (!out->off_hook || out->flash_end != TR_NEVER || out->done_count >= TR_DONE_MAX - 1) {
        return TR_E_STATE;
    }
    tr_out_level(out, TR_LEVEL_LOOP, false);
    out->began = at;
    out->flash_end = at + (uint64_t)ms * SAMPLES_PER_MS;
    out->flash_edges++;
    reckon_due(out);
    return TR_OK;
}

void tr_out_ring_stop(struct tr_line_out *out) {
    out->ringing = false;
    out->ring_next = TR_NEVER;
    reckon_due(out);
    tr_out_level(out, TR_LEVEL_RINGING, false);
}

int tr_out_ring(struct tr_line_out *out, uint64_t at, const int32_t cadence_ms[TR_CADENCE]) {
    bool any = false;
    for (int i = 0; i < TR_CADENCE; i++) {
        any |= cadence_ms[i] != 0;
    }
    if (!any) {
        tr_out_ring_stop(out);
        return TR_OK;
    }
    bool ended = false, pauses = false;
    for (int i = 0; i < TR_CADENCE; i++) {
        int32_t ms = cadence_ms[i];
        ended |= i % 2 == 0 && ms == 0; /* a pair without a burst ends the cadence: nothing may follow */
        if (ms != 0 && (ended || ms < SHORTEST_RING_MS || ms > LONGEST_RING_MS)) {
            return TR_E_ARGUMENT;
        }
        pauses |= i % 2 == 1 && ms != 0;
    }
    if (out->open_end != TR_NEVER) {
        return TR_E_STATE;
    }
    for (int i = 0; i < TR_CADENCE; i++) {
        out->cadence[i] = (uint32_t)cadence_ms[i] * SAMPLES_PER_MS;
    }
    out->phase = 0;
    out->ringing = true;
    out->ring_edges++;
    out->ring_next = pauses ? at + out->cadence[0] : TR_NEVER; /* without a pause it rings for ever */
    reckon_due(out);
    tr_out_level(out, TR_LEVEL_RINGING, true);
    return TR_OK;
}

int tr_out_loop_open(struct tr_line_out *out, uint64_t at, int ms) {
    if (ms < 1 || ms > LONGEST_OPENING_MS) {
        return TR_E_ARGUMENT;
    }
    if (out->open_end != TR_NEVER || out->ringing || out->done_count >= TR_DONE_MAX - 1) {
        return TR_E_STATE;
    }
    tr_out_level(out, TR_LEVEL_BATTERY, false);
    out->began = at;
    out->open_end = at + (uint64_t)ms * SAMPLES_PER_MS;
    out->drop_edges++;
    reckon_due(out);
    return TR_OK;
}

void tr_out_bits(struct tr_line_out *out, int abcd) {
    uint16_t before = out->levels;
    out->levels = (uint16_t)((before & ~TR_LEVEL_BITS) | ((abcd << TR_LEVEL_BITS_SHIFT) & TR_LEVEL_BITS));
    out->bits_edges += before != out->levels;
}

void tr_out_alarm(struct tr_line_out *out, uint32_t alarm) {
    out->keep = alarm == TR_ALARM_LOS || alarm == TR_ALARM_BLUE ? 0 : UINT16_MAX;
    out->force = alarm == TR_ALARM_BLUE ? TR_LEVEL_AIS : alarm == TR_ALARM_YELLOW ? TR_LEVEL_RAI : 0;
}

/* The next part of the cadence that has a length; a part of length 0 merges its neighbours. */
static void next_ring_phase(struct tr_line_out *out) {
    do {
        out->phase = (uint8_t)((out->phase + 1) % TR_CADENCE);
        if (out->phase % 2 == 0 && out->cadence[out->phase] == 0) {
            out->phase = 0;
        }
    } while (out->cadence[out->phase] == 0);
    out->ring_next += out->cadence[out->phase];
    tr_out_level(out, TR_LEVEL_RINGING, out->phase % 2 == 0);
}

static int add_edge(struct tr_line_out *out, struct tr_edge *edges, int count, uint8_t offset) {
    uint16_t line = tr_out_line(out);
    if (line == out->sent) {
        return count;
    }
    /* One edge a sample; a full list keeps the last: no command sequence is lost, only its finest steps. */
    if (count && (edges[count - 1].offset == offset || count == TR_EDGES_MAX)) {
        count--;
    }
    edges[count] = (struct tr_edge){.offset = offset, .levels = line};
    out->sent = line;
    return count + 1;
}

int tr_out_block(struct tr_line_out *out, uint64_t at, struct tr_edge edges[TR_EDGES_MAX]) {
    int count = add_edge(out, edges, 0, 0);
    while (out->due < at + TR_BLOCK) {
        uint64_t now = out->due;
        if (now == out->flash_end) {
            out->flash_end = TR_NEVER;
            tr_out_level(out, TR_LEVEL_LOOP, true);
            done(out, now);
        }
        if (now == out->open_end) {
            out->open_end = TR_NEVER;
            tr_out_level(out, TR_LEVEL_BATTERY, true);
            done(out, now);
        }
        if (now == out->ring_next) {
            next_ring_phase(out);
        }
        reckon_due(out);
        count = add_edge(out, edges, count, (uint8_t)(now - at));
    }
    return count;
}
