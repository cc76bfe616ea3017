/* The loop in which a digit must be heard under our own prompt: receiver -> ducked player -> hybrid -> receiver, in
 * ticks of 20 ms. What is sent in a tick comes back `delay` samples later through a hybrid of the given return loss. */
#ifndef TIPRING_TEST_PROMPT_LOOP_H
#define TIPRING_TEST_PROMPT_LOOP_H

#include "dtmf.h"
#include "echo.h"
#include "signal.h"

#include <spandsp.h>

struct loop {
    const int16_t *prompt;
    int prompt_count;
    double return_loss_db, digit_dbm0, digit_ms;
    int delay;  /* samples */
    int digits; /* 0: only the prompt, for `ticks` */
    int ticks;
    bool duck;
    bool cancel;              /* our echo canceller before the receiver */
    dtmf_rx_state_t *foreign; /* this receiver instead of ours */
    uint32_t seed;
    /* results */
    int once, twice, wrong, missed;
    long ticks_run, ticks_ducked;
};

static inline void run_loop(struct loop *l) {
    enum { ECHO = 4096 };
    static double echo[ECHO]; /* sound on its way back, by sample mod ECHO */
    static const double response[][2] = {{3, 0.35}, {4, 0.80}, {5, -0.40}, {7, 0.22}, {9, -0.12}, {12, 0.06}};
    static struct tr_dtmf d;
    struct tr_detection got;
    double back = pow(10.0, -l->return_loss_db / 20.0), gain = 1.0, target = 1.0, next = 4000;
    double norm = 0;
    static struct tr_echo canceller;
    struct tr_echo_step step;
    int16_t played[160] = {0};
    canceller.mode = l->cancel ? TR_ECHO_ON : TR_ECHO_OFF;
    tr_echo_init(&canceller);
    memset(echo, 0, sizeof echo);
    for (size_t i = 0; i < sizeof response / sizeof *response; i++)
        norm += response[i][1] * response[i][1];
    back /= sqrt(norm);
    tr_dtmf_init(&d);
    char digit = 0;
    double low = 0, high = 0, begin = 0, end = -1, phase_low = 0, phase_high = 0;
    int heard = 0, wrong = 0, sent = 0;
    int64_t n = 0;
    uint32_t at = rand_of(&l->seed) % (uint32_t)l->prompt_count;
    double length = l->digit_ms * 8, peak = peak_of(l->digit_dbm0);
    for (l->ticks_run = 0;; l->ticks_run++) {
        int16_t rx[160];
        for (int i = 0; i < 160; i++, n++) {
            if ((double)n >= next && l->digits) { /* the last digit is judged, a new one begins */
                if (digit) {
                    l->wrong += wrong != 0;
                    l->missed += heard == 0;
                    l->once += heard == 1;
                    l->twice += heard > 1;
                }
                if (sent == l->digits)
                    return;
                sent++;
                digit = "123A456B789C*0#D"[rand_of(&l->seed) % 16];
                digit_hz(digit, &low, &high);
                phase_low = uniform(&l->seed);
                phase_high = uniform(&l->seed);
                heard = wrong = 0;
                begin = next;
                end = begin + length;
                next = begin + length + 2000 + uniform(&l->seed) * 4000;
            }
            double v = echo[n % ECHO];
            echo[n % ECHO] = 0;
            if ((double)n >= begin && (double)n < end)
                v += peak * (sin(2 * M_PI * (low * ((double)n - begin) / 8000 + phase_low)) +
                             sin(2 * M_PI * (high * ((double)n - begin) / 8000 + phase_high)));
            rx[i] = tr_linear_of[TR_LAW_A][tr_alaw(clip16(v))];
        }
        if (!l->digits && l->ticks_run == l->ticks)
            return;
        uint32_t studies = 0;
        step.heard = false;
        if (tr_echo_due(&canceller, true)) {
            tr_echo_cancel(&canceller, (uint64_t)l->ticks_run, played, rx, &step);
        }
        char found[129] = "";
        int count = 0;
        if (l->foreign) {
            dtmf_rx(l->foreign, rx, 160);
            count = (int)dtmf_rx_get(l->foreign, found, 128);
        } else {
            tr_dtmf_feed(&d, rx, 160);
            while (tr_dtmf_get(&d, &got))
                if (got.kind == TR_EV_DTMF_BEGIN)
                    found[count++] = (char)got.a0;
        }
        for (int i = 0; i < count; i++) {
            heard += found[i] == digit;
            wrong += found[i] != digit;
        }
        if (step.heard && !tr_dtmf_suspects(&d)) {
            tr_echo_learn(&canceller, &step, &studies);
        }
        bool ducked = l->duck && tr_dtmf_suspects(&d);
        l->ticks_ducked += ducked;
        target = ducked ? 0.01 : 1.0;
        for (int i = 0; i < 160; i++) {
            double step = 0.99 / 16;
            gain = gain < target ? fmin(target, gain + step) : fmax(target, gain - step);
            double v = l->prompt[at] * gain;
            at = (at + 1) % (uint32_t)l->prompt_count;
            played[i] = clip16(v);
            for (size_t j = 0; j < sizeof response / sizeof *response; j++)
                echo[(n - 160 + i + l->delay + (int)response[j][0]) % ECHO] += v * back * response[j][1];
        }
    }
}

/* A prompt: espeak's speech, else bursts of voiced noise. */
static inline int16_t *any_prompt(const char *voice, double dbm0, int *count) {
    int16_t *x =
        speech(voice,
               "Welcome to our service centre. For sales, please press one. For technical support, please press "
               "two. To hear your place in the queue, press three. All our agents are busy at the moment, please "
               "hold the line or leave a message after the tone. Your call may be recorded for training purposes.",
               dbm0, count);
    if (x)
        return x;
    int n = 8000 * 20;
    x = malloc(sizeof *x * (size_t)n);
    uint32_t seed = 5;
    double low = 0, lower = 0, peak = peak_of(dbm0);
    for (int i = 0; i < n; i++) {
        double pitch = 120 + 30 * sin(i / 5000.0), voiced = fmod(i * pitch / 8000.0, 1.0) < 0.1 ? 6 : 0;
        double syllable = fmax(0, sin(2 * M_PI * i / 1900.0)) * (i / 16000 % 4 != 3);
        low += 0.35 * (voiced + 0.3 * gauss(&seed) - low);
        lower += 0.02 * (low - lower);
        x[i] = clip16(peak * 1.6 * syllable * (low - lower));
    }
    *count = n;
    return x;
}

#endif
