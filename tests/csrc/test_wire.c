/* What wires do to sound: one tick of delay whoever runs first, hybrids measured in dB, faults, gates exact to the
 * sample, idle lines, taps. */
#define _GNU_SOURCE
#include "bench_line.h"
#include "../../csrc/hybrid.h"
#include <errno.h>
#include <unistd.h>

static struct bench fxs, fxo;
static double phase;

static uint32_t rng = 1;
static uint8_t any_byte(void) {
    rng = rng * 1664525u + 1013904223u;
    return (uint8_t)(rng >> 24);
}

static void open_pair(uint32_t caps, bool off_hook) {
    bench_init(&fxs, TR_KIND_FXS, 1, caps);
    bench_init(&fxo, TR_KIND_FXO, 1, caps);
    CHECK(tr_wire_connect(fxs.card, 0, fxo.card, 0) >= 0);
    if (off_hook) {
        CHECK_INT(fxo.card->ops->hook(fxo.card, 0, 1), TR_OK);
    }
    bench_run(&fxs, &fxo, 30);
    phase = 0;
}

static void close_pair(void) {
    bench_free(&fxs);
    bench_free(&fxo);
}

static struct tr_wire_faults fair(void) {
    struct tr_wire_faults f = {.loss_db = 0, .return_loss_db = 100};
    return f;
}

static void set_faults(struct tr_wire_faults f) { CHECK_INT(tr_wire_set(fxo.card, 0, &f), TR_OK); }

static bool silent(const uint8_t *rx) {
    for (int i = 0; i < TR_BLOCK; i++) {
        if (rx[i] != 0xD5) {
            return false;
        }
    }
    return true;
}

static double db(double ratio) { return 10 * log10(ratio); }

/* ---- delay and order ---- */

static void bytes_arrive_after_one_tick_in_either_order(void) {
    for (int order = 0; order < 2; order++) {
        bench_init(&fxs, TR_KIND_B, 1, 0);
        bench_init(&fxo, TR_KIND_B, 1, 0);
        CHECK(tr_wire_connect(fxs.card, 0, fxo.card, 0) >= 0);
        uint8_t last[2][TR_BLOCK];
        for (int t = 0; t < 40; t++) {
            uint8_t sent[2][TR_BLOCK];
            for (int i = 0; i < TR_BLOCK; i++) {
                sent[0][i] = fxs.tx[0][i] = t % 5 == 3 ? 0x7E : any_byte(); /* also blocks of one byte throughout */
                sent[1][i] = fxo.tx[0][i] = any_byte();
            }
            bench_step(order ? &fxs : &fxo);
            bench_step(order ? &fxo : &fxs);
            if (t > 0) {
                CHECK_MEM(fxo.rx[0], last[0], TR_BLOCK);
                CHECK_MEM(fxs.rx[0], last[1], TR_BLOCK);
            } else {
                CHECK(silent(fxo.rx[0]) && silent(fxs.rx[0]));
            }
            memcpy(last, sent, sizeof last);
        }
        close_pair();
    }
}

