/* The echo canceller on lines of its own making: how soon and how far it takes the echo away, with noise, speech,
 * tones, both ends talking, a line that changes; and that it does no harm. Tests in the manner of ITU-T G.168 (2015)
 * clause 6, on hybrids of our own. */
#include "echo.h"
#include "hybrid.h"
#include "prompt_loop.h"
#include "simd.h"

#define SECONDS 8
#define N (SECONDS * TR_RATE)

/* A line: what of the sent comes back, what the near end says, and what is heard of both through A-law. */
#define LONGEST (TR_ECHO_PARTS * TR_ECHO_TAPS)
static double path[2][LONGEST]; /* before and after `changed` */
static int changed;
static int16_t sent[N], received[N], left_over[N];
static double echo[N], near[N];

/* Our wires' hybrid, `delay` samples later; `spread` adds a tail that rings for 20 ms. */
static void hybrid(int which, double return_loss_db, int delay, bool spread) {
    float impulse[TR_HYBRID_TAIL + TR_BLOCK] = {0}, out[TR_BLOCK] = {0};
    uint32_t seed = 7;
    double gain = pow(10, -return_loss_db / 20);
    impulse[TR_HYBRID_TAIL] = 1;
    tr_hybrid_add(out, impulse + TR_HYBRID_TAIL, 1);
    for (int i = 0; delay + i < LONGEST && i < 160; i++) {
        path[which][delay + i] += gain * ((double)out[i] + (spread ? 0.25 * exp(-i / 40.0) * gauss(&seed) : 0));
    }
}

static void line(double return_loss_db, int delay, bool spread) {
    changed = N;
    memset(near, 0, sizeof near);
    memset(path, 0, sizeof path);
    hybrid(0, return_loss_db, delay, spread);
}

static void send_noise(double dbm0) {
    uint32_t seed = 5;
    static double x[N];
    memset(x, 0, sizeof x);
    add_noise(x, N, dbm0, &seed);
    to_line(x, sent, N);
}

static void send_speech(const char *voice, double from) {
    int count;
    int16_t *x = any_prompt(voice, -16, &count);
    for (int i = 0; i < N; i++) {
        sent[i] = tr_linear_of[TR_LAW_A][tr_alaw(x[(i + (int)(from * TR_RATE)) % count])];
    }
    free(x);
}

static void speak_near(double from, double to, double dbm0) {
    int count;
    int16_t *x = any_prompt("zh", dbm0, &count);
    for (int i = (int)(from * TR_RATE); i < (int)(to * TR_RATE); i++) {
        near[i] += x[(i + 4000) % count];
    }
    free(x);
}

static void hear_line(void) {
    for (int i = 0; i < N; i++) {
        echo[i] = 0;
        for (int k = 0; k < LONGEST && k <= i; k++) {
            echo[i] += path[i >= changed][k] * sent[i - k];
        }
        received[i] = tr_linear_of[TR_LAW_A][tr_alaw(clip16(echo[i] + near[i]))];
    }
}

static struct tr_echo canceller;

static int parts = 1;

static void begin(void) {
    canceller.mode = TR_ECHO_ON;
    canceller.parts = (uint8_t)parts;
    tr_echo_init(&canceller);
}

/* `learns` NULL: always. */
static void run_blocks(int from, int to, bool learns) {
    for (int b = from; b < to; b++) {
        struct tr_echo_step step;
        uint32_t studies = 0;
        memcpy(left_over + b * TR_BLOCK, received + b * TR_BLOCK, TR_BLOCK * sizeof *left_over);
        if (!tr_echo_due(&canceller, true)) {
            continue;
        }
        tr_echo_cancel(&canceller, (uint64_t)b, sent + b * TR_BLOCK, left_over + b * TR_BLOCK, &step);
        if (learns) {
            tr_echo_learn(&canceller, &step, &studies);
        }
    }
}

static void cancel_all(void) {
    begin();
    run_blocks(0, N / TR_BLOCK, true);
}

