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
#define SILENT_PEAK 8      /* idle codes: silence, or the line is open */
#define QUIET_PEAK 300     /* sent: its echo may be nothing */
#define ANOTHER_PATH 0.1f  /* of the echo expected: A-law makes quiet echoes unlike themselves, but not so much */
#define STUDY_SPENT 200    /* blocks with all that began anew: 4 s a call */
#define STUDY_BLOCKS 100   /* of sound: 2 s */
#define STUDY_TWICE 50     /* in these two steps a block */
#define STUDY_SOON 8       /* after these its path may be taken over */
#define STUDY_RATE 0.8f    /* of what was left of late counts after a block */
#define STUDY_CLEAR 0.7f   /* its path leaves so much of what the other one leaves: it is better */
#define STUDY_MARGIN 0.99f /* or so much, and that in nearly every block: */
#define STUDY_SURE 2.0f    /* square of the sum of the differences over the sum of their squares */
#define STUDY_RIDGE 1e-6f  /* of the power sent: a direction with less teaches nothing */
#define STUDY_PRICE 250.0f /* times the power left of a sample; 2560: a path of 10 dB is expected, over all taps */
#define STUDY_GAIN 1.0f    /* power gain of a path at any frequency: a line is passive */
#define STUDY_FLOOR 0.001f /* of the power sent: with less a frequency is as much in doubt as before */
#define STUDY_DOUBT 10.0f  /* times what a near end that is always as loud would leave in doubt */
#define STUDY_LOUDER 4.0f  /* times the near end so far, and the study is better off without it */
#define STUDY_NEAR 1000.0f /* mean square, -54 dBm0: so loud nobody talks */
#define STUDY_AGAIN 5      /* blocks after those in which somebody talked */
#define STUDY_UNSURE 4.0f  /* times the echo in doubt may be left and nobody has talked */
#define STUDY_ALIKE 1.5f   /* times as much at the most, and the near end is as loud as before */
#define STUDY_USUAL 25     /* blocks as loud as each other, which no talker is: a tone, noise */
#define STUDY_LAW 0.01f    /* and so much of the echo that is expected: what A-law makes of it */

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

static void study_again(struct tr_echo *echo) {
    echo->study.begun = false;
    echo->study.sounding = 0;
}

void tr_echo_doubt(struct tr_echo *echo) {
    doubt_all(echo, first_doubt);
    study_again(echo);
    echo->study.spent = 0;
    echo->study.talked = echo->study.weight = echo->study.loud = 0;
    echo->study.alike = 0;
}

static void forget(struct tr_echo *echo) {
    memset(echo->path, 0, sizeof echo->path);
    doubt_all(echo, first_doubt);
    study_again(echo);
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
    echo->heard = TR_ECHO_HEARD;
}

