/* The backplane: a remote wire is like a local one; lock step, garbage, end of file, reconnection; the jitter buffer of
 * paced cards (driven by hand: nothing here waits for a clock). */
#define _GNU_SOURCE
#include "bench_line.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct bench pbx, vru;
static tr_backplane *pbx_link, *vru_link;

static uint32_t rng = 1;
static uint32_t any(void) {
    rng ^= rng << 13;
    rng ^= rng >> 17;
    return rng ^= rng << 5;
}

static void pair(int fd[2]) { NEED(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0); }

static void open_remote(uint32_t kind, uint32_t ports, int paced) {
    int fd[2];
    pair(fd);
    bench_init(&pbx, kind == TR_KIND_FXO ? TR_KIND_FXS : kind, ports, ALL_CAPABILITIES);
    bench_init(&vru, kind, ports, ALL_CAPABILITIES);
    pbx_link = tr_backplane_new(pbx.card, 0, ports, fd[0], paced);
    vru_link = tr_backplane_new(vru.card, 0, ports, fd[1], paced);
    NEED(pbx_link && vru_link);
}

static void close_remote(void) {
    bench_free(&pbx);
    bench_free(&vru);
}

static struct tr_backplane_stats stats(tr_backplane *link) {
    struct tr_backplane_stats s;
    CHECK_INT(tr_backplane_stats(link, &s), TR_OK);
    return s;
}

/* ---- stepped ---- */

static void story(bool remote, int order, uint8_t *heard, struct seen *events, int *count) {
    if (remote) {
        open_remote(TR_KIND_FXO, 2, 0);
    } else {
        bench_init(&pbx, TR_KIND_FXS, 2, ALL_CAPABILITIES);
        bench_init(&vru, TR_KIND_FXO, 2, ALL_CAPABILITIES);
        CHECK(tr_wire_connect(pbx.card, 0, vru.card, 0) >= 0);
        CHECK(tr_wire_connect(pbx.card, 1, vru.card, 1) >= 0);
    }
    struct tr_wire_faults f = {.loss_db = 2, .return_loss_db = 11, .far_echo_db = 18, .far_echo_ms = 27};
    CHECK_INT(tr_wire_set(pbx.card, 0, &f), TR_OK);
    CHECK_INT(tr_wire_set(vru.card, 0, &f), TR_OK);
    double one = 0, two = 0;
    for (int t = 0; t < 160; t++) {
        int32_t cadence[6] = {t == 5 ? 333 : 0, t == 5 ? 777 : 0};
        if (t == 5 || t == 60) {
            CHECK_INT(pbx.card->ops->ring(pbx.card, 1, cadence), TR_OK);
        }
        if (t == 10) {
            CHECK_INT(vru.card->ops->hook(vru.card, 0, 1), TR_OK);
            CHECK_INT(pbx.card->ops->lamp(pbx.card, 1, 1), TR_OK);
        }
        if (t == 50) {
            CHECK_INT(vru.card->ops->flash(vru.card, 0, 457), TR_OK);
        }
        if (t == 100) {
            CHECK_INT(pbx.card->ops->loop_open(pbx.card, 0, 311), TR_OK);
        }
        bench_sine(pbx.tx[0], 450, t % 30 < 20 ? 9000 : 0, &one);
        bench_sine(vru.tx[0], 1209, t % 20 < 10 ? 5000 : 0, &two);
        bench_step(order ? &pbx : &vru);
        bench_step(order ? &vru : &pbx);
        memcpy(heard + (size_t)t * 2 * TR_BLOCK, pbx.rx[0], TR_BLOCK);
        memcpy(heard + (size_t)(t * 2 + 1) * TR_BLOCK, vru.rx[0], TR_BLOCK);
    }
    *count = pbx.count + vru.count;
    memcpy(events, pbx.seen, (size_t)pbx.count * sizeof *events);
    memcpy(events + pbx.count, vru.seen, (size_t)vru.count * sizeof *events);
    if (remote) {
        CHECK_INT(stats(vru_link).frames_sent, 160);
        CHECK_INT(stats(vru_link).frames_received, 159); /* the last one was not yet due */
        CHECK_INT(stats(vru_link).slips + stats(vru_link).bad_frames + stats(vru_link).alarm, 0);
        CHECK_INT(stats(vru_link).far_version, 2);
    }
    close_remote();
}