/* Echo return loss enhancement from .. to seconds, dB: the echo over what is left beside the near end. */
static double enhancement(double from, double to) {
    double before = 0, after = 1;
    for (int i = (int)(from * TR_RATE); i < (int)(to * TR_RATE); i++) {
        double rest = left_over[i] - near[i];
        before += echo[i] * echo[i];
        after += rest * rest;
    }
    return 10 * log10(before / after);
}

/* What is heard beside the near end, dBm0. */
static double beside(double from, double to) {
    double rest = 0;
    for (int i = (int)(from * TR_RATE); i < (int)(to * TR_RATE); i++) {
        rest += (left_over[i] - near[i]) * (left_over[i] - near[i]);
    }
    return 20 * log10(sqrt(2 * rest / ((to - from) * TR_RATE)) / PEAK_0DBM0);
}

/* The enhancement by somebody who knows the line exactly: what A-law made of the echo stays. */
static double at_best(double from, double to) {
    double before = 0, after = 1;
    for (int i = (int)(from * TR_RATE); i < (int)(to * TR_RATE); i++) {
        double rest = received[i] - near[i] - echo[i];
        before += echo[i] * echo[i];
        after += rest * rest;
    }
    return 10 * log10(before / after);
}

/* By so many dB, or down to -60 dBm0: A-law takes a weak echo away no finer. */
static bool cancelled(double from, double to, double db) {
    return enhancement(from, to) > db || beside(from, to) < -60;
}

static void converges_on_noise_within_half_a_second(void) {
    const struct {
        double return_loss, late; /* dB; s by which a late, spread echo is learnt later */
        int delay;
        bool spread;
    } lines[] = {{6, 0, 0, false},  {10, 0, 0, false},   {14, 0, 0, false},   {20, 0, 0, false},
                 {6, 0, 60, false}, {6, 0.2, 100, true}, {12, 0.2, 80, true}, {6, 0, 200, false}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        for (int level = -26; level <= -6; level += 10) {
            line(lines[i].return_loss, lines[i].delay, lines[i].spread);
            send_noise(level);
            hear_line();
            cancel_all();
            double soon = 0.5 + lines[i].late;
            fprintf(stderr, "  return loss %2.0f dB, after %4.1f ms%s, %d dBm0: %.1f dB at %.1f s, then %.1f dB\n",
                    lines[i].return_loss, lines[i].delay / 8.0, lines[i].spread ? ", spread" : "", level,
                    enhancement(soon, soon + 0.2), soon, enhancement(2, SECONDS));
            CHECK(cancelled(soon, soon + 0.2, 25));
            CHECK(cancelled(2, SECONDS, 28));
        }
    }
}

/* Wherever 26 dB are left to one who knows the line, 25 are reached within a second; elsewhere all but 1.5 dB. */
static void converges_on_speech_within_a_second(void) {
    const char *voices[] = {"en", "zh", "en+f3"};
    const int losses[] = {6, 10, 13, 16, 20};
    double lost = 0;
    for (int v = 0; v < 3; v++) {
        for (int i = 0; i < 5; i++) {
            line(losses[i], 0, false);
            add_noise(near, N, -65, &(uint32_t){3});
            send_speech(voices[v], 2.3 * (i % 3));
            hear_line();
            cancel_all();
            double soon = enhancement(1, 2), best = at_best(1, 2);
            fprintf(stderr,
                    "  %-5s return loss %2d dB: %.1f dB of at best %.1f in the second second, %.1f of %.1f later\n",
                    voices[v], losses[i], soon, best, enhancement(2, SECONDS), at_best(2, SECONDS));
            CHECK(best < 26 ? soon > best - 1.5 : soon > 25);
            CHECK(soon > best - 5);
            CHECK(enhancement(2, SECONDS) > at_best(2, SECONDS) - 2.5);
            lost += (best - soon) / 15;
        }
    }
    CHECK_BETWEEN(lost, 0, 1.8);
}

