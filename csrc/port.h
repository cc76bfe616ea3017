/* A port: one call at a time, its chain, its level state. Media thread only, but for creation. Serves all nine steps.
 *
 * The chain of one block:
 *   received codes -> decode (law) -> echo canceller (analog ports where it is on) -> detectors armed here -> gain ->
 * recorder, and who hears us player (ducked under a suspected digit) + whom we hear, one tick later (bridge.h) -> gain
 * -> saturate -> recorder
 *   -> encode
 * Where R2 signals (r2.h), it hears the received samples after the detectors, and its tones are sent in place of all
 * else.
 *
 * A block whose peak is below TR_GATE_PEAK (-53 dBm0), or of a port which the card calls idle, is silent: each detector
 * still gets so many of them as it needs to settle (digits end, gaps are timed), then sees time pass without work.
 */
#ifndef TIPRING_PORT_H
#define TIPRING_PORT_H

#include "bridge.h"
#include "callerid.h"
#include "card.h"
#include "dtmf.h"
#include "echo.h"
#include "play.h"
#include "pri_port.h"
#include "r2.h"
#include "record.h"
#include "tone.h"
#include "vad.h"

#define TR_GATE_PEAK 48 /* of 32767; a sine of -53 dBm0 */
#define TR_DETECTORS 5

/* Receivers, as an array index: bit number of enum tr_detect. */
enum { TR_I_DTMF, TR_I_TONES, TR_I_FSK_ID, TR_I_DTMF_ID, TR_I_VOICE };

struct tr_port {
    /* read every tick */
    struct tr_card *card;
    uint32_t card_port, number;
    bool tx_sounding; /* tx holds something else than idle codes */
    bool dirty;       /* level state to be published */
    bool digit_on;
    bool sends_digits; /* our own are in tx */
    bool line_open;    /* by our own flash or loop opening */
    bool was_open;     /* in the block before, while we sent: what the canceller need not know */
    uint8_t law;
    uint32_t armed, options;           /* enum tr_detect, enum tr_detect_option */
    uint32_t quiet;                    /* silent blocks in succession */
    uint64_t next_tick;                /* whose block comes next: earlier than the engine's when blocks were skipped */
    _Atomic(struct tr_pri_port *) pri; /* D: made by the control thread, NULL where nobody opened it */
    struct tr_player player;
    struct tr_recorder recorder; /* of a call */
    struct tr_recorder capture;  /* of the operator, over calls */

    uint32_t epoch, detect_id;
    uint32_t hook_id, hook_epoch; /* of the flash or opening under way */
    uint32_t digits, stale;
    uint32_t kind, capabilities;
    int32_t rx_gain, tx_gain; /* Q14 */
    int32_t voice_level, answer_voice_ms;
    uint64_t origin[TR_DETECTORS]; /* engine's sample clock at each detector's sample 0 */

    struct tr_engine *engine;
    struct tr_r2 *r2; /* B channels */
    uint32_t card_index;
    uint32_t born;                /* I/O requests of later serials are this port's */
    uint32_t files;               /* recordings not told to be over */
    uint8_t fallback, fell;       /* enum tr_fallback: wanted, taken */
    uint64_t rang;                /* tick of the last edge of ringing */
    _Atomic uint64_t events_from; /* of the event ring: earlier ones of this number are another's */
    uint32_t retired_version;     /* control */
    struct tr_port *next_retired;

    uint8_t rx[TR_BLOCK], tx[TR_BLOCK];

    /* touched only when used */
    struct tr_bridge_end bridge;
    struct tr_echo *echo; /* our own canceller; NULL where the card's is used, and on digital ports */
    struct tr_play_entry queue[TR_PLAY_QUEUE];
    struct tr_dtmf dtmf;
    struct tr_vad vad;
    struct tr_tones tones;
    struct tr_fsk_id fsk_id;
    struct tr_dtmf_id dtmf_id;
    struct tr_tone plan[TR_MAX_TONES];
    int32_t plan_count;
};

/* Control. NULL: no memory. */
struct tr_port *tr_port_create(struct tr_engine *engine, uint32_t card_index, uint32_t card_port, uint32_t number);
/* Once no media thread has it. */
void tr_port_free(struct tr_port *port);
uint64_t tr_port_memory(const struct tr_port *port);

/* Media. */
void tr_port_attach(struct tr_port *port);
/* Ends all it does, puts the line back on-hook, clears its cell. */
void tr_port_detach(struct tr_port *port);
/* A result, which is answered to the control half when negative. */
int tr_port_command(struct tr_port *port, const struct tr_command *command, const uint8_t *side);
void tr_port_line_event(struct tr_port *port, const struct tr_line_event *event);
/* chain.c. One block. */
void tr_port_run(struct tr_port *port);
/* chain.c. Arms just these receivers (enum tr_detect); those that were armed go on. The second begins one anew, if
 * armed. */
void tr_port_arm(struct tr_port *port, uint32_t mask);
void tr_port_rearm(struct tr_port *port, int which);
void tr_port_state_now(const struct tr_port *port, struct tr_port_state *out);
void tr_port_publish(struct tr_port *port);
/* An event of this port at a sample of the engine's clock. */
void tr_port_raise(struct tr_port *port, uint32_t kind, uint32_t epoch, uint32_t id, uint64_t at, int32_t a0,
                   int32_t a1, int32_t a2);
static inline bool tr_port_works(const struct tr_port *port) {
    return port->player.count || port->recorder.state || port->capture.state || tr_bridge_works(&port->bridge) ||
           port->tx_sounding || tr_r2_runs(port->r2);
}

#endif
