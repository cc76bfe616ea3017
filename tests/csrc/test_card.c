/* The software card's line signals: times exact to the sample, classification windows, overlapping commands,
 * capabilities, level state. Two cards driven by hand: `pbx` (FXS) and `vru` (FXO), port i wired to port i. */
#include "bench_line.h"

static struct bench pbx, vru;

static void open_with(uint32_t fxs_caps, uint32_t fxo_caps) {
    bench_init(&pbx, TR_KIND_FXS, 2, fxs_caps);
    bench_init(&vru, TR_KIND_FXO, 2, fxo_caps);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK(tr_wire_connect(pbx.card, i, vru.card, i) >= 0);
    }
    bench_run(&pbx, &vru, 3);
    CHECK_INT(pbx.count, 0);
    CHECK_INT(vru.count, 0);
}

static void open_both(void) { open_with(ALL_CAPABILITIES, ALL_CAPABILITIES); }

static void close_both(void) {
    bench_free(&pbx);
    bench_free(&vru);
}

static int hook(uint32_t port, int off) { return vru.card->ops->hook(vru.card, port, off); }
static int flash(uint32_t port, int ms) { return vru.card->ops->flash(vru.card, port, ms); }
static int ring(uint32_t port, int on, int off) {
    int32_t cadence[6] = {on, off};
    return pbx.card->ops->ring(pbx.card, port, cadence);
}
static int loop_open(uint32_t port, int ms) { return pbx.card->ops->loop_open(pbx.card, port, ms); }

/* Off-hook and past every guard time. */
static void off_hook(uint32_t port) {
    CHECK_INT(hook(port, 1), TR_OK);
    bench_run(&pbx, &vru, 20);
    CHECK_INT(bench_count(&pbx, port, TR_EV_OFFHOOK), 1);
    pbx.count = vru.count = 0;
}

static void off_hook_and_on_hook(void) {
    open_both();
    uint64_t at = vru.tick * TR_BLOCK;
    CHECK_INT(hook(0, 1), TR_OK);
    bench_run(&pbx, &vru, 5);
    const struct seen *e = bench_event(&pbx, 0, TR_EV_OFFHOOK, 0);
    NEED(e);
    CHECK_INT(e->at, at + TR_BLOCK);             /* one tick of wire */
    CHECK_INT(e->known, at + TR_BLOCK + 16 * 8); /* debounce */
    CHECK_INT(bench_state(&pbx, 0).hook, 1);
    CHECK_INT(bench_state(&vru, 0).hook, 1);
    CHECK_INT(bench_state(&pbx, 1).hook, 0);
    at = vru.tick * TR_BLOCK;
    CHECK_INT(hook(0, 0), TR_OK);
    bench_run(&pbx, &vru, 49);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_ONHOOK), 0); /* it could still be a flash */
    CHECK_INT(bench_state(&pbx, 0).hook, 1);
    bench_run(&pbx, &vru, 5);
    e = bench_event(&pbx, 0, TR_EV_ONHOOK, 0);
    NEED(e);
    CHECK_INT(e->at, at + TR_BLOCK);
    CHECK_INT(e->known, at + TR_BLOCK + 1000 * 8 + 1);
    CHECK_INT(bench_state(&pbx, 0).hook, 0);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_FLASH), 0);
    CHECK_INT(pbx.count, 2);
    CHECK_INT(vru.count, 0);
    CHECK_INT(bench_state(&pbx, 0).hook_edges, 2);
    CHECK_INT(bench_state(&vru, 0).hook_edges, 2);
    close_both();
}

/* Each length of flash, to the sample, at both ends; the windows at their borders. */
static void flash_lengths(void) {
    static const int lengths[] = {80, 81, 333, 457, 600, 999, 1000};
    open_both();
    off_hook(0);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int ms = lengths[i];
        pbx.count = vru.count = 0;
        uint64_t at = vru.tick * TR_BLOCK;
        CHECK_INT(flash(0, ms), TR_OK);
        CHECK_INT(bench_state(&vru, 0).hook, 1);
        bench_run(&pbx, &vru, 60);
        const struct seen *here = bench_event(&vru, 0, TR_EV_HOOK_DONE, 0);
        const struct seen *there = bench_event(&pbx, 0, TR_EV_FLASH, 0);
        NEED(here && there);
        CHECK_INT(here->at, at + (uint64_t)ms * 8);
        CHECK_INT(here->a0, ms);
        CHECK_INT(there->at, at + (uint64_t)ms * 8 + TR_BLOCK);
        CHECK_INT(there->a0, ms);
        CHECK_INT(pbx.count, 1);
        CHECK_INT(vru.count, 1);
    }
    CHECK_INT(bench_state(&pbx, 0).flash_edges, 7);
    close_both();
}

