/* ITU-T G.711 by tables: PCM16 to A-law or u-law codes and back. The tables are filled when the library is loaded.
 * A-law: 0 -> D5, -1 -> 55, 1000 -> FA, 32767 -> AA, -32768 -> 2A, D5 -> 8. u-law: 0 -> FF, -1 -> 7F, 1000 -> CE, 32767
 * -> 80. Nothing is idle but the far end's code: A-law idle is D5, u-law idle FF. */
#ifndef TIPRING_G711_H
#define TIPRING_G711_H

#include "engine.h"

extern uint8_t tr_alaw_of[4096];     /* index: (uint16_t)sample >> 4 */
extern uint8_t tr_ulaw_of[16384];    /* index: (uint16_t)sample >> 2 */
extern int16_t tr_linear_of[2][256]; /* [enum tr_law][code] */

static inline uint8_t tr_alaw(int16_t sample) { return tr_alaw_of[(uint16_t)sample >> 4]; }
static inline uint8_t tr_ulaw(int16_t sample) { return tr_ulaw_of[(uint16_t)sample >> 2]; }
static inline uint8_t tr_g711_idle(int law) { return law == TR_LAW_MU ? 0xFF : 0xD5; }
/* void tr_g711_encode(...), tr_g711_decode(...): engine.h */

#endif
