/* The backplane: a span of wires whose far ends are in another process; see backplane.h for the frame and the rules.
 * Serves the demo and every paced run: the simulated world in one process, the server in the other. */
#define _GNU_SOURCE /* POLLRDHUP */
#include "backplane.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    VERSION = 1,
    SPAN_MAX = 256,
    HEADER = 24,
    PORT_HEADER = 12,
    EDGE = 4,
    SOUND_MAX = TR_BLOCK * 2,
    BUFFERED = 3,     /* blocks waiting before the first is delivered */
    RED_AFTER = 50,   /* ticks without a frame */
    SLACK_TICKS = 50, /* with more than BUFFERED blocks waiting all this time, one is skipped */
    READ_MAX = 4096,  /* frames taken in one tick: all that a socket can hold */
    SOCKET_BUFFER = 1 << 20,
    NO_CHANGE = -2 /* of `next_fd` */
};

struct tr_backplane {
    struct tr_sim_card *card;
    struct tr_backplane *next;
    uint32_t first, count;
    bool paced;
    int fd; /* media thread */
    atomic_int next_fd;
    struct tr_span_view view;
    bool started, filling;
    uint64_t sent;               /* blocks, this connection */
    uint64_t due, newest;        /* far blocks: next to deliver, last received */
    uint32_t silent, slack, dry; /* ticks */
    struct tr_wire **wires;
    uint8_t *out, *in;
    size_t frame_max;
    _Atomic uint64_t frames_sent, frames_received, slips, bad_frames;
    _Atomic uint32_t alarm, far_version;
};

