/* A digit of 65 ms at -21 dBm0 under our own prompt at -16 dBm0 that comes back 10 dB weaker: heard once, never twice,
 * when the player ducks at the first suspicion; and the prompt's own echo does not duck it all the time. */
#include "prompt_loop.h"

static void with_voice(const char *voice, int digits, double digit_dbm0, int delay, bool cancel) {
    int n;
    int16_t *prompt = any_prompt(voice, -16, &n);
    struct loop l = {.prompt = prompt,
                     .prompt_count = n,
                     .return_loss_db = 10,
                     .digit_dbm0 = digit_dbm0,
                     .digit_ms = 65,
                     .delay = delay,
                     .digits = digits,
                     .duck = true,
                     .cancel = cancel,
                     .seed = 99};
    run_loop(&l);
    CHECK_BETWEEN(l.once, digits * 0.99, digits);
    CHECK_INT(l.twice, 0);
    CHECK_INT(l.wrong, 0);
    struct loop alone = l;
    alone.digits = 0;
    alone.ticks = 2 * n / 160;
    alone.ticks_ducked = 0;
    run_loop(&alone);
    double duty = 100.0 * (double)alone.ticks_ducked / (double)alone.ticks_run;
    CHECK_BETWEEN(duty, 0, 3);
    CHECK(!cancel || duty < 0.5);
    fprintf(stderr,
            "     %-6s %g dBm0, echo after %d samples%s: %d of %d once, %d twice; prompt alone ducked %.2f %%\n", voice,
            digit_dbm0, delay, cancel ? ", cancelled" : "", l.once, digits, l.twice, duty);
    free(prompt);
}

/* What it is worth: SpanDSP's receiver in the same loop, where nothing ducks, and ours without ducking. */
static void without_ducking(void) {
    int n;
    int16_t *prompt = any_prompt("en", -16, &n);
    struct loop ours = {.prompt = prompt,
                        .prompt_count = n,
                        .return_loss_db = 10,
                        .digit_dbm0 = -21,
                        .digit_ms = 65,
                        .delay = 160,
                        .digits = 1000,
                        .seed = 99};
    struct loop theirs = ours, with = ours;
    with.cancel = true;
    run_loop(&with);
    theirs.foreign = dtmf_rx_init(NULL, NULL, NULL);
    NEED(theirs.foreign);
    run_loop(&ours);
    run_loop(&theirs);
    dtmf_rx_free(theirs.foreign);
    CHECK_BETWEEN(theirs.once, 1, 950);
    CHECK_BETWEEN(ours.once, 1, 990);
    CHECK_BETWEEN(with.once, 995, 1000);
    CHECK_INT(with.twice + with.wrong, 0);
    fprintf(
        stderr,
        "     nothing ducks: ours %d of 1000 once, %d behind the canceller, SpanDSP's %d once, %d twice, %d wrong\n",
        ours.once, with.once, theirs.once, theirs.twice, theirs.wrong);
    free(prompt);
}

static void english(void) { with_voice("en", 1000, -21, 160, false); }
static void chinese(void) { with_voice("cmn", 500, -21, 160, false); }
static void woman(void) { with_voice("en+f3", 500, -21, 160, false); }
static void weaker_digits(void) { with_voice("en", 500, -24, 160, false); } /* -21 dBm0 in total */
static void later_echo(void) { with_voice("en", 500, -21, 320, false); }
static void cancelled(void) { with_voice("en", 500, -21, 160, true); }
static void weaker_digits_cancelled(void) { with_voice("cmn", 500, -30, 200, true); }

int main(void) {
    RUN(english);
    RUN(chinese);
    RUN(woman);
    RUN(weaker_digits);
    RUN(later_echo);
    RUN(cancelled);
    RUN(weaker_digits_cancelled);
    RUN(without_ducking);
    return check_end();
}