/* A second reflection comes from the far end's hybrid: beyond 32 ms only the tail of 64 ms knows it. */
static void hears_a_far_echo_with_the_longer_tail(void) {
    for (int ms = 20; ms <= 60; ms += 20) {
        for (int sound = 0; sound < 3; sound++) {
            double found[3];
            for (parts = 1; parts <= 2; parts++) {
                line(14, 0, false);
                hybrid(0, 20, 8 * ms, false);
                if (sound) {
                    send_speech(sound == 1 ? "en" : "zh", 0);
                } else {
                    send_noise(-16);
                }
                hear_line();
                cancel_all();
                found[parts] = enhancement(sound ? 1 : 0.5, sound ? 2 : 0.7);
                fprintf(stderr,
                        "  %s, far echo after %d ms, tail of %d ms: %.1f dB of at best %.1f soon, %.1f of %.1f later\n",
                        sound ? "speech" : "noise", ms, 32 * parts, found[parts],
                        at_best(sound ? 1 : 0.5, sound ? 2 : 0.7), enhancement(2, SECONDS), at_best(2, SECONDS));
            }
            CHECK(found[2] > (sound ? 19 : 30));
            CHECK(ms < 32 || found[1] < 12);
            CHECK(enhancement(2, SECONDS) > 30);
        }
    }
    parts = 1;
}

static void does_not_diverge_when_both_talk(void) {
    for (int level = -26; level <= -6; level += 10) {
        line(8, 0, false);
        send_speech("en", 0);
        speak_near(2, 5, level);
        hear_line();
        cancel_all();
        double heard = 0, said = 0;
        for (int i = 2 * TR_RATE; i < 5 * TR_RATE; i++) {
            heard += (double)left_over[i] * left_over[i];
            said += near[i] * near[i];
        }
        fprintf(stderr, "  near end %3d dBm0: before %.1f dB, after %.1f dB; near end's level %+.2f dB\n", level,
                enhancement(1, 2), enhancement(5, 5.5), 10 * log10(heard / said));
        CHECK(enhancement(5, 5.5) > 28);
        CHECK(enhancement(5.5, SECONDS) > 32);
        CHECK_BETWEEN(10 * log10(heard / said), -0.3, 0.3);
    }
    /* from the first word on */
    line(8, 0, false);
    send_speech("en", 0);
    speak_near(0, 4, -20);
    hear_line();
    cancel_all();
    CHECK(enhancement(2, 4) > 3);
    CHECK(enhancement(4.5, 5.5) > 28);
    CHECK(enhancement(6, SECONDS) > 32);
}

/* The hardest near end: it speaks with the voice that we send, while the line is still studied. One second after it
 * falls silent the line is known as if it had not spoken. */
static void is_not_misled_by_a_voice_like_ours(void) {
    const char *voices[] = {"en", "zh", "en+f3"};
    for (int v = 0; v < 3; v++) {
        for (int i = 0; i < 6; i++) {
            bool early = i < 3; /* while it is studied; or towards the end of it */
            int level = i % 3 * 10 - 26, count, from = (early ? 28 : 140) * TR_RATE / 80, to = from + 3 * TR_RATE;
            int16_t *ours = any_prompt(voices[v], -16, &count), *theirs = any_prompt(voices[v], level, &count);
            line(early ? 20 : 14, early ? 24 : 0, false);
            for (int n = 0; n < N; n++) {
                sent[n] = tr_linear_of[TR_LAW_A][tr_alaw(ours[(n + (early ? 16800 : 21000)) % count])];
                near[n] = n >= from && n < to ? theirs[(n + (early ? 10216 : 11770)) % count] : 0;
            }
            free(ours);
            free(theirs);
            hear_line();
            cancel_all();
            double at = (double)to / TR_RATE + 1, after = enhancement(at, at + 1), best = at_best(at, at + 1);
            fprintf(stderr, "  %-5s near end %3d dBm0 for 3 s, return loss %d dB: then %.1f dB of at best %.1f\n",
                    voices[v], level, early ? 20 : 14, after, best);
            CHECK(best < 26 ? after > best - 1.5 : after > 25);
        }
    }
}

