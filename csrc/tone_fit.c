/* Is a block of sound one of the plan's signals? By the phase turn between two blocks, the level, and the share of the
 * energy that lies in it. See tone.h. Serves step 7. */
#include "numeric.h"
#include "tone_parts.h"

#define SHARE 0.75f   /* of a block's energy that lies in the signal */
#define BALANCE 10.0f /* power of one frequency of a pair over the other */

/* How far a lane has turned from its frequency between two blocks, in turns. */
static float turned(const struct tr_tones *t, int lane, const float *now, const float *then) {
    float re = now[lane] * then[lane] + now[8 + lane] * then[8 + lane];
    float im = now[8 + lane] * then[lane] - now[lane] * then[8 + lane];
    return tr_turns_of(re * t->turn_re[lane] + im * t->turn_im[lane], im * t->turn_re[lane] - re * t->turn_im[lane]);
}

/* Share of a tone's power that a block at another frequency keeps: sinc^2. */
static float kept(float turns) {
    float d2 = turns * turns, s = 1.0f + d2 * (-1.644934f + d2 * (0.811742f - 0.190751f * d2));
    return s * s;
}

struct tr_tone_match tr_tone_fit(const struct tr_tones *t, const struct tr_tone_signal *s, const float *now,
                                 const float *then, float energy) {
    struct tr_tone_match none = {0, 0};
    const float scale = 2.0f / TR_TONE_HOP;
    int a = s->lane1, b = s->lane2;
    float now2 = now[a] * now[a] + now[8 + a] * now[8 + a], then2 = then[a] * then[a] + then[8 + a] * then[8 + a];
    if (b < 0) {
        if (now2 * scale < 0.4f * SHARE * energy || then2 * 16 < now2)
            return none;
        float turn = turned(t, a, now, then);
        if (turn > s->tolerance || turn < -s->tolerance)
            return none;
        float whole = now2 / kept(turn);
        struct tr_tone_match m = {whole * scale / energy, whole * scale * scale};
        return m.share >= SHARE && m.power >= s->least ? m : none;
    }
    float gr = s->cross_re, gi = s->cross_im, solve = scale / (1.0f - gr * gr - gi * gi);
    float are = (now[a] - (gr * now[b] - gi * now[8 + b])) * solve,
          aim = (now[8 + a] - (gr * now[8 + b] + gi * now[b])) * solve;
    float bre = (now[b] - (gr * now[a] + gi * now[8 + a])) * solve,
          bim = (now[8 + b] - (gr * now[8 + a] - gi * now[a])) * solve;
    float a2 = are * are + aim * aim, b2 = bre * bre + bim * bim;
    float share = (are * now[a] + aim * now[8 + a] + bre * now[b] + bim * now[8 + b]) / energy;
    if (share < SHARE || a2 > b2 * BALANCE || b2 > a2 * BALANCE || a2 < s->least || b2 < s->least)
        return none;
    return (struct tr_tone_match){share, a2 < b2 ? a2 : b2};
}

float tr_tone_filled(const struct tr_tone_signal *s, const float *block, float power) {
    int a = s->lane1, b = s->lane2;
    float p = block[a] * block[a] + block[8 + a] * block[8 + a];
    if (b >= 0) {
        float q = block[b] * block[b] + block[8 + b] * block[8 + b];
        p = p < q ? p : q;
    }
    float part = __builtin_sqrtf(p * (4.0f / TR_TONE_HOP / TR_TONE_HOP) / power);
    return part > 1 ? 1 : part;
}
