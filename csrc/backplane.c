/* The backplane: a span of wires whose far ends are in another process; see backplane.h for the frame and the rules.
 * Serves the demo and every paced run: the simulated world in one process, the server in the other. */
#define _GNU_SOURCE /* POLLRDHUP */
#include "backplane.h"
#include "backplane_frame.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SPAN_MAX = 256,
    BUFFERED = 3,     /* blocks waiting before the first is delivered */
    RED_AFTER = 50,   /* ticks without a frame */
    SLACK_TICKS = 50, /* with more than BUFFERED blocks waiting all this time, one is skipped */
    READ_MAX = 4096,  /* frames taken in one tick: all that a socket can hold */
    SOCKET_BUFFER = 1 << 20,
    NO_CHANGE = -2 /* of `next_fd` */
};

struct tr_backplane {
    struct tr_backplane *next;
    struct tr_span span;
    bool paced;
    int fd; /* media thread */
    atomic_int next_fd;
    struct tr_span_view view;
    bool started, filling;
    uint64_t sent;               /* blocks, this connection */
    uint64_t due, newest;        /* far blocks: next to deliver, last received */
    uint32_t silent, slack, dry; /* ticks */
    uint8_t *out, *in;
    size_t frame_max;
    _Atomic uint64_t frames_sent, frames_received, slips, bad_frames;
    _Atomic uint32_t alarm, far_version, refused;
};

static void count_up(_Atomic uint64_t *counter, uint64_t by) {
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* ---- the connection ---- */

static void set_red(struct tr_backplane *b, bool red) {
    b->view.red = red;
    atomic_store_explicit(&b->alarm, red, memory_order_relaxed);
}

static void hang_up(struct tr_backplane *b) {
    if (b->fd >= 0) {
        close(b->fd);
    }
    b->fd = -1;
    set_red(b, true);
    b->started = false;
}

static void widen(int fd) {
    int size = SOCKET_BUFFER; /* the kernel's own limit is applied; a frame of 256 ports has at most 100 KiB */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static void begin(struct tr_backplane *b, int fd) {
    hang_up(b);
    b->fd = fd;
    b->sent = 0;
    b->silent = 0;
    b->view.valid = false;
    for (uint32_t i = 0; i < b->span.count; i++) {
        for (int k = 0; k < TR_SLOTS; k++) {
            b->span.wires[i]->end[1].slot[k].tag = UINT64_MAX;
        }
    }
}

static void take_next_fd(struct tr_backplane *b) {
    if (atomic_load_explicit(&b->next_fd, memory_order_relaxed) == NO_CHANGE) {
        return;
    }
    int fd = atomic_exchange(&b->next_fd, NO_CHANGE);
    if (fd == -1) {
        hang_up(b);
    } else if (fd >= 0) {
        begin(b, fd);
    }
}

/* Waits until the socket can be written or read, without limit. */
static void wait_for(int fd, short what) {
    struct pollfd one = {.fd = fd, .events = what};
    while (poll(&one, 1, -1) < 0 && errno == EINTR) {
    }
}

static void send_frame(struct tr_backplane *b) {
    size_t length = tr_frame_put(&b->span, b->sent, b->view.red ? TR_ALARM_YELLOW : 0, b->out);
    b->sent++;
    for (;;) {
        ssize_t n = send(b->fd, b->out, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            count_up(&b->frames_sent, 1);
            return;
        }
        if (errno == EINTR) {
            continue;
        }
        if ((errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) && !b->paced) {
            wait_for(b->fd, POLLOUT);
            continue;
        }
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN || errno == EBADF) {
            return; /* what the far end still sent is read first; its end of file comes behind it */
        }
        count_up(&b->slips, 1);
        return;
    }
}

enum got { GOT_FRAME, GOT_NOTHING, GOT_END };

/* The next well-formed frame, its number in *tick. */
static enum got receive_frame(struct tr_backplane *b, bool wait, uint64_t *tick) {
    for (;;) {
        /* MSG_TRUNC: the true length of a message that is too long. */
        ssize_t n = recv(b->fd, b->in, b->frame_max, MSG_DONTWAIT | MSG_TRUNC);
        if (n > 0) {
            if (n >= TR_FRAME_LEAST) {
                atomic_store_explicit(&b->far_version, tr_frame_version(b->in), memory_order_relaxed);
            }
            bool foreign = (size_t)n <= b->frame_max && tr_frame_foreign(b->in, (size_t)n);
            atomic_store_explicit(&b->refused, foreign, memory_order_relaxed);
            if (foreign) {
                count_up(&b->bad_frames, 1);
                return GOT_END;
            }
            if ((size_t)n <= b->frame_max && tr_frame_check(&b->span, b->in, (size_t)n)) {
                count_up(&b->frames_received, 1);
                *tick = tr_frame_tick(b->in);
                return GOT_FRAME;
            }
            count_up(&b->bad_frames, 1);
        } else if (n == 0) {
            /* End of file, or an empty message. */
            struct pollfd one = {.fd = b->fd, .events = POLLRDHUP};
            if (poll(&one, 1, 0) != 0) {
                return GOT_END;
            }
            count_up(&b->bad_frames, 1);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait) {
                return GOT_NOTHING;
            }
            wait_for(b->fd, POLLIN);
        } else if (errno != EINTR && errno != ECONNRESET) {
            return GOT_END; /* a reset is told once, by an end gone with our frame unread: its last are still here */
        }
    }
}