static void too_short_and_too_long(void) {
    open_both();
    off_hook(0);
    CHECK_INT(flash(0, 79), TR_OK);
    bench_run(&pbx, &vru, 60);
    CHECK_INT(pbx.count, 0);
    uint64_t at = vru.tick * TR_BLOCK;
    CHECK_INT(flash(0, 1001), TR_OK);
    bench_run(&pbx, &vru, 60);
    CHECK_INT(pbx.count, 2);
    CHECK_INT(pbx.seen[0].kind, TR_EV_ONHOOK);
    CHECK_INT(pbx.seen[0].known, at + TR_BLOCK + 8001);
    CHECK_INT(pbx.seen[1].kind, TR_EV_OFFHOOK);
    CHECK_INT(pbx.seen[1].at, at + TR_BLOCK + 8008);
    /* Another PBX: 50..400 ms. */
    CHECK_INT(pbx.card->ops->set(pbx.card, 0, TR_SET_FLASH_MIN_MS, 50), TR_OK);
    CHECK_INT(pbx.card->ops->set(pbx.card, 0, TR_SET_FLASH_MAX_MS, 400), TR_OK);
    CHECK_INT(pbx.card->ops->set(pbx.card, 0, TR_SET_FLASH_MAX_MS, -1), TR_E_ARGUMENT);
    CHECK_INT(pbx.card->ops->set(pbx.card, 0, 99, 1), TR_E_ARGUMENT);
    pbx.count = 0;
    CHECK_INT(flash(0, 50), TR_OK);
    bench_run(&pbx, &vru, 10);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_FLASH), 1);
    CHECK_INT(flash(0, 401), TR_OK);
    bench_run(&pbx, &vru, 30);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_FLASH), 1);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_ONHOOK), 1);
    close_both();
}

static void pulse_digits(void) {
    open_both();
    off_hook(0);
    CHECK_INT(pbx.card->ops->set(pbx.card, 0, TR_SET_PULSE_DIAL, 1), TR_OK);
    for (int digit = 1; digit <= 10; digit++) {
        for (int i = 0; i < digit; i++) {
            CHECK_INT(flash(0, 60), TR_OK);
            bench_run(&pbx, &vru, 5); /* 60 ms break, 40 ms make */
        }
        bench_run(&pbx, &vru, 15);
    }
    CHECK_INT(bench_count(&pbx, 0, TR_EV_PULSE_DIGIT), 10);
    for (int i = 0; i < 10 && i < pbx.count; i++) {
        CHECK_INT(pbx.seen[i].a0, (i + 1) % 10);
    }
    CHECK_INT(pbx.count, 10);
    CHECK_INT(flash(0, 600), TR_OK);
    bench_run(&pbx, &vru, 40);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_FLASH), 1);
    close_both();
}

/* A debounce longer than the gap that ends a digit: the digit is known late, at the present sample, not before it. */
static void slow_pulse_digits(void) {
    open_both();
    off_hook(0);
    CHECK_INT(pbx.card->ops->set(pbx.card, 0, TR_SET_PULSE_DIAL, 1), TR_OK);
    CHECK_INT(pbx.card->ops->set(pbx.card, 0, TR_SET_DEBOUNCE_MS, 300), TR_OK);
    CHECK_INT(pbx.card->ops->set(pbx.card, 0, TR_SET_FLASH_MIN_MS, 600), TR_OK);
    uint64_t at = vru.tick * TR_BLOCK + TR_BLOCK;
    CHECK_INT(flash(0, 400), TR_OK);
    bench_run(&pbx, &vru, 60);
    const struct seen *e = bench_event(&pbx, 0, TR_EV_PULSE_DIGIT, 0);
    NEED(e);
    CHECK_INT(e->at, at + 400 * 8);
    CHECK_INT(e->known, at + 700 * 8);
    close_both();
}

