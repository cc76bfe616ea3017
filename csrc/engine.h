/* Tipring media engine: the only public header.
 *
 * One engine is one media loop over the ports of one or more cards. A tick is TR_BLOCK samples of
 * 8 kHz G.711 on every port (20 ms). The control half talks to it through two lock-free rings in one
 * shared-memory block: commands in (taken at the start of a tick), events out (with an eventfd).
 * Everything here may be called from one control thread at a time; nothing here blocks except
 * tr_engine_stop() and tr_engine_free(), which wait for the threads to end: 5 s at most for each that hangs in a disk,
 * which is left behind with the memory it needs. Such an engine cannot be started again (TR_E_STATE).
 *
 * Units: samples are 125 us; levels are dBm0 (0 dBm0 = a sine of 3.14 dB below A-law overload, ITU-T
 * G.711); durations are milliseconds unless a name says samples or ticks.
 *
 * This file is read twice: by the C compiler and, from the line CDEF BEGIN on, by cffi. Between the two
 * markers only declarations that cffi understands are allowed.
 */
#ifndef TIPRING_ENGINE_H
#define TIPRING_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* CDEF BEGIN */
#define TR_ABI 1
#define TR_RATE 8000
#define TR_BLOCK 160
#define TR_TICK_MS 20
#define TR_COMMAND_SIZE 64
#define TR_EVENT_SIZE 64
#define TR_SIDE_MAX 4096
#define TR_FRAME_MAX 1022 /* octets of an HDLC frame without its check sequence; longer: TR_E_TOO_LONG */
#define TR_NO_PORT 4294967295

/* Results: 0 or a positive number is success, negative is one of these. */
enum tr_result {
    TR_OK = 0,
    TR_E_FULL = -1,        /* a ring has no room: try again after the next tick */
    TR_E_NO_PORT = -2,     /* no such port, or not allocated */
    TR_E_STALE = -3,       /* the epoch is not the port's present one */
    TR_E_UNSUPPORTED = -4, /* the card cannot do this: see its capabilities */
    TR_E_STATE = -5,       /* not now (flash while on-hook, play on a full queue, ...) */
    TR_E_ARGUMENT = -6,
    TR_E_SYSTEM = -7, /* errno says why */
    TR_E_NO_MEMORY = -8,
    TR_E_TOO_LONG = -9
};

/* Capabilities of a port, a mask. */
enum tr_capability {
    TR_CAP_RX_ONLY = 1,
    TR_CAP_HEARS_ON_HOOK = 2,
    TR_CAP_REPORTS_RING_BEGIN = 4,
    TR_CAP_PRECISION = 8, /* line edges are exact to one sample */
    TR_CAP_HW_ECHO_CANCELLER = 16,
    TR_CAP_ON_CARD_DTMF = 32,
    TR_CAP_POLARITY = 64,
    TR_CAP_LAMP = 128,
    TR_CAP_ECHO_CANCELLER = 256 /* TR_OP_ECHO_CANCELLER works: the card has one, or the port is analog and the engine's
                                   own can be used (csrc/echo.h) */
};

enum tr_port_kind {
    TR_KIND_NONE = 0,
    TR_KIND_FXO = 1, /* an extension's end: closes the loop, hears ringing */
    TR_KIND_FXS = 2, /* the exchange's end: gives battery, rings */
    TR_KIND_B = 3,   /* a bit-exact 64 kbit/s channel */
    TR_KIND_D = 4    /* a 64 kbit/s channel of HDLC frames, without sound (D channel) */
};

enum tr_law { TR_LAW_A = 0, TR_LAW_MU = 1 };

/* ---- commands -------------------------------------------------------------------------------
 * A command names the port and the epoch for which it was meant; a stale one is dropped and answered by
 * TR_EV_COMMAND_FAILED with TR_E_STALE. `id` comes back in every event that the command causes. */
enum tr_op {
    TR_OP_NONE = 0,
    TR_OP_EPOCH = 1,      /* a new call: a0 = the new epoch; stops play, record and detectors. The one op
                             whose own epoch is not compared. */
    TR_OP_HOOK = 2,       /* FXO. a0: 1 off-hook (close the loop), 0 on-hook */
    TR_OP_FLASH = 3,      /* FXO. open the loop a0 ms, close it again; TR_EV_HOOK_DONE at the end */
    TR_OP_RING = 4,       /* FXS. a0..a5: cadence on,off,on,off,on,off ms, repeated; all 0 = stop ringing */
    TR_OP_LOOP_OPEN = 5,  /* FXS. battery away for a0 ms (disconnect signal); TR_EV_HOOK_DONE at the end */
    TR_OP_POLARITY = 6,   /* FXS. a0: 0 normal, 1 reversed */
    TR_OP_ON_HOOK_TX = 7, /* FXS. a0: 1 pass transmitted audio to the on-hook line (caller ID) */
    TR_OP_LAMP = 8,       /* FXS. a0: message lamp on/off */
    TR_OP_PLAY = 9,       /* queue an item: a0 = enum tr_play, rest and side data by kind */
    TR_OP_PLAY_STOP = 10, /* drop the playing item and the queue; each ends with TR_EV_PLAY_DONE stopped */
    TR_OP_DETECT = 11,    /* a0 = mask of enum tr_detect now armed (replaces the former mask);
                             a1 = options, mask of enum tr_detect_option */
    TR_OP_TONE_PLAN = 12, /* side = struct tr_tone[], up to TR_MAX_TONES; the plan for TR_DETECT_TONES */
    TR_OP_GAIN = 13,      /* a0 receive, a1 transmit, hundredths of a dB, -2400..2400 */
    TR_OP_RECORD = 14,    /* side = path of the WAV file; a0 = enum tr_record; a1 = limit ms (0 none);
                             a2 = silence that ends it, ms (0 none) */
    TR_OP_RECORD_STOP = 15,
    TR_OP_HEAR =
        16,             /* a0 = port whose received samples this port transmits (one tick later), -1: none of them any
                           more; a1 = gain in hundredths of a dB, -9600 .. 2400, or TR_HEAR_NOT: that one no more; a2 = 1:
                           beside those heard already, 0: in their place. Mixed with what the player plays; changes fade
                           over one block (csrc/bridge.h). Nobody hears over the beginning of a new epoch, on either side */
    TR_OP_SETTING = 17, /* a0 = enum tr_setting, a1 = value */
    TR_OP_BITS = 18,    /* B. a0 = CAS bits ABCD (A is 8) */
    TR_OP_FRAME = 19,   /* D. side = one HDLC frame without FCS; TR_E_FULL: too many wait to be sent */
    TR_OP_CAPTURE = 20, /* as TR_OP_RECORD, beside it, and over calls: ends by limit, silence or its own stop only */
    TR_OP_CAPTURE_STOP = 21,
    TR_OP_JOIN =
        23, /* a0 = conference, 1 .. half the engine's ports, 0 leaves; a1 = mask of enum tr_role; a2 = gain of what
               this port says there, a3 of what it hears, 1/100 dB. Again with the same number: a new role */
    TR_OP_ECHO_CANCELLER = 22, /* a0 = enum tr_echo_canceller, off at first; stays so over calls; a1 = taps of our own,
                                  up to 256 (0) or to 512. TR_E_UNSUPPORTED without TR_CAP_ECHO_CANCELLER */
    TR_OP_R2 = 24,             /* B. a0 = enum tr_r2_op: see MFC-R2 below */
    TR_OP_PRI = 25 /* D, after tr_pri_open(). a0 = enum tr_pri_do, a1 = the call's handle, rest and side data by the
                      verb. TR_E_STALE: no such call any more; TR_E_STATE: not open */
};