/* A tone at the near end from the first moment on is no talker: the line is studied beside it all the same. */
static void studies_beside_a_tone_that_was_there_before(void) {
    line(14, 0, false);
    add_sine(near, N, 0, N, 1725, -15, 0.3);
    send_speech("en", 0);
    memset(sent, 0, TR_RATE * sizeof *sent);
    hear_line();
    cancel_all();
    fprintf(stderr, "  speech beside 1725 Hz: %d blocks studied, then %.1f dB\n", canceller.study.sounding,
            enhancement(SECONDS - 3, SECONDS));
    CHECK(canceller.study.sounding >= 50);
    CHECK(enhancement(SECONDS - 3, SECONDS) > 12);
}

static void follows_a_line_that_changes(void) {
    const int delays[] = {60, 0};
    for (int i = 0; i < 2; i++) {
        for (int noise = 0; noise < 2; noise++) {
            line(8, 0, false);
            changed = 3 * TR_RATE;
            hybrid(1, i ? 12 : 7, delays[i], i == 0);
            if (noise) {
                send_noise(-16);
            } else {
                send_speech("en", 0);
            }
            hear_line();
            cancel_all();
            fprintf(stderr, "  %s: before %.1f dB, 1.5 to 2.5 s after %.1f dB, then %.1f dB\n",
                    noise ? "noise" : "speech", enhancement(2, 3), enhancement(4.5, 5.5), enhancement(6, SECONDS));
            CHECK(enhancement(4.5, 5.5) > (noise ? 35 : 25));
            CHECK(enhancement(6, SECONDS) > 31);
        }
    }
}

/* A tone teaches two frequencies; what was known of the others stays good. */
static void keeps_the_line_through_tones(void) {
    line(8, 0, false);
    send_noise(-16);
    static double tone[N];
    memset(tone, 0, sizeof tone);
    add_sine(tone, N, 0, N, 450, -10, 0);
    to_line(tone + 2 * TR_RATE, sent + 2 * TR_RATE, 4 * TR_RATE);
    hear_line();
    cancel_all();
    fprintf(stderr, "  tone %.1f, noise again %.1f\n", enhancement(2.5, 6), enhancement(6, 6.5));
    CHECK(enhancement(2.5, 6) > 25);
    CHECK(enhancement(6, 6.5) > 33);
}

/* Two steady tones at once, a multiple of 25 Hz apart or not, from the first moment on or not: what is added lies below
 * the near end, and grows no more. */
static void bears_two_steady_tones(void) {
    const double hz[][2] = {{600, 1125},  {975, 1375}, {1725, 1875}, {2475, 2375}, {1000, 1007}, {1000, 1050},
                            {1000, 1100}, {450, 475},  {1000, 1014}, {440, 461},   {600, 650},   {1200, 1235}};
    for (size_t i = 0; i < sizeof hz / sizeof *hz; i++) {
        static double tone[N];
        line(14, 0, false);
        memset(tone, 0, sizeof tone);
        add_sine(tone, N, 0, N, hz[i][0], -15, 0.1);
        to_line(tone, sent, N);
        add_sine(near, N, i % 2 ? TR_RATE : 0, N, hz[i][1], -15, 0.3);
        hear_line();
        cancel_all();
        double early = beside(2, 3), late = beside(SECONDS - 1, SECONDS);
        fprintf(stderr, "  %g Hz sent, %g Hz at the near end: beside it %.1f dBm0, %.1f later\n", hz[i][0], hz[i][1],
                early, late);
        CHECK(late < (i % 2 ? -50 : -28)); /* learnt before, learnt beside it */
        CHECK_BETWEEN(late, early - 0.5, early + 0.5);
    }
}