static void loop_drop_shortened_meanwhile(void) {
    open_both();
    off_hook(0);
    CHECK_INT(vru.card->ops->set(vru.card, 0, TR_SET_LOOP_DROP_MS, 5000), TR_OK);
    uint64_t at = pbx.tick * TR_BLOCK + TR_BLOCK;
    CHECK_INT(loop_open(0, 2000), TR_OK);
    bench_run(&pbx, &vru, 25);
    CHECK_INT(vru.card->ops->set(vru.card, 0, TR_SET_LOOP_DROP_MS, 100), TR_OK);
    CHECK_INT(pbx.card->ops->lamp(pbx.card, 0, 1), TR_OK); /* the line is looked at */
    bench_run(&pbx, &vru, 3);
    const struct seen *e = bench_event(&vru, 0, TR_EV_LOOP_DROP, 0);
    NEED(e);
    CHECK_INT(e->at, at);
    CHECK_INT(e->known, at + 25 * TR_BLOCK);
    close_both();
}

/* A port without a wire rests like another. */
static void unplugged_port_comes_to_rest(void) {
    open_both();
    off_hook(0);
    CHECK_INT(tr_wire_disconnect(vru.card, 0), TR_OK);
    CHECK_INT(hook(0, 0), TR_OK);
    bench_run(&pbx, &vru, 30);
    CHECK(vru.card->ops->idle(vru.card, 0));
    close_both();
}

static void ring_cadence(void) {
    open_both();
    uint64_t at = pbx.tick * TR_BLOCK;
    CHECK_INT(ring(0, 1003, 2009), TR_OK);
    bench_run(&pbx, &vru, 450);
    for (int i = 0; i < 2; i++) {
        const struct seen *begin = bench_event(&vru, 0, TR_EV_RING_BEGIN, i);
        const struct seen *end = bench_event(&vru, 0, TR_EV_RING_END, i);
        NEED(begin && end);
        uint64_t burst = at + TR_BLOCK + (uint64_t)i * (1003 + 2009) * 8;
        CHECK_INT(begin->at, burst);
        CHECK_INT(begin->known, burst + 800);
        CHECK_INT(end->at, burst + 1003 * 8);
        CHECK_INT(end->a0, 1003);
    }
    CHECK_INT(bench_state(&pbx, 0).ringing, 1);
    CHECK_INT(ring(0, 0, 0), TR_OK); /* in the middle of the third burst's pause */
    bench_run(&pbx, &vru, 400);
    CHECK_INT(bench_count(&vru, 0, TR_EV_RING_BEGIN), 3);
    CHECK_INT(bench_count(&vru, 0, TR_EV_RING_END), 3);
    CHECK_INT(bench_state(&pbx, 0).ringing, 0);
    CHECK_INT(bench_count(&vru, 1, TR_EV_RING_BEGIN), 0);
    /* A splash shorter than the debounce is no ringing; double ring 400/200/400/2000. */
    vru.count = 0;
    CHECK_INT(ring(1, 99, 3000), TR_OK);
    bench_run(&pbx, &vru, 50);
    CHECK_INT(vru.count, 0);
    int32_t twice[6] = {400, 200, 400, 2000};
    CHECK_INT(pbx.card->ops->ring(pbx.card, 1, twice), TR_OK);
    bench_run(&pbx, &vru, 151 + 32);
    CHECK_INT(bench_count(&vru, 1, TR_EV_RING_BEGIN), 3);
    CHECK_INT(bench_count(&vru, 1, TR_EV_RING_END), 3);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(bench_event(&vru, 1, TR_EV_RING_END, i)->a0, 400);
    }
    close_both();
}

static void answer_stops_ringing(void) {
    open_both();
    CHECK_INT(ring(0, 1000, 4000), TR_OK);
    bench_run(&pbx, &vru, 30);
    uint64_t at = vru.tick * TR_BLOCK;
    CHECK_INT(bench_state(&vru, 0).ringing, 1);
    CHECK_INT(hook(0, 1), TR_OK);
    bench_run(&pbx, &vru, 300);
    const struct seen *end = bench_event(&vru, 0, TR_EV_RING_END, 0);
    NEED(end);
    CHECK_INT(end->at, at); /* off-hook we are deaf for ringing */
    CHECK_INT(end->a0, (at - TR_BLOCK - 3 * TR_BLOCK) / 8);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_OFFHOOK), 1);
    CHECK_INT(bench_state(&pbx, 0).ringing, 0);
    CHECK_INT(bench_count(&vru, 0, TR_EV_RING_BEGIN), 1);
    CHECK_INT(vru.count, 2);
    CHECK_INT(ring(0, 1000, 4000), TR_E_STATE); /* nobody rings a telephone that is off-hook */
    close_both();
}

