/* The backplane's side towards the software card; the public functions are in engine.h, the frame is below.
 *
 * A frame is one SEQPACKET message, all numbers little-endian:
 *   0  char[4]  "TRBP"
 *   4  u16      version, 2
 *   6  u16      ports in this frame, at most 256
 *   8  u64      tick: number of the block since the connection began, from 0
 *  16  u32      length of the whole frame
 *  20  u32      alarms of the sender, mask of enum tr_alarm (yellow: the sender hears nothing from us)
 *  24  ports, each:
 *        0 u16 port, counted from the first of the span, rising
 *        2 u8  kind of the sender's port, enum tr_port_kind
 *        3 u8  edges, at most 16
 *        4 u8  1: TR_BLOCK samples follow (int16 for analog, octets for B and D), 0: silence
 *        5 u8  B and D, silence: the octet throughout
 *        6 u16 line levels at the beginning of the block (enum tr_level)
 *        8 u16 line levels at its end
 *       10 u16 0
 *       then the edges (u8 offset, u8 0, u16 levels from there on), then the samples.
 * A frame that breaks any of this is counted in `bad_frames` and dropped as a whole. Levels are in every frame, so that
 * a reconnected end reconciles at once. CAS bits and alarms of B and D channels are levels; D channels carry their HDLC
 * as the octets of the line. A port whose wire is cut here is sent as dead: no levels, silence.
 *
 * Version 1 had no D channels and no alarms of channels. A far end of another version is refused: its connection is
 * dropped at its first frame, with `refused` 1 and its version in `far_version`.
 *
 * Stepped: an exchange sends its frame n, then waits for frame n-1, without limit. Paced: never waits; a frame that the
 * socket cannot take is lost (a slip). Received frames are kept in the wires' own slots: the first is delivered when
 * three are there; a tick without one is a tick of silence, with levels held (a slip), and after three such ticks three
 * are gathered anew; a frame that comes later than its turn is thrown away (a slip); when more than three have been
 * waiting for a second one is skipped, and when more than seven are, all but three (slips; levels are kept). Red alarm:
 * no frame for 1 s (paced), the far end gone, or no connection; then nothing is heard and all far levels are 0 until
 * frames come again. A backplane may begin without a connection (descriptor -1, red); tr_backplane_reconnect gives it
 * one. The descriptor is taken over only where tr_backplane_new succeeds. */
#ifndef TIPRING_BACKPLANE_H
#define TIPRING_BACKPLANE_H

#include "card_sim.h"

/* Media thread, before anything is heard: puts the block of each of its ports (tx[card port], NULL for silence, `count`
 * pointers) on the wires, sends the frame, receives. `at` is the block's first sample. */
void tr_backplane_exchange(struct tr_backplane *backplane, uint64_t at, const uint8_t *const *tx, uint32_t count);
struct tr_backplane *tr_backplane_next(const struct tr_backplane *backplane);
uint64_t tr_backplane_slips(const struct tr_backplane *backplane);
uint64_t tr_backplane_memory(const struct tr_backplane *backplane);
/* With the card, no thread running. */
void tr_backplane_free(struct tr_backplane *backplane);

#endif