/* The near end sounds from the first moment on, while nothing is known of the line. A bit of it may come back to us:
 * what is sent is what another line leaves of it. What is heard beside it is never more than the echo alone. */
static void leaves_a_near_end_that_begins_with_us(void) {
    const double hz[] = {450, 1000, 2150, 3000, 0, 0, 0}; /* 0: speech */
    for (size_t i = 0; i < 2 * sizeof hz / sizeof *hz; i++) {
        static double tone[N];
        double near_hz = hz[i / 2], back_db = i % 2 ? -25 : -200;
        line(14, 0, false);
        if (near_hz > 0) {
            add_sine(near, N, 0, N, near_hz, -15, 0.3);
        } else {
            speak_near(0.1 * (double)(i % 3), SECONDS, -15);
        }
        send_speech(i / 2 % 2 ? "en" : "en+f3", 0.7 * (double)i);
        memset(tone, 0, sizeof tone);
        add_sine(tone, N, 0, N, 600, -15, 0.1);
        for (int n = 0; n < N; n++) {
            double back = n < 250 ? 0 : pow(10, back_db / 20) * near[n - 250];
            double ours = n < 4 * TR_RATE ? (double)sent[n] : tone[n];
            sent[n] = tr_linear_of[TR_LAW_A][tr_alaw(clip16(ours + back))];
        }
        hear_line();
        cancel_all();
        double worst = 100;
        for (int at = 1; at < 2 * SECONDS; at++) {
            double more = enhancement(0.5 * at, 0.5 * at + 0.5), best = at_best(0.5 * at, 0.5 * at + 0.5);
            worst = more - (best < 0 ? best : 0) < worst ? more - (best < 0 ? best : 0) : worst;
        }
        fprintf(stderr,
                "  near end %4g Hz, %s: echo lowered by %.1f, %.1f, %.1f dB in seconds 2 to 4, later %.1f, worst half "
                "second %.1f; beside it %.1f dBm0, later %.1f\n",
                near_hz, i % 2 ? "comes back" : "alone", enhancement(1, 2), enhancement(2, 3), enhancement(3, 4),
                enhancement(5, SECONDS), worst, beside(2, 4), beside(5, SECONDS));
        CHECK(worst > -1);
        CHECK(beside(5, SECONDS) < -37);
    }
}

static void adds_nothing_where_there_is_no_echo(void) {
    line(100, 0, false);
    send_speech("en", 0);
    speak_near(0, SECONDS, -16);
    hear_line();
    cancel_all();
    double heard = 0, said = 0;
    for (int i = 0; i < N; i++) {
        heard += (left_over[i] - near[i]) * (left_over[i] - near[i]);
        said += near[i] * near[i];
    }
    fprintf(stderr, "  no echo: what is added lies %.1f dB below the near end\n", 10 * log10(said / heard));
    CHECK(10 * log10(said / heard) > 20);
    /* we are silent: not a bit is changed */
    static const int16_t zeros[TR_BLOCK];
    for (int b = 0; b < 100; b++) {
        struct tr_echo_step step;
        if (b < 10) {
            CHECK(tr_echo_due(&canceller, false) == (b < 4));
        }
        if (tr_echo_due(&canceller, false)) {
            int16_t block[TR_BLOCK];
            memcpy(block, received + b * TR_BLOCK, sizeof block);
            tr_echo_cancel(&canceller, (uint64_t)(N / TR_BLOCK + b), NULL, block, &step);
            CHECK(!step.worth);
        }
    }
    /* nor where a sound begins after a pause and nothing has been learnt */
    begin();
    struct tr_echo_step step;
    int16_t block[TR_BLOCK];
    memcpy(block, received, sizeof block);
    tr_echo_cancel(&canceller, 7, sent, block, &step);
    CHECK_MEM(block, received, sizeof block);
    memcpy(block, zeros, sizeof block); /* an open line */
    tr_echo_cancel(&canceller, 8, sent, block, &step);
    CHECK_MEM(block, zeros, sizeof block);
    CHECK(!step.worth);
}

