/* HDLC in a time slot, bit by bit; see hdlc.h. Serves step 1 where the trunk is ISDN. */
#include "hdlc.h"
#include <string.h>

enum { FLAG = 0x7E, FCS = 2, HEAD = 2, MOST_ONES = 5, ABORT_ONES = 7, SHORTEST = 1 + FCS };
static const uint16_t good_fcs = 0xF0B8; /* of a frame and its own check sequence */

void tr_hdlc_init(struct tr_hdlc *h) {
    memset(h, 0, sizeof *h);
    h->octet = FLAG;
    h->bits = 8;
    h->hunting = true; /* until the far end's first flag */
}

static uint16_t fcs(const uint8_t *data, uint32_t length) {
    uint16_t sum = 0xFFFF;
    for (uint32_t i = 0; i < length; i++) {
        sum ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            sum = (uint16_t)((sum >> 1) ^ (sum & 1 ? 0x8408 : 0));
        }
    }
    return sum;
}

/* ---- towards the line ---- */

static void queue_octet(struct tr_hdlc *h, uint32_t octet) { h->queue[h->head++ % TR_HDLC_QUEUE] = (uint8_t)octet; }

int tr_hdlc_send(struct tr_hdlc *h, const uint8_t *data, uint32_t length) {
    if (length == 0 || length > TR_FRAME_MAX) {
        return length ? TR_E_TOO_LONG : TR_E_ARGUMENT;
    }
    if (h->head - h->tail + HEAD + length + FCS > TR_HDLC_QUEUE) {
        return TR_E_FULL;
    }
    queue_octet(h, length);
    queue_octet(h, length >> 8);
    for (uint32_t i = 0; i < length; i++) {
        queue_octet(h, data[i]);
    }
    uint16_t sum = (uint16_t)~fcs(data, length);
    queue_octet(h, sum);
    queue_octet(h, (uint32_t)sum >> 8);
    return TR_OK;
}

static uint8_t unqueue(struct tr_hdlc *h) { return h->queue[h->tail++ % TR_HDLC_QUEUE]; }

/* The octet that follows the one just sent: a flag stands before and behind every frame. */
static void next_octet(struct tr_hdlc *h) {
    bool was_flag = !h->in_frame;
    h->bits = 8;
    if (was_flag && h->head != h->tail) {
        uint32_t low = unqueue(h);
        h->left = (low | (uint32_t)unqueue(h) << 8) + FCS;
        h->ones = 0;
    }
    h->in_frame = h->left > 0;
    if (h->in_frame) {
        h->left--;
        h->octet = unqueue(h);
    } else {
        h->octet = FLAG;
        h->sent += !was_flag;
    }
}

static uint32_t next_bit(struct tr_hdlc *h) {
    if (h->in_frame && h->ones == MOST_ONES) {
        h->ones = 0;
        return 0;
    }
    if (h->bits == 0) {
        next_octet(h);
    }
    uint32_t bit = h->octet & 1u;
    h->octet >>= 1;
    h->bits--;
    h->ones = bit ? h->ones + 1 : 0;
    return bit;
}

void tr_hdlc_say(struct tr_hdlc *h, uint8_t *line) {
    for (int i = 0; i < TR_BLOCK; i++) {
        bool nothing = !h->in_frame && h->head == h->tail;
        uint32_t octet = 0;
        for (int bit = 0; bit < 8; bit++) {
            octet = octet << 1 | next_bit(h);
        }
        line[i] = (uint8_t)octet;
        if (nothing) {
            memset(line + i, line[i], (size_t)(TR_BLOCK - i)); /* flags to the end, in the phase they have */
            return;
        }
    }
}

/* ---- from the line ---- */

static void give_up(struct tr_hdlc *h) {
    h->bad += h->length > 0;
    h->length = 0;
    h->hunting = true;
}

/* A flag is complete: its first seven bits were taken for the frame's. */
static void flag(struct tr_hdlc *h, int offset) {
    if (!h->hunting && h->length > 0) {
        if (h->in_bits == 7 && h->length >= SHORTEST && fcs(h->in + h->begin, h->length) == good_fcs) {
            h->found[h->found_count++] = (struct tr_hdlc_found){
                .data = h->in + h->begin, .length = (uint16_t)(h->length - FCS), .offset = (uint8_t)offset};
            h->begin += h->length;
            h->received++;
        } else {
            h->bad++;
        }
    }
    h->hunting = false;
    h->length = h->in_bits = 0;
}

static void hear_bit(struct tr_hdlc *h, uint32_t bit, int offset) {
    uint8_t ones = h->in_ones;
    if (bit) {
        h->in_ones = ones < ABORT_ONES ? ones + 1 : ABORT_ONES;
        if (h->in_ones == ABORT_ONES && !h->hunting) {
            give_up(h);
        }
    } else {
        h->in_ones = 0;
        if (ones == MOST_ONES) {
            return; /* stuffed */
        }
        if (ones == MOST_ONES + 1) {
            flag(h, offset);
            return;
        }
    }
    if (h->hunting) {
        return;
    }
    h->in_octet = (uint8_t)(h->in_octet >> 1 | bit << 7);
    if (++h->in_bits < 8) {
        return;
    }
    h->in_bits = 0;
    if (h->length == TR_FRAME_MAX + FCS) {
        give_up(h);
    } else {
        h->in[h->begin + h->length++] = h->in_octet;
    }
}

struct tr_hdlc_phase {
    bool nothing, hunting;
    uint8_t ones, bits;
};

/* Flags, or all ones, and nothing else: an octet that leaves everything as it was will do so again. */
static bool rests(const struct tr_hdlc *h, const struct tr_hdlc_phase *before) {
    return before->nothing && h->length == 0 && h->hunting == before->hunting && h->in_ones == before->ones &&
           h->in_bits == before->bits;
}

void tr_hdlc_hear(struct tr_hdlc *h, const uint8_t *line) {
    memmove(h->in, h->in + h->begin, h->length);
    h->begin = 0;
    h->found_count = 0;
    for (int i = 0; i < TR_BLOCK; i++) {
        if (h->resting && line[i] == h->rest) {
            continue;
        }
        struct tr_hdlc_phase before = {h->length == 0, h->hunting, h->in_ones, h->in_bits};
        for (int bit = 7; bit >= 0; bit--) {
            hear_bit(h, line[i] >> bit & 1u, i);
        }
        h->resting = rests(h, &before);
        h->rest = line[i];
    }
}