/* A whole story with every fault; `order`: 0 FXS first, 1 FXO first, 2 now this, now that. */
static void story(int order, uint8_t *heard, struct seen *events, int *count) {
    open_pair(ALL_CAPABILITIES, false);
    struct tr_wire_faults f = {.loss_db = 3,
                               .return_loss_db = 9,
                               .far_echo_db = 20,
                               .far_echo_ms = 33,
                               .noise_dbm0 = -50,
                               .clip_dbm0 = -6,
                               .slip_per_min = 240,
                               .seed = 5};
    double one = 0, two = 0;
    for (int t = 0; t < 200; t++) {
        int32_t cadence[6] = {t == 5 ? 333 : 0, t == 5 ? 777 : 0};
        if (t == 5 || t == 70) {
            CHECK_INT(fxs.card->ops->ring(fxs.card, 0, cadence), TR_OK);
        }
        if (t == 40) {
            CHECK_INT(fxo.card->ops->hook(fxo.card, 0, 1), TR_OK);
        }
        if (t == 60) {
            set_faults(f);
        }
        if (t == 100) {
            CHECK_INT(fxo.card->ops->flash(fxo.card, 0, 457), TR_OK);
        }
        if (t == 150) {
            CHECK_INT(fxs.card->ops->loop_open(fxs.card, 0, 311), TR_OK);
        }
        bench_sine(fxs.tx[0], 450, 9000, &one);
        bench_sine(fxo.tx[0], 1209, t % 20 < 10 ? 5000 : 0, &two);
        bool fxs_first = order == 0 || (order == 2 && t % 3);
        bench_step(fxs_first ? &fxs : &fxo);
        bench_step(fxs_first ? &fxo : &fxs);
        memcpy(heard + (size_t)t * 2 * TR_BLOCK, fxs.rx[0], TR_BLOCK);
        memcpy(heard + (size_t)(t * 2 + 1) * TR_BLOCK, fxo.rx[0], TR_BLOCK);
    }
    *count = fxs.count + fxo.count;
    NEED(*count < BENCH_EVENTS);
    memcpy(events, fxs.seen, (size_t)fxs.count * sizeof *events);
    memcpy(events + fxs.count, fxo.seen, (size_t)fxo.count * sizeof *events);
    close_pair();
}

static void order_within_a_tick_does_not_matter(void) {
    static uint8_t heard[3][200 * 2 * TR_BLOCK];
    static struct seen events[3][BENCH_EVENTS];
    int count[3];
    for (int order = 0; order < 3; order++) {
        memset(events[order], 0, sizeof events[order]);
        story(order, heard[order], events[order], &count[order]);
    }
    CHECK(count[0] > 6);
    for (int order = 1; order < 3; order++) {
        CHECK_MEM(heard[order], heard[0], sizeof heard[0]);
        CHECK_INT(count[order], count[0]);
        CHECK_MEM(events[order], events[0], sizeof events[0]);
    }
}

static void both_ports_on_one_card(void) {
    bench_init(&fxs, TR_KIND_FXS, 2, ALL_CAPABILITIES);
    int port = tr_sim_card_add_port(fxs.card, TR_KIND_FXO, ALL_CAPABILITIES);
    CHECK_INT(port, 2);
    fxs.ports = 3;
    CHECK(tr_wire_connect(fxs.card, 2, fxs.card, 1) >= 0);
    CHECK_INT(fxs.card->ops->hook(fxs.card, 2, 1), TR_OK);
    bench_run(&fxs, NULL, 10);
    bench_sine(fxs.tx[1], 1000, 8000, &phase);
    bench_step(&fxs);
    memset(fxs.tx[1], 0xD5, TR_BLOCK);
    CHECK(silent(fxs.rx[2]));
    bench_step(&fxs);
    CHECK_NEAR(db(bench_power(fxs.rx[2]) / (8000.0 * 8000 / 2)), -0.5, 0.2);
    bench_free(&fxs);
}

static void one_end_alone_loses_nothing_for_good(void) {
    open_pair(ALL_CAPABILITIES, false);
    CHECK_INT(fxo.card->ops->hook(fxo.card, 0, 1), TR_OK);
    bench_run(&fxo, NULL, 37); /* the other end stands still */
    CHECK_INT(fxs.count, 0);
    bench_run(&fxs, &fxo, 5);
    CHECK_INT(bench_count(&fxs, 0, TR_EV_OFFHOOK), 1);
    bench_run(&fxs, NULL, 20);
    CHECK_INT(bench_count(&fxs, 0, TR_EV_ONHOOK), 0);
    bench_sine(fxs.tx[0], 1000, 8000, &phase);
    bench_run(&fxs, &fxo, 5);
    CHECK(!silent(fxo.rx[0]));
    close_pair();
}

/* ---- the hybrid and the line ---- */

/* Mean over 300..3400 Hz of what comes back of a tone while the far end is silent, in dB. */
static double returned(struct bench *end, double peak) {
    double sum = 0;
    int n = 0;
    for (double hz = 300; hz <= 3400; hz += 100, n++) {
        double at = 0, heard = 0;
        for (int t = 0; t < 8; t++) {
            bench_sine(end->tx[0], hz, peak, &at);
            bench_run(&fxs, &fxo, 1);
            heard += t >= 4 ? bench_power(end->rx[0]) : 0;
        }
        sum += heard / 4 / (peak * peak / 2);
    }
    memset(end->tx[0], 0xD5, TR_BLOCK);
    bench_run(&fxs, &fxo, 8);
    return -db(sum / n);
}