static void rests_when_told(void) {
    line(8, 0, false);
    send_noise(-16);
    hear_line();
    begin();
    run_blocks(0, 100, true);
    struct tr_echo_path known = canceller.path[0];
    run_blocks(100, 120, false); /* a digit */
    CHECK_MEM(&canceller.path[0], &known, sizeof known);
    CHECK(enhancement(2, 2.4) > 25); /* and goes on cancelling */
    canceller.mode = TR_ECHO_FAX;
    run_blocks(120, 150, true);
    CHECK_MEM(&canceller.path[0], &known, sizeof known);
    CHECK(enhancement(2.4, 3) > 25);
    canceller.mode = TR_ECHO_ON;
    tr_echo_doubt(&canceller); /* a new call begins with what the last one knew */
    CHECK_MEM(canceller.path[0].taps, known.taps, sizeof known.taps);
    run_blocks(150, 160, true);
    CHECK(memcmp(canceller.path[0].taps, known.taps, sizeof known.taps) != 0);
    CHECK(enhancement(3, 3.2) > 25);
    canceller.mode = TR_ECHO_OFF;
    CHECK(!tr_echo_due(&canceller, true));
}

/* A path that is quite wrong makes nothing louder, and is forgotten. */
static void passes_what_it_would_make_worse(void) {
    line(20, 0, false);
    send_noise(-16);
    hear_line();
    begin();
    hybrid(1, 6, 30, false);
    for (int k = 0; k < TR_ECHO_TAPS; k++) {
        double re = 0, im = 0;
        for (int n = 0; n < TR_ECHO_TAPS; n++) {
            double turn = 2 * M_PI * (2 * k + 0.5) * n / TR_ECHO_POINTS;
            re += path[1][n] * cos(turn);
            im -= path[1][n] * sin(turn);
        }
        canceller.path[0].taps[k] = (float)re;
        canceller.path[0].taps[TR_ECHO_TAPS + k] = (float)im;
        canceller.path[0].doubt[k] = 0;
    }
    run_blocks(0, 3, false);
    CHECK_MEM(left_over, received, 3 * TR_BLOCK * sizeof *received);
    run_blocks(3, 50, true);
    CHECK(enhancement(0.7, 1) > 25);
}

static void learn_blocks(int from, int to, uint32_t already) {
    for (int b = from; b < to; b++) {
        struct tr_echo_step step;
        uint32_t studies = already;
        memcpy(left_over + b * TR_BLOCK, received + b * TR_BLOCK, TR_BLOCK * sizeof *left_over);
        tr_echo_cancel(&canceller, (uint64_t)b, sent + b * TR_BLOCK, left_over + b * TR_BLOCK, &step);
        tr_echo_learn(&canceller, &step, &studies);
    }
}

/* The slope that is carried on from block to block, with the ends of the time put right, is the sum over all of it. */
static void studies_exactly(void) {
    for (int from = 0; from <= 20; from += 20) { /* from silence, and in the midst of sound */
        line(10, 0, false);
        if (from) {
            send_noise(-16);
        } else {
            send_speech("en", 0);
        }
        hear_line();
        begin();
        canceller.mode = TR_ECHO_FAX;
        learn_blocks(0, from, 0);
        canceller.mode = TR_ECHO_ON;
        learn_blocks(from, from + 60, 0);
        const struct tr_echo_study *study = &canceller.study;
        CHECK(study->headed == (from > 0));
        double wrong = 0, all = 0;
        for (int k = 0; k < TR_ECHO_TAPS; k++) {
            double slope = -(double)study->ridge * (double)study->moved[k], first = 0;
            for (int n = from * TR_BLOCK; n < (from + 60) * TR_BLOCK; n++) {
                double left = received[n];
                for (int d = 0; d < TR_ECHO_TAPS && d <= n; d++) {
                    left -= (double)study->moved[d] * sent[n - d];
                }
                slope += n < k ? 0 : left * sent[n - k];
                first += n < k ? 0 : (double)received[n] * sent[n - k];
            }
            wrong += (slope - (double)study->slope[k]) * (slope - (double)study->slope[k]);
            all += first * first;
        }
        fprintf(stderr, "  from block %d on: the slope is wrong by %.1f dB\n", from, 10 * log10(wrong / all));
        CHECK(wrong < all * 1e-9);
    }
}

