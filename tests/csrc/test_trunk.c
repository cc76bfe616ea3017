/* Digital lines of software cards, over a wire in this process and over a backplane: HDLC frames on D channels, CAS
 * bits and octets on B channels; bit errors, slips, cuts; alarms and what follows from them (ITU-T G.732). */
#define _GNU_SOURCE
#include "bench_line.h"
#include <sys/socket.h>
#include <unistd.h>

static struct bench near, far;
static tr_backplane *near_link;

static void open_line(uint32_t kind, bool remote) {
    bench_init(&near, kind, 2, ALL_CAPABILITIES);
    bench_init(&far, kind, 2, ALL_CAPABILITIES);
    if (remote) {
        int fd[2];
        NEED(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0);
        near_link = tr_backplane_new(near.card, 0, 2, fd[0], 0);
        NEED(near_link && tr_backplane_new(far.card, 0, 2, fd[1], 0));
    } else {
        for (uint32_t i = 0; i < 2; i++) {
            CHECK(tr_wire_connect(near.card, i, far.card, i) >= 0);
        }
    }
    bench_run(&near, &far, 3);
    CHECK_INT(near.count, 0);
    CHECK_INT(far.count, 0);
}

static void close_line(void) {
    bench_free(&near);
    bench_free(&far);
}

static struct tr_wire_faults faults_of(struct bench *b, uint32_t port) {
    struct tr_wire_faults f;
    CHECK_INT(tr_wire_get(b->card, port, &f), TR_OK);
    return f;
}

static void cut(struct bench *b, bool on) {
    struct tr_wire_faults f = faults_of(b, 0);
    f.cut = on;
    CHECK_INT(tr_wire_set(b->card, 0, &f), TR_OK);
}

static void alarm_at(struct bench *b, int32_t alarm) {
    struct tr_wire_faults f = faults_of(b, 0);
    f.alarm = alarm;
    CHECK_INT(tr_wire_set(b->card, 0, &f), TR_OK);
}

/* ---- frames ---- */

#define FRAMES 2000
static struct {
    uint8_t data[TR_FRAME_MAX];
    uint32_t length;
    uint64_t tick;
} heard[FRAMES];
static int heard_count;

static void take(const struct bench *b, const struct tr_line_event *e) {
    NEED(heard_count < FRAMES);
    CHECK_INT(e->card_port, 0);
    heard[heard_count].length = e->side_len;
    heard[heard_count].tick = b->tick;
    memcpy(heard[heard_count++].data, e->side, e->side_len);
}

static int say(struct bench *b, const void *data, uint32_t length) {
    return b->card->ops->frame(b->card, 0, (const uint8_t *)data, length);
}

static void frames_cross(void) {
    for (int remote = 0; remote < 2; remote++) {
        open_line(TR_KIND_D, remote);
        far.frame = take;
        heard_count = 0;
        static uint8_t frame[260];
        uint64_t at = near.tick;
        int sent = 0;
        for (uint32_t n = 1; n <= sizeof frame;) {
            memset(frame, (int)n, n);
            int result = say(&near, frame, n);
            if (result == TR_E_FULL) {
                bench_run(&near, &far, 1);
                continue;
            }
            CHECK_INT(result, TR_OK);
            sent++;
            n++;
        }
        bench_run(&near, &far, 60);
        CHECK_INT(heard_count, sent);
        CHECK_INT(heard[0].tick, at + 1);
        for (int i = 0; i < heard_count; i++) {
            CHECK_INT(heard[i].length, i + 1);
            CHECK_INT(heard[i].data[i], (uint8_t)(i + 1));
        }
        CHECK_INT(bench_state(&near, 0).frames_sent, sent);
        CHECK_INT(bench_state(&far, 0).frames_received, sent);
        CHECK_INT(bench_state(&far, 0).frames_bad, 0);
        /* Octets, FCS, one flag, and the stuffing: no faster than the line. */
        uint64_t bits = 0;
        for (uint32_t n = 1; n <= sizeof frame; n++) {
            bits += (n + 3) * 8;
        }
        CHECK(heard[heard_count - 1].tick - at >= bits / (TR_BLOCK * 8));
        CHECK(heard[heard_count - 1].tick - at <= bits / (TR_BLOCK * 8) * 11 / 10 + 2);
        CHECK_INT(near.count + far.count, 0);
        close_line();
    }
}

