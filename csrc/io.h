/* The I/O half: opens and reads prompts, writes recordings, owns the memory of both, so that the media thread
 * never touches the disk or the heap. Serves step 5 (prompts) and recordings.
 *
 * An engine has two, alike: one for all that is played, one for all that is recorded, so that a disk which takes no
 * more recordings silences no prompt. Requests and answers go through two rings; samples go through a ring in each
 * struct tr_item (disk to media) and each struct tr_recording (media to disk). Paced: a thread that wakes for requests
 * and, while anything streams, every 20 ms. Stepped: tr_io_run() inline, so that a run is deterministic.
 *
 * Limits: TR_IO_REQUESTS requests wait at most; one more is TR_E_FULL. An answer ring that is full holds back requests,
 * never answers: nothing is lost. A disk that does not answer holds up the pass under way, and with it all streams of
 * this half: `pass_since` says since when. What the streams do then is in play.h and record.h.
 */
#ifndef TIPRING_IO_H
#define TIPRING_IO_H

#include "prompt_file.h"
#include "ring.h"
#include <pthread.h>

struct tr_item;
struct tr_recording;

#define TR_IO_REQUESTS 4096
#define TR_IO_SIDE (1u << 20)
/* A thread that hangs in the disk is waited for so long: 5,000 ms. Tests shorten it. */
extern int tr_io_ends_ms;

struct tr_io_request {
    struct tr_command command; /* TR_OP_PLAY or TR_OP_RECORD */
    uint64_t side_at;
    uint32_t side_len;
    uint32_t serial;
};

enum tr_io_answer_kind { TR_IO_PLAY, TR_IO_RECORD, TR_IO_RECORD_CLOSED };

struct tr_io_answer {
    uint32_t kind, port, epoch, id, serial; /* serial: of the request */
    int32_t result;                         /* enum tr_result */
    int32_t error;                          /* errno */
    int32_t end;                            /* closed: enum tr_record_end */
    uint64_t frames;
    void *object; /* struct tr_item or struct tr_recording */
};

struct tr_io {
    struct tr_shared *shared; /* counters */
    struct tr_ring requests, answers;
    void *memory;
    int wake_fd, ended_fd;
    _Atomic bool stop;
    _Atomic uint64_t pass_since; /* I/O: ticks run when the pass under way began, and one; 0: none */
    bool running, lost;          /* lost: its thread hangs in the disk, and was left behind */
    pthread_t thread;
    /* I/O only */
    struct tr_item *items;
    struct tr_recording *recordings;
    struct tr_prompts prompts;
};

int tr_io_open(struct tr_io *io, struct tr_shared *shared);
/* Not running. Ends every stream: recordings stay as readable files. One that is lost keeps all it has. */
void tr_io_close(struct tr_io *io);
/* TR_E_SYSTEM with errno; TR_E_STATE once it is lost. */
int tr_io_start(struct tr_io *io);
/* Waits for the thread; all that has been recorded so far is in the files then. A thread that hangs in the disk for
 * tr_io_ends_ms is lost: it writes what it has if it ever comes back, and needs the memory of io and shared for it. */
void tr_io_stop(struct tr_io *io);
/* Milliseconds for which the present pass lasts; 0: none is under way. */
uint64_t tr_io_pass_ms(const struct tr_io *io);
/* One pass: requests, then every stream. */
void tr_io_run(struct tr_io *io);

/* Media: false when there is no room. */
bool tr_io_request(struct tr_io *io, struct tr_io_request *request, const void *side, size_t n);
bool tr_io_answer(struct tr_io *io, struct tr_io_answer *answer);

/* ---- the two kinds of streams, io_play.c and io_record.c ------------------------------------------ */

/* NULL with the answer's result and error set. */
struct tr_item *tr_item_open(struct tr_io *io, const struct tr_command *play, const uint8_t *side, size_t n,
                             struct tr_io_answer *answer);
/* Refills; false when the media half has done with it: then it has been freed. */
bool tr_item_run(struct tr_io *io, struct tr_item *item);
void tr_item_free(struct tr_io *io, struct tr_item *item);

struct tr_recording *tr_recording_open(struct tr_io *io, const struct tr_command *record, const uint8_t *path, size_t n,
                                       struct tr_io_answer *answer);
/* Writes what waits. True while it goes on; false when it was closed: then `answer` tells how it ended. */
bool tr_recording_run(struct tr_io *io, struct tr_recording *recording, bool all, struct tr_io_answer *answer);
void tr_recording_free(struct tr_io *io, struct tr_recording *recording);

void tr_io_memory(struct tr_io *io, int64_t bytes);

#endif
