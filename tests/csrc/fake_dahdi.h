/* A stand-in for the DAHDI driver, as far as its user interface goes: channels that can be opened, buffers that fill
 * and run dry, events that must be taken before anything can be read, hook states and their times. It knows what the
 * kernel does (DAHDI 2.11, dahdi-base.c), and is strict where the kernel is; the real one is tried in a virtual
 * machine. */
#ifndef TIPRING_FAKE_DAHDI_H
#define TIPRING_FAKE_DAHDI_H

#include "card_dahdi.h"
#include "check.h"
#include "g711.h"
#include <errno.h>

#define FAKE_CHANNELS 8
#define FAKE_FDS 256
#define FAKE_TIMER 255

struct fake_channel {
    int32_t sig; /* 0: not configured */
    bool open, gone, busy, polarity, lamp, no_canceller;
    int32_t events[64];
    int event_count;
    int read_ready, buffers, size; /* whole blocks */
    int written;                   /* blocks queued */
    uint8_t last[TR_BLOCK];        /* written last */
    uint8_t hears[TR_BLOCK];       /* what every block read holds */
    struct dh_params params;
    struct dh_ring_cadence cadence;
    int32_t hook, lamp_on, reversed, on_hook_ms, law, canceller, fax, bits_in, bits_out, alarms, audio;
    bool gains_set;
    struct dh_gains gains;
    int hooks[8];   /* DAHDI_HOOK by its value */
    bool debounces; /* FLASH is EBUSY */
    uint8_t frames_in[8][TR_DH_FRAME_SPACE];
    int frame_size[8], frames_waiting;
    uint8_t frames_out[64][TR_DH_FRAME_SPACE];
    int frame_out_size[64], frames_sent, frames_room;
    int touched; /* system calls */
};

static struct {
    struct fake_channel channel[FAKE_CHANNELS + 1]; /* by number */
    int device_errno, open_count;
    bool tone_zone, stopped;
    int64_t now;
    int timer_trips;
    int next_fd;
    uint32_t at_fd[FAKE_FDS]; /* channel, 0 before DAHDI_SPECIFY */
} fake;

static inline struct fake_channel *fake_of(int fd) {
    NEED(fd >= 0 && fd < FAKE_FDS && fake.at_fd[fd]);
    return &fake.channel[fake.at_fd[fd]];
}

static inline int fake_fail(int error) {
    errno = error;
    return -1;
}

static inline void fake_event(uint32_t number, int32_t event) {
    struct fake_channel *c = &fake.channel[number];
    if (c->event_count < 63) { /* a full ring drops */
        c->events[c->event_count++] = event;
    }
}

static inline int fake_open(const char *path, int flags) {
    NEED(flags & 0x800); /* O_NONBLOCK */
    if (fake.device_errno) {
        return fake_fail(fake.device_errno);
    }
    fake.open_count++;
    if (strcmp(path, "/dev/dahdi/timer") == 0) {
        return FAKE_TIMER;
    }
    CHECK_STR(path, "/dev/dahdi/channel");
    fake.next_fd = (fake.next_fd + 1) % FAKE_TIMER;
    fake.at_fd[fake.next_fd] = 0;
    return fake.next_fd;
}

static inline int fake_close(int fd) {
    fake.open_count--;
    if (fd != FAKE_TIMER && fake.at_fd[fd]) {
        fake_of(fd)->open = false;
        fake.at_fd[fd] = 0;
    }
    return 0;
}

static inline int fake_specify(int fd, int32_t number) {
    if (number < 1 || number > FAKE_CHANNELS || fake.channel[number].gone) {
        return fake_fail(EINVAL);
    }
    struct fake_channel *c = &fake.channel[number];
    if (!c->sig) {
        return fake_fail(ENXIO);
    }
    if (c->busy || c->open) {
        return fake_fail(EBUSY);
    }
    c->open = true;
    fake.at_fd[fd] = (uint32_t)number;
    c->buffers = 2;
    c->size = 1024;
    c->written = c->read_ready = c->event_count = c->audio = c->law = c->canceller = 0;
    c->gains_set = false;
    c->params.sigtype = c->sig;
    c->params.flashtime = 750;
    c->params.preflashtime = 50;
    return 0;
}