static void what_a_channel_refuses(void) {
    open_line(TR_KIND_D, false);
    uint8_t frame[TR_FRAME_MAX + 1] = {0};
    CHECK_INT(say(&near, frame, 0), TR_E_ARGUMENT);
    CHECK_INT(say(&near, frame, sizeof frame), TR_E_TOO_LONG);
    CHECK_INT(near.card->ops->frame(near.card, 9, frame, 1), TR_E_NO_PORT);
    CHECK_INT(near.card->ops->bits(near.card, 0, 1), TR_E_UNSUPPORTED);
    CHECK_INT(near.card->ops->hook(near.card, 0, 1), TR_E_UNSUPPORTED);
    CHECK_INT(tr_wire_tap(near.card, 0, "/tmp/never"), TR_E_UNSUPPORTED);
    CHECK_INT(near.card->ops->idle(near.card, 0), 1);
    struct tr_wire_faults f = faults_of(&near, 0);
    f.bit_error_rate = 0.6;
    CHECK_INT(tr_wire_set(near.card, 0, &f), TR_E_ARGUMENT);
    f.bit_error_rate = 0;
    f.alarm = TR_ALARM_RED;
    CHECK_INT(tr_wire_set(near.card, 0, &f), TR_E_ARGUMENT);
    CHECK(near.card->ops->memory(near.card) > 2 * sizeof(struct tr_hdlc));
    close_line();
    open_line(TR_KIND_B, false);
    CHECK_INT(say(&near, frame, 1), TR_E_UNSUPPORTED);
    struct tr_sim_config d = {.ports = 1, .kind = TR_KIND_D};
    tr_card *other = tr_sim_card_new(&d);
    NEED(other);
    CHECK_INT(tr_wire_disconnect(near.card, 1), TR_OK);
    CHECK_INT(tr_wire_connect(near.card, 1, other, 0), TR_E_ARGUMENT);
    CHECK_INT(tr_sim_card_add_port(other, TR_KIND_D, 0), 1);
    CHECK_INT(tr_sim_card_add_port(other, 5, 0), TR_E_ARGUMENT);
    CHECK_INT(other->ops->frame(other, 1, frame, 1), TR_OK); /* to nobody: it leaves all the same */
    other->ops->release(other);
    close_line();
    open_line(TR_KIND_B, false);
    bench_free(&far);
    bench_init(&far, TR_KIND_FXS, 2, 0);
    close_line();
}

/* Frames over a damaged line: some are lost and counted, none is wrong, and those that come are in order. */
static void frames_on_a_bad_line(void) {
    static const double rates[] = {1e-4, 1e-3};
    for (int i = 0; i < 3; i++) {
        open_line(TR_KIND_D, i == 1);
        struct tr_wire_faults f = faults_of(&far, 0);
        f.seed = 7;
        f.bit_error_rate = i < 2 ? rates[i] : 0;
        f.slip_per_min = i == 2 ? 577 : 0; /* at another place of the block each time */
        CHECK_INT(tr_wire_set(far.card, 0, &f), TR_OK);
        far.frame = take;
        heard_count = 0;
        uint8_t frame[40];
        int sent = 0;
        for (int t = 0; t < 400; t++) {
            for (int k = 0; k < 3; k++) {
                memset(frame, sent, sizeof frame);
                frame[0] = (uint8_t)(sent >> 8);
                sent += say(&near, frame, sizeof frame) == TR_OK;
            }
            bench_run(&near, &far, 1);
        }
        bench_run(&near, &far, 3);
        struct tr_port_state state = bench_state(&far, 0);
        CHECK_INT(sent, 1200);
        CHECK_INT(state.frames_received, heard_count);
        /* 43 octets: 344 bits. 77 slips, each of which hits a frame four times in five. */
        int lost = sent - heard_count;
        CHECK_BETWEEN(lost, i == 0 ? 20 : i == 1 ? 250 : 40, i == 0 ? 70 : i == 1 ? 450 : 82);
        CHECK_BETWEEN(state.frames_bad, lost * 0.8, lost * 1.3);
        struct tr_card_health health;
        far.card->ops->health(far.card, &health);
        CHECK_INT(health.bad_frames, state.frames_bad);
        int last = -1;
        for (int k = 0; k < heard_count; k++) {
            int number = heard[k].data[0] << 8 | heard[k].data[1];
            CHECK_INT(heard[k].length, sizeof frame);
            CHECK(number > last);
            last = number;
        }
        CHECK_INT(bench_count(&far, 0, TR_EV_ALARM), 0);
        close_line();
    }
}

/* ---- B channels ---- */