static void a_remote_wire_is_like_a_local_one(void) {
    static uint8_t heard[3][160 * 2 * TR_BLOCK];
    static struct seen events[3][BENCH_EVENTS];
    int count[3];
    memset(events, 0, sizeof events);
    story(false, 0, heard[0], events[0], &count[0]);
    story(true, 0, heard[1], events[1], &count[1]);
    story(true, 1, heard[2], events[2], &count[2]);
    CHECK(count[0] > 6);
    for (int i = 1; i < 3; i++) {
        CHECK_MEM(heard[i], heard[0], sizeof heard[0]);
        CHECK_INT(count[i], count[0]);
        CHECK_MEM(events[i], events[0], sizeof events[0]);
    }
}

/* A child answers the telephone, plays a number back in B bytes, and dies. */
static void two_processes_in_lock_step(void) {
    enum { TICKS = 300 };
    int fd[2];
    pair(fd);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        close(fd[0]);
        bench_init(&vru, TR_KIND_B, 4, 0);
        if (!tr_backplane_new(vru.card, 0, 4, fd[1], 0)) {
            _exit(3);
        }
        for (int t = 0; t < TICKS; t++) {
            bench_step(&vru);
            memcpy(vru.tx, vru.rx, sizeof vru.tx); /* echo, one tick later */
        }
        bench_free(&vru);
        _exit(check_failures ? 4 : 0);
    }
    close(fd[1]);
    bench_init(&pbx, TR_KIND_B, 4, 0);
    pbx_link = tr_backplane_new(pbx.card, 0, 4, fd[0], 0);
    NEED(pbx_link);
    uint8_t sent[3][TR_BLOCK];
    for (int t = 0; t < TICKS; t++) {
        for (int i = 0; i < TR_BLOCK; i++) {
            pbx.tx[3][i] = (uint8_t)any();
        }
        bench_step(&pbx);
        if (t > 3) {
            CHECK_MEM(pbx.rx[3], sent[t % 3], TR_BLOCK); /* out one tick, their chain one, back one */
        }
        memcpy(sent[t % 3], pbx.tx[3], TR_BLOCK);
    }
    CHECK_INT(pbx.count, 0);
    bench_run(&pbx, NULL, 3); /* the child has gone: end of file, not a wait */
    for (uint32_t i = 0; i < 4; i++) {
        const struct seen *alarm = bench_event(&pbx, i, TR_EV_ALARM, 0);
        NEED(alarm);
        CHECK_INT(alarm->a0, TR_ALARM_RED);
    }
    CHECK_INT(stats(pbx_link).alarm, 1);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    bench_free(&pbx);
}

