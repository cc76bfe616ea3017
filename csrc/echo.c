/* The canceller's decisions, block by block; see echo.h. The arithmetic is in echo_kernels.h. */
#include "echo.h"
#include "simd.h"
#include <string.h>

_Static_assert(TR_ECHO_TAPS == 256 && TR_ECHO_POINTS == 512, "the kernels' transform");

#define LOOKS_TWICE 0.05f       /* of the echo expected: so much in doubt, a block teaches twice */
#define OF_THE_NEAR_END 0.3f    /* and so much of the near end's power: else there is nothing to see */
#define LIKENESS_RATE 0.3f      /* of a block */
#define LIKENESS_LIMIT 0.1f     /* passed: the path is another one */
#define WORTH_LEARNING 10000.0f /* mean square of a block sent, -44 dBm0 */
#define WORSE_MAX 5
#define STEADY_CHANGE 0.2f /* noise changes by 0.3 and more from block to block, speech by more still */
#define STEADY_BLOCKS 10
#define SILENT_PEAK 8 /* idle codes: the line is open */

/* Of each frequency, by part: return losses of 10 dB of the near hybrid, 20 dB of a far one. */
static const float first_doubt[TR_ECHO_PARTS] = {0.1f, 0.01f};

static void doubt_all(struct tr_echo *echo, const float power[TR_ECHO_PARTS]) {
    for (int p = 0; p < echo->parts; p++) {
        float *doubt = echo->path[p].doubt;
        for (int k = 0; k < TR_ECHO_TAPS; k++) {
            doubt[k] = doubt[k] > power[p] ? doubt[k] : power[p];
        }
    }
    echo->likeness = 0;
    echo->steady = 0;
}

static void forget(struct tr_echo *echo) {
    memset(echo->path, 0, sizeof echo->path);
    doubt_all(echo, first_doubt);
    echo->worse = 0;
}

/* What was sent and received is of another time, or was never looked at. */
static void begin_anew(struct tr_echo *echo) {
    memset(echo->sent, 0, sizeof echo->sent);
    memset(echo->came, 0, sizeof echo->came);
    echo->quiet = tr_echo_lasts(echo);
}

void tr_echo_init(struct tr_echo *echo) {
    uint8_t mode = echo->mode, parts = echo->parts;
    memset(echo, 0, sizeof *echo);
    echo->mode = mode;
    echo->parts = parts > 1 ? TR_ECHO_PARTS : 1;
    forget(echo);
    begin_anew(echo);
}

void tr_echo_doubt(struct tr_echo *echo) { doubt_all(echo, first_doubt); }

