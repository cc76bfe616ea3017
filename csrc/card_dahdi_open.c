/* Opening a DAHDI channel: everything that can be wrong is found here, before anything rings, and told in one line with
 * its remedy. An open channel is the driver's default in all things (on-hook, u-law, no gains, no canceller, 1024-byte
 * buffers), so all of it is set here, each time. See card_dahdi.h. Serves all nine steps. */
#define _GNU_SOURCE
#include "card_dahdi.h"
#include "g711.h"
#include "internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEVICE "/dev/dahdi/channel"
#define CONF "/etc/dahdi/system.conf"

static int open_file(const char *path, int flags) { return open(path, flags); }
static int64_t monotonic_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static int ioctl_file(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }

struct tr_dh_system tr_dh_system = {.open = open_file,
                                    .close = close,
                                    .ioctl = ioctl_file,
                                    .read = read,
                                    .write = write,
                                    .poll = poll,
                                    .now_ns = monotonic_ns};

int tr_dh_ioctl_int(const struct tr_dh_channel *channel, unsigned long request, int32_t value) {
    return tr_dh_system.ioctl(channel->fd, request, &value) < 0 ? -errno : 0;
}

__attribute__((format(printf, 4, 5))) static int fault(const struct tr_dh_channel *channel, char *error, size_t room,
                                                       const char *form, ...) {
    int seen = errno;
    va_list values;
    int n = snprintf(error, room, "DAHDI channel %u: ", channel->config.channel);
    if (n >= 0 && (size_t)n < room) {
        va_start(values, form);
        vsnprintf(error + n, room - (size_t)n, form, values);
        va_end(values);
    }
    errno = seen;
    return TR_E_SYSTEM;
}

static const char *signalling(int32_t sig) {
    switch (sig) {
    case DH_SIG_FXSLS:
        return "fxsls";
    case DH_SIG_FXSGS:
        return "fxsgs";
    case DH_SIG_FXSKS:
        return "fxsks";
    case DH_SIG_FXOLS:
        return "fxols";
    case DH_SIG_FXOGS:
        return "fxogs";
    case DH_SIG_FXOKS:
        return "fxoks";
    case DH_SIG_EM:
    case DH_SIG_EM_E1:
        return "e&m";
    case DH_SIG_CLEAR:
        return "bchan";
    case DH_SIG_CAS:
        return "cas";
    case DH_SIG_HDLCFCS:
        return "dchan";
    case DH_SIG_HARDHDLC:
        return "hardhdlc";
    case DH_SIG_MTP2:
        return "mtp2";
    default:
        return "another signalling";
    }
}

/* What to write into system.conf for a port of this kind. */
static const char *wanted(uint32_t kind) {
    switch (kind) {
    case TR_KIND_FXO:
        return "fxsks";
    case TR_KIND_FXS:
        return "fxoks";
    case TR_KIND_B:
        return "bchan";
    default:
        return "dchan";
    }
}

static const char *kind_name(uint32_t kind) {
    static const char *const names[] = {"none", "fxo", "fxs", "b", "d"};
    return names[kind <= TR_KIND_D ? kind : 0];
}

static bool suits(uint32_t kind, int32_t sig) {
    switch (kind) {
    case TR_KIND_FXO:
        return sig == DH_SIG_FXSLS || sig == DH_SIG_FXSKS;
    case TR_KIND_FXS:
        return sig == DH_SIG_FXOLS || sig == DH_SIG_FXOKS;
    case TR_KIND_B:
        return sig == DH_SIG_CLEAR || sig == DH_SIG_CAS;
    default:
        return sig == DH_SIG_HDLCFCS || sig == DH_SIG_HARDHDLC;
    }
}

static int no_device(const struct tr_dh_channel *channel, char *error, size_t room) {
    switch (errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return fault(channel, error, room,
                     DEVICE " is not there: the DAHDI driver is not loaded. Install dahdi and its kernel module "
                            "(Debian: dahdi, dahdi-dkms), then: modprobe dahdi; `tipring detect` says what is missing");
    case EACCES:
    case EPERM:
        return fault(channel, error, room,
                     DEVICE " may not be opened by this user: `ls -l " DEVICE "` shows the group that may; put the "
                            "server's user into it (udev: 60-dahdi.rules)");
    default:
        return fault(channel, error, room, DEVICE " cannot be opened: %s", strerror(errno));
    }
}

