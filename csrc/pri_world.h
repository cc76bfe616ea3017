/* The world that libpri lives in: our clock instead of the system's, our memory instead of the heap. Serves step 1
 * where the trunk is ISDN.
 *
 * libpri reads the clock by itself, allocates as it goes and has no function that frees a D channel. Its static library
 * is linked with those symbols renamed to the functions below (csrc/libpri.symbols, objcopy), and each D channel has a
 * world: a time that its owner sets, and an arena of fixed size, given back as a whole. So timers run in stepped time,
 * the media thread never enters the heap, and a far end that makes libpri leak can fill its own arena and no more:
 * then libpri's calloc fails, the message is dropped, and the D channel is begun anew (pri.c).
 *
 * The arena: blocks of 64 bytes and its doubles, each on a list of its size when free; O(1), no system call. Who enters
 * a world (tr_pri_enter) makes it the thread's own until tr_pri_leave; libpri is never called outside one.
 */
#ifndef TIPRING_PRI_WORLD_H
#define TIPRING_PRI_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TR_PRI_ARENA (512u * 1024u) /* a D channel with 30 calls takes 95 KiB */
#define TR_PRI_SIZES 14             /* 64 bytes .. 512 KiB */

struct tr_pri_world {
    uint64_t now_ms; /* of the engine's clock */
    uint64_t random;
    uint8_t *memory;
    uint32_t top, used, most; /* bytes: given out at least once, in use, in use at most */
    uint32_t refused;         /* allocations for which there was no room */
    void *free[TR_PRI_SIZES];
    /* Told of every block that is made, and freed (before it is): libpri ends some calls without a word, and loses
     * others. */
    void (*made)(void *owner, void *block, size_t bytes);
    void (*freed)(void *owner, const void *block);
    void *owner;
};

/* Empties the arena; `memory` is TR_PRI_ARENA bytes, 16-byte aligned. */
void tr_pri_world_init(struct tr_pri_world *world, void *memory);
void tr_pri_enter(struct tr_pri_world *world);
void tr_pri_leave(void);
/* The owner of the thread's own world; NULL outside. */
void *tr_pri_here(void);
/* What libpri takes for the time: an hour on, since it takes a timer of time 0 for none. */
static inline uint64_t tr_pri_world_ms(const struct tr_pri_world *world) { return 3600000u + world->now_ms; }

#endif