static void end_of_file_and_reconnection(void) {
    for (int paced = 0; paced < 2; paced++) {
        open_remote(TR_KIND_FXO, 2, paced);
        bench_run(&pbx, &vru, 10);
        CHECK_INT(vru.card->ops->hook(vru.card, 0, 1), TR_OK);
        bench_run(&pbx, &vru, 40);
        CHECK_INT(bench_count(&pbx, 0, TR_EV_OFFHOOK), 1);
        pbx.count = vru.count = 0;
        /* Our side drops the link: both ends see it at once. */
        CHECK_INT(tr_backplane_reconnect(pbx_link, -1), TR_OK);
        bench_run(&pbx, &vru, 4);
        CHECK_INT(bench_count(&vru, 0, TR_EV_ALARM), 1);
        CHECK_INT(bench_count(&vru, 1, TR_EV_ALARM), 1);
        CHECK_INT(bench_count(&pbx, 0, TR_EV_ALARM), 1);
        CHECK_INT(bench_state(&vru, 0).alarms, TR_ALARM_RED);
        bench_run(&pbx, &vru, 70);
        CHECK_INT(bench_count(&vru, 0, TR_EV_LOOP_DROP), 1);
        CHECK_INT(bench_count(&vru, 1, TR_EV_LOOP_DROP), 0);
        CHECK_INT(bench_count(&pbx, 0, TR_EV_ONHOOK), 1);
        CHECK_INT(bench_count(&vru, 0, TR_EV_ALARM), 1); /* no second one for the missing battery */
        /* Meanwhile the PBX reverses and lights a lamp; a new connection tells. */
        CHECK_INT(pbx.card->ops->polarity(pbx.card, 1, 1), TR_OK);
        CHECK_INT(pbx.card->ops->lamp(pbx.card, 1, 1), TR_OK);
        bench_run(&pbx, &vru, 5);
        int fd[2];
        pair(fd);
        CHECK_INT(tr_backplane_reconnect(pbx_link, fd[0]), TR_OK);
        CHECK_INT(tr_backplane_reconnect(vru_link, fd[1]), TR_OK);
        CHECK_INT(tr_backplane_reconnect(vru_link, -5), TR_E_ARGUMENT);
        pbx.count = vru.count = 0;
        bench_run(&pbx, &vru, 20);
        for (uint32_t i = 0; i < 2; i++) {
            const struct seen *alarm = bench_event(&vru, i, TR_EV_ALARM, 0);
            NEED(alarm);
            CHECK_INT(alarm->a0, 0);
            CHECK_INT(bench_count(&vru, i, TR_EV_ALARM), 1);
            CHECK_INT(bench_count(&pbx, i, TR_EV_ALARM), 1);
        }
        CHECK_INT(bench_count(&pbx, 0, TR_EV_OFFHOOK), 1);
        CHECK_INT(bench_count(&vru, 1, TR_EV_POLARITY), 1);
        CHECK_INT(bench_count(&vru, 1, TR_EV_LAMP), 1);
        CHECK_INT(stats(vru_link).alarm, 0);
        CHECK_INT(bench_state(&vru, 0).battery, 1);
        close_remote();
    }
}

/* The server is up before the world: no connection yet, then one. */
static void begins_without_a_connection(void) {
    bench_init(&pbx, TR_KIND_FXS, 1, ALL_CAPABILITIES);
    bench_init(&vru, TR_KIND_FXO, 1, ALL_CAPABILITIES);
    vru_link = tr_backplane_new(vru.card, 0, 1, -1, 0);
    NEED(vru_link);
    CHECK_INT(stats(vru_link).alarm, 1);
    bench_run(&vru, NULL, 100);
    CHECK_INT(vru.count, 1);
    CHECK_INT(vru.seen[0].kind, TR_EV_ALARM);
    int fd[2];
    pair(fd);
    CHECK_INT(tr_backplane_reconnect(vru_link, fd[1]), TR_OK);
    pbx_link = tr_backplane_new(pbx.card, 0, 1, fd[0], 0);
    NEED(pbx_link);
    bench_run(&pbx, &vru, 10);
    CHECK_INT(vru.count, 2);
    CHECK_INT(vru.seen[1].a0, 0);
    CHECK_INT(pbx.count, 0);
    CHECK_INT(stats(vru_link).alarm, 0);
    CHECK_INT(bench_state(&vru, 0).battery, 1);
    close_remote();
}

/* ---- what comes from the far end is not to be trusted ---- */

/* A recorded frame of a two-port FXS card with an edge and sound. */
static size_t golden_frame(uint8_t *out, size_t max) {
    int fd[2];
    pair(fd);
    struct bench far;
    bench_init(&far, TR_KIND_FXS, 2, ALL_CAPABILITIES);
    NEED(tr_backplane_new(far.card, 0, 2, fd[0], 1));
    memset(far.tx[1], 0x80, TR_BLOCK);
    bench_step(&far);
    ssize_t n = recv(fd[1], out, max, 0);
    NEED(n > 0);
    bench_free(&far);
    close(fd[1]);
    return (size_t)n;
}

