/* Line classification by itself: odd samples, bounce, borders of the windows, timers against edges. */
#include "../../csrc/line.h"
#include "../../csrc/lineout.h"
#include "check.h"

static struct tr_line line;
static struct tr_found_line seen[64];
static int count;

static void take(void) {
    for (int i = 0; i < line.found_count; i++) {
        NEED(count < 64);
        seen[count++] = line.found[i];
    }
    line.found_count = 0;
}

static void until(uint64_t end) {
    while (tr_line_timer(&line, end)) {
        take();
    }
}

static void far(uint64_t at, uint16_t levels) {
    until(at + 1);
    tr_line_far(&line, at, levels);
    take();
}

static void own(uint64_t at, uint16_t levels) {
    until(at + 1);
    tr_line_own(&line, at, levels);
    take();
}

static void begin(uint32_t kind) {
    tr_line_init(&line, kind, TR_CAP_POLARITY | TR_CAP_LAMP | TR_CAP_REPORTS_RING_BEGIN);
    count = 0;
    if (kind == TR_KIND_FXS) {
        own(0, TR_LEVEL_BATTERY);
    } else {
        far(0, TR_LEVEL_BATTERY);
        tr_line_plug(&line, 0);
        take();
    }
}

static void is(int i, uint32_t kind, uint64_t known, uint64_t edge, int a0) {
    NEED(i < count);
    CHECK_INT(seen[i].kind, kind);
    CHECK_INT(seen[i].at, known);
    CHECK_INT(seen[i].at - seen[i].age, edge);
    CHECK_INT(seen[i].a0, a0);
}

static void every_odd_sample_of_a_flash(void) {
    for (uint64_t length = 640; length <= 8000; length += 131) {
        begin(TR_KIND_FXS);
        far(1003, TR_LEVEL_LOOP);
        far(5001, 0);
        far(5001 + length, TR_LEVEL_LOOP);
        until(20000);
        CHECK_INT(count, 2);
        is(0, TR_EV_OFFHOOK, 1003 + 128, 1003, 0);
        is(1, TR_EV_FLASH, 5001 + length + 128, 5001 + length, (int)((length + 4) / 8));
    }
}

static void borders_of_the_flash_window(void) {
    static const struct {
        uint64_t length;
        uint32_t kind; /* 0: nothing */
    } lengths[] = {{639, 0}, {640, TR_EV_FLASH}, {8000, TR_EV_FLASH}, {8001, TR_EV_ONHOOK}};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        begin(TR_KIND_FXS);
        far(0, TR_LEVEL_LOOP);
        far(1000, 0);
        far(1000 + lengths[i].length, TR_LEVEL_LOOP);
        until(30000);
        CHECK_INT(count, lengths[i].kind == 0 ? 1 : lengths[i].kind == TR_EV_ONHOOK ? 3 : 2);
        CHECK(lengths[i].kind == 0 || seen[1].kind == lengths[i].kind);
        CHECK(tr_line_off_hook(&line));
    }
}

static void contacts_bounce(void) {
    begin(TR_KIND_FXS);
    for (uint64_t t = 0; t < 700; t += 70) { /* 35 samples closed, 35 open, and then closed for good */
        far(1000 + t, TR_LEVEL_LOOP);
        far(1035 + t, 0);
    }
    far(1700, TR_LEVEL_LOOP);
    until(5000);
    CHECK_INT(count, 1);
    is(0, TR_EV_OFFHOOK, 1828, 1700, 0);
    /* A flash whose both edges bounce is one flash from the first opening to the last closing. */
    far(6000, 0);
    far(6020, TR_LEVEL_LOOP);
    far(6050, 0);
    far(9000, TR_LEVEL_LOOP);
    far(9030, 0);
    far(9060, TR_LEVEL_LOOP);
    until(12000);
    CHECK_INT(count, 2);
    is(1, TR_EV_FLASH, 9060 + 128, 9060, (9060 - 6000 + 4) / 8);
    /* A hang-up that bounces near the end of the window is a hang-up. */
    far(20000, 0);
    far(27950, TR_LEVEL_LOOP);
    far(28020, 0);
    until(40000);
    CHECK_INT(count, 3);
    is(2, TR_EV_ONHOOK, 28020, 20000, 0);
    CHECK(!tr_line_off_hook(&line));
}

static void own_opening_hides_the_loop(void) {
    begin(TR_KIND_FXS);
    far(0, TR_LEVEL_LOOP);
    until(1000);
    own(1000, 0); /* we take battery away; the far end hangs up meanwhile */
    far(1500, 0);
    until(5000);
    CHECK_INT(count, 1);
    own(5000, TR_LEVEL_BATTERY);
    until(20000);
    CHECK_INT(count, 2);
    is(1, TR_EV_ONHOOK, 5000 + 8001, 5000, 0);
}

