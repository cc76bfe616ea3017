/* What is heard in the moment in which somebody joins, leaves, is muted, whispers, or hangs up: every party sounds a
 * steady tone, in eight phases, and what each of the others is sent is measured against the calm before and after.
 *
 * Measured (tones of -15 dBm0, A-law): above 2.4 kHz, where the tones have nothing, the worst 5 ms of a joint have at
 * most 0.5 dB more than the worst 5 ms of the calm (the noise of the codec: -44 to -50 dBm0); a voice that is cut off
 * has 4 to 10 dB more. No step between samples is larger than the tones' own. Who is heard before and after comes
 * sample for sample, but for the codec's rounding, whichever way it takes meanwhile. */
#include "bridge.h"
#include "loop_card.h"
#include "signal.h"

#define PARTIES 4
#define BEFORE 50 /* ticks */
#define AFTER 25
#define N ((BEFORE + AFTER) * TR_BLOCK)
#define LEVEL -15.0

static int16_t voice[PARTIES][N];
static double hz[PARTIES] = {310, 430, 590, 730};
enum { A, B, C, D };
#define TALKS (TR_TALK | TR_LISTEN)

static struct loop_rig speaking(uint32_t who, double turns) {
    struct loop_rig rig = loop_rig(PARTIES);
    for (int p = 0; p < PARTIES; p++) {
        static double x[N];
        memset(x, 0, sizeof x);
        if (who & 1u << p) {
            add_sine(x, N, 0, N, hz[p], LEVEL, turns);
        }
        to_line(x, voice[p], N);
        rig.card->ports[p].inject = voice[p];
        rig.card->ports[p].inject_count = N;
    }
    return rig;
}

static void hear(struct loop_rig *rig, uint32_t port, int other, int gain) {
    loop_say(rig, (struct tr_command){.op = TR_OP_HEAR, .port = port, .a = {other, gain, 1}}, NULL, 0);
}
static void join(struct loop_rig *rig, uint32_t port, int conference, int roles) {
    loop_say(rig, (struct tr_command){.op = TR_OP_JOIN, .port = port, .a = {conference, roles}}, NULL, 0);
}

static void pair(struct loop_rig *rig) {
    hear(rig, A, B, 0);
    hear(rig, B, A, 0);
}
static void three(struct loop_rig *rig) {
    for (uint32_t p = A; p <= C; p++) {
        join(rig, p, 1, TALKS);
    }
}
static void four(struct loop_rig *rig) {
    three(rig);
    join(rig, D, 1, TALKS);
}
static void listened(struct loop_rig *rig) {
    three(rig);
    join(rig, D, 1, TR_LISTEN);
}
static void pair_to_three(struct loop_rig *rig) {
    hear(rig, A, B, TR_HEAR_NOT);
    hear(rig, B, A, TR_HEAR_NOT);
    three(rig);
}
static void three_to_pair(struct loop_rig *rig) {
    join(rig, C, 0, 0);
    pair(rig);
    join(rig, A, 0, 0);
    join(rig, B, 0, 0);
}
static void c_hangs_up_leaving_a_pair(struct loop_rig *rig) {
    loop_say(rig, (struct tr_command){.op = TR_OP_EPOCH, .port = C, .a = {1}}, NULL, 0);
    pair(rig);
    join(rig, A, 0, 0);
    join(rig, B, 0, 0);
}
static void listener_to_two(struct loop_rig *rig) {
    pair_to_three(rig);
    join(rig, C, 1, TR_LISTEN);
}
static void d_hangs_up(struct loop_rig *rig) {
    loop_say(rig, (struct tr_command){.op = TR_OP_EPOCH, .port = D, .a = {1}}, NULL, 0);
}
static void d_joins(struct loop_rig *rig) { join(rig, D, 1, TALKS); }
static void d_leaves(struct loop_rig *rig) { join(rig, D, 0, 0); }
static void d_listens(struct loop_rig *rig) { join(rig, D, 1, TR_LISTEN); }
static void d_moves(struct loop_rig *rig) { join(rig, D, 2, TALKS); }
static void whisper(struct loop_rig *rig) { hear(rig, A, D, 0); }
static void whispered(struct loop_rig *rig) {
    listened(rig);
    whisper(rig);
}
static void whisper_over(struct loop_rig *rig) { hear(rig, A, D, TR_HEAR_NOT); }

/* `on`: pairs of a listener and one whom it hears before and after. `gone`: the party that was cut, as one wants. */
static const struct joint {
    const char *name;
    void (*before)(struct loop_rig *), (*event)(struct loop_rig *);
    int on, gone;
} joints[] = {
    {"two become three", pair, pair_to_three, 2, -1},
    {"of three one leaves", three, three_to_pair, 2, -1},
    {"of three one hangs up", three, c_hangs_up_leaving_a_pair, 2, C},
    {"a fourth joins", three, d_joins, 6, -1},
    {"a fourth leaves", four, d_leaves, 6, -1},
    {"a fourth hangs up", four, d_hangs_up, 6, D},
    {"a fourth moves away", four, d_moves, 6, -1},
    {"a talker is muted", four, d_listens, 9, -1},
    {"a listener talks", listened, d_joins, 9, -1},
    {"a listener comes", three, d_listens, 6, -1},
    {"a listener comes to two", pair, listener_to_two, 2, -1},
    {"a whisper begins", listened, whisper, 9, -1},
    {"a whisper ends", whispered, whisper_over, 9, -1},
};
#define JOINTS (sizeof joints / sizeof *joints)

