/* Real cards, through DAHDI: what the files of this back-end share. Public function: tr_dahdi_card_new (engine.h).
 *
 *   card_dahdi.c          the table of functions, level state, building and release
 *   card_dahdi_open.c     opening a channel and setting it as the site wants it; what goes wrong, in one clear line
 *   card_dahdi_line.c     what the line does, looked at once a tick; events of the driver
 *   card_dahdi_command.c  line commands
 *   card_dahdi_block.c    one pass a tick over all channels: sound
 *   card_dahdi_frame.c    HDLC frames
 *   card_dahdi_clock.c    when the tick begins
 *
 * Line states. DAHDI sorts line events itself, but with windows fixed when it was compiled: openings up to 200 ms are
 * dial pulses (so the 100 ms of many R keys never come as a flash), ringing is not told for 2 s after a hang-up, every
 * loss of battery is a disconnect at once. Therefore the level (DAHDI_GET_PARAMS, rxhooksig: what the card's own driver
 * has debounced) is looked at once a tick and classified by line.h, as on the software card: flash window, loop drop
 * with its guard time, ring debounce are the port's settings, to 20 ms. The driver's events tell what levels cannot:
 * alarms, polarity, end of a flash, pulse digits, lamp, CAS bits, lost blocks, removal. The driver's ring of 64 events
 * a channel is emptied every tick.
 *
 * Sound. Blocks of 160 codes; `depth` blocks are queued in the driver when a tick's block has been written. All
 * channels are flushed together, in order, and the tick follows the last voice channel, so that one pass finds a block
 * on each. Transmit to receive: `depth` * 160 samples to the sample (measured between crossed channels of DAHDI 2.11,
 * depths 2 to 8); a real card's own delay comes on top. It is constant until a slip. A block that did not come, or did
 * not fit, is a slip: idle codes are heard for the former; after an underrun the queue is filled up anew, once the tick
 * is in time again. A card with another clock than the tick's slips a block now and then, in both directions at once. A
 * pause of the media thread of more than the driver's TR_DH_BUFFERS blocks begins all channels anew; so does one of a
 * stepped engine of more than the `depth` blocks which it had sent ahead.
 *
 * Line commands that the driver times: flash (DAHDI_SET_PARAMS flashtime), ringing (DAHDI_SETCADENCE). A loop opening
 * is DAHDI's "kewl" disconnect: only on fxoks, at most 500 ms (its fixed time), ended earlier by our tick. Hanging up
 * is DAHDI_RINGOFF, which is on-hook without the flush, the battery drop and the 2 s of deafness that DAHDI_ONHOOK
 * brings.
 *
 * Nothing blocks: channels are O_NONBLOCK, and one that is gone (ENODEV, EIO, DAHDI_EVENT_REMOVED) is never touched
 * again: it is in alarm TR_ALARM_REMOVED, its sound is silence, its commands are TR_E_STATE. Each second it is tried
 * whether the channel can be opened anew; then it is set as before and the alarm is over. An echo canceller that is
 * switched makes the driver allocate memory: some microseconds.
 *
 * Capabilities: HEARS_ON_HOOK and REPORTS_RING_BEGIN (FXO), POLARITY and LAMP (FXS) where the driver takes the ioctl,
 * HW_ECHO_CANCELLER where a canceller is attached. Never PRECISION. Polarity and lamp of an FXO are told when the
 * driver tells them (no driver says beforehand whether it does). Serves all nine steps. */
#ifndef TIPRING_CARD_DAHDI_H
#define TIPRING_CARD_DAHDI_H

#include "card.h"
#include "dahdi_abi.h"
#include "line.h"
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

enum {
    TR_DH_BUFFERS = 20,                 /* blocks the driver keeps in each direction; 32 are DAHDI's limit */
    TR_DH_DEPTH_MAX = 16,               /* blocks written ahead */
    TR_DH_FRAME_MAX = TR_FRAME_MAX + 2, /* HDLC frame with its 2 bytes of FCS */
    TR_DH_FRAME_SPACE = 1040,           /* the driver drops what fills a buffer wholly; 31 are its limit of 32 KiB */
    TR_DH_FRAME_BUFFERS = 31,
    TR_DH_FRAME_QUEUE = 8192, /* octets of frames that wait for room in the driver: a second of the channel */
    TR_DH_FRAMES_A_TICK = 32, /* read of one channel */
    TR_DH_KEWL_MS = 500,
    TR_DH_LOOK_TICKS = 64 /* what events tell is looked at anew so often, and how much is queued */
};