static void the_frame_is_as_documented(void) {
    static uint8_t frame[2000];
    size_t n = golden_frame(frame, sizeof frame);
    static const uint8_t head[] = {'T', 'R', 'B', 'P', 2, 0, 2, 0,    0, 0, 0,    0, 0, 0, 0, 0, 0x78, 1, 0,
                                   0,   0,   0,   0,   0, 0, 0, 2,    1, 0, 0xD5, 0, 0, 2, 0, 0, 0,    0, 0,
                                   2,   0,   1,   0,   2, 1, 1, 0x80, 0, 0, 2,    0, 0, 0, 0, 0, 2,    0};
    CHECK_INT(n, 24 + 2 * (12 + 4) + 320);
    CHECK_INT(n, sizeof head + 320);
    CHECK_MEM(frame, head, sizeof head);
}

static void garbage_is_counted_and_dropped(void) {
    static uint8_t good[2000], bad[40000];
    size_t n = golden_frame(good, sizeof good);
    int fd[2];
    pair(fd);
    bench_init(&vru, TR_KIND_FXO, 2, ALL_CAPABILITIES);
    vru_link = tr_backplane_new(vru.card, 0, 2, fd[1], 1);
    NEED(vru_link);
    uint64_t want = 0;
    /* Random bytes of random length, with and without a true beginning. */
    for (int i = 0; i < 400; i++) {
        size_t length = any() % (i % 10 ? 500 : sizeof bad);
        for (size_t k = 0; k < length; k++) {
            bad[k] = (uint8_t)any();
        }
        if (i % 2 && length > 24) {
            memcpy(bad, good, 24);
            bad[16] = (uint8_t)length;
            bad[17] = (uint8_t)(length >> 8);
        }
        CHECK(send(fd[0], bad, length, MSG_DONTWAIT) == (ssize_t)length);
        want++;
        bench_step(&vru);
        uint8_t drain[2000];
        CHECK(recv(fd[0], drain, sizeof drain, MSG_DONTWAIT) > 0);
    }
    CHECK_INT(stats(vru_link).bad_frames, want);
    CHECK_INT(stats(vru_link).frames_received, 0);
    /* Cut at every place; every byte of the heads damaged. */
    for (size_t length = 0; length < n; length += length < 80 ? 1 : 37) {
        CHECK(send(fd[0], good, length, MSG_DONTWAIT) == (ssize_t)length);
        want++;
        bench_step(&vru);
        uint8_t drain[2000];
        CHECK(recv(fd[0], drain, sizeof drain, MSG_DONTWAIT) > 0);
    }
    CHECK_INT(stats(vru_link).bad_frames, want);
    static const int harmless[] = {8, 9, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23}; /* tick, alarms */
    for (size_t at = 0; at < 56; at++) {
        bool count_it = at != 29 && at != 45 && at != 36 && at != 52; /* any fill byte, any offset below 160 */
        count_it &= at != 4 && at != 5;                               /* another version ends the connection */
        for (size_t k = 0; k < sizeof harmless / sizeof *harmless; k++) {
            count_it &= at != (size_t)harmless[k];
        }
        if (!count_it) {
            continue;
        }
        memcpy(bad, good, n);
        bad[at] ^= 0x80;
        CHECK(send(fd[0], bad, n, MSG_DONTWAIT) == (ssize_t)n);
        bench_step(&vru);
        uint8_t drain[2000];
        CHECK(recv(fd[0], drain, sizeof drain, MSG_DONTWAIT) > 0);
        CHECK_INT(stats(vru_link).bad_frames, ++want);
    }
    CHECK_INT(stats(vru_link).frames_received, 0);
    CHECK(send(fd[0], good, n, MSG_DONTWAIT) == (ssize_t)n);
    bench_step(&vru);
    CHECK_INT(stats(vru_link).frames_received, 1);
    CHECK_INT(stats(vru_link).bad_frames, want);
    bench_free(&vru);
    close(fd[0]);
}