/* ---- stepped: in lock step with the far end ---- */

static void receive_stepped(struct tr_backplane *b) {
    set_red(b, false);
    if (b->sent < 2) {
        return; /* nothing was sent before the first block */
    }
    uint64_t want = b->sent - 2;
    while (!b->started || b->newest < want) {
        uint64_t tick;
        if (receive_frame(b, true, &tick) != GOT_FRAME) {
            hang_up(b);
            return;
        }
        if ((b->started && tick <= b->newest) || tick < want) {
            count_up(&b->slips, 1);
            continue;
        }
        tr_frame_keep(&b->span, b->in);
        b->newest = tick;
        b->started = true;
    }
    b->view.tag = want;
    b->view.valid = true;
    if (b->newest != want) {
        count_up(&b->slips, 1); /* the one due was damaged: silence, and its successor waits */
    }
}

/* ---- paced: jitter buffer ---- */

static void arrive(struct tr_backplane *b, uint64_t tick) {
    b->silent = 0;
    set_red(b, false);
    if (!b->started) {
        b->started = b->filling = true;
        b->dry = b->slack = 0;
        b->due = b->newest = tick;
    } else if (tick < b->due || tick <= b->newest) {
        count_up(&b->slips, 1);
        return;
    }
    tr_frame_keep(&b->span, b->in);
    b->newest = tick;
}

static void deliver(struct tr_backplane *b) {
    uint64_t waiting = b->newest + 1 - b->due; /* 0: none */
    if (waiting >= TR_SLOTS) {
        count_up(&b->slips, waiting - BUFFERED);
        b->due = b->newest + 1 - BUFFERED;
        waiting = BUFFERED;
    }
    if (waiting == 0 || (b->filling && waiting < BUFFERED)) {
        b->dry += waiting == 0 && !b->filling;
        b->filling |= b->dry >= BUFFERED;
        count_up(&b->slips, b->dry > 0); /* the first filling of a connection is no slip */
        return;
    }
    b->filling = false;
    b->dry = 0;
    b->slack = waiting > BUFFERED ? b->slack + 1 : 0;
    if (b->slack >= SLACK_TICKS) {
        b->slack = 0;
        b->due++;
        count_up(&b->slips, 1);
    }
    b->view.tag = b->due++;
    b->view.valid = true;
    if (b->span.wires[0]->end[1].slot[b->view.tag % TR_SLOTS].tag != b->view.tag) {
        count_up(&b->slips, 1); /* lost on the way */
    }
}

static void receive_paced(struct tr_backplane *b) {
    uint64_t tick;
    b->silent++;
    for (int i = 0; i < READ_MAX; i++) {
        enum got got = receive_frame(b, false, &tick);
        if (got == GOT_END) {
            hang_up(b);
            return;
        }
        if (got == GOT_NOTHING) {
            break;
        }
        arrive(b, tick);
    }
    if (b->silent > RED_AFTER) {
        set_red(b, true);
        b->started = false;
    }
    if (b->started) {
        deliver(b);
    }
}

void tr_backplane_exchange(struct tr_backplane *b, uint64_t at, const uint8_t *const *tx, uint32_t count) {
    take_next_fd(b);
    b->view.valid = false;
    for (uint32_t i = b->span.first; i < b->span.first + b->span.count; i++) {
        tr_sim_send_remote(b->span.card, i, at, i < count ? tx[i] : NULL);
    }
    if (b->fd < 0) {
        return;
    }
    send_frame(b);
    if (b->paced) {
        receive_paced(b);
    } else {
        receive_stepped(b);
    }
}