#define TR_HEAR_NOT -32768
enum tr_role { TR_TALK = 1, TR_LISTEN = 2 };

/* The echo canceller: the card's where the card has one, else ours. Fax: it adapts no longer and its non-linear
 * processor is off (ITU-T G.168, G.165); ours has none. */
enum tr_echo_canceller { TR_ECHO_OFF = 0, TR_ECHO_ON = 1, TR_ECHO_FAX = 2 };

enum tr_play {
    TR_PLAY_FILE = 1, /* side = path; WAV, 8 kHz mono, PCM16, A-law or u-law. a1 = start ms, a2 = gain 1/100 dB,
                         a3 = 1 repeat for ever */
    TR_PLAY_TONE = 2, /* a1, a2 = Hz (a2 0: one); a3 = level of each, 1/100 dBm0; a4 = total ms (0: for ever);
                         side = int32 cadence on,off,on,off.. ms, repeated (none: continuous) */
    TR_PLAY_DTMF =
        3, /* side = digits 0-9*#A-D, and ',' = pause a5 ms; a1 on ms, a2 off ms; a3 low, a4 high level 1/100 dBm0 */
    TR_PLAY_MF_R1 = 4,   /* side = digits, as SpanDSP names them; a1 on, a2 off ms; a3 level */
    TR_PLAY_MF_R2F = 5,  /* R2 forward */
    TR_PLAY_MF_R2B = 6,  /* R2 backward */
    TR_PLAY_FSK_ID = 7,  /* side = a whole GR-30 message, type .. checksum; a3 level; seizure and mark are added */
    TR_PLAY_SILENCE = 8, /* a1 ms */
    TR_PLAY_SAMPLES = 9  /* side = int16 samples */
};

enum tr_detect {
    TR_DETECT_DTMF = 1,    /* TR_EV_DTMF_BEGIN, TR_EV_DTMF_END */
    TR_DETECT_TONES = 2,   /* TR_EV_TONE, TR_EV_TONE_OVERDUE, TR_EV_NOT_TONE, by the port's plan */
    TR_DETECT_FSK_ID = 4,  /* TR_EV_CALLER_ID */
    TR_DETECT_DTMF_ID = 8, /* TR_EV_CALLER_ID */
    TR_DETECT_VOICE = 16   /* TR_EV_VOICE_BEGIN, TR_EV_VOICE_END */
};

enum tr_detect_option {
    TR_DUCK_PROMPT = 1,  /* at a suspected digit our own prompt is lowered until the digit ends or proves false */
    TR_STOP_ON_DIGIT = 2 /* the first digit that begins stops the player in the same tick (barge-in) */
};

enum tr_record { TR_RECORD_RX = 1, TR_RECORD_TX = 2, TR_RECORD_STEREO = 3 /* left received, right sent */ };

/* Per-port settings; the card's driver classifies line edges by them (ms). Defaults in brackets. */
enum tr_setting {
    TR_SET_LAW = 1,              /* enum tr_law [A] */
    TR_SET_FLASH_MIN_MS = 2,     /* FXS: shortest loop opening that is a flash [80] */
    TR_SET_FLASH_MAX_MS = 3,     /* FXS: longest; longer is on-hook [1000] */
    TR_SET_DEBOUNCE_MS = 4,      /* FXS: loop closed this long = off-hook [16] */
    TR_SET_RING_DEBOUNCE_MS = 5, /* FXO: ringing voltage this long = a ring burst [100] */
    TR_SET_LOOP_DROP_MS = 6,     /* FXO: battery away this long while off-hook = disconnect [250] */
    TR_SET_GUARD_MS = 7,         /* FXO: loop drops masked this long after our own hook change [300] */
    TR_SET_PULSE_DIAL = 8,       /* FXS: 1 = openings shorter than a flash are pulse digits [0] */
    TR_SET_VOICE_LEVEL = 9,      /* VAD threshold over the noise floor and least level, 1/100 dBm0 [-4000] */
    TR_SET_ANSWER_VOICE_MS = 10, /* TR_EV_NOT_TONE after so much energy outside the plan [150] */
    TR_SET_FALLBACK = 11         /* FXO, FXS: enum tr_fallback [TR_FALLBACK_LEAVE] */
};

/* What a port does when the control half has been silent for 5 s: no tr_engine_command(), no tr_engine_events(); a
 * stepped engine never finds it silent. Ports that hear another one, or are heard, stay as they are: their callers
 * talk. A port answered and not yet joined stays off-hook, and so busy, unless TR_FALLBACK_ON_HOOK is wanted. When the
 * control half speaks again, what was made busy is put back on-hook before any of its commands is taken. */
enum tr_fallback {
    TR_FALLBACK_LEAVE = 0,
    TR_FALLBACK_BUSY = 1,   /* FXO: an idle port goes off-hook, a ringing one when it has not rung for 6 s (off-hook
                               earlier would answer the caller), so that the exchange hunts on */
    TR_FALLBACK_ON_HOOK = 2 /* FXO: an answered port is hung up; FXS: ringing stops */
};

