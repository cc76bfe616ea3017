/* Energy outside the plan that is neither a steady tone nor steady noise: somebody speaks. See tone.h. Serves step 7:
 * the agent answers. */
#include "tone_parts.h"
#include <string.h>

#define STEADY 0.15f /* variance of the blocks' energies over their mean squared: white noise 0.025, voice more */

void tr_tone_outside(struct tr_tones *t, int kind, float energy) {
    memmove(t->kinds, t->kinds + 1, 3);
    memmove(t->powers, t->powers + 1, 3 * sizeof *t->powers);
    t->kinds[3] = (int8_t)kind;
    t->powers[3] = energy;
    float *slot = &t->outside[t->blocks % TR_TONE_PAST];
    if (*slot != 0)
        t->outside_count--;
    *slot = 0;
    if (t->hold > 0) {
        t->hold--;
        return;
    }
    /* kinds: three back, two back, one back, now */
    bool outside = t->kinds[1] == 1 && t->kinds[0] != 2 && t->kinds[2] != 2 && t->kinds[3] != 2;
    if (!outside) {
        if (t->outside_quiet < TR_TONE_PAST && ++t->outside_quiet == TR_TONE_PAST)
            t->outside_raised = 0;
        return;
    }
    t->outside_quiet = 0;
    *slot = t->kinds[0] == 1 && t->kinds[2] == 1 ? t->powers[1] : -t->powers[1];
    t->outside_count++;
    if (t->outside_raised || t->outside_count < t->not_tone_blocks)
        return;
    float sum = 0, squares = 0, count = 0;
    int64_t first = t->blocks;
    for (int back = 0; back < TR_TONE_PAST && back <= t->blocks; back++) {
        float e = t->outside[(t->blocks - back) % TR_TONE_PAST];
        if (e == 0)
            continue;
        first = t->blocks - back;
        if (e > 0) {
            e = e / TR_TONE_HOP;
            sum += e;
            squares += e * e;
            count += 1;
        }
    }
    if (count < 4 || squares * count - sum * sum < STEADY * sum * sum)
        return;
    t->outside_raised = 1;
    int64_t at = (first - 2) * TR_TONE_HOP;
    tr_found_put(&t->found, TR_EV_NOT_TONE, (uint64_t)(at < 0 ? 0 : at), 0, 0);
}
