/* The world of libpri for the fuzzer: the heap in place of the arena, so that AddressSanitizer sees each block. Stands
 * in for csrc/pri_world.c. What libpri does not free is counted, as there, and freed when the next world begins. */
#include "pri_world.h"
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

struct block {
    struct block *next, *before;
    size_t bytes;
    size_t spare;
};

static struct tr_pri_world *here;
static struct block *blocks;

static void drop(struct block *b) {
    *(b->before ? &b->before->next : &blocks) = b->next;
    if (b->next) {
        b->next->before = b->before;
    }
    free(b);
}

void tr_pri_world_init(struct tr_pri_world *world, void *memory) {
    while (blocks) {
        drop(blocks);
    }
    world->memory = (uint8_t *)memory;
    world->top = world->used = world->most = world->refused = 0;
    world->random = 1;
}
void tr_pri_enter(struct tr_pri_world *world) { here = world; }
void tr_pri_leave(void) { here = NULL; }

int tr_pri_gettimeofday(struct timeval *tv, void *zone);
time_t tr_pri_time(time_t *out);
long tr_pri_random(void);
void *tr_pri_malloc(size_t bytes);
void *tr_pri_calloc(size_t count, size_t bytes);
void tr_pri_free(void *block);

int tr_pri_gettimeofday(struct timeval *tv, void *zone) {
    (void)zone;
    uint64_t ms = tr_pri_world_ms(here);
    tv->tv_sec = (time_t)(ms / 1000);
    tv->tv_usec = (suseconds_t)(ms % 1000 * 1000);
    return 0;
}
time_t tr_pri_time(time_t *out) {
    (void)out;
    return (time_t)(tr_pri_world_ms(here) / 1000);
}
long tr_pri_random(void) { return (long)(here->random = here->random * 25214903917u + 11) & 0x7FFFFFFF; }
void *tr_pri_malloc(size_t bytes) {
    if (here->used + bytes > TR_PRI_ARENA) {
        here->refused++;
        return NULL;
    }
    struct block *b = (struct block *)malloc(sizeof *b + bytes);
    *b = (struct block){.next = blocks, .bytes = bytes};
    if (blocks) {
        blocks->before = b;
    }
    blocks = b;
    here->used += (uint32_t)bytes;
    here->most = here->used > here->most ? here->used : here->most;
    if (here->made) {
        here->made(here->owner, b + 1, bytes);
    }
    return b + 1;
}
void *tr_pri_calloc(size_t count, size_t bytes) {
    void *block = tr_pri_malloc(count * bytes);
    return block ? memset(block, 0, count * bytes) : NULL;
}
void tr_pri_free(void *block) {
    if (block) {
        if (here->freed) {
            here->freed(here->owner, block);
        }
        here->used -= (uint32_t)((struct block *)block - 1)->bytes;
        drop((struct block *)block - 1);
    }
}