static void return_loss_is_what_was_set(void) {
    static const double losses[] = {6, 10, 14, 20, 30, 40};
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        open_pair(0, true);
        struct tr_wire_faults f = fair();
        f.return_loss_db = losses[i];
        set_faults(f);
        CHECK_NEAR(returned(&fxo, 15000), losses[i], 0.5);
        CHECK_NEAR(returned(&fxs, 15000), losses[i], 0.5);
        close_pair();
    }
    open_pair(0, true);
    struct tr_wire_faults f;
    CHECK_INT(tr_wire_get(fxs.card, 0, &f), TR_OK); /* a new wire */
    CHECK_NEAR(f.loss_db, 0.5, 1e-9);
    CHECK_NEAR(f.return_loss_db, 14, 1e-9);
    CHECK_NEAR(returned(&fxo, 15000), 14, 0.5);
    f.return_loss_db = 100;
    CHECK_INT(tr_wire_set(fxs.card, 0, &f), TR_OK);
    bench_sine(fxo.tx[0], 1000, 15000, &phase);
    bench_run(&fxs, &fxo, 3);
    CHECK(silent(fxo.rx[0]));
    close_pair();
}

static void far_echo_comes_late(void) {
    static const double delays[] = {10, 20.125, 41.5, 60};
    for (size_t k = 0; k < sizeof delays / sizeof *delays; k++) {
        open_pair(0, true);
        struct tr_wire_faults f = fair();
        f.far_echo_db = 6;
        f.far_echo_ms = delays[k];
        set_faults(f);
        bench_run(&fxs, &fxo, 2);
        int16_t click[TR_BLOCK] = {0};
        click[7] = 30000;
        tr_g711_encode(TR_LAW_A, click, fxo.tx[0], TR_BLOCK);
        int peak_at = -1, peak = 0;
        for (int t = 0; t < 6; t++) {
            bench_run(&fxs, &fxo, 1);
            int16_t x[TR_BLOCK];
            tr_g711_decode(TR_LAW_A, fxo.rx[0], x, TR_BLOCK);
            for (int i = 0; i < TR_BLOCK; i++) {
                if (abs(x[i]) > peak) {
                    peak = abs(x[i]);
                    peak_at = t * TR_BLOCK + i;
                }
            }
            memset(fxo.tx[0], 0xD5, TR_BLOCK);
        }
        CHECK_INT(peak_at, 7 + 4 + (int)(delays[k] * 8)); /* the response's main tap is its fifth */
        CHECK_NEAR(peak, 30000 * 0.894 * 0.501, 500);
        close_pair();
    }
}

static void loss_and_noise_and_clipping(void) {
    open_pair(0, true);
    struct tr_wire_faults f = fair();
    f.loss_db = 7;
    set_faults(f);
    double at = 0;
    for (int t = 0; t < 6; t++) {
        bench_sine(fxs.tx[0], 1010, 10000, &at);
        bench_run(&fxs, &fxo, 1);
    }
    CHECK_NEAR(db(bench_power(fxo.rx[0]) / (10000.0 * 10000 / 2)), -7, 0.15);
    f.loss_db = 0;
    f.clip_dbm0 = -10;
    set_faults(f);
    for (int t = 0; t < 3; t++) {
        bench_sine(fxs.tx[0], 1010, 20000, &at);
        bench_run(&fxs, &fxo, 1);
    }
    int16_t x[TR_BLOCK];
    tr_g711_decode(TR_LAW_A, fxo.rx[0], x, TR_BLOCK);
    int peak = 0;
    for (int i = 0; i < TR_BLOCK; i++) {
        peak = abs(x[i]) > peak ? abs(x[i]) : peak;
    }
    CHECK_NEAR(peak, TR_PEAK_0DBM0 * pow(10, -0.5), 200);
    memset(fxs.tx[0], 0xD5, TR_BLOCK);
    f.clip_dbm0 = 0;
    f.noise_dbm0 = -40;
    set_faults(f);
    bench_run(&fxs, &fxo, 3);
    double power[2] = {0};
    bool equal = true;
    for (int t = 0; t < 100; t++) {
        bench_run(&fxs, &fxo, 1);
        power[0] += bench_power(fxo.rx[0]) / 100;
        power[1] += bench_power(fxs.rx[0]) / 100;
        equal &= memcmp(fxo.rx[0], fxs.rx[0], TR_BLOCK) == 0;
    }
    double full = TR_PEAK_0DBM0 * TR_PEAK_0DBM0 / 2;
    CHECK_NEAR(db(power[0] / full), -40, 0.3);
    CHECK_NEAR(db(power[1] / full), -40, 0.3);
    CHECK(!equal);
    close_pair();
}