/* ---- the tone plan --------------------------------------------------------------------------
 * Frequencies in Hz (f2 0: single). A cadence is up to four on/off pairs in ms; 0 ends it; a continuous
 * tone has on[0] = 0. `min_cycles` whole cycles confirm it; a continuous one is confirmed after
 * `min_ms`, gaps under `bridge_ms` bridged. `id` comes back in the events. */
#define TR_MAX_TONES 16
struct tr_tone {
    int32_t id;
    int32_t f1_hz, f2_hz;
    int32_t tolerance_hz; /* each frequency accepted +- this */
    int32_t level_min;    /* weakest accepted, 1/100 dBm0 */
    int32_t on_ms[4], off_ms[4];
    int32_t cadence_tolerance; /* per cent of each on and off time */
    int32_t min_cycles;
    int32_t min_ms;
    int32_t bridge_ms;
    int32_t watch_overdue; /* 1: after it is confirmed, a burst 15 % late raises TR_EV_TONE_OVERDUE */
    int32_t reserved;
};

/* ---- events ---------------------------------------------------------------------------------- */
enum tr_event_kind {
    TR_EV_NONE = 0,
    /* line: `at` is the sample at which the edge lay (to the card's precision) */
    TR_EV_OFFHOOK = 1,
    TR_EV_ONHOOK = 2,
    TR_EV_FLASH = 3,       /* a0 = ms the loop was open, 0 where the driver does not tell */
    TR_EV_PULSE_DIGIT = 4, /* a0 = digit 0-9 */
    TR_EV_RING_BEGIN = 5,
    TR_EV_RING_END = 6, /* end of one burst; a0 = its ms, 0 unknown */
    TR_EV_LOOP_DROP = 7,
    TR_EV_POLARITY = 8,   /* a0 = 0 normal, 1 reversed */
    TR_EV_BITS = 9,       /* B. a0 = CAS bits */
    TR_EV_FRAME = 10,     /* D. side = HDLC frame without FCS */
    TR_EV_ALARM = 11,     /* a0 = mask of enum tr_alarm, 0 = cleared */
    TR_EV_HOOK_DONE = 12, /* a flash or loop opening has ended; a0 = ms */
    TR_EV_LAMP = 13,      /* FXO on the software card: a0 message lamp */
    TR_EV_R2 = 15,        /* B. a0 = enum tr_r2_report: see MFC-R2 below */
    TR_EV_FALLBACK = 14,  /* a0 = enum tr_fallback: this was done while the control half was silent; 0: it is over */
    /* audio */
    TR_EV_DTMF_BEGIN = 20,   /* a0 = digit (ASCII); `at` = its first sample */
    TR_EV_DTMF_END = 21,     /* a0 = digit, a1 = ms; `at` = its last sample */
    TR_EV_TONE = 22,         /* a0 = id of the plan's tone now confirmed, a1 = level 1/100 dBm0; `at` = its begin */
    TR_EV_TONE_END = 23,     /* a0 = id: the confirmed tone is over */
    TR_EV_TONE_OVERDUE = 24, /* a0 = id: the next burst did not come in time */
    TR_EV_NOT_TONE = 25,     /* energy outside the plan for TR_SET_ANSWER_VOICE_MS; `at` = its begin; again after
                                each 500 ms of none */
    TR_EV_VOICE_BEGIN = 26,  /* `at` = its begin */
    TR_EV_VOICE_END = 27,
    TR_EV_CALLER_ID =
        28, /* a0 = enum tr_callerid_form, a1 = 1 checksum good; side = the message (FSK) or digits (DTMF) */
    /* signalling */
    TR_EV_PRI = 16, /* D. a0 = enum tr_pri_what, a1 = the call's handle, a2 = its slot, rest and side data by it */
    TR_EV_PRI_FRAME = 17, /* D. a0 = 1 sent, 0 received; side = frame of layer 2, as far as `trace` tells them */
    /* work */
    TR_EV_PLAY_DONE = 40,   /* id = the item's; a0 = enum tr_play_end, a1 = ms played, a2 = errno */
    TR_EV_RECORD_DONE = 41, /* id; a0 = enum tr_record_end, a1 = ms recorded, a2 = errno. Never lost: waits for room */
    TR_EV_COMMAND_FAILED = 42, /* id; a0 = enum tr_result, a1 = op */
    TR_EV_OVERRUN = 43,        /* port TR_NO_PORT: events were lost; a0 = how many. Reconcile from tr_port_state */
    TR_EV_LATE = 44            /* port TR_NO_PORT: the media thread missed ticks; a0 = how many */
};

enum tr_alarm { TR_ALARM_RED = 1, TR_ALARM_YELLOW = 2, TR_ALARM_BLUE = 4, TR_ALARM_LOS = 8, TR_ALARM_REMOVED = 16 };
enum tr_callerid_form { TR_CALLERID_FSK = 1, TR_CALLERID_DTMF = 2 };
enum tr_play_end { TR_PLAY_FINISHED = 0, TR_PLAY_STOPPED = 1, TR_PLAY_DIGIT = 2, TR_PLAY_FAILED = 3 };
enum tr_record_end {
    TR_RECORD_STOPPED = 0,
    TR_RECORD_LIMIT = 1,
    TR_RECORD_SILENCE = 2,
    TR_RECORD_FAILED = 3,
    TR_RECORD_OVERRUN = 4
};

struct tr_command {
    uint32_t op, port, epoch, id;
    int32_t a[8];
    uint32_t side_at, side_len; /* filled by tr_engine_command() */
    uint32_t reserved[2];
};

struct tr_event {
    uint32_t kind, port, epoch, id;
    uint64_t at;   /* sample clock of the engine: tick * TR_BLOCK + offset */
    uint64_t tick; /* the tick that raised it */
    int32_t a[5];
    uint32_t side_len;
    uint64_t side_at;
};