static int no_channel(const struct tr_dh_channel *channel, char *error, size_t room) {
    unsigned number = channel->config.channel;
    switch (errno) {
    case EBUSY:
        return fault(channel, error, room,
                     "is in use by another program (Asterisk, another Tipring?), or a network device or cross-connect "
                     "holds it; `fuser -v /dev/dahdi/*` names it");
    case ENXIO:
        return fault(channel, error, room, "is not configured: write %s=%u into " CONF ", then: dahdi_cfg",
                     wanted(channel->config.kind), number);
    case EINVAL:
    case ENODEV:
        return fault(channel, error, room, "does not exist: `tipring detect` lists the channels there are");
    default:
        return fault(channel, error, room, "cannot be opened: %s", strerror(errno));
    }
}

/* ---- settings ---------------------------------------------------------------------------------- */

int tr_dh_gains(struct tr_dh_channel *channel, int32_t rx_cdb, int32_t tx_cdb) {
    struct dh_gains gains = {0};
    int32_t rx = tr_gain(rx_cdb), tx = tr_gain(tx_cdb);
    for (int code = 0; code < 256; code++) {
        uint8_t from = (uint8_t)code;
        int16_t linear, louder;
        tr_g711_decode(channel->law, &from, &linear, 1);
        louder = tr_saturate((int32_t)(((int64_t)linear * rx) >> 14));
        tr_g711_encode(channel->law, &louder, &gains.rxgain[code], 1);
        louder = tr_saturate((int32_t)(((int64_t)linear * tx) >> 14));
        tr_g711_encode(channel->law, &louder, &gains.txgain[code], 1);
        gains.rxgain[code] = rx_cdb ? gains.rxgain[code] : from;
        gains.txgain[code] = tx_cdb ? gains.txgain[code] : from;
    }
    return tr_dh_system.ioctl(channel->fd, DH_SETGAINS, &gains) < 0 ? -errno : 0;
}

int tr_dh_echo(const struct tr_dh_channel *channel, uint32_t mode) {
    int result = tr_dh_ioctl_int(channel, DH_ECHOCANCEL, mode == TR_ECHO_OFF ? 0 : (int32_t)channel->config.echo_taps);
    if (result == 0 && mode != TR_ECHO_OFF) {
        result = tr_dh_ioctl_int(channel, DH_ECHOCANCEL_FAX_MODE, mode == TR_ECHO_FAX);
    }
    return result;
}

static int set_sound(struct tr_dh_channel *channel, char *error, size_t room) {
    const struct tr_dahdi_port *config = &channel->config;
    int result = 0;
    if (channel->sig == DH_SIG_CLEAR) {
        result = tr_dh_ioctl_int(channel, DH_AUDIOMODE, 1);
    }
    if (result == 0) {
        result = tr_dh_ioctl_int(channel, DH_SETLAW, config->law == TR_LAW_MU ? DH_LAW_MULAW : DH_LAW_ALAW);
    }
    if (result == 0 && (config->rx_cdb || config->tx_cdb)) {
        result = tr_dh_gains(channel, config->rx_cdb, config->tx_cdb);
    }
    if (result < 0) {
        errno = -result;
        return fault(channel, error, room, "law or gains are refused: %s", strerror(errno));
    }
    if (config->echo_taps && (result = tr_dh_echo(channel, config->echo_mode)) < 0) {
        errno = -result;
        return fault(channel, error, room,
                     "has no echo canceller (%s): write echocanceller=mg2,%u into " CONF ", then: dahdi_cfg; or "
                     "echo_taps: 0",
                     strerror(errno), config->channel);
    }
    return TR_OK;
}

