/* The backplane's frame as bytes; see backplane.h for its layout. No I/O, no heap. */
#ifndef TIPRING_BACKPLANE_FRAME_H
#define TIPRING_BACKPLANE_FRAME_H

#include "card_sim.h"

#define TR_FRAME_VERSION 2
#define TR_FRAME_LEAST 8 /* bytes from which on a frame has a version */

/* Card ports first..first+count-1; wires[i] has port first+i at its end 0, and as its end 1 the far process. */
struct tr_span {
    struct tr_sim_card *card;
    uint32_t first, count;
    struct tr_wire **wires;
};

/* Bytes of the longest frame. */
size_t tr_frame_max(uint32_t ports);
/* The blocks last sent into the wires; returns the frame's length. */
size_t tr_frame_put(const struct tr_span *span, uint64_t tick, uint32_t alarms, uint8_t *out);
/* Is this a well-formed frame that fits the span? */
bool tr_frame_check(const struct tr_span *span, const uint8_t *in, size_t length);
/* Is it of another version than ours? */
bool tr_frame_foreign(const uint8_t *in, size_t length);
uint16_t tr_frame_version(const uint8_t *in);
uint64_t tr_frame_tick(const uint8_t *in);
/* Puts the ports of a checked frame into the slots of the wires' far ends. */
void tr_frame_keep(const struct tr_span *span, const uint8_t *in);

#endif
