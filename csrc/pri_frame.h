/* The frames of a D channel as far as they are read before libpri does (ITU-T Q.921, Q.931). Serves step 1 where the
 * trunk is ISDN. */
#ifndef TIPRING_PRI_FRAME_H
#define TIPRING_PRI_FRAME_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TR_PRI_N201 = 260,                 /* octets of a message at most (Q.921 5.9.3) */
    TR_PRI_FRAME_MAX = 4 + TR_PRI_N201 /* with its addresses and numbers */
};

/* Is it for this data link (SAPI 0, TEI 0: a primary rate has no other), of a kind that point-to-point links have, and
 * no longer than N201 allows? */
bool tr_pri_is_ours(const uint8_t *frame, uint32_t length);
/* Does the frame carry a numbered message, the only ones calls are made of? */
bool tr_pri_is_message(const uint8_t *frame, uint32_t length);
/* Copies the frame to `out`, of as much room; returns its length there. Of a message, it is cut at the first element
 * that does not fit, so that layer 2 acknowledges it all the same and layer 3 sees what was sound (Q.931 5.8), and
 * elements without contents are left out: they are as good as absent (4.5.1), and libpri would read on behind them. */
uint32_t tr_pri_copy_sound(const uint8_t *frame, uint32_t length, uint8_t *out);
/* Is it layer 2's UA: one end's word that layer 2 was begun anew, as the other asked for? */
bool tr_pri_is_ua(const uint8_t *frame, uint32_t length);
/* The call reference of a message, without its flag; 0: of none, or of the interface itself. */
uint32_t tr_pri_reference(const uint8_t *frame, uint32_t length);
/* Does the message begin a call of its sender's? */
bool tr_pri_is_setup(const uint8_t *frame, uint32_t length);
/* Does the message refuse, or end, a call of its receiver's? */
bool tr_pri_is_release(const uint8_t *frame, uint32_t length);
/* The status that SERVICE or SERVICE ACKNOWLEDGE give to a channel, octet 3 of its element; NULL: no such message. */
const uint8_t *tr_pri_status(const uint8_t *frame, uint32_t length, bool acknowledge);
/* Is the message about a call that its receiver began? */
bool tr_pri_is_to_its_maker(const uint8_t *frame, uint32_t length);
/* The state in which its sender has the call (Q.931 4.5.7), of STATUS; -1: none is said. */
int32_t tr_pri_call_state(const uint8_t *frame, uint32_t length);
/* The cause that DISCONNECT, RELEASE, RELEASE COMPLETE or STATUS give, 1..127; 0: none. */
int32_t tr_pri_cause(const uint8_t *frame, uint32_t length);

#endif
