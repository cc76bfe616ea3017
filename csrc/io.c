/* The I/O half: its two rings, its lists of streams, its thread. See io.h. */
#define _GNU_SOURCE
#include "io.h"
#include "internal.h"
#include "play.h"
#include "record.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int tr_io_ends_ms = 5000;

int tr_io_open(struct tr_io *io, struct tr_shared *shared) {
    size_t requests = tr_ring_bytes(TR_IO_REQUESTS, sizeof(struct tr_io_request), TR_IO_SIDE);
    size_t answers = tr_ring_bytes(TR_IO_REQUESTS, sizeof(struct tr_io_answer), 0);
    io->shared = shared;
    io->wake_fd = io->ended_fd = -1;
    io->memory = tr_alloc_line(requests + answers);
    if (!io->memory) {
        return TR_E_NO_MEMORY;
    }
    tr_ring_map(&io->requests, io->memory, TR_IO_REQUESTS, sizeof(struct tr_io_request), TR_IO_SIDE);
    tr_ring_map(&io->answers, (uint8_t *)io->memory + requests, TR_IO_REQUESTS, sizeof(struct tr_io_answer), 0);
    io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    io->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return io->wake_fd < 0 || io->ended_fd < 0 ? TR_E_SYSTEM : TR_OK;
}

void tr_io_memory(struct tr_io *io, int64_t bytes) { tr_count(io->shared, TR_N_IO_MEMORY, (uint64_t)bytes); }

static bool room_for_answer(const struct tr_io *io) { return tr_ring_waiting(&io->answers) < TR_IO_REQUESTS; }

static void answer(struct tr_io *io, struct tr_io_answer *answer) {
    tr_ring_push(&io->answers, answer, NULL, 0, NULL, 0); /* never full: asked before by room_for_answer() */
}

static void serve(struct tr_io *io, const struct tr_io_request *request) {
    const struct tr_command *command = &request->command;
    const uint8_t *side = tr_ring_side(&io->requests, request->side_at, request->side_len);
    struct tr_io_answer out = {.port = command->port,
                               .epoch = command->epoch,
                               .id = command->id,
                               .serial = request->serial,
                               .end = TR_RECORD_FAILED};
    if (command->op == TR_OP_PLAY) {
        struct tr_item *item = tr_item_open(io, command, side, request->side_len, &out);
        out.kind = TR_IO_PLAY;
        out.object = item;
        if (item) {
            item->next = io->items;
            io->items = item;
            tr_item_run(io, item);
        }
    } else {
        struct tr_recording *recording = tr_recording_open(io, command, side, request->side_len, &out);
        out.kind = TR_IO_RECORD;
        out.object = recording;
        if (recording) {
            recording->next = io->recordings;
            io->recordings = recording;
        }
    }
    if (request->side_len > 0) {
        tr_ring_side_release(&io->requests, request->side_at + request->side_len);
    }
    answer(io, &out);
}

static void run_items(struct tr_io *io) {
    struct tr_item **link = &io->items, *item;
    while ((item = *link)) {
        struct tr_item *next = item->next;
        if (tr_item_run(io, item)) {
            link = &item->next;
        } else {
            *link = next;
        }
    }
}

static void run_recordings(struct tr_io *io, bool all) {
    struct tr_recording **link = &io->recordings, *recording;
    while ((recording = *link)) {
        struct tr_recording *next = recording->next;
        struct tr_io_answer out = {.kind = TR_IO_RECORD_CLOSED,
                                   .port = recording->port,
                                   .epoch = recording->epoch,
                                   .id = recording->id,
                                   .serial = recording->serial};
        if (!room_for_answer(io) || tr_recording_run(io, recording, all, &out)) {
            link = &recording->next;
        } else {
            *link = next;
            answer(io, &out);
        }
    }
}

static void pass(struct tr_io *io) {
    struct tr_io_request request;
    while (room_for_answer(io) && tr_ring_pop(&io->requests, &request)) {
        serve(io, &request);
    }
    run_items(io);
    run_recordings(io, false);
}