static void loop_drop_and_guard(void) {
    open_both();
    off_hook(0);
    uint64_t at = pbx.tick * TR_BLOCK;
    CHECK_INT(loop_open(0, 249), TR_OK);
    bench_run(&pbx, &vru, 20);
    CHECK_INT(vru.count, 0);
    const struct seen *done = bench_event(&pbx, 0, TR_EV_HOOK_DONE, 0);
    NEED(done);
    CHECK_INT(done->at, at + 249 * 8);
    CHECK_INT(done->a0, 249);
    at = pbx.tick * TR_BLOCK;
    CHECK_INT(loop_open(0, 500), TR_OK);
    bench_run(&pbx, &vru, 40);
    CHECK_INT(vru.count, 1);
    const struct seen *drop = bench_event(&vru, 0, TR_EV_LOOP_DROP, 0);
    NEED(drop);
    CHECK_INT(drop->at, at + TR_BLOCK);
    CHECK_INT(drop->known, at + TR_BLOCK + 2000);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_ONHOOK), 0); /* the PBX's own opening is no hang-up */
    CHECK_INT(bench_state(&vru, 0).drop_edges, 1);
    /* Guard: an opening of 500 ms right after our own flash is masked while the guard runs. */
    vru.count = 0;
    CHECK_INT(flash(0, 600), TR_OK);
    bench_run(&pbx, &vru, 31); /* the loop is closed again for one tick */
    CHECK_INT(loop_open(0, 500), TR_OK);
    bench_run(&pbx, &vru, 40);
    CHECK_INT(bench_count(&vru, 0, TR_EV_LOOP_DROP), 0);
    /* A battery that stays away beyond the guard is a drop all the same, counted from the end of the guard. */
    vru.count = 0;
    at = vru.tick * TR_BLOCK;
    CHECK_INT(flash(0, 100), TR_OK);
    bench_run(&pbx, &vru, 5);
    CHECK_INT(loop_open(0, 900), TR_OK);
    bench_run(&pbx, &vru, 60);
    drop = bench_event(&vru, 0, TR_EV_LOOP_DROP, 0);
    NEED(drop);
    CHECK_INT(drop->known, at + 800 + (300 + 250) * 8);
    /* On-hook nothing drops. */
    vru.count = 0;
    CHECK_INT(hook(0, 0), TR_OK);
    bench_run(&pbx, &vru, 60);
    CHECK_INT(loop_open(0, 500), TR_OK);
    bench_run(&pbx, &vru, 60);
    CHECK_INT(vru.count, 0);
    close_both();
}

static void polarity_and_lamp(void) {
    open_both();
    CHECK_INT(pbx.card->ops->polarity(pbx.card, 0, 1), TR_OK);
    CHECK_INT(pbx.card->ops->lamp(pbx.card, 0, 1), TR_OK);
    bench_run(&pbx, &vru, 3);
    CHECK_INT(bench_event(&vru, 0, TR_EV_POLARITY, 0)->a0, 1);
    CHECK_INT(bench_event(&vru, 0, TR_EV_LAMP, 0)->a0, 1);
    CHECK_INT(bench_state(&vru, 0).polarity, 1);
    CHECK_INT(bench_state(&pbx, 0).polarity, 1);
    CHECK_INT(pbx.card->ops->polarity(pbx.card, 0, 0), TR_OK);
    bench_run(&pbx, &vru, 3);
    CHECK_INT(bench_count(&vru, 0, TR_EV_POLARITY), 2);
    CHECK_INT(bench_state(&vru, 0).polarity_edges, 2);
    close_both();
    /* The first polarity is learnt in silence. */
    bench_init(&pbx, TR_KIND_FXS, 1, ALL_CAPABILITIES);
    bench_init(&vru, TR_KIND_FXO, 1, ALL_CAPABILITIES);
    CHECK_INT(pbx.card->ops->polarity(pbx.card, 0, 1), TR_OK);
    CHECK(tr_wire_connect(vru.card, 0, pbx.card, 0) >= 0);
    bench_run(&pbx, &vru, 5);
    CHECK_INT(vru.count, 0);
    CHECK_INT(bench_state(&vru, 0).polarity, 1);
    close_both();
}