/* A far end of another version: its connection ends at its first frame, both ways of time, and a new one can follow. */
static void another_version_is_refused(void) {
    static uint8_t frame[2000];
    size_t n = golden_frame(frame, sizeof frame);
    for (int paced = 0; paced < 2; paced++) {
        int fd[2];
        pair(fd);
        bench_init(&vru, TR_KIND_FXO, 2, ALL_CAPABILITIES);
        vru_link = tr_backplane_new(vru.card, 0, 2, fd[1], paced);
        NEED(vru_link);
        frame[4] = 1;
        for (uint8_t t = 0; t < 3; t++) {
            frame[8] = t;
            CHECK(send(fd[0], frame, n, 0) == (ssize_t)n);
        }
        bench_run(&vru, NULL, 3);
        CHECK_INT(stats(vru_link).refused, 1);
        CHECK_INT(stats(vru_link).far_version, 1);
        CHECK_INT(stats(vru_link).version, 2);
        CHECK_INT(stats(vru_link).alarm, 1);
        CHECK_INT(stats(vru_link).bad_frames, 1);
        CHECK(send(fd[0], frame, n, MSG_NOSIGNAL) < 0); /* hung up */
        CHECK_INT(bench_count(&vru, 1, TR_EV_ALARM), 1);
        close(fd[0]);
        pair(fd);
        CHECK_INT(tr_backplane_reconnect(vru_link, fd[1]), TR_OK);
        frame[4] = 2;
        for (uint8_t t = 0; t < 5; t++) {
            frame[8] = t;
            CHECK(send(fd[0], frame, n, 0) == (ssize_t)n);
        }
        bench_run(&vru, NULL, 5);
        CHECK_INT(stats(vru_link).refused, 0);
        CHECK_INT(stats(vru_link).alarm, 0);
        CHECK(stats(vru_link).frames_received > 0);
        bench_free(&vru);
        close(fd[0]);
    }
}

/* Stepped: a damaged frame is a tick of silence, the next one is heard again. */
static void a_damaged_frame_in_lock_step(void) {
    static uint8_t good[2000];
    size_t n = golden_frame(good, sizeof good);
    int fd[2];
    pair(fd);
    bench_init(&vru, TR_KIND_FXO, 2, ALL_CAPABILITIES);
    vru_link = tr_backplane_new(vru.card, 0, 2, fd[1], 0);
    NEED(vru_link);
    CHECK_INT(vru.card->ops->hook(vru.card, 1, 1), TR_OK);
    for (uint8_t t = 0; t < 6; t++) {
        good[8] = t;
        good[0] = t == 3 ? 'X' : 'T';
        CHECK(send(fd[0], good, n, 0) == (ssize_t)n);
    }
    for (int t = 0; t < 6; t++) {
        bench_step(&vru);
        CHECK_INT(vru.rx[1][80] != 0xD5, t != 0 && t != 4);
    }
    CHECK_INT(stats(vru_link).bad_frames, 1);
    CHECK_INT(stats(vru_link).slips, 1);
    bench_free(&vru);
    close(fd[0]);
}