static int set_buffers(struct tr_dh_channel *channel, char *error, size_t room) {
    struct dh_bufferinfo buffers = {.txbufpolicy = DH_POLICY_IMMEDIATE,
                                    .numbufs = channel->sound ? TR_DH_BUFFERS : TR_DH_FRAME_BUFFERS,
                                    .bufsize = channel->sound ? TR_BLOCK : TR_DH_FRAME_SPACE};
    if (tr_dh_system.ioctl(channel->fd, DH_SET_BUFINFO, &buffers) < 0) {
        return fault(channel, error, room, "its buffers cannot be set: %s", strerror(errno));
    }
    /* Old drivers do not tell underruns: then a queue that ran dry stays short. */
    tr_dh_ioctl_int(channel, DH_BUFFER_EVENTS, channel->sound);
    return TR_OK;
}

static int set_line(struct tr_dh_channel *channel, char *error, size_t room) {
    struct dh_params *params = &channel->params;
    params->preflashtime = 1; /* a flash begins at once; 0 would never end */
    params->debouncetime = 16;
    if (tr_dh_system.ioctl(channel->fd, DH_SET_PARAMS, params) < 0) {
        return fault(channel, error, room, "its times cannot be set: %s", strerror(errno));
    }
    if (params->rxhooksig < 0) {
        return fault(channel, error, room, "its driver tells no line states: this card cannot be used");
    }
    if (channel->config.kind == TR_KIND_FXS) {
        int result = tr_dh_ioctl_int(channel, DH_SETTONEZONE, -1);
        if (result == -ENODATA) {
            errno = ENODATA;
            return fault(channel, error, room,
                         "cannot ring: the driver rings only when a tone zone is loaded; write loadzone=cn and "
                         "defaultzone=cn into " CONF ", then: dahdi_cfg");
        }
        /* What a driver cannot do it answers with an error. */
        if (tr_dh_ioctl_int(channel, DH_SETPOLARITY, 0) == 0) {
            channel->capabilities |= TR_CAP_POLARITY;
        }
        if (tr_dh_ioctl_int(channel, DH_VMWI, 0) == 0) {
            channel->capabilities |= TR_CAP_LAMP;
        }
    } else {
        channel->capabilities |= TR_CAP_HEARS_ON_HOOK | TR_CAP_REPORTS_RING_BEGIN;
    }
    return TR_OK;
}

static int set_all(struct tr_dh_channel *channel, char *error, size_t room) {
    const struct tr_dahdi_port *config = &channel->config;
    if (tr_dh_system.ioctl(channel->fd, DH_GET_PARAMS, &channel->params) < 0) {
        return fault(channel, error, room, "does not tell its signalling: %s", strerror(errno));
    }
    channel->sig = channel->params.sigtype;
    if (!suits(config->kind, channel->sig)) {
        errno = EINVAL;
        return fault(channel, error, room,
                     "is signalled %s, which does not suit a port of type %s: write %s=%u into " CONF
                     " and run dahdi_cfg, or give the port the type that the card has",
                     signalling(channel->sig), kind_name(config->kind), wanted(config->kind), config->channel);
    }
    channel->analog = config->kind == TR_KIND_FXO || config->kind == TR_KIND_FXS;
    channel->cas = channel->sig == DH_SIG_CAS;
    channel->sound = config->kind != TR_KIND_D;
    channel->law = (uint8_t)config->law;
    channel->capabilities = config->echo_taps ? TR_CAP_HW_ECHO_CANCELLER : 0;
    int result = set_buffers(channel, error, room);
    if (result == TR_OK && channel->sound) {
        result = set_sound(channel, error, room);
    }
    if (result == TR_OK && channel->analog) {
        result = set_line(channel, error, room);
    }
    return result;
}

int tr_dh_open(struct tr_dh_channel *channel, char *error, size_t room) {
    channel->fd = tr_dh_system.open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (channel->fd < 0) {
        return no_device(channel, error, room);
    }
    int result = tr_dh_ioctl_int(channel, DH_SPECIFY, (int32_t)channel->config.channel);
    if (result < 0) {
        errno = -result;
        result = no_channel(channel, error, room);
    } else {
        result = set_all(channel, error, room);
    }
    if (result < 0) {
        int seen = errno;
        tr_dh_system.close(channel->fd);
        channel->fd = -1;
        errno = seen;
    }
    return result;
}
