/* DAHDI channels: the clock that says when a tick begins, and how fast it runs. See card_dahdi.h. Serves all nine
 * steps. */
#include "card_dahdi.h"

#define TICK_NS (TR_TICK_MS * 1000000ll)
#define WATCH_LEAST 500   /* ticks after which the clock's rate is told: 10 s */
#define WATCH_MOST 180000 /* and after which it is watched anew: an hour */
enum { CLOCK_MS = 2 * TR_TICK_MS /* a clock that is silent so long has stopped */ };

/* A B channel before analog ones, which lose their place at a disconnect. */
uint32_t tr_dh_master(const struct tr_dahdi_card *card) {
    uint32_t best = card->count;
    for (uint32_t i = 0; i < card->count; i++) {
        const struct tr_dh_channel *c = &card->channels[i];
        if (c->sound && !tr_dh_is_gone(c) && (best == card->count || !c->analog || card->channels[best].analog)) {
            best = i;
        }
    }
    return best;
}

static void watch(struct tr_dahdi_card *card, int64_t now) {
    if (card->anchor == 0 || card->watched >= WATCH_MOST) {
        card->anchor = now;
        card->watched = 0;
    } else if (card->watched >= WATCH_LEAST) {
        int64_t elapsed = now - card->anchor, counted = card->watched * TICK_NS;
        card->ppb = (counted - elapsed) * 1000000 / (elapsed / 1000);
    }
}

/* The tick has begun; how many whole ticks late. */
static int begun(struct tr_dahdi_card *card, bool waited) {
    int64_t now = tr_dh_system.now_ns();
    card->begun = now;
    card->watched++;
    card->due += TICK_NS;
    if (waited) {
        card->due = now;
        watch(card, now);
    }
    int64_t late = (now - card->due) / TICK_NS;
    return late > 0 ? (int)late : 0;
}

/* Does the next tick begin? Waits for it at most so long. */
static bool ticks(struct tr_dahdi_card *card, int timeout_ms) {
    for (uint32_t by = tr_dh_master(card); by < card->count; by = tr_dh_master(card)) {
        struct pollfd wanted = {.fd = card->channels[by].fd, .events = POLLIN};
        card->channels[by].hold = 0; /* a block of the clock's own in reserve would be a tick too early */
        bool ready = tr_dh_system.poll(&wanted, 1, timeout_ms) > 0;
        if (!ready || (wanted.revents & POLLIN)) {
            return ready;
        }
        tr_dh_gone(card, by); /* the next one gives the clock */
    }
    struct pollfd timer = {.fd = card->timer_fd, .events = POLLPRI};
    int32_t one = 1;
    if (card->timer_fd < 0 || tr_dh_system.poll(&timer, 1, timeout_ms) <= 0) {
        return false;
    }
    tr_dh_system.ioctl(card->timer_fd, DH_TIMERACK, &one);
    return true;
}

/* A media thread that is late catches up, as long as the driver keeps what it has heard. A stepped engine that stood
 * (nobody asked for a tick) has nothing to catch up with: it begins anew once what it had sent is over, or the ticks
 * that it is behind would swallow the blocks that it sends next. In ticks. */
static int64_t patience(const struct tr_dahdi_card *card) {
    uint32_t least = TR_DH_BUFFERS;
    for (uint32_t i = 0; i < card->count && !card->base.paced; i++) {
        const struct tr_dh_channel *c = &card->channels[i];
        least = c->sound && c->config.depth < least ? c->config.depth : least;
    }
    return (int64_t)least - 1;
}

static void start_if_it_stood(struct tr_dahdi_card *card, int64_t now, bool late) {
    int64_t pause = card->running ? now - card->begun : 0;
    if (!card->running || (pause > TICK_NS && pause > patience(card) * TICK_NS)) {
        card->slips += (uint64_t)(pause / TICK_NS);
        card->due = now;
        tr_dh_start(card, late);
    }
    card->begun = now;
}

void tr_dh_pass(struct tr_dahdi_card *card) {
    int64_t now = tr_dh_system.now_ns();
    start_if_it_stood(card, now, true);
    int64_t step = now - card->passed;
    card->steady = step > TICK_NS / 2 && step < TICK_NS * 3 / 2;
    card->passed = now;
}

int tr_dh_wait(tr_card *base) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    if (tr_dh_master(card) == card->count && card->timer_fd < 0) {
        card->running = card->lost = false; /* all are gone: they begin anew */
        return TR_E_STATE;
    }
    start_if_it_stood(card, tr_dh_system.now_ns(), false);
    if (ticks(card, 0)) {
        bool was_lost = card->lost;
        card->lost = false;
        return begun(card, was_lost);
    }
    if (!card->lost && ticks(card, CLOCK_MS)) {
        return begun(card, true);
    }
    card->losses += !card->lost;
    card->lost = true;
    card->anchor = 0;
    card->due = card->begun = tr_dh_system.now_ns();
    return TR_E_STATE;
}
