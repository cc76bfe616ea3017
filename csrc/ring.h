/* Single-producer single-consumer rings of fixed-size records with a ring of bytes beside them (side data), and
 * the shared block that holds the engine's two rings, its port table and its counters.
 *
 * Everything in the block is addressed by offsets, so that the two halves may map it at different places. The
 * indices are free-running 64-bit counters. Lock-free: the producer writes the record, then releases `head`;
 * the consumer acquires `head`, copies the record, then releases `tail`. A full ring refuses; it never waits.
 * Serves all nine steps: whatever the two halves say to each other goes through here.
 */
#ifndef TIPRING_RING_H
#define TIPRING_RING_H

#include "engine.h"
#include <stdatomic.h>
#include <stdbool.h>

/* In shared memory. Each index has a cache line of its own: producer and consumer do not disturb each other. */
struct tr_ring_shared {
    _Alignas(64) _Atomic uint64_t head;
    _Alignas(64) _Atomic uint64_t tail;
    _Alignas(64) _Atomic uint64_t side_head;
    _Alignas(64) _Atomic uint64_t side_tail;
};

/* One half's view of a ring: where it lies in its own address space. */
struct tr_ring {
    struct tr_ring_shared *shared;
    uint8_t *records, *side;
    uint32_t count, size; /* records (power of two), bytes of each */
    uint64_t side_bytes;  /* power of two, or 0 */
};

/* Bytes that a ring of this shape takes behind its tr_ring_shared. */
size_t tr_ring_bytes(uint32_t count, uint32_t size, uint64_t side_bytes);
/* Lays a view over memory (64-byte aligned, zeroed, tr_ring_bytes() long). */
void tr_ring_map(struct tr_ring *ring, void *memory, uint32_t count, uint32_t size, uint64_t side_bytes);

/* Producer. Copies `record` and, if n > 0, the side data; *at_in_record (inside `record`, may be NULL) receives the
 * side position, 8 bytes, or its low 4 when at_size is 4. False when either part has no room: then nothing was written.
 */
bool tr_ring_push(struct tr_ring *ring, void *record, const void *side, size_t n, void *at_in_record, size_t at_size);
/* Consumer. False when empty. */
bool tr_ring_pop(struct tr_ring *ring, void *record);
/* Consumer. The side data at a position got from a record; NULL when that cannot lie in the ring. */
const uint8_t *tr_ring_side(const struct tr_ring *ring, uint64_t at, size_t n);
/* Consumer. All side data before `end` may be overwritten. The second form takes the low 32 bits of a position. */
void tr_ring_side_release(struct tr_ring *ring, uint64_t end);
void tr_ring_side_release32(struct tr_ring *ring, uint32_t end);
/* The producer's and the consumer's place: records put and taken since the beginning. */
uint64_t tr_ring_put(const struct tr_ring *ring);
uint64_t tr_ring_taken(const struct tr_ring *ring);
/* Either half: records waiting now. */
uint64_t tr_ring_waiting(const struct tr_ring *ring);

/* ---- the shared block ------------------------------------------------------------------------- */

/* A port's level state. Written by the media thread only. `sequence` is odd while a write is under way; every
 * word is stored with release and loaded with acquire, so a reader that meets a newer word also sees the
 * changed sequence (no fences: ThreadSanitizer does not know them). */
struct tr_port_cell {
    _Alignas(64) _Atomic uint32_t sequence;
    _Atomic uint32_t word[sizeof(struct tr_port_state) / 4];
};
void tr_cell_write(struct tr_port_cell *cell, const struct tr_port_state *state);
void tr_cell_read(struct tr_port_cell *cell, struct tr_port_state *state);

/* Counters of struct tr_stats that the media thread and the I/O thread write. */
enum tr_counter {
    TR_N_TICK,
    TR_N_LATE,
    TR_N_EVENTS,
    TR_N_EVENTS_LOST,
    TR_N_COMMANDS,
    TR_N_COMMANDS_FAILED,
    TR_N_SLIPS,
    TR_N_IO_UNDERRUNS,
    TR_N_IO_OVERRUNS,
    TR_N_NS_LAST,
    TR_N_NS_MAX,
    TR_N_NS_TOTAL,
    TR_N_IO_MEMORY,
    TR_N_CARD_MEMORY,
    TR_N_PORTS,
    TR_N_REALTIME,
    TR_N_CLOCK_PPB, /* an int64_t */
    TR_N_CLOCK_LOSSES,
    TR_N_BAD_FRAMES,
    TR_N_COUNTERS
};

#define TR_BLOCK_MAGIC 0x474e5254 /* "TRNG" */
struct tr_block {
    uint32_t magic, abi, max_ports, reserved;
    uint64_t bytes, commands_at, events_at, cells_at; /* offsets from the begin of the block */
    _Alignas(64) _Atomic uint64_t counter[TR_N_COUNTERS];
};

struct tr_shared {
    int fd; /* memfd */
    struct tr_block *block;
    struct tr_ring commands, events;
    struct tr_port_cell *cells;
};
/* A result; TR_E_SYSTEM with errno. The configuration has been checked and completed. */
int tr_shared_open(struct tr_shared *shared, const struct tr_engine_config *config);
void tr_shared_close(struct tr_shared *shared);

static inline void tr_count(struct tr_shared *shared, enum tr_counter which, uint64_t by) {
    atomic_fetch_add_explicit(&shared->block->counter[which], by, memory_order_relaxed);
}
static inline void tr_count_set(struct tr_shared *shared, enum tr_counter which, uint64_t value) {
    atomic_store_explicit(&shared->block->counter[which], value, memory_order_relaxed);
}
static inline uint64_t tr_counted(const struct tr_shared *shared, enum tr_counter which) {
    return atomic_load_explicit(&shared->block->counter[which], memory_order_relaxed);
}

#endif
