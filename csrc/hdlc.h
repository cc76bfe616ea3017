/* HDLC in a 64 kbit/s time slot: frames into octets of the line and back, as the hardware of a D channel does it.
 * Serves step 1 where the trunk is ISDN: what the office's signalling says comes through here.
 *
 * On the line (ITU-T Q.921 section 2, ISO/IEC 13239): flags 01111110 between frames and while there is nothing to say,
 * one flag at least between two frames; a 0 after five 1s inside a frame; two octets of frame check sequence
 * (x16+x12+x5+1, preset to ones, sent inverted) at its end. Octets of a frame go least significant bit first, the
 * octets of the time slot most significant bit first (ITU-T G.704: bit 1).
 *
 * Rules: a frame has 1..TR_FRAME_MAX octets without FCS. It takes (octets + 2) * 8 bits, its stuffing and a flag of the
 * line, 160 octets a tick: 260 octets last 33 ms at least. Frames wait in a queue of TR_HDLC_QUEUE octets, one second
 * of the line, in which each takes its octets and four more; what does not fit is refused whole with TR_E_FULL, never
 * shortened, and nothing that was taken is lost here. Received: a frame whose check sequence is wrong, that is
 * aborted (seven 1s), longer than TR_FRAME_MAX, shorter than three octets or not of whole octets is dropped and
 * counted.
 *
 * Pure state, no I/O, no heap. */
#ifndef TIPRING_HDLC_H
#define TIPRING_HDLC_H

#include "engine.h"
#include <stdbool.h>

#define TR_HDLC_QUEUE 8192
/* Frames that end in one block, of one octet each: 160 octets / (1 + FCS + flag), and one begun before. */
#define TR_HDLC_FOUND_MAX 41

struct tr_hdlc_found {
    const uint8_t *data; /* valid until the next tr_hdlc_hear */
    uint16_t length;     /* without FCS */
    uint8_t offset;      /* octet of the block in which its closing flag ended */
};

struct tr_hdlc {
    /* towards the line */
    uint8_t queue[TR_HDLC_QUEUE]; /* of each frame: length (2, little-endian), octets, FCS (2) */
    uint32_t head, tail;          /* free-running */
    uint32_t left;                /* octets still to come of the frame on the line, its FCS included; 0: a flag */
    uint8_t octet, bits;          /* on the line now, bits of it still to come */
    uint8_t ones;                 /* sent in succession */
    bool in_frame;                /* `octet` is of a frame: stuffing applies */
    /* from the line */
    uint8_t in[TR_FRAME_MAX + 2 + TR_BLOCK + 2]; /* the frame being heard lies at `begin`; ended ones before it */
    uint32_t begin, length;
    uint8_t in_octet, in_bits, in_ones;
    bool hunting; /* after an abort or too long a frame: until the next flag */
    bool resting; /* `rest` leaves all of this as it is: flags, or all ones */
    uint8_t rest;
    uint32_t found_count;
    struct tr_hdlc_found found[TR_HDLC_FOUND_MAX];
    uint32_t sent, received, bad; /* frames */
};

void tr_hdlc_init(struct tr_hdlc *h);
/* TR_OK, TR_E_ARGUMENT (no octets), TR_E_TOO_LONG, TR_E_FULL. */
int tr_hdlc_send(struct tr_hdlc *h, const uint8_t *data, uint32_t length);
/* The next TR_BLOCK octets of the line. */
void tr_hdlc_say(struct tr_hdlc *h, uint8_t *line);
/* Takes TR_BLOCK octets of the line; the frames that ended in them are in found[0..found_count). */
void tr_hdlc_hear(struct tr_hdlc *h, const uint8_t *line);

#endif