static void noise_is_by_seed(void) {
    uint8_t heard[3][TR_BLOCK];
    static const uint32_t seeds[3] = {7, 7, 8};
    for (int i = 0; i < 3; i++) {
        open_pair(0, true);
        struct tr_wire_faults f = fair();
        f.noise_dbm0 = -30;
        f.seed = seeds[i];
        set_faults(f);
        bench_run(&fxs, &fxo, 5);
        memcpy(heard[i], fxo.rx[0], TR_BLOCK);
        close_pair();
    }
    CHECK_MEM(heard[1], heard[0], TR_BLOCK);
    CHECK(memcmp(heard[2], heard[0], TR_BLOCK) != 0);
}

static void slips_repeat_and_lose_single_samples(void) {
    bench_init(&fxs, TR_KIND_B, 1, 0);
    bench_init(&fxo, TR_KIND_B, 1, 0);
    CHECK(tr_wire_connect(fxs.card, 0, fxo.card, 0) >= 0);
    struct tr_wire_faults f = fair();
    f.slip_per_min = 600; /* every 800 samples */
    set_faults(f);
    uint8_t next = 0, last = 0;
    int repeated = 0, lost = 0, other = 0;
    for (int t = 0; t < 101; t++) {
        for (int i = 0; i < TR_BLOCK; i++) {
            fxs.tx[0][i] = next++;
        }
        bench_run(&fxs, &fxo, 1);
        for (int i = 0; i < TR_BLOCK && t > 1; i++) {
            uint8_t step = (uint8_t)(fxo.rx[0][i] - last);
            last = fxo.rx[0][i];
            repeated += step == 0;
            lost += step == 2;
            other += step != 0 && step != 1 && step != 2;
        }
        last = fxo.rx[0][TR_BLOCK - 1];
    }
    CHECK_INT(repeated, 10);
    CHECK_INT(lost, 10);
    CHECK_INT(other, 0);
    close_pair();
}

static void faults_are_checked(void) {
    open_pair(0, false);
    struct tr_wire_faults good = fair(), bad[] = {good, good, good, good, good, good, good, good, good};
    bad[0].loss_db = -1;
    bad[1].return_loss_db = 5.9;
    bad[2].return_loss_db = 0;
    bad[3].far_echo_db = 20; /* no delay */
    bad[4].far_echo_db = 20, bad[4].far_echo_ms = 61;
    bad[5].noise_dbm0 = 3;
    bad[6].clip_dbm0 = 4;
    bad[7].slip_per_min = -1;
    bad[8].loss_db = NAN;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_INT(tr_wire_set(fxo.card, 0, &bad[i]), TR_E_ARGUMENT);
    }
    CHECK_INT(tr_wire_set(fxo.card, 1, &good), TR_E_NO_PORT);
    CHECK_INT(tr_wire_disconnect(fxs.card, 0), TR_OK);
    CHECK_INT(tr_wire_set(fxo.card, 0, &good), TR_E_STATE);
    CHECK_INT(tr_wire_get(fxo.card, 0, &good), TR_E_STATE);
    close_pair();
}

static void decibels(void) {
    for (double x = -120; x <= 120; x += 0.37) {
        CHECK_NEAR(tr_db_ratio(x) / pow(10, x / 20), 1, 1e-12);
    }
}

/* ---- what passes when ---- */