/* Mean square above 2.4 kHz of the worst 5 ms from `from` on, dBm0: tones have none, a click has. */
static double rough(const int16_t *x, size_t from, size_t to) {
    enum { TAPS = 63 };
    double h[TAPS], worst = 0;
    for (int k = 0; k < TAPS; k++) {
        int m = k - TAPS / 2;
        double low = m ? sin(0.6 * M_PI * m) / (M_PI * m) : 0.6;
        h[k] = ((m == 0) - low) * (0.54 - 0.46 * cos(2 * M_PI * k / (TAPS - 1)));
    }
    for (size_t at = from; at + 40 + TAPS <= to; at += 20) {
        double sum = 0;
        for (size_t i = at; i < at + 40; i++) {
            double y = 0;
            for (int k = 0; k < TAPS; k++) {
                y += h[k] * x[i + (size_t)k];
            }
            sum += y * y / 40;
        }
        worst = sum > worst ? sum : worst;
    }
    return 10 * log10(worst / (PEAK_0DBM0 * PEAK_0DBM0 / 2) + 1e-12);
}

static int most_of(int a, int b) { return a > b ? a : b; }

static int steepest(const int16_t *x, size_t from, size_t to) {
    int most = 0;
    for (size_t i = from + 1; i < to; i++) {
        most = most_of(most, abs(x[i] - x[i - 1]));
    }
    return most;
}

#define AT (BEFORE * TR_BLOCK)

static struct loop_rig run(const struct joint *joint, uint32_t who, double turns) {
    struct loop_rig rig = speaking(who, turns);
    joint->before(&rig);
    loop_step(&rig, BEFORE);
    joint->event(&rig);
    loop_step(&rig, AFTER - 1);
    return rig;
}

static void no_joint_clicks(void) {
    for (const struct joint *joint = joints; joint < joints + JOINTS; joint++) {
        double most[PARTIES], calm[PARTIES];
        int step[PARTIES] = {0}, usual[PARTIES] = {0};
        for (int p = 0; p < PARTIES; p++) {
            most[p] = calm[p] = -120;
        }
        for (int phase = 0; phase < 8; phase++) {
            struct loop_rig rig = run(joint, 15, phase / 8.0);
            for (int p = 0; p < PARTIES; p++) {
                const int16_t *x = rig.card->ports[p].sent;
                most[p] = fmax(most[p], rough(x, AT - 3 * TR_BLOCK, AT + 5 * TR_BLOCK));
                calm[p] = fmax(calm[p], rough(x, AT - 12 * TR_BLOCK, AT - 4 * TR_BLOCK));
                calm[p] = fmax(calm[p], rough(x, AT + 6 * TR_BLOCK, AT + 14 * TR_BLOCK));
                step[p] = most_of(step[p], steepest(x, AT - 3 * TR_BLOCK, AT + 5 * TR_BLOCK));
                usual[p] = most_of(usual[p], steepest(x, AT - 12 * TR_BLOCK, AT - 4 * TR_BLOCK));
                usual[p] = most_of(usual[p], steepest(x, AT + 6 * TR_BLOCK, AT + 14 * TR_BLOCK));
            }
            loop_free(&rig);
        }
        for (int p = 0; p < PARTIES; p++) {
            if (p != joint->gone && !(CHECK_BETWEEN(most[p], -120, calm[p] + 1) && CHECK(step[p] <= usual[p]))) {
                fprintf(stderr, "%s, at %c\n", joint->name, "ABCD"[p]);
            }
        }
    }
}

/* How far what a party is sent is from what another one said a tick before, between two blocks from the event. */
static int off(const struct loop_rig *rig, int p, int q, int from, int to) {
    int most = 0;
    for (int i = AT + from * TR_BLOCK; i < AT + to * TR_BLOCK; i++) {
        most = most_of(most, abs(rig->card->ports[p].sent[i] - voice[q][i - TR_BLOCK]));
    }
    return most;
}

static void who_goes_on_is_heard_without_a_break(void) {
    for (const struct joint *joint = joints; joint < joints + JOINTS; joint++) {
        int on = 0;
        for (int q = 0; q < PARTIES; q++) {
            struct loop_rig rig = run(joint, 1u << q, 0);
            for (int p = 0; p < PARTIES; p++) {
                bool stays = p != q && off(&rig, p, q, -10, -3) < 64 && off(&rig, p, q, 6, 16) < 64;
                on += stays;
                if (stays && !CHECK_BETWEEN(off(&rig, p, q, -3, 6), 0, 64)) { /* half a step of A-law */
                    fprintf(stderr, "%s: %c at %c\n", joint->name, "ABCD"[q], "ABCD"[p]);
                }
            }
            loop_free(&rig);
        }
        CHECK_INT(on, joint->on);
    }
}

/* A conference's number may be given again at once: nothing of the one that ended is heard in the new one. */
static void a_number_that_is_given_again(void) {
    struct loop_rig rig = speaking(1 << A | 1 << B, 0);
    join(&rig, A, 1, TALKS);
    join(&rig, B, 1, TALKS);
    loop_step(&rig, BEFORE);
    pair(&rig);
    join(&rig, A, 0, 0);
    join(&rig, B, 0, 0);
    join(&rig, C, 1, TALKS);
    join(&rig, D, 1, TALKS);
    loop_step(&rig, AFTER - 1);
    CHECK_INT(steepest(rig.card->ports[C].sent, 0, rig.card->ports[C].sent_count), 0);
    CHECK_INT(steepest(rig.card->ports[D].sent, 0, rig.card->ports[D].sent_count), 0);
    loop_free(&rig);
}

int main(void) {
    RUN(no_joint_clicks);
    RUN(who_goes_on_is_heard_without_a_break);
    RUN(a_number_that_is_given_again);
    return check_end();
}