static void overlapping_commands(void) {
    open_both();
    CHECK_INT(flash(0, 500), TR_E_STATE); /* on-hook */
    CHECK_INT(ring(0, 1000, 4000), TR_OK);
    bench_run(&pbx, &vru, 5);
    CHECK_INT(flash(0, 500), TR_E_STATE); /* ringing */
    CHECK_INT(loop_open(0, 300), TR_E_STATE);
    CHECK_INT(ring(0, 0, 0), TR_OK);
    CHECK_INT(ring(0, 0, 0), TR_OK);
    off_hook(0);
    CHECK_INT(hook(0, 1), TR_OK); /* as it is */
    CHECK_INT(flash(0, 0), TR_E_ARGUMENT);
    CHECK_INT(flash(0, 10001), TR_E_ARGUMENT);
    CHECK_INT(flash(0, 500), TR_OK);
    CHECK_INT(flash(0, 500), TR_E_STATE);
    CHECK_INT(hook(0, 1), TR_E_STATE);
    bench_run(&pbx, &vru, 10);
    uint64_t at = vru.tick * TR_BLOCK;
    CHECK_INT(hook(0, 0), TR_OK); /* hang-up wins */
    bench_run(&pbx, &vru, 60);
    CHECK_INT(vru.count, 1);
    CHECK_INT(vru.seen[0].kind, TR_EV_HOOK_DONE);
    CHECK_INT(vru.seen[0].at, at);
    CHECK_INT(vru.seen[0].a0, 200);
    CHECK_INT(bench_state(&vru, 0).hook, 0);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_ONHOOK), 1);
    CHECK_INT(bench_event(&pbx, 0, TR_EV_ONHOOK, 0)->at, at - 9 * TR_BLOCK); /* open since the flash began */
    CHECK_INT(loop_open(0, 300), TR_OK);
    CHECK_INT(loop_open(0, 300), TR_E_STATE);
    CHECK_INT(ring(0, 1000, 4000), TR_E_STATE);
    bench_run(&pbx, &vru, 20);
    CHECK_INT(ring(0, 1000, 4000), TR_OK);
    CHECK_INT(ring(0, 5, 4000), TR_E_ARGUMENT);
    CHECK_INT(ring(0, -5, 4000), TR_E_ARGUMENT);
    CHECK_INT(ring(0, 0, 4000), TR_E_ARGUMENT);
    /* Hook changes within one tick leave no trace on the line. */
    CHECK_INT(hook(1, 1), TR_OK);
    CHECK_INT(hook(1, 0), TR_OK);
    bench_run(&pbx, &vru, 5);
    CHECK_INT(bench_count(&pbx, 1, TR_EV_OFFHOOK), 0);
    close_both();
}

static void wrong_port_and_kind(void) {
    open_both();
    const struct tr_card_ops *ops = pbx.card->ops;
    CHECK_INT(ops->hook(pbx.card, 0, 1), TR_E_UNSUPPORTED);
    CHECK_INT(ops->flash(pbx.card, 0, 500), TR_E_UNSUPPORTED);
    CHECK_INT(ops->hook(vru.card, 2, 1), TR_E_NO_PORT);
    CHECK_INT(ops->loop_open(vru.card, 0, 500), TR_E_UNSUPPORTED);
    CHECK_INT(ops->polarity(vru.card, 0, 1), TR_E_UNSUPPORTED);
    CHECK_INT(ops->bits(vru.card, 0, 1), TR_E_UNSUPPORTED);
    int32_t cadence[6] = {1000, 4000};
    CHECK_INT(ops->ring(vru.card, 0, cadence), TR_E_UNSUPPORTED);
    struct tr_port_state state;
    CHECK_INT(ops->state(vru.card, 2, &state), TR_E_NO_PORT);
    CHECK_INT(tr_wire_connect(pbx.card, 0, vru.card, 1), TR_E_STATE);
    CHECK_INT(tr_wire_connect(pbx.card, 9, vru.card, 1), TR_E_NO_PORT);
    int extra = tr_sim_card_add_port(vru.card, TR_KIND_FXO, 0);
    CHECK_INT(extra, 2);
    CHECK_INT(tr_sim_card_add_port(vru.card, 7, 0), TR_E_ARGUMENT);
    int third = tr_sim_card_add_port(vru.card, TR_KIND_FXO, 0);
    CHECK_INT(tr_wire_connect(vru.card, (uint32_t)extra, vru.card, (uint32_t)third), TR_E_ARGUMENT);
    CHECK_INT(tr_wire_connect(vru.card, (uint32_t)extra, vru.card, (uint32_t)extra), TR_E_ARGUMENT);
    CHECK_INT(tr_wire_disconnect(vru.card, (uint32_t)extra), TR_E_STATE);
    struct tr_sim_config none = {.ports = 0, .kind = TR_KIND_FXO};
    CHECK(tr_sim_card_new(&none) == NULL);
    close_both();
}