static void bit_errors_flip_single_bits(void) {
    int wrong[3];
    for (int run = 0; run < 3; run++) {
        open_line(TR_KIND_B, false);
        struct tr_wire_faults f = faults_of(&far, 0);
        f.bit_error_rate = 1e-3;
        f.seed = run < 2 ? 3 : 4;
        CHECK_INT(tr_wire_set(far.card, 0, &f), TR_OK);
        bench_run(&near, &far, 1);
        wrong[run] = 0;
        uint64_t sum = 0;
        for (int t = 0; t < 500; t++) {
            uint8_t before[TR_BLOCK];
            memcpy(before, near.tx[0], TR_BLOCK);
            for (int i = 0; i < TR_BLOCK; i++) {
                near.tx[0][i] = t < 250 ? 0xD5 : (uint8_t)(t * 31 + i); /* silence is hit as well */
            }
            bench_run(&near, &far, 1);
            for (int i = 0; i < TR_BLOCK; i++) {
                int bits = __builtin_popcount(far.rx[0][i] ^ before[i]);
                wrong[run] += bits;
                sum += bits ? (uint64_t)(t * TR_BLOCK + i) * 3 : 0;
            }
        }
        CHECK_BETWEEN(wrong[run], 560, 720); /* of 640,000 bits */
        CHECK(sum > 0);
        close_line();
    }
    CHECK_INT(wrong[0], wrong[1]);
}

static void bits_cross_the_backplane(void) {
    open_line(TR_KIND_B, true);
    for (int t = 0; t < 16; t++) {
        CHECK_INT(near.card->ops->bits(near.card, 0, t), TR_OK);
        CHECK_INT(far.card->ops->bits(far.card, 0, 15 - t), TR_OK);
        bench_run(&near, &far, 2);
        CHECK_INT(bench_state(&far, 0).bits, t);
        CHECK_INT(bench_state(&near, 0).bits, 15 - t);
    }
    CHECK_INT(bench_count(&far, 0, TR_EV_BITS), 15); /* 0 it knew */
    CHECK_INT(bench_state(&far, 0).bits_edges, 15);
    CHECK_INT(bench_state(&far, 1).bits_edges, 0);
    close_line();
}

/* ---- alarms ---- */

enum { GONE = 125, BACK = 25 }; /* ticks of the persistence times */

static void cut_and_mended(uint32_t kind, bool remote) {
    open_line(kind, remote);
    uint64_t at = near.tick;
    cut(&near, true);
    bench_run(&near, &far, GONE - 1);
    CHECK_INT(near.count + far.count, 0);
    bench_run(&near, &far, 5);
    struct bench *ends[] = {&near, &far};
    for (int i = 0; i < 2; i++) {
        const struct seen *alarm = bench_event(ends[i], 0, TR_EV_ALARM, 0);
        NEED(alarm);
        CHECK_INT(alarm->a0, TR_ALARM_RED | TR_ALARM_LOS);
        CHECK_BETWEEN(alarm->tick, at + GONE, at + GONE + 2);
        CHECK_INT(bench_state(ends[i], 0).alarms, TR_ALARM_RED | TR_ALARM_LOS);
        CHECK_INT(bench_state(ends[i], 1).alarms, 0);
    }
    at = near.tick;
    cut(&near, false);
    bench_run(&near, &far, 100);
    for (int i = 0; i < 2; i++) {
        const struct seen *alarm = bench_event(ends[i], 0, TR_EV_ALARM, 1);
        NEED(alarm);
        CHECK_INT(alarm->a0, 0);
        CHECK_BETWEEN(alarm->tick, at + BACK, at + BACK + 2);
        CHECK_INT(bench_count(ends[i], 0, TR_EV_ALARM), 2); /* no yellow of the far end's last moments */
    }
    close_line();
}

static void a_cut_is_red_at_both_ends(void) {
    cut_and_mended(TR_KIND_B, false);
    cut_and_mended(TR_KIND_B, true);
    cut_and_mended(TR_KIND_D, false);
    cut_and_mended(TR_KIND_D, true);
}

static void short_cuts_are_no_alarm(void) {
    open_line(TR_KIND_B, false);
    for (int i = 0; i < 4; i++) {
        cut(&near, true);
        memset(near.tx, 0x11, sizeof near.tx);
        bench_run(&near, &far, GONE - 5);
        CHECK_INT(far.rx[0][0], 0xD5); /* but nothing is heard, at once */
        CHECK_INT(far.rx[1][0], 0x11);
        cut(&near, false);
        bench_run(&near, &far, 5);
        CHECK_INT(far.rx[0][0], 0x11);
    }
    CHECK_INT(near.count + far.count, 0);
    close_line();
}

