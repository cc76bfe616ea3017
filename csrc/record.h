/* The recorder of a port, media half: what is heard, sent, or both goes into a ring from which the I/O half writes a
 * WAV file (PCM16, 8 kHz, mono or stereo). Serves the caller's messages (step 6) and recordings of talks (step 8).
 *
 * It ends by command, limit, silence on what it records, or failure. When the disk comes late for more than a second
 * blocks are lost: counted in io_overruns, and replaced by silence of the same length; after 10 s of it the recording
 * ends with TR_RECORD_OVERRUN.
 */
#ifndef TIPRING_RECORD_H
#define TIPRING_RECORD_H

#include "engine.h"
#include <stdatomic.h>
#include <stdbool.h>

#define TR_RECORD_RING 8192 /* frames: 1.024 s */
#define TR_RECORD_LOST_MAX (10 * TR_RATE)

struct tr_port;

/* In the hands of both halves from its answer to `closing`. */
struct tr_recording {
    uint32_t port, epoch, id, serial, channels;
    int16_t *ring;           /* TR_RECORD_RING frames */
    _Atomic uint32_t head;   /* media writes, frames */
    _Atomic uint32_t tail;   /* I/O writes, frames */
    _Atomic int32_t closing; /* media: 1 + enum tr_record_end, the last thing it does with it */
    _Atomic int32_t error;   /* I/O: errno of a failed write */
    /* I/O */
    int fd;
    uint64_t written, in_header; /* frames */
    size_t bytes;
    struct tr_recording *next;
};

struct tr_recorder {
    enum { TR_RECORDER_OFF, TR_RECORDER_OPENING, TR_RECORDER_ON } state;
    uint32_t id, epoch, serial, what; /* enum tr_record */
    struct tr_recording *recording;
    uint64_t frames, limit; /* frames; limit 0 none */
    uint64_t quiet, quiet_limit;
    uint64_t lost; /* frames not yet made good by silence */
    int64_t least; /* mean square below which a block is silent */
};

/* All media. */
int tr_recorder_start(struct tr_port *port, struct tr_recorder *r, const struct tr_command *record,
                      const uint8_t *side);
void tr_recorder_ready(struct tr_port *port, uint32_t serial, struct tr_recording *recording);
/* Not opened: only forgets it, the answer becomes the event. */
void tr_recorder_failed(struct tr_port *port, uint32_t serial);
void tr_recorder_stop(struct tr_port *port, struct tr_recorder *r, enum tr_record_end end);
/* One block; NULL is silence. */
void tr_recorder_feed(struct tr_port *port, struct tr_recorder *r, const int16_t *rx, const int16_t *tx);

#endif
