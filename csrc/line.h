/* Line classification: from raw line levels to what a driver reports.
 *
 * A line is a set of levels (loop closed, battery, ringing ...) that change at exact samples. A card's driver does not
 * hand these to programs, it classifies them by time windows: an opening of the loop of 80 to 1000 ms is a flash, a
 * longer one is on-hook. Pure state, no I/O, no heap: feed changes in the order of their time, then run the
 * timers up to the end of the block. Serves steps 1 (ring), 2 (flash, off-hook, hang-up) and 7 (transfer).
 *
 * Times are samples of the card (8 per ms). At one and the same sample a timer that is due comes before an edge: a loop
 * closed for exactly the debounce time is off-hook, battery away for exactly 250 ms is a drop, and an opening of
 * exactly the longest flash time is still a flash.
 *
 *   FXS   OFFHOOK after `debounce`; FLASH within [min, max], known `debounce` after the loop is closed again (a0 = ms);
 *         longer: ONHOOK, raised when the maximum has passed; shorter: a pulse (if enabled; digit after 200 ms of
 * closed loop) or nothing. Openings and closings shorter than `debounce` are contact bounce. While we take our battery
 *         away ourselves no hook change is seen; the loop is looked at anew when it is back.
 *   FXO   RING_BEGIN after `ring debounce`; RING_END (a0 = ms) at the end of the burst or when we go off-hook;
 *         LOOP_DROP when battery is away for `loop drop` while our loop is closed, counted from the end of the guard
 * time after our own hook changes at the earliest; ALARM red after 1 s without battery (DAHDI battalarm 1000), cleared
 * after 64 ms with (battdebounce 64); POLARITY and LAMP for changes, not for the first state learnt (a lamp that is on
 *         is told).
 *   B, D  BITS for changes; they are frozen while there is no signal. ALARM red and LOS after 2.5 s without the far
 *         end's signal, blue after 2.5 s of all ones in its place (AIS), yellow after 500 ms of its remote alarm
 *         indication (RAI); each is cleared after 500 ms. While an alarm of our own (red, blue) stands the far end's
 *         remote alarm is not looked at. Sound passes only with the signal, at once. What follows from an alarm, the
 *         card does: while red or blue stands it sends RAI, for yellow it sends nothing back (ITU-T G.732).
 *
 * Sources: DAHDI wctdm (polarity not for the first learnt), fxo_modes.h CHINA, defaults of engine.h enum tr_setting;
 * DAHDI wct4xxp (2500 ms and 500 ms; RAI only once the alarm has been declared). */
#ifndef TIPRING_LINE_H
#define TIPRING_LINE_H

#include "engine.h"
#include <stdbool.h>

enum tr_level {
    TR_LEVEL_LOOP = 1,        /* FXO: the loop is closed */
    TR_LEVEL_BATTERY = 2,     /* FXS: feeds the line */
    TR_LEVEL_RINGING = 4,     /* FXS: ringing voltage, now */
    TR_LEVEL_REVERSED = 8,    /* FXS: polarity */
    TR_LEVEL_LAMP = 16,       /* FXS: message lamp */
    TR_LEVEL_ON_HOOK_TX = 32, /* FXS: sound is passed to the on-hook line */
    TR_LEVEL_PRESENT = 64,    /* B, D: the signal is there */
    TR_LEVEL_AIS = 128,       /* B, D: all ones instead of it */
    TR_LEVEL_BITS = 0xF00,    /* B: CAS bits ABCD, A is 0x800 */
    TR_LEVEL_RAI = 0x1000     /* B, D: with the signal, the remote alarm indication (bit A of slot 0) */
};
#define TR_LEVEL_BITS_SHIFT 8
/* What each kind of port may send. */
uint16_t tr_level_mask(uint32_t kind);

/* From sample `offset` of a block on, the line has these levels. */
struct tr_edge {
    uint8_t offset; /* 0 .. TR_BLOCK - 1 */
    uint8_t zero;
    uint16_t levels;
};
#define TR_EDGES_MAX 16

#define TR_NEVER UINT64_MAX

struct tr_found_line {
    uint64_t at;  /* when it became known */
    uint32_t age; /* samples which the edge lay before `at` */
    uint32_t kind;
    int32_t a0;
};
#define TR_LINE_FOUND_MAX 4

enum tr_line_timer {
    TR_TIMER_CLOSED, /* FXS: the closing is no bounce */
    TR_TIMER_LONG,   /* FXS: the opening is longer than a flash */
    TR_TIMER_DIGIT,  /* FXS: no further pulse */
    TR_TIMER_RING,   /* FXO: the burst is no glitch */
    TR_TIMER_DROP,   /* FXO */
    TR_TIMER_RED,    /* FXO: no battery for 1 s */
    TR_TIMER_CLEAR,  /* FXO: battery is back for 64 ms */
    TR_TIMER_SIGNAL, /* B, D: `coming` has lasted */
    TR_TIMER_COUNT
};

enum tr_line_hook { TR_HOOK_ON, TR_HOOK_CLOSING, TR_HOOK_OFF, TR_HOOK_OPEN, TR_HOOK_RECLOSING };

struct tr_line {
    uint64_t due; /* of the earliest timer */
    uint16_t own, far;
    uint8_t kind, hook; /* enum tr_line_hook */
    uint8_t found_count;
    bool ring_begun, polarity_known, polarity, lamp, pulse_dial, plugged, dropped;
    uint8_t bits;
    uint32_t capabilities;
    uint32_t alarms, link_alarm, coming;                                      /* coming: what `alarms` will be */
    uint32_t flash_min, flash_max, debounce, ring_debounce, loop_drop, guard; /* samples */
    uint32_t pulses;
    uint64_t timer[TR_TIMER_COUNT];
    uint64_t open_at, closed_at, pulse_at, ring_at, away_at, guard_end;
    uint32_t hook_edges, ring_edges, polarity_edges, drop_edges, flash_edges, bits_edges;
    struct tr_found_line found[TR_LINE_FOUND_MAX];
};

void tr_line_init(struct tr_line *line, uint32_t kind, uint32_t capabilities);
/* A setting in its own unit. TR_OK also for those that are not the line's (the engine keeps them); TR_E_ARGUMENT for
 * times outside 0..60000 ms and unknown settings. */
int tr_line_set(struct tr_line *line, int setting, int value);
/* Our own levels are these from sample `at` on / the far end's, as they arrive here. Due timers run first. Each call
 * leaves at most TR_LINE_FOUND_MAX events; take them before the next call. */
void tr_line_own(struct tr_line *line, uint64_t at, uint16_t levels);
void tr_line_far(struct tr_line *line, uint64_t at, uint16_t levels);
/* A wire was plugged in: from now on a missing battery (or signal) is an alarm. */
void tr_line_plug(struct tr_line *line, uint64_t at);
/* The link that carries the wire is red (a mask of enum tr_alarm) or well again (0). */
void tr_line_link_alarm(struct tr_line *line, uint64_t at, uint32_t alarms);
/* Runs one timer due before `end`; false when there is none. */
bool tr_line_timer(struct tr_line *line, uint64_t end);
/* B, D: an alarm of our own stands: the far end is to be told. */
bool tr_line_in_alarm(const struct tr_line *line);
/* FXS: is the far end off-hook (a flash under way counts as off-hook)? */
bool tr_line_off_hook(const struct tr_line *line);
/* FXO: is a ring burst on the line? */
bool tr_line_ringing(const struct tr_line *line);

#endif