/* ---- control threads ---- */

struct tr_backplane *tr_backplane_new(tr_card *base, uint32_t first, uint32_t count, int fd, int paced) {
    struct tr_sim_card *card = tr_sim_card(base);
    if (!card || !count || count > SPAN_MAX || first >= card->count || count > card->count - first) {
        errno = EINVAL;
        return NULL;
    }
    for (uint32_t i = first; i < first + count; i++) {
        if (atomic_load_explicit(&card->ports[i].end, memory_order_acquire)) {
            errno = EBUSY; /* known before anything is plugged: a running media thread never sees half a span */
            return NULL;
        }
    }
    struct tr_backplane *b = calloc(1, sizeof *b);
    if (!b) {
        return NULL;
    }
    b->span.card = card;
    b->span.first = first;
    b->span.count = count;
    b->paced = paced != 0;
    b->fd = -1;
    atomic_init(&b->next_fd, NO_CHANGE);
    set_red(b, fd < 0); /* before any wire: from then on it is the media thread's */
    b->frame_max = tr_frame_max(count);
    b->span.wires = calloc(count, sizeof *b->span.wires);
    b->out = malloc(b->frame_max);
    b->in = malloc(b->frame_max);
    int error = b->span.wires && b->out && b->in ? 0 : ENOMEM;
    for (uint32_t i = 0; i < count && !error; i++) {
        b->span.wires[i] = tr_wire_to_span(card, first + i, &b->view);
        error = b->span.wires[i] ? 0 : errno;
    }
    if (error) {
        tr_backplane_free(b); /* leaves the descriptor to the caller: it was not taken */
        errno = error;
        return NULL;
    }
    b->fd = fd;
    if (fd >= 0) {
        widen(fd);
    }
    b->next = atomic_load_explicit(&card->backplanes, memory_order_relaxed);
    atomic_store_explicit(&card->backplanes, b, memory_order_release);
    return b;
}

int tr_backplane_reconnect(struct tr_backplane *b, int fd) {
    if (fd < -1) {
        return TR_E_ARGUMENT;
    }
    if (fd >= 0) {
        widen(fd);
    }
    int former = atomic_exchange(&b->next_fd, fd);
    if (former >= 0) {
        close(former); /* came before the media thread took it */
    }
    return TR_OK;
}

int tr_backplane_stats(struct tr_backplane *b, struct tr_backplane_stats *out) {
    *out = (struct tr_backplane_stats){
        .frames_sent = atomic_load_explicit(&b->frames_sent, memory_order_relaxed),
        .frames_received = atomic_load_explicit(&b->frames_received, memory_order_relaxed),
        .slips = atomic_load_explicit(&b->slips, memory_order_relaxed),
        .bad_frames = atomic_load_explicit(&b->bad_frames, memory_order_relaxed),
        .alarm = atomic_load_explicit(&b->alarm, memory_order_relaxed),
        .far_version = atomic_load_explicit(&b->far_version, memory_order_relaxed),
        .version = TR_FRAME_VERSION,
        .refused = atomic_load_explicit(&b->refused, memory_order_relaxed),
    };
    return TR_OK;
}

struct tr_backplane *tr_backplane_next(const struct tr_backplane *b) {
    return b->next;
}

uint64_t tr_backplane_slips(const struct tr_backplane *b) {
    return atomic_load_explicit(&b->slips, memory_order_relaxed);
}

uint64_t tr_backplane_memory(const struct tr_backplane *b) {
    return sizeof *b + 2 * b->frame_max + b->span.count * sizeof(struct tr_wire *);
}

void tr_backplane_free(struct tr_backplane *b) {
    int waiting = atomic_exchange(&b->next_fd, NO_CHANGE);
    if (waiting >= 0) {
        close(waiting);
    }
    if (b->fd >= 0) {
        close(b->fd);
    }
    for (uint32_t i = 0; b->span.wires && i < b->span.count; i++) {
        if (b->span.wires[i]) {
            tr_wire_unplug(b->span.wires[i]);
        }
    }
    free(b->span.wires);
    free(b->out);
    free(b->in);
    free(b);
}
