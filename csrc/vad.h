/* Voice activity: is somebody speaking on this line? Serves recording (end at silence) and the state of a talk.
 *
 * Power of 10 ms blocks against a floor which falls at once and rises by 3 dB/s. Voice begins when 4 of 6 blocks
 * are 9 dB above the floor and above `level`; it ends after 400 ms without. TR_EV_VOICE_BEGIN `at` = first block above,
 * TR_EV_VOICE_END `at` = end of the last. */
#ifndef TIPRING_VAD_H
#define TIPRING_VAD_H

#include "found.h"

#define TR_VAD_HOP 80

struct tr_vad {
    struct tr_found found;
    float least, floor; /* mean squares */
    uint64_t blocks, last;
    int16_t pending[TR_VAD_HOP];
    uint32_t pending_count;
    uint8_t recent; /* of the last six blocks, a bit each: above */
    uint8_t voice;
    uint16_t away; /* blocks */
};

/* level: least level of voice, 1/100 dBm0 (TR_SET_VOICE_LEVEL); 0 = -4000. */
void tr_vad_init(struct tr_vad *v, int level);
void tr_vad_feed(struct tr_vad *v, const int16_t *samples, int count);
int tr_vad_get(struct tr_vad *v, struct tr_detection *out);
void tr_vad_release(struct tr_vad *v);
bool tr_vad_voice(const struct tr_vad *v);

#endif