/* The system calls, so that a test can stand in for the driver and for time. */
struct tr_dh_system {
    int (*open)(const char *path, int flags);
    int (*close)(int fd);
    int (*ioctl)(int fd, unsigned long request, void *argument);
    ssize_t (*read)(int fd, void *to, size_t room);
    ssize_t (*write)(int fd, const void *from, size_t n);
    int (*poll)(struct pollfd *fds, nfds_t count, int timeout_ms);
    int64_t (*now_ns)(void); /* CLOCK_MONOTONIC */
};
extern struct tr_dh_system tr_dh_system;

struct tr_dh_channel {
    int fd; /* -1: gone */
    struct tr_dahdi_port config;
    int32_t sig;
    uint32_t capabilities;
    uint8_t law;
    bool analog, cas, sound; /* sound: everything but D */

    /* sound */
    uint8_t refill; /* the driver's transmit queue ran dry: it is filled within so many ticks */
    uint8_t hold;   /* so many ticks nothing is read: 2 in the tick of a flush, so that a block lies in reserve */
    uint8_t ahead;  /* looks in succession that found two blocks too many */
    bool stashed;   /* a block was read before its time */
    uint8_t stash[TR_BLOCK];
    bool heard; /* the last block held something that may pass */

    /* line */
    struct tr_line line;
    struct dh_params params;
    uint16_t own;     /* our levels, as line.h wants them */
    uint16_t far;     /* the far end's, as looked at last */
    bool known;       /* the far end's levels are */
    bool off_hook;    /* FXO: as commanded; stays true during a flash */
    bool flash_waits; /* the driver still debounces our own off-hook */
    bool flashing, ringing, opening, opening_seen, pulse_dial, on_hook_tx, reversed;
    int32_t flash_ms;
    uint64_t began, open_end; /* card samples: of a flash or opening; where the opening ends */
    uint32_t hook_edges, ring_edges, polarity_edges, drop_edges, flash_edges;
    uint8_t *queue;  /* D: frames that wait, each behind its length in two octets */
    uint32_t queued; /* octets */
    uint32_t frames_sent, frames_received, frames_bad;
};

struct tr_dahdi_card {
    struct tr_card base;
    uint32_t count;
    struct tr_dh_channel *channels;
    uint64_t tick;
    uint64_t slips, bad_frames;
    struct tr_line_event *events;
    uint32_t events_max, events_count, events_next;
    uint32_t frame_channel, frames_left; /* where next_event reads on */
    uint8_t frame[TR_DH_FRAME_MAX];

    /* clock (card_dahdi_clock.c) */
    int timer_fd;    /* /dev/dahdi/timer where no channel has sound, else -1 */
    bool running;    /* the channels have been started */
    bool steady;     /* the last tick was a tick ago */
    bool reserve;    /* another card gives the clock */
    bool lost;       /* the clock stopped */
    int64_t due;     /* CLOCK_MONOTONIC, ns: when the present tick was due */
    int64_t begun;   /* the same: when it began */
    int64_t passed;  /* the same: the last pass over the channels */
    int64_t anchor;  /* the same: since when the clock is watched; 0 not */
    int64_t watched; /* ticks since */
    int64_t ppb;
    uint64_t losses;
};

static inline struct tr_dahdi_card *tr_dahdi_of(tr_card *card) { return (struct tr_dahdi_card *)card; }
static inline uint64_t tr_dh_now(const struct tr_dahdi_card *card) { return card->tick * TR_BLOCK; }
static inline bool tr_dh_is_gone(const struct tr_dh_channel *channel) { return channel->fd < 0; }

/* ioctl with an int; 0, or a negative errno. */
int tr_dh_ioctl_int(const struct tr_dh_channel *channel, unsigned long request, int32_t value);

