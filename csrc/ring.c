/* The rings and the shared block: see ring.h. */
#define _GNU_SOURCE
#include "ring.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t round_up(size_t n) { return (n + 63) & ~(size_t)63; }

size_t tr_ring_bytes(uint32_t count, uint32_t size, uint64_t side_bytes) {
    return sizeof(struct tr_ring_shared) + round_up((size_t)count * size) + round_up(side_bytes);
}

void tr_ring_map(struct tr_ring *ring, void *memory, uint32_t count, uint32_t size, uint64_t side_bytes) {
    ring->shared = (struct tr_ring_shared *)memory;
    ring->records = (uint8_t *)memory + sizeof(struct tr_ring_shared);
    ring->side = ring->records + round_up((size_t)count * size);
    ring->count = count;
    ring->size = size;
    ring->side_bytes = side_bytes;
}

bool tr_ring_push(struct tr_ring *ring, void *record, const void *side, size_t n, void *at_in_record, size_t at_size) {
    struct tr_ring_shared *s = ring->shared;
    uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&s->tail, memory_order_acquire);
    if (head - tail >= ring->count) {
        return false;
    }
    uint64_t at = atomic_load_explicit(&s->side_head, memory_order_relaxed);
    if (n > 0) {
        /* Side data lies in one piece: what does not fit before the end begins again at the start. */
        uint64_t inside = at & (ring->side_bytes - 1);
        if (inside + n > ring->side_bytes) {
            at += ring->side_bytes - inside;
        }
        uint64_t side_tail = atomic_load_explicit(&s->side_tail, memory_order_acquire);
        if (n > ring->side_bytes || at + n - side_tail > ring->side_bytes) {
            return false;
        }
        memcpy(ring->side + (at & (ring->side_bytes - 1)), side, n);
        atomic_store_explicit(&s->side_head, at + n, memory_order_relaxed);
    }
    if (at_in_record && at_size == 4) {
        uint32_t low = (uint32_t)at;
        memcpy(at_in_record, &low, 4);
    } else if (at_in_record) {
        memcpy(at_in_record, &at, 8);
    }
    memcpy(ring->records + (head & (ring->count - 1)) * ring->size, record, ring->size);
    atomic_store_explicit(&s->head, head + 1, memory_order_release);
    return true;
}

bool tr_ring_pop(struct tr_ring *ring, void *record) {
    struct tr_ring_shared *s = ring->shared;
    uint64_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&s->head, memory_order_acquire);
    if (head == tail) {
        return false;
    }
    memcpy(record, ring->records + (tail & (ring->count - 1)) * ring->size, ring->size);
    atomic_store_explicit(&s->tail, tail + 1, memory_order_release);
    return true;
}

const uint8_t *tr_ring_side(const struct tr_ring *ring, uint64_t at, size_t n) {
    uint64_t inside = ring->side_bytes ? at & (ring->side_bytes - 1) : 0;
    return inside + n <= ring->side_bytes ? ring->side + inside : NULL;
}

void tr_ring_side_release(struct tr_ring *ring, uint64_t end) {
    atomic_store_explicit(&ring->shared->side_tail, end, memory_order_release);
}

void tr_ring_side_release32(struct tr_ring *ring, uint32_t end) {
    uint64_t tail = atomic_load_explicit(&ring->shared->side_tail, memory_order_relaxed);
    tr_ring_side_release(ring, tail + (uint32_t)(end - (uint32_t)tail));
}

uint64_t tr_ring_put(const struct tr_ring *ring) {
    return atomic_load_explicit(&ring->shared->head, memory_order_acquire);
}

uint64_t tr_ring_taken(const struct tr_ring *ring) {
    return atomic_load_explicit(&ring->shared->tail, memory_order_acquire);
}

uint64_t tr_ring_waiting(const struct tr_ring *ring) {
    uint64_t taken = tr_ring_taken(ring);
    return tr_ring_put(ring) - taken;
}

#define STATE_WORDS (sizeof(struct tr_port_state) / 4)

void tr_cell_write(struct tr_port_cell *cell, const struct tr_port_state *state) {
    uint32_t words[STATE_WORDS];
    memcpy(words, state, sizeof words);
    uint32_t sequence = atomic_load_explicit(&cell->sequence, memory_order_relaxed);
    atomic_store_explicit(&cell->sequence, sequence + 1, memory_order_relaxed);
    for (size_t i = 0; i < STATE_WORDS; i++) {
        atomic_store_explicit(&cell->word[i], words[i], memory_order_release);
    }
    atomic_store_explicit(&cell->sequence, sequence + 2, memory_order_release);
}

void tr_cell_read(struct tr_port_cell *cell, struct tr_port_state *state) {
    uint32_t words[STATE_WORDS], before, after;
    do {
        before = atomic_load_explicit(&cell->sequence, memory_order_acquire);
        for (size_t i = 0; i < STATE_WORDS; i++) {
            words[i] = atomic_load_explicit(&cell->word[i], memory_order_acquire);
        }
        after = atomic_load_explicit(&cell->sequence, memory_order_relaxed);
    } while (before != after || (before & 1));
    memcpy(state, words, sizeof words);
}

int tr_shared_open(struct tr_shared *shared, const struct tr_engine_config *config) {
    size_t commands = tr_ring_bytes(config->command_ring, TR_COMMAND_SIZE, config->side_bytes);
    size_t events = tr_ring_bytes(config->event_ring, TR_EVENT_SIZE, config->side_bytes);
    size_t at = round_up(sizeof(struct tr_block));
    size_t bytes = at + commands + events + config->max_ports * sizeof(struct tr_port_cell);
    int fd = memfd_create("tipring-engine", MFD_CLOEXEC);
    if (fd < 0) {
        return TR_E_SYSTEM;
    }
    void *memory = MAP_FAILED;
    if (ftruncate(fd, (off_t)bytes) == 0) {
        memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (memory == MAP_FAILED) {
        int error = errno;
        close(fd);
        errno = error;
        return TR_E_SYSTEM;
    }
    struct tr_block *block = (struct tr_block *)memory;
    block->magic = TR_BLOCK_MAGIC;
    block->abi = TR_ABI;
    block->max_ports = config->max_ports;
    block->bytes = bytes;
    block->commands_at = at;
    block->events_at = at + commands;
    block->cells_at = at + commands + events;
    shared->fd = fd;
    shared->block = block;
    tr_ring_map(&shared->commands, (uint8_t *)block + block->commands_at, config->command_ring, TR_COMMAND_SIZE,
                config->side_bytes);
    tr_ring_map(&shared->events, (uint8_t *)block + block->events_at, config->event_ring, TR_EVENT_SIZE,
                config->side_bytes);
    shared->cells = (struct tr_port_cell *)(void *)((uint8_t *)block + block->cells_at);
    return TR_OK;
}

void tr_shared_close(struct tr_shared *shared) {
    if (shared->block) {
        munmap(shared->block, shared->block->bytes);
        close(shared->fd);
        shared->block = NULL;
    }
}