static void count_up(_Atomic uint64_t *counter, uint64_t by) {
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static void put16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static void put32(uint8_t *p, uint32_t v) {
    put16(p, (uint16_t)v);
    put16(p + 2, (uint16_t)(v >> 16));
}
static void put64(uint8_t *p, uint64_t v) {
    put32(p, (uint32_t)v);
    put32(p + 4, (uint32_t)(v >> 32));
}
static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t get32(const uint8_t *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static uint64_t get64(const uint8_t *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

/* ---- the frame ---- */

static uint8_t *put_port(uint8_t *p, uint16_t number, uint32_t kind, const struct tr_slot *slot) {
    put16(p, number);
    p[2] = (uint8_t)kind;
    p[3] = slot->edges;
    p[4] = slot->sound;
    p[5] = slot->fill;
    put16(p + 6, slot->before);
    put16(p + 8, slot->after);
    put16(p + 10, 0);
    p += PORT_HEADER;
    for (int i = 0; i < slot->edges; i++, p += EDGE) {
        p[0] = slot->edge[i].offset;
        p[1] = 0;
        put16(p + 2, slot->edge[i].levels);
    }
    if (slot->sound && kind == TR_KIND_B) {
        memcpy(p, slot->u.bytes, TR_BLOCK);
        p += TR_BLOCK;
    } else if (slot->sound) {
        for (int i = 0; i < TR_BLOCK; i++, p += 2) {
            put16(p, (uint16_t)slot->u.linear[i]);
        }
    }
    return p;
}

static size_t put_frame(struct tr_backplane *b) {
    uint8_t *p = b->out + HEADER;
    for (uint32_t i = 0; i < b->count; i++) {
        p = put_port(p, (uint16_t)i, b->card->ports[b->first + i].kind, tr_wire_last_sent(&b->wires[i]->end[0]));
    }
    size_t length = (size_t)(p - b->out);
    memcpy(b->out, "TRBP", 4);
    put16(b->out + 4, VERSION);
    put16(b->out + 6, (uint16_t)b->count);
    put64(b->out + 8, b->sent);
    put32(b->out + 16, (uint32_t)length);
    put32(b->out + 20, b->view.red ? TR_ALARM_YELLOW : 0);
    return length;
}

static bool kinds_fit(uint32_t here, uint32_t there) {
    return (here == TR_KIND_FXO && there == TR_KIND_FXS) || (here == TR_KIND_FXS && there == TR_KIND_FXO) ||
           (here == TR_KIND_B && there == TR_KIND_B);
}

/* Length of a well-formed port, 0 for another. */
static size_t check_port(const struct tr_backplane *b, const uint8_t *p, size_t left, int *last) {
    if (left < PORT_HEADER) {
        return 0;
    }
    int number = get16(p);
    uint32_t kind = p[2];
    int edges = p[3];
    if (number <= *last || (uint32_t)number >= b->count || edges > TR_EDGES_MAX || p[4] > 1 || get16(p + 10) != 0 ||
        !kinds_fit(b->card->ports[b->first + (uint32_t)number].kind, kind)) {
        return 0;
    }
    *last = number;
    size_t length = PORT_HEADER + (size_t)edges * EDGE;
    length += !p[4] ? 0 : kind == TR_KIND_B ? TR_BLOCK : SOUND_MAX;
    if (length > left) {
        return 0;
    }
    uint16_t foreign = (uint16_t)~tr_level_mask(kind);
    uint16_t levels = get16(p + 6);
    int offset = -1;
    bool ok = !(levels & foreign);
    for (int i = 0; i < edges; i++) {
        const uint8_t *edge = p + PORT_HEADER + i * EDGE;
        ok &= edge[0] > offset && edge[0] < TR_BLOCK && edge[1] == 0;
        offset = edge[0];
        levels = get16(edge + 2);
        ok &= !(levels & foreign);
    }
    return ok && levels == get16(p + 8) ? length : 0;
}

static bool check_frame(struct tr_backplane *b, size_t length) {
    const uint8_t *in = b->in;
    if (length < HEADER || memcmp(in, "TRBP", 4) != 0) {
        return false;
    }
    atomic_store_explicit(&b->far_version, get16(in + 4), memory_order_relaxed);
    uint32_t count = get16(in + 6);
    if (get16(in + 4) != VERSION || count > b->count || get32(in + 16) != length) {
        return false;
    }
    size_t at = HEADER;
    int last = -1;
    for (uint32_t i = 0; i < count; i++) {
        size_t one = check_port(b, in + at, length - at, &last);
        if (!one) {
            return false;
        }
        at += one;
    }
    return at == length;
}

/* Puts the ports of a checked frame into the slots of the wires' far ends. */
static void keep_frame(struct tr_backplane *b, uint64_t tick) {
    uint32_t count = get16(b->in + 6);
    const uint8_t *p = b->in + HEADER;
    for (uint32_t i = 0; i < count; i++) {
        struct tr_slot *slot = &b->wires[get16(p)]->end[1].slot[tick % TR_SLOTS];
        bool bytes = p[2] == TR_KIND_B;
        slot->tag = tick;
        slot->edges = p[3];
        slot->sound = p[4];
        slot->fill = p[5];
        slot->before = get16(p + 6);
        slot->after = get16(p + 8);
        p += PORT_HEADER;
        for (int k = 0; k < slot->edges; k++, p += EDGE) {
            slot->edge[k] = (struct tr_edge){.offset = p[0], .levels = get16(p + 2)};
        }
        if (slot->sound && bytes) {
            memcpy(slot->u.bytes, p, TR_BLOCK);
            p += TR_BLOCK;
        } else if (slot->sound) {
            for (int k = 0; k < TR_BLOCK; k++, p += 2) {
                slot->u.linear[k] = (int16_t)get16(p);
            }
        }
    }
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
    for (uint32_t i = 0; i < b->count; i++) {
        for (int k = 0; k < TR_SLOTS; k++) {
            b->wires[i]->end[1].slot[k].tag = UINT64_MAX;
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
    size_t length = put_frame(b);
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
            if ((size_t)n <= b->frame_max && check_frame(b, (size_t)n)) {
                count_up(&b->frames_received, 1);
                *tick = get64(b->in + 8);
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
        } else if (errno != EINTR) {
            return GOT_END;
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
        keep_frame(b, tick);
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
    keep_frame(b, tick);
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
    if (b->wires[0]->end[1].slot[b->view.tag % TR_SLOTS].tag != b->view.tag) {
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
    for (uint32_t i = b->first; i < b->first + b->count; i++) {
        tr_sim_send_remote(b->card, i, at, i < count ? tx[i] : NULL);
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
    struct tr_backplane *b = calloc(1, sizeof *b);
    if (!b) {
        return NULL;
    }
    b->card = card;
    b->first = first;
    b->count = count;
    b->paced = paced != 0;
    b->fd = -1;
    atomic_init(&b->next_fd, NO_CHANGE);
    b->frame_max = HEADER + (size_t)count * (PORT_HEADER + TR_EDGES_MAX * EDGE + SOUND_MAX);
    b->wires = calloc(count, sizeof *b->wires);
    b->out = malloc(b->frame_max);
    b->in = malloc(b->frame_max);
    int error = b->wires && b->out && b->in ? 0 : ENOMEM;
    for (uint32_t i = 0; i < count && !error; i++) {
        b->wires[i] = tr_wire_to_span(card, first + i, &b->view);
        error = b->wires[i] ? 0 : errno;
    }
    if (error) {
        tr_backplane_free(b); /* leaves the descriptor to the caller: it was not taken */
        errno = error;
        return NULL;
    }
    begin(b, fd);
    if (fd >= 0) {
        widen(fd);
        set_red(b, false);
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
    return sizeof *b + 2 * b->frame_max + b->count * sizeof(struct tr_wire *);
}

void tr_backplane_free(struct tr_backplane *b) {
    int waiting = atomic_exchange(&b->next_fd, NO_CHANGE);
    if (waiting >= 0) {
        close(waiting);
    }
    if (b->fd >= 0) {
        close(b->fd);
    }
    for (uint32_t i = 0; b->wires && i < b->count; i++) {
        if (b->wires[i]) {
            tr_wire_unplug(b->wires[i]);
        }
    }
    free(b->wires);
    free(b->out);
    free(b->in);
    free(b);
}