/* Level state of a port: what is true now, so that a new or overrun control half reconciles, not guesses. */
struct tr_port_state {
    uint32_t kind, epoch, capabilities, law;
    uint32_t hook;    /* FXO: our loop closed. FXS: the far loop closed */
    uint32_t ringing; /* FXO: burst on the line now. FXS: we ring */
    uint32_t polarity, battery, alarms, bits;
    uint32_t detectors; /* armed mask */
    uint32_t playing;   /* id of the playing item, 0 none */
    uint32_t recording; /* id of the recording, 0 none */
    uint32_t play_queue;
    /* counters of edges since allocation */
    uint32_t hook_edges, ring_edges, polarity_edges, drop_edges, flash_edges, bits_edges;
    uint32_t digits;
    uint32_t stale_commands;
    /* D: HDLC frames since allocation; bad: wrong check sequence, aborted, too long, too short */
    uint32_t frames_sent, frames_received, frames_bad;
    uint32_t files;    /* recordings and captures whose TR_EV_RECORD_DONE is still to come */
    uint32_t fallback; /* enum tr_fallback that was taken, as long as the control half is silent */
};

struct tr_stats {
    uint64_t tick;       /* ticks run */
    uint64_t late_ticks; /* paced: ticks that began more than one tick late */
    uint64_t events, events_lost, commands, commands_failed;
    uint64_t slips;                        /* of all cards: blocks lost or repeated between clocks */
    uint64_t io_underruns;                 /* prompts for which the disk came late, in blocks of silence */
    uint64_t io_overruns;                  /* recordings that lost blocks */
    uint64_t player_io_ms, recorder_io_ms; /* the disk work under way for prompts, for recordings, lasts so long; over
                                              1,000 ms of the latter recordings lose blocks, then end (csrc/record.h) */
    uint64_t tick_ns_last, tick_ns_max, tick_ns_total; /* cost of a tick, wall clock; 0 when stepped */
    uint64_t memory_bytes;                             /* of the engine and its ports */
    uint32_t ports, realtime;                          /* realtime: 1 where SCHED_FIFO was granted */
    int64_t clock_ppb;     /* the master card's clock against CLOCK_MONOTONIC, parts per billion, positive: the card is
                              fast; 0 until it has been watched for 10 s, and where no card gives the clock */
    uint64_t clock_losses; /* times a card's clock stopped, and ticks went on by the system's */
    uint64_t bad_frames;   /* HDLC frames aborted, too long, or with a wrong FCS */
};

struct tr_engine_config {
    uint32_t max_ports;    /* 1..65536 */
    uint32_t command_ring; /* records, power of two, 0 = 4096 */
    uint32_t event_ring;   /* records, power of two, 0 = 16384 */
    uint32_t side_bytes;   /* of each direction, power of two, 0 = 1 MiB */
    uint32_t paced;        /* 1: tr_engine_start() runs a media and an I/O thread; 0: stepped */
    uint32_t realtime;     /* 1: ask for SCHED_FIFO */
    uint32_t reserved[2];
};

/* ---- MFC-R2 on B channels (csrc/r2.h) ----------------------------------------------------------
 * Line signalling and compelled registers of China No.1 and ITU-T R2, both directions, run in the tick that brings the
 * bits or the tone. What differs between countries, exchanges and trunks is in struct tr_r2_config. */
#define TR_R2_DIGITS 20
#define TR_R2_PREFIXES 16
#define TR_R2_TRACE 500 /* steps kept of a call; further ones are not */

enum tr_r2_op {
    TR_R2_START = 1,  /* side = struct tr_r2_config; again: from the next call on. Idle is sent, and awaited */
    TR_R2_STOP = 2,   /* a call under way ends; blocked is sent: nobody serves the channel any more */
    TR_R2_CALL = 3,   /* side = called digits, 0, calling digits; a2 = KA, a3 = KD, a4 = 1: number withheld.
                         TR_E_STATE: not idle */
    TR_R2_MORE = 4,   /* side = further called digits */
    TR_R2_ACCEPT = 5, /* a2 = group B signal, a3 = 1: the called party is free, 0: the call is refused */
    TR_R2_ANSWER = 6, /* after ACCEPT; waits for its end. After our clear back: answers again */
    TR_R2_CLEAR = 7,  /* outgoing: clear forward. Incoming: clear back; before ACCEPT: congestion (A4) */
    TR_R2_BLOCK = 8,  /* once idle */
    TR_R2_UNBLOCK = 9,
    TR_R2_TELL = 10 /* TR_R2_STEPS of the present call, or the last one */
};
/* a1 of CALL is a number of the caller's own choosing, > 0, that comes back as `call`; of all others but START, STOP,
 * BLOCK, UNBLOCK and TELL: the call meant, TR_E_STALE where it is over. */

/* a4 = the call. Incoming calls have negative numbers. */
enum tr_r2_report {
    TR_R2_READY = 1, /* no call, the far end idle; after start, after an alarm, after its blocking */
    TR_R2_FAR_BLOCKED = 2,
    TR_R2_SEIZED = 3,     /* incoming call */
    TR_R2_OFFERED = 4,    /* side = called digits, 0, calling digits; a1 = KA (0 none), a2 = KD, a3 = tr_r2_number */
    TR_R2_PROCEEDING = 5, /* outgoing: no more digits are wanted */
    TR_R2_ACCEPTED = 6,   /* outgoing: the called party is free; a1 = group B signal, 0: by a group A signal. Incoming:
                             our   ACCEPT has reached the far end */
    TR_R2_ANSWERED = 7,   /* outgoing; again after SUSPENDED */
    TR_R2_SUSPENDED = 8,  /* outgoing: clear back, the called party may lift again */
    TR_R2_ENDED = 9,     /* the call is over, the channel not yet free. a1 = enum tr_r2_end, a2 = tone or bits, a3 = KD;
                            side = struct tr_r2_reached */
    TR_R2_RELEASED = 10, /* the channel is free; side = struct tr_r2_step[] */
    TR_R2_STUCK = 11,    /* the far end does not release; again after each TR_R2_T_STUCK */
    TR_R2_STEPS = 12     /* a1 = 1: no call, the far end idle; side = struct tr_r2_step[] */
};
enum tr_r2_number { TR_R2_CALLER_WITHHELD = 1, TR_R2_CALLER_CUT = 2 /* the caller's digits stopped coming */ };

/* How far a call had come. */
enum tr_r2_stage {
    TR_R2_AT_SEIZURE = 0, /* outgoing: not acknowledged */
    TR_R2_AT_CALLED = 1,
    TR_R2_AT_CATEGORY = 2, /* of the caller */
    TR_R2_AT_CALLER = 3,
    TR_R2_AT_GROUP_B = 4,
    TR_R2_AT_DECISION = 5, /* incoming: offered */
    TR_R2_AT_RINGING = 6,
    TR_R2_AT_TALK = 7
};
struct tr_r2_reached {
    uint32_t stage;              /* enum tr_r2_stage */
    uint32_t quiet_ms;           /* since the far end's last signal: tone or end of one, bits */
    char called[24], caller[24]; /* digits that have come, or outgoing were sent */
};