static void what_cannot_be_joined(void) {
    int fd[2];
    pair(fd);
    bench_init(&vru, TR_KIND_FXO, 3, ALL_CAPABILITIES);
    bench_init(&pbx, TR_KIND_FXS, 3, ALL_CAPABILITIES);
    CHECK(tr_wire_connect(pbx.card, 1, vru.card, 1) >= 0);
    CHECK(tr_backplane_new(vru.card, 0, 4, fd[0], 1) == NULL);
    CHECK(tr_backplane_new(vru.card, 0, 0, fd[0], 1) == NULL);
    CHECK_INT(errno, EINVAL);
    CHECK(tr_backplane_new(vru.card, 0, 3, fd[0], 1) == NULL); /* port 1 is wired */
    CHECK_INT(errno, EBUSY);
    CHECK(tr_wire_connect(pbx.card, 0, vru.card, 0) >= 0); /* and nothing is left behind */
    CHECK(tr_wire_disconnect(pbx.card, 0) == TR_OK);
    tr_backplane *link = tr_backplane_new(vru.card, 0, 1, fd[0], 1);
    NEED(link);
    CHECK_INT(tr_wire_connect(pbx.card, 0, vru.card, 0), TR_E_STATE);
    CHECK_INT(tr_wire_disconnect(vru.card, 0), TR_E_STATE);
    CHECK_INT(tr_backplane_reconnect(link, fd[1]), TR_OK); /* two before a tick took one: the first is closed */
    CHECK_INT(tr_backplane_reconnect(link, -1), TR_OK);
    close_remote();
}

/* ---- paced ---- */

/* The far side sends numbered blocks on B; what is heard is a sequence with steps that the test expects. */
static void number(struct bench *b) { memset(b->tx[0], (int)(b->tick % 200), TR_BLOCK); }

static void paced_never_waits(void) {
    open_remote(TR_KIND_B, 1, 1);
    bench_run(&vru, NULL, 200); /* the far end stands still: frames pile up, then the socket is full */
    CHECK_INT(bench_count(&vru, 0, TR_EV_ALARM), 1);
    CHECK_INT(bench_event(&vru, 0, TR_EV_ALARM, 0)->tick, 50); /* after one second without a frame */
    CHECK_INT(stats(vru_link).alarm, 1);
    CHECK_INT(stats(vru_link).slips, 200 - stats(vru_link).frames_sent);
    /* It comes back: heard again, alarm cleared. */
    bench_run(&pbx, &vru, 10);
    CHECK_INT(bench_count(&vru, 0, TR_EV_ALARM), 2);
    CHECK_INT(stats(vru_link).alarm, 0);
    close_remote();
}

static void three_ticks_of_jitter(void) {
    open_remote(TR_KIND_B, 1, 1);
    int heard = 0;
    uint8_t last = 0;
    for (int t = 0; t < 600; t++) {
        /* The far side runs in bursts: 1, 2 or 3 ticks, then pauses; on the mean as fast as we. */
        int far = t % 3 == 0 ? 3 : 0;
        for (int i = 0; i < far; i++) {
            number(&pbx);
            bench_step(&pbx);
        }
        bench_step(&vru);
        if (vru.rx[0][0] != 0xD5) {
            heard++;
            CHECK(heard == 1 || vru.rx[0][0] == (last + 1) % 200);
            last = vru.rx[0][0];
        }
    }
    CHECK_BETWEEN(heard, 595, 600);
    CHECK_INT(stats(vru_link).slips, 0);
    close_remote();
}

static void clocks_that_differ_slip(void) {
    for (int faster = 0; faster < 2; faster++) {
        open_remote(TR_KIND_B, 1, 1);
        CHECK_INT(pbx.card->ops->bits(pbx.card, 0, 5), TR_OK);
        int silent = 0;
        for (int t = 0; t < 1000; t++) {
            int far = t % 100 == 50 ? (faster ? 2 : 0) : 1; /* one per cent */
            for (int i = 0; i < far; i++) {
                number(&pbx);
                bench_step(&pbx);
            }
            bench_step(&vru);
            silent += t > 20 && vru.rx[0][0] == 0xD5;
        }
        uint64_t slips = stats(vru_link).slips;
        CHECK_BETWEEN(slips, 6, 12);
        CHECK_INT(silent > 0, !faster);
        CHECK_INT(stats(vru_link).bad_frames, 0);
        CHECK_INT(bench_state(&vru, 0).bits, 5);
        CHECK_INT(vru.count, 1); /* the bits, no alarm */
        CHECK_INT(vru.card->ops->slips(vru.card), slips);
        close_remote();
    }
}