static inline int fake_hook(struct fake_channel *c, int32_t what) {
    if (c->sig & DH_SIG_CLEAR || c->sig == DH_SIG_CAS) {
        return fake_fail(EINVAL);
    }
    c->hooks[what]++;
    if (what == DH_FLASH) {
        if (c->debounces || c->hook != DH_OFFHOOK) {
            return fake_fail(EBUSY);
        }
        return fake_fail(EINPROGRESS);
    }
    if (what == DH_RING) {
        if (!fake.tone_zone) {
            return fake_fail(ENODATA);
        }
        c->hook = what;
        return fake_fail(EINPROGRESS);
    }
    if (what == DH_ONHOOK) { /* flushes */
        c->written = c->read_ready = 0;
    }
    c->hook = what == DH_RINGOFF ? DH_ONHOOK : what;
    return 0;
}

static inline int fake_ioctl(int fd, unsigned long request, void *argument) {
    int32_t *number = (int32_t *)argument;
    if (fd == FAKE_TIMER) {
        if (request == DH_TIMERACK) {
            fake.timer_trips -= *number;
        } else {
            CHECK_INT(request, DH_TIMERCONFIG);
            CHECK_INT(*number, TR_BLOCK);
        }
        return 0;
    }
    if (request == DH_SPECIFY) {
        return fake_specify(fd, *number);
    }
    struct fake_channel *c = fake_of(fd);
    c->touched++;
    NEED(c->open);
    if (c->gone) {
        return fake_fail(ENODEV);
    }
    bool fxs_card = c->sig == DH_SIG_FXOKS || c->sig == DH_SIG_FXOLS;
    switch (request) {
    case DH_GET_PARAMS:
        memcpy(argument, &c->params, sizeof c->params);
        return 0;
    case DH_SET_PARAMS:
        memcpy(&c->params, argument, sizeof c->params);
        return 0;
    case DH_HOOK:
        return fake_hook(c, *number);
    case DH_GETEVENT:
        *number = c->event_count ? c->events[0] : 0;
        c->event_count -= c->event_count > 0;
        memmove(c->events, c->events + 1, sizeof c->events - sizeof c->events[0]);
        return 0;
    case DH_SPANSTAT:
        CHECK_INT(((struct dh_spaninfo *)argument)->spanno, 0);
        ((struct dh_spaninfo *)argument)->alarms = c->alarms;
        return 0;
    case DH_SET_BUFINFO: {
        const struct dh_bufferinfo *info = (const struct dh_bufferinfo *)argument;
        CHECK(info->numbufs <= 32 && info->numbufs * info->bufsize <= 32768);
        c->buffers = info->numbufs;
        c->size = info->bufsize;
        return 0;
    }
    case DH_FLUSH:
        c->read_ready = *number & DH_FLUSH_READ ? 0 : c->read_ready;
        c->written = *number & DH_FLUSH_WRITE ? 0 : c->written;
        return 0;
    case DH_AUDIOMODE:
        c->audio = *number;
        return c->sig == DH_SIG_CLEAR ? 0 : fake_fail(EINVAL);
    case DH_SETLAW:
        c->law = *number;
        return 0;
    case DH_SETGAINS:
        memcpy(&c->gains, argument, sizeof c->gains);
        c->gains_set = true;
        return 0;
    case DH_ECHOCANCEL:
        if (c->no_canceller && *number) {
            return fake_fail(EINVAL);
        }
        c->canceller = *number;
        return 0;
    case DH_ECHOCANCEL_FAX_MODE:
        c->fax = *number;
        return c->canceller ? 0 : fake_fail(EINVAL);
    case DH_SETTONEZONE:
        return fake.tone_zone ? 0 : fake_fail(ENODATA);
    case DH_SETCADENCE:
        memcpy(&c->cadence, argument, sizeof c->cadence);
        return 0;
    case DH_GETRXBITS:
        *number = c->bits_in;
        return 0;
    case DH_SETTXBITS:
        c->bits_out = *number;
        return c->sig == DH_SIG_CAS ? 0 : fake_fail(EINVAL);
    case DH_ONHOOKTRANSFER:
        c->on_hook_ms = *number;
        return fxs_card ? 0 : fake_fail(ENOTTY);
    case DH_SETPOLARITY:
        c->reversed = *number;
        return c->polarity ? 0 : fake_fail(ENOTTY);
    case DH_VMWI:
        c->lamp_on = *number;
        return c->lamp ? 0 : fake_fail(ENOTTY);
    case DH_BUFFER_EVENTS:
        return 0;
    default:
        NEED(!"an ioctl that the driver does not know");
        return -1;
    }
}