static void ringing_borders(void) {
    begin(TR_KIND_FXO);
    far(1000, TR_LEVEL_BATTERY | TR_LEVEL_RINGING);
    far(1799, TR_LEVEL_BATTERY);
    until(4000);
    CHECK_INT(count, 0);
    far(5001, TR_LEVEL_BATTERY | TR_LEVEL_RINGING);
    far(5801, TR_LEVEL_BATTERY);
    CHECK_INT(count, 2);
    is(0, TR_EV_RING_BEGIN, 5801, 5001, 0);
    is(1, TR_EV_RING_END, 5801, 5801, 100);
    CHECK_INT(line.ring_edges, 1);
    /* Off-hook we hear no ringing; on-hook again, in the middle of a burst, we do. */
    far(10000, TR_LEVEL_BATTERY | TR_LEVEL_RINGING);
    own(11000, TR_LEVEL_LOOP);
    is(3, TR_EV_RING_END, 11000, 11000, 125);
    own(12000, 0);
    until(13000);
    is(4, TR_EV_RING_BEGIN, 12800, 12000, 0);
}

static void drops_and_the_guard(void) {
    begin(TR_KIND_FXO);
    own(1000, TR_LEVEL_LOOP); /* guard to 3400 */
    far(2001, 0);
    far(5401, TR_LEVEL_BATTERY); /* 2000 samples after the guard, and one */
    CHECK_INT(count, 1);
    is(0, TR_EV_LOOP_DROP, 5400, 2001, 0);
    far(10000, 0);
    far(11999, TR_LEVEL_BATTERY);
    until(13000);
    CHECK_INT(count, 1);
    far(20000, 0); /* one drop for one absence, then red; back and forth once more within the clearing time */
    until(40000);
    CHECK_INT(count, 3);
    is(1, TR_EV_LOOP_DROP, 22000, 20000, 0);
    is(2, TR_EV_ALARM, 28000, 28000, TR_ALARM_RED);
    far(40000, TR_LEVEL_BATTERY);
    far(40400, 0);
    far(41000, TR_LEVEL_BATTERY);
    until(50000);
    CHECK_INT(count, 4);
    is(3, TR_EV_ALARM, 41512, 41512, 0);
}

static void alarms_of_line_and_link_are_one_mask(void) {
    begin(TR_KIND_FXO);
    tr_line_link_alarm(&line, 1000, TR_ALARM_RED);
    take();
    far(1000, 0);
    until(20000);
    CHECK_INT(count, 1);
    tr_line_link_alarm(&line, 20000, 0);
    take();
    far(20100, TR_LEVEL_BATTERY);
    until(30000);
    CHECK_INT(count, 2);
    is(1, TR_EV_ALARM, 20100 + 512, 20100 + 512, 0);
}

static void polarity_is_learnt(void) {
    begin(TR_KIND_FXO);
    far(100, 0);
    far(200, TR_LEVEL_REVERSED); /* without battery it is not seen */
    CHECK_INT(count, 0);
    far(333, TR_LEVEL_REVERSED | TR_LEVEL_BATTERY);
    CHECK_INT(count, 1);
    is(0, TR_EV_POLARITY, 333, 333, 1);
}

/* The sending side: what comes out of a block is in order, one edge a sample, and never more than fits. */
static void edges_of_a_block(void) {
    struct tr_line_out out;
    struct tr_edge edges[TR_EDGES_MAX];
    tr_out_init(&out, TR_KIND_FXS);
    CHECK_INT(tr_out_block(&out, 0, edges), 1);
    CHECK_INT(edges[0].levels, TR_LEVEL_BATTERY);
    int32_t fast[6] = {10, 10, 11, 10, 10, 13};
    uint64_t at = TR_BLOCK;
    CHECK_INT(tr_out_ring(&out, at, fast), TR_OK);
    uint64_t toggles = 0;
    for (int t = 0; t < 64; t++, at += TR_BLOCK) {
        int n = tr_out_block(&out, at, edges);
        for (int i = 0; i < n; i++) {
            CHECK(i == 0 || edges[i].offset > edges[i - 1].offset);
            CHECK_INT(edges[i].levels, TR_LEVEL_BATTERY | (toggles % 2 == 0 ? TR_LEVEL_RINGING : 0));
            toggles++;
        }
    }
    CHECK_INT(toggles, 120); /* 64 ticks are 20 cycles of 64 ms */
    int32_t steady[6] = {500, 0, 300, 0, 0, 0};
    CHECK_INT(tr_out_ring(&out, at, steady), TR_OK);
    CHECK_INT(out.due, TR_NEVER); /* without a pause: for ever */
    tr_out_ring_stop(&out);
    CHECK_INT(tr_out_loop_open(&out, at, 1), TR_OK);
    CHECK_INT(tr_out_block(&out, at, edges), 2);
    CHECK_INT(edges[0].offset, 0);
    CHECK_INT(edges[1].offset, 8);
    CHECK_INT(out.done_count, 1);
}

int main(void) {
    RUN(every_odd_sample_of_a_flash);
    RUN(borders_of_the_flash_window);
    RUN(contacts_bounce);
    RUN(own_opening_hides_the_loop);
    RUN(ringing_borders);
    RUN(drops_and_the_guard);
    RUN(alarms_of_line_and_link_are_one_mask);
    RUN(polarity_is_learnt);
    RUN(edges_of_a_block);
    return check_end();
}
