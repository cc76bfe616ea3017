/* What libpri calls instead of the C library: see pri_world.h. Serves step 1 where the trunk is ISDN. */
#include "pri_world.h"
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum { SMALLEST = 64, HEAD = 16 };

/* Of the thread that runs libpri now; initial-exec: reading it never allocates. */
static _Thread_local struct tr_pri_world *here __attribute__((tls_model("initial-exec")));

void tr_pri_world_init(struct tr_pri_world *world, void *memory) {
    world->memory = (uint8_t *)memory;
    world->top = world->used = world->most = world->refused = 0;
    world->random = 0x9E3779B97F4A7C15u;
    memset(world->free, 0, sizeof world->free);
}

void tr_pri_enter(struct tr_pri_world *world) { here = world; }

void tr_pri_leave(void) { here = NULL; }

void *tr_pri_here(void) { return here ? here->owner : NULL; }

/* ---- called by libpri -------------------------------------------------------------------------- */

int tr_pri_gettimeofday(struct timeval *tv, void *zone);
time_t tr_pri_time(time_t *out);
long tr_pri_random(void);
void *tr_pri_malloc(size_t bytes);
void *tr_pri_calloc(size_t count, size_t bytes);
void tr_pri_free(void *block);

static uint64_t now_ms(void) { return here ? tr_pri_world_ms(here) : 0; }

int tr_pri_gettimeofday(struct timeval *tv, void *zone) {
    (void)zone;
    uint64_t ms = now_ms();
    tv->tv_sec = (time_t)(ms / 1000);
    tv->tv_usec = (suseconds_t)(ms % 1000 * 1000);
    return 0;
}

time_t tr_pri_time(time_t *out) {
    time_t now = (time_t)(now_ms() / 1000);
    if (out) {
        *out = now;
    }
    return now;
}

long tr_pri_random(void) {
    if (!here) {
        return 0;
    }
    here->random = here->random * 6364136223846793005u + 1442695040888963407u;
    return (long)(here->random >> 33);
}

/* The list for a block that holds `bytes`; TR_PRI_SIZES where none does. */
static uint32_t list_of(size_t bytes) {
    uint32_t list = 0;
    while (list < TR_PRI_SIZES && ((size_t)SMALLEST << list) - HEAD < bytes) {
        list++;
    }
    return list;
}

void *tr_pri_malloc(size_t bytes) {
    struct tr_pri_world *w = here;
    uint32_t list = list_of(bytes), size = SMALLEST << (list % TR_PRI_SIZES);
    uint8_t *block = NULL;
    if (w && list < TR_PRI_SIZES && w->free[list]) {
        block = (uint8_t *)w->free[list];
        memcpy(&w->free[list], block + HEAD, sizeof(void *));
    } else if (w && list < TR_PRI_SIZES && size <= TR_PRI_ARENA - w->top) {
        block = w->memory + w->top;
        w->top += size;
    }
    if (!block) {
        if (w) {
            w->refused++;
        }
        return NULL;
    }
    memcpy(block, &list, sizeof list);
    w->used += size;
    w->most = w->used > w->most ? w->used : w->most;
    if (w->made) {
        w->made(w->owner, block + HEAD, bytes);
    }
    return block + HEAD;
}

void *tr_pri_calloc(size_t count, size_t bytes) {
    void *block = bytes && count > SIZE_MAX / bytes ? NULL : tr_pri_malloc(count * bytes);
    return block ? memset(block, 0, count * bytes) : NULL;
}

void tr_pri_free(void *block) {
    struct tr_pri_world *w = here;
    if (!w || !block) {
        return;
    }
    if (w->freed) {
        w->freed(w->owner, block);
    }
    uint32_t list;
    uint8_t *begin = (uint8_t *)block - HEAD;
    memcpy(&list, begin, sizeof list);
    memcpy(block, &w->free[list], sizeof(void *));
    w->free[list] = begin;
    w->used -= SMALLEST << list;
}