/* A stall of 300 ms of the far end and a burst after it: the delay comes back to three ticks; hook states are true. */
static void a_stall_and_a_burst(void) {
    open_remote(TR_KIND_FXO, 1, 1);
    bench_run(&pbx, &vru, 20);
    for (int t = 0; t < 15; t++) {
        bench_step(&pbx);
        if (t == 3) {
            CHECK_INT(pbx.card->ops->polarity(pbx.card, 0, 1), TR_OK);
        }
    }
    bench_run(&pbx, &vru, 100);
    CHECK_INT(bench_count(&vru, 0, TR_EV_POLARITY), 1);
    CHECK_INT(bench_count(&vru, 0, TR_EV_ALARM), 0);
    CHECK(stats(vru_link).slips > 0);
    uint64_t before = stats(vru_link).slips;
    CHECK_INT(vru.card->ops->hook(vru.card, 0, 1), TR_OK);
    uint64_t at = pbx.tick;
    bench_run(&pbx, &vru, 100);
    CHECK_INT(stats(vru_link).slips, before);
    const struct seen *off = bench_event(&pbx, 0, TR_EV_OFFHOOK, 0);
    NEED(off);
    CHECK_BETWEEN(off->tick, at + 2, at + 6);
    close_remote();
}

static void a_full_span(void) {
    enum { PORTS = 256 };
    static uint8_t rx[PORTS][TR_BLOCK], tx[2][PORTS][TR_BLOCK];
    static uint8_t *rxp[PORTS];
    static const uint8_t *txp[2][PORTS];
    tr_card *card[2];
    int fd[2];
    pair(fd);
    for (int i = 0; i < 2; i++) {
        struct tr_sim_config config = {.ports = PORTS, .kind = i ? TR_KIND_FXO : TR_KIND_FXS, .law = TR_LAW_A};
        card[i] = tr_sim_card_new(&config);
        NEED(card[i] && tr_backplane_new(card[i], 0, PORTS, fd[i], 0));
    }
    for (uint32_t p = 0; p < PORTS; p++) {
        rxp[p] = rx[p];
        for (int i = 0; i < 2; i++) {
            txp[i][p] = tx[i][p];
        }
        CHECK_INT(card[1]->ops->hook(card[1], p, 1), TR_OK);
    }
    int deaf = 0;
    for (int t = 0; t < 12; t++) {
        for (uint32_t p = 0; p < PORTS; p++) {
            memset(tx[0][p], (int)(0x80 + p % 32), TR_BLOCK);
            memset(tx[1][p], (int)(0x80 + p % 16), TR_BLOCK);
        }
        for (int i = 0; i < 2; i++) {
            CHECK_INT(card[i]->ops->exchange(card[i], rxp, txp[i], PORTS), TR_OK);
            for (uint32_t p = 0; p < PORTS && t > 2; p++) {
                deaf += rx[p][0] == 0xD5;
            }
        }
    }
    CHECK_INT(deaf, 0);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(card[i]->ops->slips(card[i]), 0);
        card[i]->ops->release(card[i]);
    }
}

int main(void) {
    RUN(a_remote_wire_is_like_a_local_one);
    RUN(two_processes_in_lock_step);
    RUN(end_of_file_and_reconnection);
    RUN(begins_without_a_connection);
    RUN(the_frame_is_as_documented);
    RUN(garbage_is_counted_and_dropped);
    RUN(another_version_is_refused);
    RUN(a_damaged_frame_in_lock_step);
    RUN(what_cannot_be_joined);
    RUN(paced_never_waits);
    RUN(three_ticks_of_jitter);
    RUN(clocks_that_differ_slip);
    RUN(a_stall_and_a_burst);
    RUN(a_full_span);
    return check_end();
}
