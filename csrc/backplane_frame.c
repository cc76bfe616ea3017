/* The backplane's frame, to bytes and back; its layout is in backplane.h. Nothing in a frame is trusted before all of
 * it was checked. */
#include "backplane_frame.h"
#include <string.h>

enum { HEADER = 24, PORT_HEADER = 12, EDGE = 4, SOUND_MAX = TR_BLOCK * 2 };

size_t tr_frame_max(uint32_t ports) { return HEADER + (size_t)ports * (PORT_HEADER + TR_EDGES_MAX * EDGE + SOUND_MAX); }

static void put16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static void put32(uint8_t *p, uint32_t v) {
    put16(p, (uint16_t)v);
    put16(p + 2, (uint16_t)(v >> 16));
}
static void put64(uint8_t *p, uint64_t v) {
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}
static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t get32(const uint8_t *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static uint64_t get64(const uint8_t *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

static bool octets(uint32_t kind) { return kind == TR_KIND_B || kind == TR_KIND_D; }

static uint8_t *put_port(uint8_t *p, uint16_t number, uint32_t kind, const struct tr_slot *slot) {
    put16(p, number);
    p[2] = (uint8_t)kind;
    p[3] = slot->edges;
    p[4] = slot->sound;
    p[5] = slot->fill;
    put16(p + 6, slot->before);
    put16(p + 8, slot->after);
    put16(p + 10, 0);
    p += PORT_HEADER;
    for (int i = 0; i < slot->edges; i++, p += EDGE) {
        p[0] = slot->edge[i].offset;
        p[1] = 0;
        put16(p + 2, slot->edge[i].levels);
    }
    if (slot->sound && octets(kind)) {
        memcpy(p, slot->u.bytes, TR_BLOCK);
        p += TR_BLOCK;
    } else if (slot->sound) {
        for (int i = 0; i < TR_BLOCK; i++, p += 2) {
            put16(p, (uint16_t)slot->u.linear[i]);
        }
    }
    return p;
}

/* What is last sent into a wire; of a cut one, nothing. */
static const struct tr_slot *sent_into(struct tr_wire *wire) {
    static const struct tr_slot dead;
    return wire->end[0].active.cut ? &dead : tr_wire_last_sent(&wire->end[0]);
}

size_t tr_frame_put(const struct tr_span *span, uint64_t tick, uint32_t alarms, uint8_t *out) {
    uint8_t *p = out + HEADER;
    for (uint32_t i = 0; i < span->count; i++) {
        uint32_t kind = span->card->ports[span->first + i].kind;
        p = put_port(p, (uint16_t)i, kind, sent_into(span->wires[i]));
    }
    size_t length = (size_t)(p - out);
    memcpy(out, "TRBP", 4);
    put16(out + 4, TR_FRAME_VERSION);
    put16(out + 6, (uint16_t)span->count);
    put64(out + 8, tick);
    put32(out + 16, (uint32_t)length);
    put32(out + 20, alarms);
    return length;
}

/* Length of a well-formed port, 0 for another. */
static size_t check_port(const struct tr_span *span, const uint8_t *p, size_t left, int *last) {
    if (left < PORT_HEADER) {
        return 0;
    }
    int number = get16(p);
    uint32_t kind = p[2];
    int edges = p[3];
    if (number <= *last || (uint32_t)number >= span->count || edges > TR_EDGES_MAX || p[4] > 1 || get16(p + 10) != 0 ||
        !tr_wire_joins(span->card->ports[span->first + (uint32_t)number].kind, kind)) {
        return 0;
    }
    *last = number;
    size_t length = PORT_HEADER + (size_t)edges * EDGE;
    length += !p[4] ? 0 : octets(kind) ? TR_BLOCK : SOUND_MAX;
    if (length > left) {
        return 0;
    }
    uint16_t foreign = (uint16_t)~tr_level_mask(kind);
    uint16_t levels = get16(p + 6);
    int offset = -1;
    bool ok = !(levels & foreign);
    for (int i = 0; i < edges; i++) {
        const uint8_t *edge = p + PORT_HEADER + i * EDGE;
        ok &= edge[0] > offset && edge[0] < TR_BLOCK && edge[1] == 0;
        offset = edge[0];
        levels = get16(edge + 2);
        ok &= !(levels & foreign);
    }
    return ok && levels == get16(p + 8) ? length : 0;
}

bool tr_frame_check(const struct tr_span *span, const uint8_t *in, size_t length) {
    if (length < HEADER || tr_frame_foreign(in, length) || memcmp(in, "TRBP", 4) != 0) {
        return false;
    }
    uint32_t count = get16(in + 6);
    if (count > span->count || get32(in + 16) != length) {
        return false;
    }
    size_t at = HEADER;
    int last = -1;
    for (uint32_t i = 0; i < count; i++) {
        size_t one = check_port(span, in + at, length - at, &last);
        if (!one) {
            return false;
        }
        at += one;
    }
    return at == length;
}

bool tr_frame_foreign(const uint8_t *in, size_t length) {
    return length >= TR_FRAME_LEAST && memcmp(in, "TRBP", 4) == 0 && tr_frame_version(in) != TR_FRAME_VERSION;
}

uint16_t tr_frame_version(const uint8_t *in) { return get16(in + 4); }

uint64_t tr_frame_tick(const uint8_t *in) { return get64(in + 8); }

void tr_frame_keep(const struct tr_span *span, const uint8_t *in) {
    uint64_t tick = tr_frame_tick(in);
    uint32_t count = get16(in + 6);
    const uint8_t *p = in + HEADER;
    for (uint32_t i = 0; i < count; i++) {
        struct tr_slot *slot = &span->wires[get16(p)]->end[1].slot[tick % TR_SLOTS];
        bool bytes = octets(p[2]);
        slot->tag = tick;
        slot->edges = p[3];
        slot->sound = p[4];
        slot->fill = p[5];
        slot->before = get16(p + 6);
        slot->after = get16(p + 8);
        p += PORT_HEADER;
        for (int k = 0; k < slot->edges; k++, p += EDGE) {
            slot->edge[k] = (struct tr_edge){.offset = p[0], .levels = get16(p + 2)};
        }
        if (slot->sound && bytes) {
            memcpy(slot->u.bytes, p, TR_BLOCK);
            p += TR_BLOCK;
        } else if (slot->sound) {
            for (int k = 0; k < TR_BLOCK; k++, p += 2) {
                slot->u.linear[k] = (int16_t)get16(p);
            }
        }
    }
}