enum tr_r2_end {
    TR_R2_END_NORMAL = 1,  /* by our command */
    TR_R2_END_FAR = 2,     /* the far end cleared: incoming, the caller; outgoing, an answered call */
    TR_R2_END_GROUP_A = 3, /* outgoing: congestion or vacant number; a2 = the signal */
    TR_R2_END_GROUP_B = 4, /* outgoing: not free; a2 = the signal */
    TR_R2_END_TIMER = 5,   /* a2 = enum tr_r2_timer */
    TR_R2_END_TONE = 6,    /* a signal that makes no sense here; a2 = it */
    TR_R2_END_BITS = 7,    /* bits that make no sense here; a2 = them */
    TR_R2_END_DOUBLE = 8,  /* both ends seized */
    TR_R2_END_ILLEGAL = 9, /* outgoing: released by the far end before an answer */
    TR_R2_END_ALARM = 10,
    TR_R2_END_STOPPED = 11, /* TR_R2_STOP */
    TR_R2_END_CAUSES = 12
};

/* Milliseconds, 0: without limit unless it says otherwise. Sources: docs/r2.md */
enum tr_r2_timer {
    TR_R2_T_RECOGNISE = 0,  /* bits must stand so long */
    TR_R2_T_ACK = 1,        /* outgoing: seizure to its acknowledgement */
    TR_R2_T_FORWARD = 2,    /* outgoing: our forward signal on (Q.476 T1) */
    TR_R2_T_BETWEEN = 3,    /* outgoing: between forward signals (Q.476 T2) */
    TR_R2_T_NO_FORWARD = 4, /* incoming: no forward signal (Q.476 T3) */
    TR_R2_T_BACKWARD = 5,   /* incoming: the forward signal stays on although answered */
    TR_R2_T_CALLED = 6,     /* incoming, length unknown: the called number is complete after so much silence */
    TR_R2_T_CALLER = 7,     /* incoming: the calling number is complete after so much silence; 0: TR_R2_T_NO_FORWARD */
    TR_R2_T_ACCEPT = 8,     /* incoming: from OFFERED to ACCEPT, then congestion */
    TR_R2_T_PULSE = 9,      /* length of a pulsed signal */
    TR_R2_T_PULSE_GAP = 10, /* before it, from the end of the last backward signal */
    TR_R2_T_BACKWARD_MIN = 11, /* shortest backward signal: one that the line chops up is not taken for two */
    TR_R2_T_REPLY_MIN = 12,    /* a backward signal heard sooner after ours began is the rest of the last one */
    TR_R2_T_ANSWER_DELAY = 13, /* incoming: from the end of group B to the answer */
    TR_R2_T_ANSWER = 14,       /* outgoing: from ACCEPTED to the answer */
    TR_R2_T_REANSWER = 15,     /* outgoing: clear back to clear forward; 0: at once */
    TR_R2_T_GUARD = 16,  /* incoming: clear back to idle after the caller's clear; outgoing: idle before the next */
    TR_R2_T_DOUBLE = 17, /* double seizure: how long ours stands, so that the far end sees it */
    TR_R2_T_ALARM = 18,  /* an alarm so long ends the call */
    TR_R2_T_STUCK = 19,
    TR_R2_TIMERS = 20
};

/* What a group A signal asks for. */
enum tr_r2_ask {
    TR_R2_A_NONE = 0,
    TR_R2_A_NEXT = 1,    /* the next digit */
    TR_R2_A_AGAIN = 2,   /* all digits again, from the first */
    TR_R2_A_BACK1 = 3,   /* the last but one, n - 1 */
    TR_R2_A_BACK2 = 4,   /* n - 2 */
    TR_R2_A_BACK3 = 5,   /* n - 3 */
    TR_R2_A_GROUP_B = 6, /* KD, then group B decides */
    TR_R2_A_CALLER = 7,  /* KA, then the calling number */
    TR_R2_A_CONGESTION = 8,
    TR_R2_A_VACANT = 9,
    TR_R2_A_FREE = 10, /* address complete, called party free, without group B */
    TR_R2_ASKS = 11
};

struct tr_r2_prefix {
    char digits[12]; /* ended by 0 where shorter */
    int32_t length;  /* of called numbers that begin so */
};

struct tr_r2_config {
    int32_t cd;               /* bits c and d, always sent; heard they are ignored */
    int32_t level;            /* of each tone, 1/100 dBm0 */
    int32_t caller_by_next;   /* 1: the caller's digits are asked for by A_NEXT (China), 0: by A_CALLER (ITU) */
    int32_t called_end;       /* forward signal after the last called digit, 0 none */
    int32_t caller_end;       /* after the last of the caller's */
    int32_t caller_withheld;  /* in place of a withheld number; 0: caller_end */
    int32_t ask_caller;       /* incoming: 0 never, k: after k called digits, -1: after the last */
    int32_t caller_max;       /* incoming: so many digits of the caller, 0: KA only */
    int32_t called_length;    /* incoming: 0 unknown */
    int32_t called_holds;     /* incoming: 1: the caller's clear waits for ours (called control) */
    uint8_t a_code[16];       /* by enum tr_r2_ask: our signal, 0: not in this variant */
    uint8_t a_means[16];      /* by signal: enum tr_r2_ask */
    uint16_t b_free[16];      /* by KD: mask of the group B signals that say free */
    uint16_t b_mutual[16];    /* by KD: those after which a clear back ends the call at once */
    uint8_t b_congestion[16]; /* by KD: ours where nobody decides in time */
    int32_t ms[20];           /* by enum tr_r2_timer */
    uint32_t prefix_count;
    struct tr_r2_prefix prefix[16]; /* the longest that fits counts */
};

enum tr_r2_what {
    TR_R2_BITS_SENT = 1,
    TR_R2_BITS_HEARD = 2, /* before they are recognised */
    TR_R2_TONE_SENT = 3,  /* value 0: its end */
    TR_R2_TONE_HEARD = 4
};
struct tr_r2_step {
    uint32_t ms; /* since the call began; the beginning of the tick, tones heard: its end */
    uint16_t what, value;
};

