/* What a port of the software card does to its own line: hook, flash, ringing, loop opening, polarity, lamp, bits,
 * timed by the card in samples. Commands take effect at the first sample of the coming block; everything timed follows
 * to the sample. Pure state, no I/O, no heap. Serves steps 1, 2 and 7.
 *
 * Overlapping commands:
 *   hook off during a flash         the hang-up wins: the loop stays open, the flash is done (HOOK_DONE, ms so far)
 *   hook on during a flash          TR_E_STATE (the loop will be closed again anyway)
 *   hook as it already is           TR_OK, nothing happens
 *   flash on-hook or during a flash TR_E_STATE
 *   ring while ringing              the new cadence begins at once with its burst
 *   ring during a loop opening, or the far end off-hook (told by the card)   TR_E_STATE; stopping is always TR_OK
 *   loop opening while ringing or during another   TR_E_STATE
 *   polarity, lamp, on-hook transmission           always; seen when battery is there
 * Lengths: flash and loop opening 1..10000 ms; each part of a ring cadence 10..60000 ms; otherwise TR_E_ARGUMENT. */
#ifndef TIPRING_LINEOUT_H
#define TIPRING_LINEOUT_H

#include "line.h"

#define TR_CADENCE 6
#define TR_DONE_MAX 4

struct tr_line_out {
    uint16_t levels;      /* now (commands change them at once, the line learns of it with the next block) */
    uint16_t keep, force; /* what a scenario's alarm leaves of them, and puts on the line itself */
    uint16_t sent;        /* at the end of the last block */
    uint8_t kind, done_count, phase;
    bool off_hook; /* FXO: as commanded; stays true during a flash */
    bool ringing;  /* FXS: a cadence runs */
    uint64_t due;  /* earliest of the three below */
    uint64_t flash_end, open_end, ring_next;
    uint64_t began;               /* flash or loop opening */
    uint32_t cadence[TR_CADENCE]; /* samples */
    uint32_t hook_edges, flash_edges, ring_edges, polarity_edges, drop_edges, bits_edges;
    struct tr_out_done {
        uint64_t at;
        int32_t ms;
    } done[TR_DONE_MAX];
};

void tr_out_init(struct tr_line_out *out, uint32_t kind);
/* `at`: first sample of the coming block. All return TR_OK or an enum tr_result. */
int tr_out_hook(struct tr_line_out *out, uint64_t at, bool off_hook);
int tr_out_flash(struct tr_line_out *out, uint64_t at, int ms);
int tr_out_ring(struct tr_line_out *out, uint64_t at, const int32_t cadence_ms[TR_CADENCE]);
void tr_out_ring_stop(struct tr_line_out *out);
int tr_out_loop_open(struct tr_line_out *out, uint64_t at, int ms);
void tr_out_level(struct tr_line_out *out, uint16_t level, bool on);
void tr_out_bits(struct tr_line_out *out, int abcd);
/* B, D: what a scenario makes of our signal: 0, or one of enum tr_alarm as in struct tr_wire_faults. */
void tr_out_alarm(struct tr_line_out *out, uint32_t alarm);
/* The levels as the line has them. */
static inline uint16_t tr_out_line(const struct tr_line_out *out) {
    return (uint16_t)((out->levels & out->keep) | out->force);
}
/* Edges of the block that begins at sample `at`, at most TR_EDGES_MAX; returns how many. The block starts with the
 * levels `sent` had before the call. Flashes and openings that ended are in done[0..done_count); clear the count. */
int tr_out_block(struct tr_line_out *out, uint64_t at, struct tr_edge edges[TR_EDGES_MAX]);

#endif