static inline ssize_t fake_read(int fd, void *to, size_t room) {
    struct fake_channel *c = fake_of(fd);
    c->touched++;
    NEED(c->open);
    if (c->gone) {
        return fake_fail(ENODEV);
    }
    if (c->event_count) {
        return fake_fail(DH_ELAST);
    }
    if (c->size != TR_BLOCK) {
        if (!c->frames_waiting) {
            return fake_fail(EAGAIN);
        }
        int n = c->frame_size[0];
        NEED((size_t)n <= room);
        memcpy(to, c->frames_in[0], (size_t)n);
        c->frames_waiting--;
        memmove(c->frames_in, c->frames_in + 1, sizeof c->frames_in - sizeof c->frames_in[0]);
        memmove(c->frame_size, c->frame_size + 1, sizeof c->frame_size - sizeof c->frame_size[0]);
        return n;
    }
    if (!c->read_ready) {
        return fake_fail(EAGAIN);
    }
    c->read_ready--;
    memcpy(to, c->hears, TR_BLOCK);
    return TR_BLOCK;
}

static inline ssize_t fake_write(int fd, const void *from, size_t n) {
    struct fake_channel *c = fake_of(fd);
    c->touched++;
    NEED(c->open);
    if (c->gone) {
        return fake_fail(ENODEV);
    }
    if (c->event_count) {
        return fake_fail(DH_ELAST);
    }
    if (c->size != TR_BLOCK) {
        if (!c->frames_room) {
            return fake_fail(EAGAIN);
        }
        c->frames_room--;
        memcpy(c->frames_out[c->frames_sent], from, n);
        c->frame_out_size[c->frames_sent++] = (int)n;
        return (ssize_t)n;
    }
    CHECK_INT(n, TR_BLOCK);
    if (c->written == c->buffers) {
        return fake_fail(EAGAIN);
    }
    c->written++;
    memcpy(c->last, from, TR_BLOCK);
    return TR_BLOCK;
}

/* A block of time passes in the driver. */
static inline void fake_block(void) {
    fake.now += 20000000;
    fake.timer_trips++;
    for (int i = 1; i <= FAKE_CHANNELS && !fake.stopped; i++) {
        struct fake_channel *c = &fake.channel[i];
        if (!c->open || c->gone || c->size != TR_BLOCK) {
            continue;
        }
        if (c->read_ready < c->buffers) {
            c->read_ready++;
        } else {
            fake_event((uint32_t)i, DH_EV_READ_OVERRUN);
        }
        if (c->written > 0) {
            c->written--;
        }
        if (c->written == 0) {
            fake_event((uint32_t)i, DH_EV_WRITE_UNDERRUN);
        }
    }
}

static inline int fake_poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
    CHECK_INT(count, 1);
    for (int waited = 0; waited < 2; waited++) {
        fds->revents = 0;
        if (fds->fd == FAKE_TIMER) {
            fds->revents = fake.timer_trips > 0 ? POLLPRI : 0;
        } else {
            struct fake_channel *c = fake_of(fds->fd);
            c->touched++;
            fds->revents = c->gone ? POLLERR | POLLHUP : c->read_ready ? POLLIN : 0;
        }
        if (fds->revents || timeout_ms == 0) {
            break;
        }
        if (fake.stopped) {
            fake.now += timeout_ms * 1000000ll;
            break;
        }
        fake_block();
    }
    return fds->revents != 0;
}

static inline int64_t fake_now(void) { return fake.now; }

static inline void fake_reset(void) {
    memset(&fake, 0, sizeof fake);
    fake.tone_zone = true;
    fake.now = 1000000000;
    for (int i = 1; i <= FAKE_CHANNELS; i++) {
        memset(fake.channel[i].hears, 0xD5, TR_BLOCK);
        fake.channel[i].params.rxhooksig = DH_RX_ONHOOK;
        fake.channel[i].frames_room = 64;
    }
    tr_dh_system = (struct tr_dh_system){.open = fake_open,
                                         .close = fake_close,
                                         .ioctl = fake_ioctl,
                                         .read = fake_read,
                                         .write = fake_write,
                                         .poll = fake_poll,
                                         .now_ns = fake_now};
}

#endif