static void on_hook_lines_pass_nothing(void) {
    for (int hears = 0; hears < 2; hears++) {
        open_pair(hears ? ALL_CAPABILITIES : 0, false);
        for (int t = 0; t < 5; t++) {
            bench_sine(fxs.tx[0], 1200, 8000, &phase);
            bench_sine(fxo.tx[0], 700, 8000, &phase);
            bench_run(&fxs, &fxo, 1);
            CHECK(silent(fxs.rx[0]) && silent(fxo.rx[0]));
        }
        CHECK_INT(fxs.card->ops->on_hook_tx(fxs.card, 0, 1), TR_OK);
        bench_sine(fxs.tx[0], 1200, 8000, &phase);
        bench_run(&fxs, &fxo, 2);
        CHECK(silent(fxs.rx[0]));
        CHECK_INT(silent(fxo.rx[0]), !hears);
        int32_t cadence[6] = {1000, 4000};
        CHECK_INT(fxs.card->ops->ring(fxs.card, 0, cadence), TR_OK);
        bench_run(&fxs, &fxo, 2);
        CHECK(silent(fxo.rx[0])); /* not through ringing voltage */
        bench_run(&fxs, &fxo, 52);
        CHECK_INT(silent(fxo.rx[0]), !hears); /* in the pause */
        CHECK_INT(fxs.card->ops->on_hook_tx(fxs.card, 0, 0), TR_OK);
        bench_run(&fxs, &fxo, 2);
        CHECK(silent(fxo.rx[0]));
        close_pair();
    }
}

/* First and last sample that are not silence in `ticks` blocks of what `end` hears. */
static void gap(struct bench *end, int ticks, int *first, int *last) {
    *first = *last = -1;
    for (int t = 0; t < ticks; t++) {
        memset(fxs.tx[0], 0x80, TR_BLOCK);
        memset(fxo.tx[0], 0x80, TR_BLOCK);
        bench_run(&fxs, &fxo, 1);
        for (int i = 0; i < TR_BLOCK; i++) {
            if (end->rx[0][i] == 0xD5) {
                *first = *first < 0 ? t * TR_BLOCK + i : *first;
                *last = t * TR_BLOCK + i;
            }
        }
    }
}

static void the_gate_is_exact_to_the_sample(void) {
    open_pair(ALL_CAPABILITIES, true);
    set_faults(fair());
    int first, last;
    gap(&fxo, 3, &first, &last);
    gap(&fxo, 3, &first, &last);
    CHECK_INT(first, -1);
    CHECK_INT(fxo.card->ops->flash(fxo.card, 0, 97), TR_OK);
    gap(&fxo, 10, &first, &last); /* our own opening: at once */
    CHECK_INT(first, 0);
    CHECK_INT(last, 97 * 8 - 1);
    CHECK_INT(fxo.card->ops->flash(fxo.card, 0, 103), TR_OK);
    gap(&fxs, 10, &first, &last); /* the far end sees it one tick later */
    CHECK_INT(first, TR_BLOCK);
    CHECK_INT(last, TR_BLOCK + 103 * 8 - 1);
    CHECK_INT(fxs.card->ops->loop_open(fxs.card, 0, 33), TR_OK);
    gap(&fxo, 10, &first, &last);
    CHECK_INT(first, TR_BLOCK);
    CHECK_INT(last, TR_BLOCK + 33 * 8 - 1);
    close_pair();
}