void tr_io_run(struct tr_io *io) {
    atomic_store_explicit(&io->pass_since, tr_counted(io->shared, TR_N_TICK) + 1, memory_order_relaxed);
    pass(io);
    atomic_store_explicit(&io->pass_since, 0, memory_order_relaxed);
}

uint64_t tr_io_pass_ms(const struct tr_io *io) {
    uint64_t since = atomic_load_explicit(&io->pass_since, memory_order_relaxed);
    uint64_t tick = tr_counted(io->shared, TR_N_TICK) + 1;
    return since > 0 && tick > since ? (tick - since) * TR_TICK_MS : 0;
}

static void signal_fd(int fd) {
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0) {
        return; /* EAGAIN: it has been signalled 2^64 times already */
    }
}

static void *io_thread(void *argument) {
    struct tr_io *io = (struct tr_io *)argument;
    struct pollfd poll_fd = {.fd = io->wake_fd, .events = POLLIN};
    while (!atomic_load_explicit(&io->stop, memory_order_acquire)) {
        uint64_t woken;
        bool streams = io->items || io->recordings || !room_for_answer(io);
        poll(&poll_fd, 1, streams ? TR_TICK_MS : -1);
        if (read(io->wake_fd, &woken, sizeof woken) < 0 && errno != EAGAIN && errno != EINTR) {
            break;
        }
        tr_io_run(io);
    }
    run_recordings(io, true);
    signal_fd(io->ended_fd);
    return NULL;
}

int tr_io_start(struct tr_io *io) {
    sigset_t all, before;
    if (io->lost) {
        return TR_E_STATE;
    }
    sigfillset(&all);
    atomic_store_explicit(&io->stop, false, memory_order_relaxed);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals belong to the server's own threads */
    int error = pthread_create(&io->thread, NULL, io_thread, io);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error) {
        errno = error;
        return TR_E_SYSTEM;
    }
    io->running = true;
    return TR_OK;
}

/* False: it hangs in the disk. */
static bool ends(const struct tr_io *io) {
    struct pollfd poll_fd = {.fd = io->ended_fd, .events = POLLIN};
    uint64_t ended;
    int ready;
    do {
        ready = poll(&poll_fd, 1, tr_io_ends_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && read(io->ended_fd, &ended, sizeof ended) > 0;
}

void tr_io_stop(struct tr_io *io) {
    if (!io->running) {
        return;
    }
    atomic_store_explicit(&io->stop, true, memory_order_release);
    signal_fd(io->wake_fd);
    io->lost = !ends(io);
    if (io->lost) {
        pthread_detach(io->thread);
    } else {
        pthread_join(io->thread, NULL);
    }
    io->running = false;
}

void tr_io_close(struct tr_io *io) {
    if (io->lost) {
        return;
    }
    while (io->items) {
        struct tr_item *item = io->items;
        io->items = item->next;
        tr_item_free(io, item);
    }
    while (io->recordings) {
        struct tr_recording *recording = io->recordings;
        struct tr_io_answer out = {0};
        io->recordings = recording->next;
        int32_t going_on = 0;
        atomic_compare_exchange_strong(&recording->closing, &going_on, 1 + TR_RECORD_STOPPED);
        while (tr_recording_run(io, recording, true, &out)) {
        }
    }
    tr_prompts_forget(&io->prompts);
    if (io->wake_fd >= 0) {
        close(io->wake_fd);
    }
    if (io->ended_fd >= 0) {
        close(io->ended_fd);
    }
    free(io->memory);
    io->memory = NULL;
    io->wake_fd = io->ended_fd = -1;
}

bool tr_io_request(struct tr_io *io, struct tr_io_request *request, const void *side, size_t n) {
    request->side_len = (uint32_t)n;
    if (!tr_ring_push(&io->requests, request, side, n, &request->side_at, 8)) {
        return false;
    }
    if (io->running) {
        signal_fd(io->wake_fd);
    }
    return true;
}

bool tr_io_answer(struct tr_io *io, struct tr_io_answer *answer) { return tr_ring_pop(&io->answers, answer); }