static float power(const float *x, int count) {
    float sum[8] = {0};
    for (int n = 0; n < count; n += 8) {
        for (int i = 0; i < 8; i++) {
            sum[i] += x[n + i] * x[n + i];
        }
    }
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

static bool silent(const int16_t *block, int peak) {
    for (int i = 0; i < TR_BLOCK; i++) {
        if (block[i] > peak || block[i] < -peak) {
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
    step->worth = step->heard = false;
    bool nothing = silent(rx, SILENT_PEAK);
    if (nothing && sent && !silent(sent, QUIET_PEAK)) {
        tr_echo_miss(echo);
        return false; /* the line is open, and so there is a gap in the history */
    }
    if (echo->next != tick) {
        begin_anew(echo);
    }
    echo->next = tick + 1;
    echo->heard = (uint8_t)(echo->heard + (echo->heard < TR_ECHO_HEARD));
    remember(echo, sent, rx);
    expect(echo, step);
    step->heard = true;
    if (nothing) {
        return false; /* nobody says anything */
    }
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

void tr_echo_miss(struct tr_echo *echo) { echo->heard = 0; }

/* The 256 samples sent before this block. */
static const float *earlier(const struct tr_echo *echo) {
    return sent_before(echo, 0) + TR_ECHO_POINTS - TR_BLOCK - TR_ECHO_TAPS;
}

/* With the sums at 0, from the path in use on. */
static void study_anew(struct tr_echo *echo) {
    struct tr_echo_study *study = &echo->study;
    struct tr_echo_study was = *study;
    memset(study, 0, sizeof *study);
    study->spent = was.spent;
    study->talked = was.talked;
    study->weight = was.weight;
    study->loud = was.loud;
    study->alike = was.alike;
    memcpy(study->taps, echo->path[0].taps, sizeof study->taps);
    memcpy(study->head, earlier(echo), sizeof study->head);
    study->headed = power(study->head, TR_ECHO_TAPS) > 0;
    study->begun = true;
}

/* What was found is the path now, and as much in doubt as least squares leave it. */
static void take_over(struct tr_echo *echo) {
    struct tr_echo_study *study = &echo->study;
    struct tr_echo_path *path = &echo->path[0];
    memcpy(path->taps, study->taps, sizeof path->taps);
    for (int k = 0; k < TR_ECHO_TAPS; k++) {
        float doubt = STUDY_DOUBT * path->noise[k] / (study->power[k] + study->products[0] * STUDY_FLOOR);
        path->doubt[k] = doubt < path->doubt[k] ? doubt : path->doubt[k];
    }
    study->others = study->left;
    study->better = study->varies = 0;
}

/* The path has changed, and not only the one in use is another: what was studied is of the old one. */
static bool study_is_old(const struct tr_echo_study *study) {
    return study->sounding >= STUDY_BLOCKS || (study->sounding > STUDY_SOON && study->better <= 0);
}

/* A loud near end makes little of every difference, and chance decides between the paths: it must be the same again and
 * again, or large. */
static bool is_better(const struct tr_echo_study *study) {
    bool surely = study->better > 0 && study->better * study->better > study->varies * STUDY_SURE;
    return study->left < study->others * (surely ? STUDY_MARGIN : STUDY_CLEAR);
}

/* No line gives back more than was sent, at any frequency. A path that does explains the near end: by the little of it
 * that leaks into what is sent, from the line behind or at the ends of a talker's sounds. */
static bool is_a_line(const struct tr_echo_study *study) {
    for (int k = 0; k < TR_ECHO_TAPS; k++) {
        float re = study->taps[k], im = study->taps[TR_ECHO_TAPS + k];
        if (re * re + im * im > STUDY_GAIN) {
            return false;
        }
    }
    return true;
}

/* What is left of late is noise and near end: what moves the taps for less than that would learn it. */
static float price(const struct tr_echo_study *study) {
    float least = study->left < study->others ? study->left : study->others;
    return study->products[0] * STUDY_RIDGE + least * (1.0f - STUDY_RATE) / TR_BLOCK * STUDY_PRICE;
}

/* Power of a block of which the path in use leaves `left`, without what may still be echo. */
static float near_end(const struct tr_echo *echo, const struct tr_echo_step *step, float left) {
    const struct tr_echo_path *path = &echo->path[0];
    const float *re = step->sent[0], *im = re + TR_ECHO_TAPS, *wr = path->taps, *wi = wr + TR_ECHO_TAPS;
    float sum[8] = {0};
    for (int k = 0; k < TR_ECHO_TAPS; k += 8) {
        for (int i = k; i < k + 8; i++) {
            float gain = STUDY_UNSURE * path->doubt[i] + STUDY_LAW * (wr[i] * wr[i] + wi[i] * wi[i]);
            sum[i - k] += gain * (re[i] * re[i] + im[i] * im[i]);
        }
    }
    float all = ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
    float near = left - all * ((float)TR_BLOCK / TR_ECHO_POINTS / TR_ECHO_TAPS);
    return near > 0 ? near : 0;
}

/* Least squares believe all blocks alike: one in which the near end is much louder than in the others, weighed by what
 * was sent, teaches less than it spoils. What the study found before is in use, and it begins anew afterwards. */
static bool somebody_talks(struct tr_echo *echo, const struct tr_echo_step *step, float left) {
    struct tr_echo_study *study = &echo->study;
    float near = near_end(echo, step, left) / TR_BLOCK;
    float sent = power(sent_before(echo, 0) + TR_ECHO_POINTS - TR_BLOCK, TR_BLOCK);
    bool alike = near < STUDY_ALIKE * study->loud && near * STUDY_ALIKE > study->loud;
    study->alike = alike ? (uint16_t)(study->alike + (study->alike < STUDY_USUAL)) : 0;
    study->loud = alike ? study->loud : near;
    if (study->alike == STUDY_USUAL && near > study->talked / (study->weight + 1.0f)) {
        study->talked = near * (study->weight + 1.0f); /* nobody talks: that is how loud it is here */
    }
    if (near > STUDY_LOUDER * (study->talked / (study->weight + 1.0f) + STUDY_NEAR)) {
        study->waits = STUDY_AGAIN;
    } else if (study->waits) {
        study->waits--;
        study->begun = false;
    } else {
        study->talked += left / TR_BLOCK * sent;
        study->weight += sent;
    }
    return study->waits > 0;
}

/* Every block counts, sound or not, so that nothing is missing at the end of another. A gap in which all was silent
 * does no harm. */
static void study(struct tr_echo *echo, const struct tr_echo_step *step, uint32_t *studies) {
    struct tr_echo_study *study = &echo->study;
    uint64_t tick = echo->next - 1;
    if (echo->parts > 1 || study->sounding >= STUDY_BLOCKS || study->spent >= STUDY_SPENT ||
        echo->heard < TR_ECHO_HEARD || *studies >= TR_ECHO_STUDIES) {
        return;
    }
    float others = power(step->left + TR_ECHO_TAPS - TR_BLOCK, TR_BLOCK);
    if (somebody_talks(echo, step, others)) {
        return;
    }
    ++*studies;
    if (!study->begun || (study->next != tick && !(study->rests && power(earlier(echo), TR_ECHO_TAPS) == 0))) {
        study_anew(echo);
    }
    study->next = tick + 1;
    study->rests = echo->quiet > 1;
    study->spent++;
    study->sounding = (uint16_t)(study->sounding + step->worth);
    int steps = study->sounding < STUDY_TWICE ? 2 : 1;
    float left = tr_kernels->echo_study(sent_before(echo, 0), step->sent[0], echo->came, steps, price(study), study);
    float better = (others - left) / (others + left + 1.0f);
    study->left = study->left * STUDY_RATE + left;
    study->others = study->others * STUDY_RATE + others;
    study->better = study->better * STUDY_RATE + better;
    study->varies = study->varies * STUDY_RATE + better * better;
    if (study->sounding >= STUDY_SOON && is_better(study) && is_a_line(study)) {
        take_over(echo);
    }
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

void tr_echo_learn(struct tr_echo *echo, struct tr_echo_step *step, uint32_t *studies) {
    if (!step->heard || echo->mode != TR_ECHO_ON) {
        return;
    }
    study(echo, step, studies);
    if (!step->worth) {
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
        if (study_is_old(&echo->study) && strange > expected * ANOTHER_PATH) {
            study_again(echo);
        }
    } else if (doubtful > expected * LOOKS_TWICE && doubtful > strange * OF_THE_NEAR_END) {
        expect(echo, step);
        learn(echo, step);
    }
}