static void capabilities_withheld(void) {
    open_with(0, 0);
    CHECK_INT(pbx.card->ops->polarity(pbx.card, 0, 1), TR_E_UNSUPPORTED);
    CHECK_INT(pbx.card->ops->lamp(pbx.card, 0, 1), TR_E_UNSUPPORTED);
    CHECK_INT(ring(0, 1003, 2000), TR_OK);
    bench_run(&pbx, &vru, 60);
    CHECK_INT(vru.count, 1); /* no RING_BEGIN */
    CHECK_INT(vru.seen[0].kind, TR_EV_RING_END);
    CHECK_INT(vru.seen[0].a0, 0);                      /* no length */
    CHECK_INT(vru.seen[0].at, vru.seen[0].tick * 160); /* at the block */
    CHECK_INT(ring(0, 0, 0), TR_OK);
    off_hook(0);
    CHECK_INT(flash(0, 500), TR_OK);
    bench_run(&pbx, &vru, 40);
    CHECK_INT(pbx.seen[0].kind, TR_EV_FLASH);
    CHECK_INT(pbx.seen[0].a0, 0);
    CHECK_INT(vru.seen[0].kind, TR_EV_HOOK_DONE);
    CHECK_INT(vru.seen[0].a0, 500); /* what we were asked for we know */
    close_both();
    open_with(ALL_CAPABILITIES | TR_CAP_HW_ECHO_CANCELLER, TR_CAP_RX_ONLY | ALL_CAPABILITIES);
    CHECK_INT(hook(0, 1), TR_E_UNSUPPORTED);
    CHECK_INT(pbx.card->ops->capabilities(pbx.card, 0), ALL_CAPABILITIES); /* what we are not, we do not offer */
    CHECK_INT(pbx.card->ops->polarity(pbx.card, 0, 1), TR_OK);
    bench_run(&pbx, &vru, 3);
    CHECK_INT(bench_count(&vru, 0, TR_EV_POLARITY), 1);
    close_both();
}

static void cut_unplugged_and_alarms(void) {
    open_both();
    off_hook(0);
    struct tr_wire_faults faults;
    CHECK_INT(tr_wire_get(vru.card, 0, &faults), TR_OK);
    faults.cut = 1;
    uint64_t at = vru.tick * TR_BLOCK;
    CHECK_INT(tr_wire_set(vru.card, 0, &faults), TR_OK);
    bench_run(&pbx, &vru, 60);
    const struct seen *alarm = bench_event(&vru, 0, TR_EV_ALARM, 0);
    NEED(alarm && bench_event(&vru, 0, TR_EV_LOOP_DROP, 0));
    CHECK_INT(alarm->at, at + 8000);
    CHECK_INT(alarm->a0, TR_ALARM_RED);
    CHECK_INT(bench_state(&vru, 0).alarms, TR_ALARM_RED);
    CHECK_INT(bench_state(&vru, 0).battery, 0);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_ONHOOK), 1); /* no current, no telephone */
    faults.cut = 0;
    CHECK_INT(tr_wire_set(pbx.card, 0, &faults), TR_OK);
    bench_run(&pbx, &vru, 10);
    CHECK_INT(bench_count(&vru, 0, TR_EV_ALARM), 2);
    CHECK_INT(bench_event(&vru, 0, TR_EV_ALARM, 1)->a0, 0);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_OFFHOOK), 1);
    /* Unplugged, then plugged again. */
    vru.count = 0;
    CHECK_INT(tr_wire_disconnect(pbx.card, 0), TR_OK);
    bench_run(&pbx, &vru, 60);
    CHECK_INT(bench_count(&vru, 0, TR_EV_ALARM), 1);
    CHECK(tr_wire_connect(pbx.card, 0, vru.card, 0) >= 0);
    bench_run(&pbx, &vru, 10);
    CHECK_INT(bench_count(&vru, 0, TR_EV_ALARM), 2);
    CHECK_INT(bench_state(&vru, 0).alarms, 0);
    close_both();
}