/* card_dahdi_open.c. TR_OK, or a result with the line in `error`. The channel's config has been checked. */
int tr_dh_open(struct tr_dh_channel *channel, char *error, size_t room);
int tr_dh_gains(struct tr_dh_channel *channel, int32_t rx_cdb, int32_t tx_cdb);
/* The driver's canceller; 0 or a negative errno. */
int tr_dh_echo(const struct tr_dh_channel *channel, uint32_t mode);

/* card_dahdi_line.c */
/* DAHDI_HOOK; 0, also where it goes on by itself, or a negative errno. */
int tr_dh_hook_ioctl(const struct tr_dh_channel *channel, enum dh_hook what);
void tr_dh_raise(struct tr_dahdi_card *card, uint32_t index, uint32_t kind, int32_t a0);
/* Takes all events of the driver. */
void tr_dh_drain(struct tr_dahdi_card *card, uint32_t index);
/* Looks at the line, and runs what is timed by our ticks. Once a tick. */
void tr_dh_look(struct tr_dahdi_card *card, uint32_t index);
/* The channel is no more. */
void tr_dh_gone(struct tr_dahdi_card *card, uint32_t index);
/* The span's and the channel's alarms. */
void tr_dh_alarms(struct tr_dahdi_card *card, uint32_t index);
/* Our own levels change, now. */
void tr_dh_set_own(struct tr_dahdi_card *card, uint32_t index, uint16_t level, bool on);
/* A flash of flash_ms; waits where the driver still debounces our off-hook. 0 or a negative errno. */
int tr_dh_begin_flash(struct tr_dahdi_card *card, uint32_t index);
/* A flash is over, by itself or not. */
void tr_dh_end_flash(struct tr_dahdi_card *card, uint32_t index, int32_t ms);

/* card_dahdi_command.c */
int tr_dh_hook(tr_card *card, uint32_t port, int off_hook);
int tr_dh_flash(tr_card *card, uint32_t port, int ms);
int tr_dh_ring(tr_card *card, uint32_t port, const int32_t cadence_ms[6]);
int tr_dh_loop_open(tr_card *card, uint32_t port, int ms);
int tr_dh_polarity(tr_card *card, uint32_t port, int reversed);
int tr_dh_on_hook_tx(tr_card *card, uint32_t port, int on);
int tr_dh_lamp(tr_card *card, uint32_t port, int on);
int tr_dh_bits(tr_card *card, uint32_t port, int abcd);
int tr_dh_set(tr_card *card, uint32_t port, int setting, int value);

/* card_dahdi_block.c */
int tr_dh_exchange(tr_card *card, uint8_t *const *rx, const uint8_t *const *tx, uint32_t count);
int tr_dh_next_event(tr_card *card, struct tr_line_event *out);
/* One buffer of a channel in or out: its length, 0 when there is none or no room, -1 when the channel is gone. Events
 * that are in the way are taken. */
ssize_t tr_dh_read_one(struct tr_dahdi_card *card, uint32_t index, void *to, size_t room);
ssize_t tr_dh_write_one(struct tr_dahdi_card *card, uint32_t index, const void *from, size_t n);
/* All channels begin anew: their blocks end together from now on, `depth` blocks of silence are on their way. `late`:
 * the tick has begun already, and not by our clock: one block of each is kept in reserve. */
void tr_dh_start(struct tr_dahdi_card *card, bool late);

/* card_dahdi_frame.c */
int tr_dh_frame(tr_card *card, uint32_t port, const uint8_t *data, uint32_t n);
void tr_dh_send_frames(struct tr_dahdi_card *card, uint32_t index);
bool tr_dh_next_frame(struct tr_dahdi_card *card, struct tr_line_event *out);

/* card_dahdi_clock.c */
/* The channel whose blocks are the tick; card->count where there is none with sound. */
uint32_t tr_dh_master(const struct tr_dahdi_card *card);
/* A pass begins; starts the channels where they stood still: nobody waits for a card that does not give the clock. */
void tr_dh_pass(struct tr_dahdi_card *card);
int tr_dh_wait(tr_card *card);

#endif