static float power(const float *x, int count) {
    float sum[8] = {0};
    for (int n = 0; n < count; n += 8) {
        for (int i = 0; i < 8; i++) {
            sum[i] += x[n + i] * x[n + i];
        }
    }
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

static bool silent(const int16_t *rx) {
    for (int i = 0; i < TR_BLOCK; i++) {
        if (rx[i] > SILENT_PEAK || rx[i] < -SILENT_PEAK) {
            return false;
        }
    }
    return true;
}

static void remember(struct tr_echo *echo, const int16_t *sent, const int16_t *rx) {
    enum { OLD = sizeof echo->sent / sizeof *echo->sent - TR_BLOCK, BEFORE = TR_ECHO_TAPS - TR_BLOCK };
    memmove(echo->sent, echo->sent + TR_BLOCK, OLD * sizeof *echo->sent);
    memmove(echo->came, echo->came + TR_BLOCK, BEFORE * sizeof *echo->came);
    for (int i = 0; i < TR_BLOCK; i++) {
        echo->sent[OLD + i] = sent ? sent[i] : 0;
        echo->came[BEFORE + i] = rx[i];
    }
    echo->quiet = sent ? 0 : echo->quiet + 1;
}

/* The last 512 samples sent of those that a part of the tail is about. */
static const float *sent_before(const struct tr_echo *echo, int part) {
    return echo->sent + (TR_ECHO_PARTS - 1 - part) * TR_ECHO_TAPS;
}

/* The echo of what was sent, by what is known of the line, and what is left without it. */
static void expect(const struct tr_echo *echo, struct tr_echo_step *step) {
    memcpy(step->left, echo->came, sizeof step->left);
    for (int p = 0; p < echo->parts; p++) {
        float expected[TR_ECHO_TAPS];
        tr_kernels->echo_of(sent_before(echo, p), echo->path[p].taps, step->sent[p], expected);
        for (int i = 0; i < TR_ECHO_TAPS; i++) {
            step->left[i] -= expected[i];
        }
    }
}

bool tr_echo_cancel(struct tr_echo *echo, uint64_t tick, const int16_t *sent, int16_t rx[TR_BLOCK],
                    struct tr_echo_step *step) {
    step->worth = false;
    if (silent(rx)) {
        return false; /* and so a gap in the history */
    }
    if (echo->next != tick) {
        begin_anew(echo);
    }
    echo->next = tick + 1;
    remember(echo, sent, rx);
    expect(echo, step);
    const float *left = step->left + TR_ECHO_TAPS - TR_BLOCK;
    step->worth = sent && power(sent_before(echo, 0) + TR_ECHO_POINTS - TR_BLOCK, TR_BLOCK) > WORTH_LEARNING * TR_BLOCK;
    if (power(left, TR_BLOCK) > 2.0f * power(echo->came + TR_ECHO_TAPS - TR_BLOCK, TR_BLOCK)) {
        echo->worse++;
        if (echo->worse >= WORSE_MAX) {
            forget(echo);
        }
        return false;
    }
    echo->worse = 0;
    for (int i = 0; i < TR_BLOCK; i++) {
        float v = left[i] < 0 ? left[i] - 0.5f : left[i] + 0.5f;
        rx[i] = (int16_t)(v > 32767.0f ? 32767.0f : v < -32768.0f ? -32768.0f : v);
    }
    return true;
}

/* By frequency: power of the echo of this part that is in doubt. */
static void in_doubt(const struct tr_echo *echo, const struct tr_echo_step *step, int part, float out[TR_ECHO_TAPS]) {
    const float *doubt = echo->path[part].doubt, *re = step->sent[part], *im = re + TR_ECHO_TAPS;
    for (int k = 0; k < TR_ECHO_TAPS; k++) {
        out[k] = doubt[k] * (re[k] * re[k] + im[k] * im[k]);
    }
}

/* Returns the likeness of the part from which most echo is expected. */
static float learn(struct tr_echo *echo, const struct tr_echo_step *step) {
    if (echo->parts == 1) {
        return tr_kernels->echo_learn(step->sent[0], step->left, NULL, &echo->path[0]);
    }
    float doubt[TR_ECHO_PARTS][TR_ECHO_TAPS], alike[TR_ECHO_PARTS];
    for (int p = 0; p < TR_ECHO_PARTS; p++) {
        in_doubt(echo, step, p, doubt[p]);
    }
    for (int p = 0; p < TR_ECHO_PARTS; p++) {
        alike[p] = tr_kernels->echo_learn(step->sent[p], step->left, doubt[TR_ECHO_PARTS - 1 - p], &echo->path[p]);
    }
    return alike[echo->path[1].expected > echo->path[0].expected];
}

void tr_echo_learn(struct tr_echo *echo, struct tr_echo_step *step) {
    if (!step->worth || echo->mode != TR_ECHO_ON) {
        return;
    }
    bool same = tr_kernels->echo_change(step->sent[0], echo->usual) < STEADY_CHANGE;
    echo->steady = same ? (uint8_t)(echo->steady + (echo->steady < STEADY_BLOCKS)) : 0;
    if (echo->steady == STEADY_BLOCKS) {
        return;
    }
    echo->likeness += (learn(echo, step) - echo->likeness) * LIKENESS_RATE;
    float expected = 0, doubtful = 0, strange = 0;
    for (int p = 0; p < echo->parts; p++) {
        expected += echo->path[p].expected;
        doubtful += echo->path[p].doubtful;
        strange += echo->path[p].strange;
    }
    if (echo->likeness > LIKENESS_LIMIT || echo->likeness < -LIKENESS_LIMIT) {
        float known[TR_ECHO_PARTS];
        for (int p = 0; p < echo->parts; p++) {
            known[p] = power(echo->path[p].taps, 2 * TR_ECHO_TAPS) / TR_ECHO_TAPS;
        }
        doubt_all(echo, known);
    } else if (doubtful > expected * LOOKS_TWICE && doubtful > strange * OF_THE_NEAR_END) {
        expect(echo, step);
        learn(echo, step);
    }
}
