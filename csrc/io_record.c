/* The I/O half of the recorder: a WAV file that is readable at every moment. Serves the caller's messages (step 6) and
 * recordings of talks (step 8).
 *
 * Samples are written every 250 ms, the header's lengths at least every second and at the end. A write that fails ends
 * the recording: the file is cut to whole frames, its header says what is there, TR_RECORD_FAILED carries the errno. */
#define _GNU_SOURCE
#include "internal.h"
#include "record.h"
#include "wav.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_FRAMES 2000u  /* write when so many wait */
#define HEADER_FRAMES 8000u /* header fixed up when so many have come since */

/* 0 or an errno; *done counts the bytes written, also on failure. */
static int write_all(int fd, const uint8_t *bytes, size_t n, uint64_t at, size_t *done) {
    *done = 0;
    while (*done < n) {
        ssize_t got = pwrite(fd, bytes + *done, n - *done, (off_t)(at + *done));
        if (got > 0) {
            *done += (size_t)got;
        } else if (got == 0) {
            return ENOSPC;
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static int write_header(struct tr_recording *r) {
    uint8_t header[TR_WAV_HEADER];
    size_t done;
    tr_wav_header(header, r->channels, r->written);
    r->in_header = r->written;
    return write_all(r->fd, header, sizeof header, 0, &done);
}

struct tr_recording *tr_recording_open(struct tr_io *io, const struct tr_command *record, const uint8_t *side, size_t n,
                                       struct tr_io_answer *answer) {
    char path[TR_SIDE_MAX + 1];
    uint32_t channels = record->a[0] == TR_RECORD_STEREO ? 2 : 1;
    size_t ring_bytes = TR_RECORD_RING * channels * sizeof(int16_t);
    memcpy(path, side, n);
    path[n] = 0;
    struct tr_recording *r = (struct tr_recording *)tr_alloc(sizeof *r);
    if (r) {
        r->fd = -1;
        r->ring = (int16_t *)tr_alloc(ring_bytes);
        r->bytes = sizeof *r + (r->ring ? ring_bytes : 0);
        tr_io_memory(io, (int64_t)r->bytes);
    }
    if (!r || !r->ring) {
        answer->error = ENOMEM;
    } else {
        r->port = record->port;
        r->epoch = record->epoch;
        r->id = record->id;
        r->serial = answer->serial;
        r->channels = channels;
        r->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0640);
        answer->error = r->fd < 0 ? errno : write_header(r);
    }
    if (answer->error && r) {
        tr_recording_free(io, r);
        r = NULL;
    }
    return r;
}

/* Writes `count` frames from the ring; on failure keeps the whole frames that were written. */
static void write_frames(struct tr_recording *r, uint32_t count) {
    uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
    uint32_t frame_bytes = r->channels * 2;
    int error = 0;
    while (count > 0 && !error) {
        uint32_t from = tail % TR_RECORD_RING;
        uint32_t run = TR_RECORD_RING - from < count ? TR_RECORD_RING - from : count;
        size_t done;
        error = write_all(r->fd, (const uint8_t *)(r->ring + (size_t)from * r->channels), (size_t)run * frame_bytes,
                          TR_WAV_HEADER + r->written * frame_bytes, &done);
        r->written += done / frame_bytes;
        tail += run;
        count -= run;
    }
    atomic_store_explicit(&r->tail, tail, memory_order_release);
    if (error) {
        if (ftruncate(r->fd, (off_t)(TR_WAV_HEADER + r->written * frame_bytes)) != 0 || write_header(r) != 0) {
            r->in_header = r->written; /* nothing more can be done for a device that takes neither */
        }
        atomic_store_explicit(&r->error, error, memory_order_release);
    }
}

bool tr_recording_run(struct tr_io *io, struct tr_recording *r, bool all, struct tr_io_answer *answer) {
    int32_t closing = atomic_load_explicit(&r->closing, memory_order_acquire);
    uint32_t waiting =
        atomic_load_explicit(&r->head, memory_order_acquire) - atomic_load_explicit(&r->tail, memory_order_relaxed);
    all = all || closing;
    int error = atomic_load_explicit(&r->error, memory_order_relaxed);
    if (!error && waiting > 0 && (all || waiting >= WRITE_FRAMES)) {
        write_frames(r, waiting);
        error = atomic_load_explicit(&r->error, memory_order_relaxed);
    }
    if (!error && r->in_header != r->written && (all || r->written - r->in_header >= HEADER_FRAMES)) {
        error = write_header(r);
        atomic_store_explicit(&r->error, error, memory_order_release);
    }
    if (!closing) {
        return true;
    }
    if (close(r->fd) != 0 && !error && errno != EINTR) {
        error = errno; /* network file systems report a full disk only here */
    }
    r->fd = -1;
    answer->end = error ? TR_RECORD_FAILED : closing - 1;
    answer->error = error;
    answer->frames = r->written;
    tr_recording_free(io, r);
    return false;
}

void tr_recording_free(struct tr_io *io, struct tr_recording *r) {
    if (r->fd >= 0) {
        close(r->fd);
    }
    tr_io_memory(io, -(int64_t)r->bytes);
    free(r->ring);
    free(r);
}