static void missing_loop_drop_and_reversed(void) {
    open_both();
    off_hook(0);
    struct tr_wire_faults faults;
    CHECK_INT(tr_wire_get(vru.card, 0, &faults), TR_OK);
    faults.no_loop_drop = 1;
    CHECK_INT(tr_wire_set(vru.card, 0, &faults), TR_OK);
    CHECK_INT(loop_open(0, 800), TR_OK);
    bench_run(&pbx, &vru, 60);
    CHECK_INT(vru.count, 0);
    faults.no_loop_drop = 0;
    faults.reversed = 1;
    CHECK_INT(tr_wire_set(vru.card, 0, &faults), TR_OK);
    bench_run(&pbx, &vru, 2);
    CHECK_INT(vru.count, 1);
    CHECK_INT(vru.seen[0].kind, TR_EV_POLARITY);
    CHECK_INT(pbx.card->ops->polarity(pbx.card, 0, 1), TR_OK);
    bench_run(&pbx, &vru, 2);
    CHECK_INT(vru.count, 2);
    CHECK_INT(vru.seen[1].a0, 0);
    close_both();
}

static void bits_cross(void) {
    bench_init(&pbx, TR_KIND_B, 1, TR_CAP_PRECISION);
    bench_init(&vru, TR_KIND_B, 1, TR_CAP_PRECISION);
    CHECK(tr_wire_connect(vru.card, 0, pbx.card, 0) >= 0);
    CHECK_INT(pbx.card->ops->bits(pbx.card, 0, 9), TR_OK);
    CHECK_INT(pbx.card->ops->bits(pbx.card, 0, 16), TR_E_ARGUMENT);
    bench_run(&pbx, &vru, 3);
    CHECK_INT(vru.count, 1);
    CHECK_INT(vru.seen[0].kind, TR_EV_BITS);
    CHECK_INT(vru.seen[0].a0, 9);
    CHECK_INT(vru.seen[0].tick, 1);
    CHECK_INT(bench_state(&vru, 0).bits, 9);
    struct tr_wire_faults faults;
    CHECK_INT(tr_wire_get(vru.card, 0, &faults), TR_OK);
    faults.cut = 1;
    CHECK_INT(tr_wire_set(vru.card, 0, &faults), TR_OK);
    CHECK_INT(pbx.card->ops->bits(pbx.card, 0, 5), TR_OK);
    bench_run(&pbx, &vru, 130);
    CHECK_INT(bench_count(&vru, 0, TR_EV_ALARM), 1);
    CHECK_INT(bench_count(&pbx, 0, TR_EV_ALARM), 1);
    CHECK_INT(bench_state(&vru, 0).bits, 9); /* frozen */
    faults.cut = 0;
    CHECK_INT(tr_wire_set(vru.card, 0, &faults), TR_OK);
    bench_run(&pbx, &vru, 2);
    CHECK_INT(bench_state(&vru, 0).bits, 5);
    CHECK_INT(bench_state(&vru, 0).bits_edges, 2);
    close_both();
}

int main(void) {
    RUN(off_hook_and_on_hook);
    RUN(flash_lengths);
    RUN(too_short_and_too_long);
    RUN(pulse_digits);
    RUN(slow_pulse_digits);
    RUN(loop_drop_shortened_meanwhile);
    RUN(unplugged_port_comes_to_rest);
    RUN(ring_cadence);
    RUN(answer_stops_ringing);
    RUN(loop_drop_and_guard);
    RUN(polarity_and_lamp);
    RUN(overlapping_commands);
    RUN(wrong_port_and_kind);
    RUN(capabilities_withheld);
    RUN(cut_unplugged_and_alarms);
    RUN(missing_loop_drop_and_reversed);
    RUN(bits_cross);
    return check_end();
}