static void idle_lines_say_so(void) {
    open_pair(ALL_CAPABILITIES, false);
    const struct tr_card_ops *ops = fxo.card->ops;
    CHECK(ops->idle(fxo.card, 0) && ops->idle(fxs.card, 0));
    int32_t cadence[6] = {1000, 4000}, none[6] = {0};
    CHECK_INT(ops->ring(fxs.card, 0, cadence), TR_OK);
    bench_run(&fxs, &fxo, 2);
    CHECK(!ops->idle(fxo.card, 0));
    CHECK_INT(ops->ring(fxs.card, 0, none), TR_OK);
    bench_run(&fxs, &fxo, 30);
    CHECK(ops->idle(fxo.card, 0) && ops->idle(fxs.card, 0));
    CHECK_INT(ops->on_hook_tx(fxs.card, 0, 1), TR_OK);
    for (int t = 0; t < 40; t++) {
        bench_sine(fxs.tx[0], 1200, 8000, &phase);
        bench_run(&fxs, &fxo, 1);
        CHECK(t < 2 || !ops->idle(fxo.card, 0));
    }
    memset(fxs.tx[0], 0xD5, TR_BLOCK);
    bench_run(&fxs, &fxo, 10);
    CHECK(!ops->idle(fxo.card, 0)); /* time for detectors to end what they heard */
    bench_run(&fxs, &fxo, 20);
    CHECK(ops->idle(fxo.card, 0));
    CHECK_INT(ops->hook(fxo.card, 0, 1), TR_OK);
    bench_run(&fxs, &fxo, 60);
    CHECK(!ops->idle(fxo.card, 0) && !ops->idle(fxs.card, 0));
    CHECK_INT(ops->hook(fxo.card, 0, 0), TR_OK);
    bench_run(&fxs, &fxo, 80);
    CHECK(ops->idle(fxo.card, 0) && ops->idle(fxs.card, 0));
    CHECK_INT(ops->delay(fxo.card), 0);
    CHECK_BETWEEN(ops->memory(fxo.card), 3000, 12000);
    close_pair();
}

static void each_end_has_its_law(void) {
    open_pair(0, true);
    set_faults(fair());
    CHECK_INT(fxo.card->ops->set(fxo.card, 0, TR_SET_LAW, TR_LAW_MU), TR_OK);
    CHECK_INT(fxo.card->ops->set(fxo.card, 0, TR_SET_LAW, 2), TR_E_ARGUMENT);
    CHECK_INT(bench_state(&fxo, 0).law, TR_LAW_MU);
    int16_t there[TR_BLOCK], here[TR_BLOCK];
    memset(fxo.tx[0], 0xFF, TR_BLOCK);
    for (int t = 0; t < 3; t++) {
        phase = 0;
        bench_sine(fxs.tx[0], 1000, 10000, &phase);
        bench_run(&fxs, &fxo, 1);
    }
    tr_g711_decode(TR_LAW_A, fxs.tx[0], there, TR_BLOCK);
    tr_g711_decode(TR_LAW_MU, fxo.rx[0], here, TR_BLOCK);
    for (int i = 0; i < TR_BLOCK; i++) {
        CHECK_NEAR(here[i], there[i], 260);
    }
    CHECK(silent(fxs.rx[0]));
    close_pair();
}

/* ---- tap ---- */

static size_t slurp(const char *path, char *out, size_t max) {
    FILE *f = fopen(path, "rb");
    NEED(f != NULL);
    size_t n = fread(out, 1, max - 1, f);
    fclose(f);
    out[n] = 0;
    return n;
}