typedef struct tr_engine tr_engine;
typedef struct tr_card tr_card;
typedef struct tr_backplane tr_backplane;

int tr_abi(void);
const char *tr_strerror(int result);

/* NULL with errno on failure. */
tr_engine *tr_engine_new(const struct tr_engine_config *config);
void tr_engine_free(tr_engine *engine);
/* The engine adopts the card and frees it with itself. Before start, or stopped. */
int tr_engine_add_card(tr_engine *engine, tr_card *card);
/* Gives card port `card_port` an engine port number (the lowest free), in *port. */
int tr_port_alloc(tr_engine *engine, tr_card *card, uint32_t card_port, uint32_t *port);
/* The number is given out again when all commands that were queued for its owner have been taken, a tick later at the
 * latest; events of the former owner, but TR_EV_RECORD_DONE, are not delivered to the next one. */
int tr_port_release(tr_engine *engine, uint32_t port);
/* Paced only. */
int tr_engine_start(tr_engine *engine);
int tr_engine_stop(tr_engine *engine);
/* Becomes readable when events wait; read its 8 bytes, then tr_engine_events(). */
int tr_engine_event_fd(tr_engine *engine);

/* Stepped only: runs the engines in lock step for at most `ticks`; returns how many were run. Ends early after the
 * first tick in which any engine raised an event. */
int tr_engines_step(tr_engine **engines, int count, int ticks);

int tr_engine_command(tr_engine *engine, const struct tr_command *command, const void *side, size_t side_len);
/* Moves up to `max` events to `out`, returns how many. */
int tr_engine_events(tr_engine *engine, struct tr_event *out, int max);
/* Copies an event's side data (valid until the next call of tr_engine_events); returns its length. */
int tr_engine_side(tr_engine *engine, const struct tr_event *event, void *out, size_t max);
int tr_engine_port_state(tr_engine *engine, uint32_t port, struct tr_port_state *out);
int tr_engine_stats(tr_engine *engine, struct tr_stats *out);

/* ---- ISDN PRI (pri.h) -------------------------------------------------------------------------
 * A D channel speaks DSS1 by itself once it is opened: EuroISDN on an E1 (EN 300 402 = Q.921, EN 300 403 = Q.931). */
enum tr_pri_side { TR_PRI_USER = 0, TR_PRI_NETWORK = 1 };
enum tr_pri_trace { TR_PRI_TRACE_NONE = 0, TR_PRI_TRACE_CALLS = 1 /* I frames */, TR_PRI_TRACE_ALL = 2 };

/* Milliseconds; N200, K and N316 are counts. Those that libpri does not have (T301, T302, T304, T310) are kept by the
 * control half (drivers/signalling/pri.py). */
enum tr_pri_timer {
    TR_PRI_T200 = 0, /* answer to a frame of layer 2 */
    TR_PRI_T203 = 1, /* layer 2 is asked after when it was silent for so long */
    TR_PRI_N200 = 2, /* tries */
    TR_PRI_K = 3,    /* frames sent and not yet acknowledged */
    TR_PRI_T303 = 4, /* first answer to SETUP, which is sent twice */
    TR_PRI_T305 = 5, /* answer to DISCONNECT */
    TR_PRI_T308 = 6, /* answer to RELEASE, which is sent twice */
    TR_PRI_T309 = 7, /* conversations outlive the D channel's failure for so long */
    TR_PRI_T313 = 8, /* user: answer to CONNECT */
    TR_PRI_T316 = 9, /* answer to RESTART; 0: never sent again */
    TR_PRI_N316 = 10,
    TR_PRI_TIMERS = 11
};

struct tr_pri_config {
    uint32_t side;                /* enum tr_pri_side */
    uint32_t trace;               /* enum tr_pri_trace */
    uint32_t service;             /* 1: SERVICE messages are told and sent (not EuroISDN; some exchanges have them) */
    uint32_t inband_disconnect;   /* 1: DISCONNECT with tones is told as progress, RELEASE ends the call */
    int32_t timer[TR_PRI_TIMERS]; /* negative: libpri's own value */
};

/* Who calls whom; strings end with 0. Plans are octet 3 of the number's element (type and plan), presentations octet
 * 3a, both without their extension bit. */
#define TR_PRI_NUMBER 64
struct tr_pri_party {
    char called[TR_PRI_NUMBER], calling[TR_PRI_NUMBER], redirecting[TR_PRI_NUMBER], name[TR_PRI_NUMBER];
    int32_t called_plan, calling_plan, calling_presentation, redirecting_plan, redirecting_presentation;
    int32_t bearer;    /* information transfer capability: 0 speech, 16 3.1 kHz audio, 8 unrestricted digital .. */
    int32_t complete;  /* no more digits come */
    int32_t exclusive; /* the channel, where one is named, and no other */
    char user_user[256];
};

enum tr_pri_do {
    TR_PRI_SETUP = 1,     /* a1 = a new handle below TR_PRI_INCOMING, a2 = slot; side = struct tr_pri_party */
    TR_PRI_DIGITS = 2,    /* outgoing, after TR_PRI_WANTS_MORE: side = further digits */
    TR_PRI_SETUP_ACK = 3, /* incoming: more digits are wanted; a2 = slot */
    TR_PRI_PROCEED = 4,   /* a2 = slot */
    TR_PRI_ALERT = 5,     /* a2 = slot, a3 = 1: with tones of ours */
    TR_PRI_PROGRESS = 6,  /* a2 = slot: tones can be heard */
    TR_PRI_ANSWER = 7,    /* a2 = slot */
    TR_PRI_CLEAR = 8,     /* a3 = cause, 1..127 */
    TR_PRI_RESTART = 9,   /* a2 = slot */
    TR_PRI_SERVICE = 10,  /* a2 = slot, a3 = enum tr_pri_service */
    TR_PRI_CLOSE = 11,    /* calls that come are refused from now on; the D channel falls silent when none is left */
    TR_PRI_TELL = 12      /* events were lost: TR_PRI_UP or DOWN, TR_PRI_CALL of each call, TR_PRI_CALLS */
};
#define TR_PRI_INCOMING 1073741824 /* handles of incoming calls begin here */
enum tr_pri_service { TR_PRI_IN_SERVICE = 0, TR_PRI_LOOPBACK = 1, TR_PRI_OUT_OF_SERVICE = 2 };