static void studies_two_seconds_of_sound(void) {
    line(10, 0, false);
    send_noise(-16);
    hear_line();
    begin();
    learn_blocks(0, 20, TR_ECHO_STUDIES); /* others have come first */
    CHECK_INT(canceller.study.sounding, 0);
    CHECK(enhancement(0.2, 0.4) > 10);
    learn_blocks(20, 60, 0);
    CHECK_INT(canceller.study.sounding, 40);
    tr_echo_miss(&canceller); /* begins anew, when all is known that was sent of late */
    learn_blocks(61, 64, 0);
    CHECK_INT(canceller.study.sounding, 40);
    learn_blocks(64, 74, 0);
    CHECK_INT(canceller.study.sounding, 10);
    learn_blocks(74, 164, 0);
    CHECK_INT(canceller.study.sounding, 100);
    struct tr_echo_study known = canceller.study;
    learn_blocks(164, 200, 0);
    CHECK_MEM(&canceller.study, &known, sizeof known);
    tr_echo_doubt(&canceller); /* another call */
    learn_blocks(200, 210, 0);
    CHECK_INT(canceller.study.sounding, 10);
    memset(sent + 210 * TR_BLOCK, 0, 20 * TR_BLOCK * sizeof *sent);
    hear_line();
    for (int b = 210; b < 230; b++) { /* we are silent: it goes on afterwards */
        struct tr_echo_step step;
        uint32_t studies = 0;
        int16_t block[TR_BLOCK];
        memcpy(block, received + b * TR_BLOCK, sizeof block);
        if (tr_echo_due(&canceller, false)) {
            tr_echo_cancel(&canceller, (uint64_t)b, NULL, block, &step);
            tr_echo_learn(&canceller, &step, &studies);
        }
    }
    learn_blocks(230, 240, 0);
    CHECK_INT(canceller.study.sounding, 20);
}

static void kernels_agree_bit_for_bit(void) {
    static struct tr_echo first;
    static int16_t heard[N];
    const char *paths[] = {"generic", "avx2", "avx512"}, *before = tr_simd(NULL);
    line(7, 40, true);
    send_speech("en", 0);
    speak_near(3, 5, -16);
    hear_line();
    for (int i = 0; i < 3; i++) {
        if (!tr_simd(paths[i])) {
            continue;
        }
        cancel_all();
        if (i == 0) {
            first = canceller;
            memcpy(heard, left_over, sizeof heard);
        }
        CHECK_MEM(&canceller.path[0], &first.path[0], sizeof first.path[0]);
        CHECK_MEM(&canceller.study, &first.study, sizeof first.study);
        CHECK_MEM(left_over, heard, sizeof heard);
    }
    tr_simd(before);
}

int main(void) {
    RUN(converges_on_noise_within_half_a_second);
    RUN(converges_on_speech_within_a_second);
    RUN(hears_a_far_echo_with_the_longer_tail);
    RUN(does_not_diverge_when_both_talk);
    RUN(is_not_misled_by_a_voice_like_ours);
    RUN(studies_beside_a_tone_that_was_there_before);
    RUN(follows_a_line_that_changes);
    RUN(keeps_the_line_through_tones);
    RUN(bears_two_steady_tones);
    RUN(leaves_a_near_end_that_begins_with_us);
    RUN(adds_nothing_where_there_is_no_echo);
    RUN(rests_when_told);
    RUN(passes_what_it_would_make_worse);
    RUN(studies_exactly);
    RUN(studies_two_seconds_of_sound);
    RUN(kernels_agree_bit_for_bit);
    return check_end();
}