static uint32_t le32(const char *p) {
    const uint8_t *u = (const uint8_t *)p;
    return u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

static void tap_writes_sound_and_edges(void) {
    static char wav[200000], edges[4096];
    char stem[64], path[80];
    snprintf(stem, sizeof stem, "/tmp/tipring-tap-%ld", (long)getpid());
    open_pair(ALL_CAPABILITIES, true);
    set_faults(fair());
    CHECK_INT(tr_wire_tap(fxo.card, 0, "/nowhere/at/all"), TR_E_SYSTEM);
    CHECK_INT(errno, ENOENT);
    CHECK_INT(tr_wire_tap(fxo.card, 0, stem), TR_OK);
    CHECK_INT(tr_wire_tap(fxo.card, 0, stem), TR_E_STATE);
    static int16_t want[2][60 * TR_BLOCK];
    double one = 0, two = 0;
    for (int t = 0; t < 60; t++) {
        if (t == 10) {
            CHECK_INT(fxo.card->ops->flash(fxo.card, 0, 457), TR_OK);
            CHECK_INT(fxs.card->ops->polarity(fxs.card, 0, 1), TR_OK);
        }
        bench_sine(fxs.tx[0], 450, 6000, &one);
        bench_sine(fxo.tx[0], 941, 6000, &two);
        bench_run(&fxs, &fxo, 1);
        tr_g711_decode(TR_LAW_A, fxo.rx[0], want[0] + t * TR_BLOCK, TR_BLOCK);
        tr_g711_decode(TR_LAW_A, fxo.tx[0], want[1] + t * TR_BLOCK, TR_BLOCK);
        if (t == 54) { /* on disk each second, with a true header */
            snprintf(path, sizeof path, "%s.wav", stem);
            CHECK_INT(slurp(path, wav, sizeof wav), 44 + 8000 * 4);
            CHECK_INT(le32(wav + 40), 8000 * 4);
        }
    }
    CHECK_INT(tr_wire_tap(fxo.card, 0, NULL), TR_OK);
    CHECK_INT(tr_wire_tap(fxo.card, 0, NULL), TR_OK);
    snprintf(path, sizeof path, "%s.wav", stem);
    CHECK_INT(slurp(path, wav, sizeof wav), 44 + 60 * TR_BLOCK * 4);
    CHECK_INT(le32(wav + 4), 36 + 60 * TR_BLOCK * 4);
    CHECK_INT(le32(wav + 24), 8000);
    CHECK_INT(le32(wav + 40), 60 * TR_BLOCK * 4);
    int wrong = 0;
    for (int i = 0; i < 60 * TR_BLOCK; i++) {
        uint32_t both = le32(wav + 44 + i * 4);
        wrong += (int16_t)(both & 0xFFFF) != want[0][i] || (int16_t)(both >> 16) != want[1][i];
    }
    CHECK_INT(wrong, 0);
    unlink(path);
    snprintf(path, sizeof path, "%s.jsonl", stem);
    slurp(path, edges, sizeof edges);
    CHECK_STR(edges, "{\"ms\": 200.000, \"end\": \"local\", \"edge\": \"loop\", \"value\": 0}\n"
                     "{\"ms\": 220.000, \"end\": \"far\", \"edge\": \"polarity\", \"value\": 1}\n"
                     "{\"ms\": 657.000, \"end\": \"local\", \"edge\": \"loop\", \"value\": 1}\n");
    unlink(path);
    close_pair();
}

static void a_full_disk_is_told(void) {
    open_pair(0, false);
    CHECK_INT(symlink("/dev/full", "/tmp/tipring-full.wav") == 0 || errno == EEXIST, 1);
    CHECK_INT(tr_wire_tap(fxo.card, 0, "/tmp/tipring-full"), TR_E_SYSTEM);
    CHECK_INT(errno, ENOSPC);
    unlink("/tmp/tipring-full.wav");
    unlink("/tmp/tipring-full.jsonl");
    close_pair();
}

static void plugging_again_and_again_keeps_nothing(void) {
    open_pair(0, true);
    for (int i = 0; i < 200; i++) {
        CHECK_INT(tr_wire_disconnect(i % 2 ? fxs.card : fxo.card, 0), TR_OK);
        CHECK(tr_wire_connect(fxs.card, 0, fxo.card, 0) > 0);
        bench_run(&fxs, &fxo, i % 4);
    }
    bench_sine(fxs.tx[0], 1000, 8000, &phase);
    bench_run(&fxs, &fxo, 3);
    CHECK(!silent(fxo.rx[0]));
    close_pair();
}

int main(void) {
    RUN(bytes_arrive_after_one_tick_in_either_order);
    RUN(order_within_a_tick_does_not_matter);
    RUN(both_ports_on_one_card);
    RUN(one_end_alone_loses_nothing_for_good);
    RUN(return_loss_is_what_was_set);
    RUN(far_echo_comes_late);
    RUN(loss_and_noise_and_clipping);
    RUN(noise_is_by_seed);
    RUN(slips_repeat_and_lose_single_samples);
    RUN(faults_are_checked);
    RUN(decibels);
    RUN(on_hook_lines_pass_nothing);
    RUN(the_gate_is_exact_to_the_sample);
    RUN(idle_lines_say_so);
    RUN(each_end_has_its_law);
    RUN(tap_writes_sound_and_edges);
    RUN(a_full_disk_is_told);
    RUN(plugging_again_and_again_keeps_nothing);
    return check_end();
}