enum tr_pri_what {
    TR_PRI_UP = 1,         /* layer 2 is established */
    TR_PRI_DOWN = 2,       /* it is not; conversations go on, for T309 */
    TR_PRI_OFFERED = 3,    /* SETUP; a2 = slot, 0: any; side = struct tr_pri_party */
    TR_PRI_MORE = 4,       /* incoming: a3 = 1: the last ones; side = further digits */
    TR_PRI_WANTS_MORE = 5, /* outgoing: SETUP ACKNOWLEDGE */
    TR_PRI_PROCEEDING = 6,
    TR_PRI_HEAR = 7, /* outgoing: PROGRESS; a4 = flags */
    TR_PRI_ALERTING = 8,
    TR_PRI_ANSWERED = 9,
    TR_PRI_CLEARED = 10,      /* a3 = cause, a4 = flags: the handle is void */
    TR_PRI_RESTARTED = 11,    /* by the far end; a2 = slot, 0: all. Calls there were told before as cleared, cause 41 */
    TR_PRI_RESTART_DONE = 12, /* a2 = slot */
    TR_PRI_SERVICED = 13,     /* by the far end; a2 = slot, a3 = enum tr_pri_service */
    TR_PRI_NOTE = 14,         /* side = libpri's remark on what the far end does; ten a second at most */
    TR_PRI_RENEWED = 15,      /* its memory was used up, all calls were ended, and the D channel begins anew */
    TR_PRI_CALL = 16,         /* a3 = the last step of it that was told: enum tr_pri_what */
    TR_PRI_CALLS = 17,        /* that were all */
    TR_PRI_REFUSED = 18       /* a SETUP that was never offered: a3 = the cause we gave; side = its frame */
};
enum tr_pri_flag {
    TR_PRI_INBAND = 1,   /* tones or an announcement can be heard */
    TR_PRI_BY_TIMER = 2, /* a timer ended the call, not the far end */
    TR_PRI_BY_US = 4     /* so did a command, or our rules */
};
/* Makes a port of kind D speak; frames are no longer told as TR_EV_FRAME. Again after TR_PRI_CLOSE was taken.
 * TR_E_UNSUPPORTED, TR_E_STATE (open already), TR_E_ARGUMENT, TR_E_NO_MEMORY. */
int tr_pri_open(tr_engine *engine, uint32_t port, const struct tr_pri_config *config);
struct tr_pri_stats {
    uint32_t open, up, calls;
    uint32_t memory, memory_most, memory_refused; /* of its arena: bytes in use, at most; allocations refused */
    uint32_t refused;                             /* SETUPs for which there was no room, or nobody to answer them */
    uint32_t malformed;                           /* messages cut at an element that does not fit */
    uint32_t unsent;                              /* frames for which the card had no room; layer 2 sends them again */
    uint32_t renewed, notes;
};
/* As of the last tick; paced, while the media thread runs, numbers may be of different moments. */
int tr_pri_stats(tr_engine *engine, uint32_t port, struct tr_pri_stats *out);

/* ---- the software card ------------------------------------------------------------------------
 * `count` ports of one kind, free-standing until wired. */
struct tr_sim_config {
    uint32_t ports;
    uint32_t kind;         /* enum tr_port_kind */
    uint32_t capabilities; /* which to offer */
    uint32_t law;
};
tr_card *tr_sim_card_new(const struct tr_sim_config *config);
/* One more port of another kind on the same card; returns its card port or a result. */
int tr_sim_card_add_port(tr_card *card, uint32_t kind, uint32_t capabilities);

/* What a wire does to sound and signals; all can change at any time (tr_wire_set). */
struct tr_wire_faults {
    double loss_db;        /* each direction, >= 0 */
    double return_loss_db; /* of the hybrid at each end; 100 = none heard */
    double far_echo_db;    /* return loss of a second, far reflection; 0 = none */
    double far_echo_ms;    /* its delay, 10..60 */
    double noise_dbm0;     /* white noise heard at each end; 0 = none */
    double clip_dbm0;      /* peak clipping; 0 = none */
    double slip_per_min;   /* one sample lost or repeated */
    double bit_error_rate; /* B, D: chance of each bit heard to be wrong, 0..0.5 */
    int32_t cut;           /* 1: no sound, no current, no ringing, no signal */
    int32_t no_loop_drop;  /* 1: battery openings do not reach the far end */
    int32_t reversed;      /* 1: polarity swapped for good */
    int32_t alarm;         /* B, D: what the end which the call names sends: 0 its signal, TR_ALARM_LOS nothing,
                              TR_ALARM_BLUE all ones (AIS), TR_ALARM_YELLOW its signal with a remote alarm (RAI) */
    uint32_t seed;         /* of the noise and the bit errors */
};
/* Wires port pa of card a to port pb of card b (FXO-FXS, B-B or D-D), in this process. Returns a wire number >= 0. */
int tr_wire_connect(tr_card *a, uint32_t pa, tr_card *b, uint32_t pb);
int tr_wire_disconnect(tr_card *a, uint32_t pa);
int tr_wire_set(tr_card *a, uint32_t pa, const struct tr_wire_faults *faults);
int tr_wire_get(tr_card *a, uint32_t pa, struct tr_wire_faults *faults);
/* Stepped only. Writes what port pa hears (left) and sends (right) to stem.wav (PCM16 stereo 8 kHz) and its line edges
 * to stem.jsonl: {"ms": 12.125, "end": "local"|"far", "edge": "loop"|"battery"|"ring"|"polarity"|"bits", "value": 0|1}.
 * NULL ends it. TR_E_STATE on a paced engine, whose media thread must not write files. */
int tr_wire_tap(tr_card *a, uint32_t pa, const char *stem);

/* ---- real cards, through DAHDI (card_dahdi.h) ------------------------------------------------- */
struct tr_dahdi_port {
    uint32_t channel; /* DAHDI's number of the channel, 1.. */
    uint32_t kind;    /* what the port must be: TR_KIND_FXO (signalled fxsls, fxsks), TR_KIND_FXS (signalled fxols,
                         fxoks), TR_KIND_B (bchan, clear, or cas), TR_KIND_D (dchan, hardhdlc) */
    uint32_t law;     /* enum tr_law: of the codes on the channel */
    uint32_t depth;   /* blocks written ahead, 2..16; 4 suits voice, 3 where delay matters (R2). Not for D */
    int32_t rx_cdb, tx_cdb; /* gains in the driver, hundredths of a dB, -2400..2400 */
    uint32_t echo_taps;     /* the driver's canceller: 0 off, else 32, 64 .. 1024 samples */
    uint32_t echo_mode;     /* enum tr_echo_canceller from the open on, where echo_taps is not 0 */
};
/* Opens all channels and makes them ready; nothing rings, nothing goes off-hook. NULL: `error` holds one clear line
 * with the remedy, errno what the system said. */
