/* Line echo canceller of an analog port (ITU-T G.165, G.168): what we send comes back from the hybrids of the line, and
 * is taken out of what is received, before anybody hears it. Serves steps 5 and 6 (digits and voice under our own
 * prompt), and every conversation on the card, whose parties would hear themselves.
 *
 *   tail        32 ms (256 samples), counted from the sample in which it is sent; 64 ms where that is asked for
 *   converges   to within 2 dB of what A-law leaves to one who knows the line exactly, within 0.5 s of noise; to 25 dB
 *               within 1 s of speech wherever that one reaches 26 (return losses of 6 to 20 dB; echo return loss
 *               enhancement, with no non-linear processor: what is left is heard as it is), on the mean 1 dB below
 *               him, at worst 5; see tests/csrc/test_echo.c
 *   both talk   goes on without diverging, see below; where 26 dB are possible, 25 in the second second after the near
 *               end has fallen silent, in 323 of 324 cases (docs/performance.md)
 *   rests       while the line is open, a digit is heard or sent, in fax mode, while we are silent (under -44 dBm0) or
 *               send a steady sound, see below
 *
 * How: a Kalman filter in the frequency domain, one step a block (Enzner and Vary, "Frequency-domain adaptive Kalman
 * filter for acoustic echo control in hands-free telephones", Signal Processing 86, 2006). It keeps for each frequency,
 * beside the echo path itself, how much of it is still in doubt, and how loud the near end is; what a block teaches is
 * weighed by both. A near end that talks is loud, so little is believed. The error of a step is taken over 32 ms, not
 * only over the block's 20, so that each sample teaches 1.6 times.
 *
 * A path that changes in the middle of a call looks like a near end that talks, but for one thing: what is left over is
 * then like the echo that was expected, frequency by frequency, and a talker never is. When that likeness passes a
 * limit, everything is in doubt again.
 *
 * A Kalman filter that believes each frequency for itself needs seconds of speech for the last decibels. So the first
 * two seconds of sound are studied by least squares beside it, see echo_study.h; it then keeps what they found.
 *
 * What stays the same for 200 ms (tones of machines, never speech) has taught what it can; from then on only what the
 * near end leaks into it would be learnt. So it teaches no more until it changes. Limit: of a steady tone that begins
 * while another is heard and nothing is known of the line, what is added lies 13 dB below the near end as a rule, and 4
 * dB at the worst that was seen, until something else is sent.
 *
 * Limit: a steady near end of which a hundredth of the power or more comes back to us, so that it is in what is sent,
 * is taken for an echo in part; at a sixteenth, what is heard beside it may lie only 8 dB below it.
 *
 * While much of a block's echo is in doubt, it teaches twice: what the first look leaves over is looked at again.
 *
 * A tail of 64 ms is two parts of 32, each with its path; what is in doubt of one part is a near end to the other. It
 * is not studied: speech is learnt more slowly, and a far echo to more than 20 dB within 1 s, 32 dB later.
 *
 * Where what is left would be 3 dB louder than what came, the block is passed as it came; after five in succession the
 * path is forgotten. */
#ifndef TIPRING_ECHO_H
#define TIPRING_ECHO_H

#include "echo_study.h"
#include "engine.h"
#include <stdbool.h>

#define TR_ECHO_TAPS 256   /* of a part of the tail, samples */
#define TR_ECHO_POINTS 512 /* of the transform */
#define TR_ECHO_PARTS 2
#define TR_ECHO_HEARD 4 /* this block and 352 samples before it */

/* What is known of a part of the line's echo. By frequency: 256 real and 256 imaginary parts, see echo_kernels.h. */
struct tr_echo_path {
    float taps[2 * TR_ECHO_TAPS];
    float doubt[TR_ECHO_TAPS];         /* mean square error of a tap */
    float noise[TR_ECHO_TAPS];         /* power of the near end in a step's error */
    float expected, doubtful, strange; /* power in the last step: echo as known, echo in doubt, near end */
};

struct tr_echo {
    uint8_t mode;              /* enum tr_echo_canceller */
    uint8_t parts;             /* of the tail, 1 or 2 */
    uint8_t worse;             /* blocks in succession that would have been made louder */
    uint8_t steady;            /* blocks in succession in which the same was sent */
    uint8_t heard;             /* blocks in succession of which all is known, up to TR_ECHO_HEARD */
    uint32_t quiet;            /* blocks without a sound sent, in succession */
    uint64_t next;             /* tick of the block that carries on this history */
    float likeness;            /* of what is left over with the echo expected, -1 .. 1, smoothed */
    float sent[768];           /* the last samples sent */
    float came[256];           /* the last samples received */
    float usual[TR_ECHO_TAPS]; /* power of what is sent, by frequency, of late */
    struct tr_echo_path path[TR_ECHO_PARTS];
    struct tr_echo_study study;
};

/* Between tr_echo_cancel and tr_echo_learn of the same block. */
struct tr_echo_step {
    bool heard; /* the block was listened to */
    bool worth; /* and there is something to learn */
    float sent[TR_ECHO_PARTS][2 * TR_ECHO_TAPS];
    float left[TR_ECHO_TAPS];
};

/* Nothing is known of the line; mode and parts are as they were. */
void tr_echo_init(struct tr_echo *echo);
/* Another call, another far end: what was learnt may no longer be so. */
void tr_echo_doubt(struct tr_echo *echo);
/* So many blocks after the last sound sent, nothing of it is left on the line. */
static inline uint32_t tr_echo_lasts(const struct tr_echo *echo) { return 2u + 2u * echo->parts; }
/* May this block hold an echo (NULL: no canceller)? Ask before it is decoded. `sounding`: we sent something that may
 * come back in it. */
static inline bool tr_echo_due(const struct tr_echo *echo, bool sounding) {
    return echo && echo->mode != TR_ECHO_OFF && (sounding || echo->quiet < tr_echo_lasts(echo));
}
/* Takes the echo of what was sent (NULL: silence) out of a block, in place; `tick` is the engine's. False: it is as
 * it came. */
bool tr_echo_cancel(struct tr_echo *echo, uint64_t tick, const int16_t *sent, int16_t rx[TR_BLOCK],
                    struct tr_echo_step *step);
/* A block that was due is not listened to: what was sent in it is not known to the next ones. */
void tr_echo_miss(struct tr_echo *echo);
/* Learns from it, unless it is better left alone: see above. `studies`: lines that have studied in this tick. */
void tr_echo_learn(struct tr_echo *echo, struct tr_echo_step *step, uint32_t *studies);

#endif