/* One end sends nothing, all ones, or a remote alarm: the far end has it, and the end itself hears of it. */
static void consequent_actions(uint32_t kind, bool remote, int32_t alarm) {
    open_line(kind, remote);
    alarm_at(&near, alarm);
    CHECK_INT(faults_of(&near, 0).alarm, alarm);
    if (!remote) {
        CHECK_INT(faults_of(&far, 0).alarm, 0);
    }
    bench_run(&near, &far, 2 * (GONE + BACK));
    uint32_t at_far = alarm == TR_ALARM_LOS ? TR_ALARM_RED | TR_ALARM_LOS : (uint32_t)alarm;
    CHECK_INT(bench_state(&far, 0).alarms, at_far);
    CHECK_INT(bench_state(&near, 0).alarms, alarm == TR_ALARM_YELLOW ? 0 : TR_ALARM_YELLOW);
    CHECK_INT(bench_count(&far, 0, TR_EV_ALARM), 1);
    CHECK_INT(bench_count(&near, 0, TR_EV_ALARM), alarm != TR_ALARM_YELLOW);
    const struct seen *told = bench_event(&far, 0, TR_EV_ALARM, 0), *back = bench_event(&near, 0, TR_EV_ALARM, 0);
    NEED(told);
    CHECK_BETWEEN(told->tick, (alarm == TR_ALARM_YELLOW ? BACK : GONE) + 3,
                  (alarm == TR_ALARM_YELLOW ? BACK : GONE) + 8);
    if (back) {
        CHECK_BETWEEN(back->tick, told->tick + BACK, told->tick + BACK + 3);
    }
    memset(near.tx, 0x22, sizeof near.tx);
    memset(far.tx, 0x33, sizeof far.tx);
    bench_run(&near, &far, 3);
    if (kind == TR_KIND_B) {
        CHECK_INT(far.rx[0][0], alarm == TR_ALARM_YELLOW ? 0x22 : 0xD5);
        CHECK_INT(near.rx[0][0], 0x33); /* the other way all is well */
    }
    alarm_at(&near, 0);
    bench_run(&near, &far, 3 * BACK);
    CHECK_INT(bench_state(&far, 0).alarms, 0);
    CHECK_INT(bench_state(&near, 0).alarms, 0);
    CHECK_INT(bench_count(&far, 0, TR_EV_ALARM), 2);
    close_line();
}

static void alarms_and_their_consequences(void) {
    static const int32_t alarms[] = {TR_ALARM_LOS, TR_ALARM_BLUE, TR_ALARM_YELLOW};
    for (size_t i = 0; i < sizeof alarms / sizeof *alarms; i++) {
        consequent_actions(TR_KIND_B, false, alarms[i]);
        consequent_actions(TR_KIND_B, true, alarms[i]);
        consequent_actions(TR_KIND_D, true, alarms[i]);
    }
}

/* From nothing to all ones and back while the alarm stands: told at once, without a gap. */
static void one_alarm_for_another(void) {
    open_line(TR_KIND_B, false);
    alarm_at(&near, TR_ALARM_LOS);
    bench_run(&near, &far, GONE - 20);
    alarm_at(&near, TR_ALARM_BLUE); /* the time runs on: the signal has been gone all along */
    bench_run(&near, &far, 25);
    CHECK_INT(bench_state(&far, 0).alarms, TR_ALARM_BLUE);
    alarm_at(&near, TR_ALARM_LOS);
    bench_run(&near, &far, 4);
    CHECK_INT(bench_state(&far, 0).alarms, TR_ALARM_RED | TR_ALARM_LOS);
    CHECK_INT(bench_count(&far, 0, TR_EV_ALARM), 2);
    alarm_at(&near, TR_ALARM_YELLOW); /* after our own alarm has cleared its remote alarm counts */
    bench_run(&near, &far, BACK + 4);
    CHECK_INT(bench_state(&far, 0).alarms, 0);
    bench_run(&near, &far, BACK);
    CHECK_INT(bench_state(&far, 0).alarms, TR_ALARM_YELLOW);
    close_line();
}

static void a_frame_that_is_cut_off_is_bad(void) {
    open_line(TR_KIND_D, false);
    far.frame = take;
    heard_count = 0;
    uint8_t frame[400];
    memset(frame, 0x5A, sizeof frame);
    CHECK_INT(say(&near, frame, sizeof frame), TR_OK); /* two ticks and a half */
    bench_run(&near, &far, 2);
    cut(&near, true);
    bench_run(&near, &far, 2);
    cut(&near, false);
    bench_run(&near, &far, 3);
    CHECK_INT(heard_count, 0);
    CHECK_INT(bench_state(&far, 0).frames_bad, 1);
    CHECK_INT(say(&near, frame, sizeof frame), TR_OK);
    bench_run(&near, &far, 5);
    CHECK_INT(heard_count, 1);
    close_line();
}

int main(void) {
    RUN(frames_cross);
    RUN(what_a_channel_refuses);
    RUN(frames_on_a_bad_line);
    RUN(a_frame_that_is_cut_off_is_bad);
    RUN(bit_errors_flip_single_bits);
    RUN(bits_cross_the_backplane);
    RUN(a_cut_is_red_at_both_ends);
    RUN(short_cuts_are_no_alarm);
    RUN(alarms_and_their_consequences);
    RUN(one_alarm_for_another);
    return check_end();
}