tr_card *tr_dahdi_card_new(const struct tr_dahdi_port *ports, uint32_t count, char *error, size_t room);

/* ---- the backplane: wires whose far ends are in another process ----------------------------------
 * `fd` is a connected Unix SEQPACKET socket; card ports first..first+count-1 are wired to the same range of the card at
 * the far end. The backplane owns the descriptor. */
struct tr_backplane_stats {
    uint64_t frames_sent, frames_received, slips, bad_frames;
    uint32_t alarm;                /* 1: red, no frame for a second or the far end is gone */
    uint32_t far_version, version; /* of the frames of the far end (0: none yet), and ours */
    uint32_t refused;              /* 1: the far end speaks another version, its connection was dropped */
};
tr_backplane *tr_backplane_new(tr_card *card, uint32_t first, uint32_t count, int fd, int paced);
/* A new connection after the far end came back; -1 drops the present one. */
int tr_backplane_reconnect(tr_backplane *backplane, int fd);
int tr_backplane_stats(tr_backplane *backplane, struct tr_backplane_stats *out);

/* ---- signal tools for files and benches (no engine needed) ---------------------------------------
 * The same detectors and generators as in a port's chain. */
typedef struct tr_listener tr_listener;
tr_listener *tr_listener_new(uint32_t detect_mask, const struct tr_tone *plan, int tones);
/* `at` in events counts samples since the listener began; port 0. Side data by tr_listener_side. */
int tr_listener_feed(tr_listener *listener, const int16_t *samples, int count, struct tr_event *out, int max);
int tr_listener_side(tr_listener *listener, const struct tr_event *event, void *out, size_t max);
void tr_listener_free(tr_listener *listener);
/* The echo canceller of analog ports: takes the echo of `sent` out of `received`; `count` is a multiple of TR_BLOCK;
 * `taps` up to 256, or to 512. */
typedef struct tr_canceller tr_canceller;
tr_canceller *tr_canceller_new(int taps);
int tr_canceller_feed(tr_canceller *canceller, const int16_t *sent, const int16_t *received, int16_t *out, int count);
void tr_canceller_free(tr_canceller *canceller);
/* Renders one play item (not TR_PLAY_FILE) to samples; returns how many, at most max. */
int tr_render(const struct tr_command *play, const void *side, size_t side_len, int16_t *out, int max);
void tr_g711_encode(int law, const int16_t *in, uint8_t *out, int count);
void tr_g711_decode(int law, const uint8_t *in, int16_t *out, int count);
/* Which kernels run: "generic", "avx2", "avx512"; results are equal. NULL asks; returns the present name, or NULL
 * where the processor lacks the one asked for. The environment variable TIPRING_SIMD names one at start. */
const char *tr_simd(const char *want);

/* The engine bench: `ports` full chains (A-law decode, echo canceller if `echo`, all of `detect_mask`, gain, player,
 * encode) over `ticks` ticks on given input (A-law, per port `stride` samples, repeated); one core, no threads. Counts
 * digits found. */
struct tr_bench_result {
    double ns_total, ns_tick_mean, ns_tick_max;
    uint64_t digits_found, memory_bytes;
};
int tr_bench(uint32_t ports, uint32_t ticks, uint32_t detect_mask, uint32_t echo, const uint8_t *input,
             uint32_t samples_per_port, uint32_t distinct_inputs, struct tr_bench_result *out);

/* The bridge bench: `ports` ports in calls of two (PAIRS: codes passed on; MIXED: the same at -1 dB;
 * CANCELLED: the same on analog lines with our echo canceller), or of `parties`
 * (CONFERENCE; ALL_PAIRS: each hears each other one by a pair). COPY: the codes copied, nothing else. */
enum tr_bench_how {
    TR_BENCH_COPY = 0,
    TR_BENCH_PAIRS = 1,
    TR_BENCH_MIXED = 2,
    TR_BENCH_CONFERENCE = 3,
    TR_BENCH_ALL_PAIRS = 4,
    TR_BENCH_CANCELLED = 5
};
struct tr_bench_bridge {
    uint32_t ports, ticks, how, parties;
    const uint8_t *input; /* A-law, `distinct` times `samples` octets */
    uint32_t samples, distinct;
    const char *folder; /* every second port is recorded there, stereo; NULL: none */
};
int tr_bench_bridge(const struct tr_bench_bridge *plan, struct tr_bench_result *out);

/* The bridge soak: `calls` conversations at a time among twice as many parties and a quarter of them more, who are
 * called, put on hold, heard at a gain, joined by a third, hung up and called by others, over `ticks` ticks. Each party
 * p says its own code (A-law, `samples` octets of input, a multiple of TR_BLOCK, from p * samples on, repeated); every
 * sample that anybody is sent is compared with what it must be. */
struct tr_bench_soak {
    uint32_t calls; /* 4..1000 */
    uint64_t ticks;
    const uint8_t *input; /* of 2.25 * calls parties */
    uint32_t samples, seed;
    const char
        *folder; /* 200 of the first ten callers' conversations are recorded there, CALLER-AGENT.wav; NULL: none */
};
struct tr_soak_result {
    uint64_t samples, wrong; /* compared; of these not what they must be */
    uint64_t in_change,
        out_of_bounds; /* in the 60 ms after a change, while gains fade; of these none of the parties' */
    uint64_t calls, holds, thirds, gains, recordings;
    uint64_t events_lost, io_overruns, late_commands;
    uint64_t memory_begin, memory_end; /* of the engine, when all have talked once, and at the end */
    uint32_t wrong_port, reserved;     /* the first */
    uint64_t wrong_tick;
    double ns_total, ns_tick_max;
};
int tr_bench_soak(const struct tr_bench_soak *plan, struct tr_soak_result *out);
/* CDEF END */

#ifdef __cplusplus
}
#endif
#endif
