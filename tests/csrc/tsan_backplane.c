/* Two paced cards on threads of their own, joined by a backplane, while control threads read statistics, set faults,
 * unplug a local wire and reconnect the link. For ThreadSanitizer; asserts that it ends well all the same. */
#define _GNU_SOURCE
#include "bench_line.h"
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SPAN = 2 };

struct side {
    struct bench bench;
    tr_backplane *link;
    atomic_bool stop;
};
static struct side left, right;

static void pause_us(long us) {
    struct timespec t = {.tv_nsec = us * 1000};
    nanosleep(&t, NULL);
}

static void *run(void *arg) {
    struct side *side = arg;
    for (int t = 0; !atomic_load(&side->stop); t++) {
        memset(side->bench.tx, 0x80 + t % 16, sizeof side->bench.tx);
        uint8_t *rx[BENCH_PORTS];
        const uint8_t *tx[BENCH_PORTS];
        for (uint32_t i = 0; i < side->bench.ports; i++) {
            rx[i] = side->bench.rx[i];
            tx[i] = side->bench.tx[i];
        }
        tr_card *card = side->bench.card;
        struct tr_line_event event;
        if (card->ops->exchange(card, rx, tx, side->bench.ports) != TR_OK) {
            abort(); /* CHECK counts without locks: for the main thread only */
        }
        while (card->ops->next_event(card, &event) > 0) {
        }
        pause_us(t % 7 ? 100 : 300);
    }
    return NULL;
}

static void connect_both(bool first) {
    int fd[2];
    NEED(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0);
    if (first) {
        left.link = tr_backplane_new(left.bench.card, 0, SPAN, fd[0], 1);
        right.link = tr_backplane_new(right.bench.card, 0, SPAN, fd[1], 1);
        NEED(left.link && right.link);
    } else {
        CHECK_INT(tr_backplane_reconnect(left.link, fd[0]), TR_OK);
        CHECK_INT(tr_backplane_reconnect(right.link, fd[1]), TR_OK);
    }
}

static void control_while_running(void) {
    bench_init(&left.bench, TR_KIND_FXS, SPAN + 1, ALL_CAPABILITIES);
    bench_init(&right.bench, TR_KIND_FXO, SPAN, ALL_CAPABILITIES);
    int local = tr_sim_card_add_port(left.bench.card, TR_KIND_FXO, ALL_CAPABILITIES);
    left.bench.ports++;
    NEED(local == SPAN + 1);
    for (uint32_t i = 0; i < SPAN; i++) {
        CHECK_INT(right.bench.card->ops->hook(right.bench.card, i, 1), TR_OK);
    }
    connect_both(true);
    pthread_t thread[2];
    NEED(pthread_create(&thread[0], NULL, run, &left) == 0);
    NEED(pthread_create(&thread[1], NULL, run, &right) == 0);
    struct tr_backplane_stats stats;
    for (int i = 0; i < 300; i++) {
        struct tr_wire_faults faults;
        CHECK_INT(tr_wire_get(right.bench.card, 0, &faults), TR_OK);
        faults.loss_db = i % 20;
        faults.noise_dbm0 = i % 2 ? -40 : 0;
        faults.far_echo_db = i % 3 ? 20 : 0;
        faults.far_echo_ms = 30;
        CHECK_INT(tr_wire_set(right.bench.card, 0, &faults), TR_OK);
        CHECK_INT(tr_wire_set(left.bench.card, 1, &faults), TR_OK);
        CHECK(tr_wire_connect(left.bench.card, SPAN, left.bench.card, (uint32_t)local) >= 0);
        CHECK_INT(tr_backplane_stats(left.link, &stats), TR_OK);
        if (i % 50 == 49) {
            CHECK_INT(tr_backplane_reconnect(i % 100 == 99 ? left.link : right.link, -1), TR_OK);
            pause_us(2000);
            connect_both(false);
        }
        pause_us(500);
        CHECK_INT(tr_wire_disconnect(left.bench.card, SPAN), TR_OK);
    }
    int left_ms = 60000; /* a busy computer may let the two run late, as long as they do */
    do {
        pause_us(1000);
        CHECK_INT(tr_backplane_stats(right.link, &stats), TR_OK);
    } while (--left_ms > 0 && (stats.alarm != 0 || stats.frames_received <= 100));
    CHECK_INT(stats.alarm, 0);
    CHECK_INT(stats.bad_frames, 0);
    CHECK(stats.frames_received > 100);
    atomic_store(&left.stop, true);
    atomic_store(&right.stop, true);
    pthread_join(thread[0], NULL);
    pthread_join(thread[1], NULL);
    CHECK(right.bench.rx[0][0] != 0xD5);
    bench_free(&left.bench);
    bench_free(&right.bench);
}

enum { MOST = 256 };
static struct {
    tr_card *card;
    uint8_t *rx[MOST];
    const uint8_t *tx[MOST];
    atomic_bool stop;
} it;

static void *exchange_without_pause(void *arg) {
    struct tr_line_event event;
    while (!atomic_load(&it.stop)) {
        if (it.card->ops->exchange(it.card, it.rx, it.tx, MOST) != TR_OK) {
            abort();
        }
        while (it.card->ops->next_event(it.card, &event) > 0) {
        }
    }
    return arg;
}

/* A server whose far end was not there when it began makes its backplane on a running card. */
static void begins_on_a_running_card(void) {
    static uint8_t rx_block[MOST][TR_BLOCK], tx_block[MOST][TR_BLOCK];
    for (int turn = 0; turn < 5; turn++) {
        struct tr_sim_config config = {.ports = MOST, .kind = TR_KIND_FXO, .capabilities = ALL_CAPABILITIES};
        int fd[2];
        pthread_t thread;
        it.card = tr_sim_card_new(&config);
        NEED(it.card && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == 0);
        for (int i = 0; i < MOST; i++) {
            it.rx[i] = rx_block[i];
            it.tx[i] = tx_block[i];
        }
        atomic_store(&it.stop, false);
        NEED(pthread_create(&thread, NULL, exchange_without_pause, NULL) == 0);
        pause_us(1000);
        CHECK(tr_backplane_new(it.card, 0, MOST, fd[0], 1));
        pause_us(1000);
        atomic_store(&it.stop, true);
        pthread_join(thread, NULL);
        it.card->ops->release(it.card);
        close(fd[1]);
    }
}

int main(void) {
    RUN(control_while_running);
    RUN(begins_on_a_running_card);
    return check_end();
}
