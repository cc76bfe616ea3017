/* The I/O half of the player: prepares items and reads prompts ahead (prompt_file.h). Serves step 5.
 *
 * A file that fits in an item's ring (a word, a digit: most of them) is read at once.
 */
#define _GNU_SOURCE
#include "internal.h"
#include "play.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct tr_prompt *open_prompt(struct tr_io *io, const char *path, int *error) {
    uint64_t before = io->prompts.bytes;
    struct tr_prompt *prompt = tr_prompt_open(&io->prompts, path, error);
    tr_io_memory(io, (int64_t)(io->prompts.bytes - before));
    return prompt;
}

static void close_prompt(struct tr_io *io, struct tr_item *item) {
    uint64_t before = io->prompts.bytes;
    tr_prompt_close(&io->prompts, item->prompt);
    item->prompt = NULL;
    tr_io_memory(io, (int64_t)(io->prompts.bytes - before));
}

static void refill(struct tr_io *io, struct tr_item *item) {
    uint32_t head = atomic_load_explicit(&item->head, memory_order_relaxed);
    uint32_t room = item->mask + 1 - (head - atomic_load_explicit(&item->tail, memory_order_acquire));
    bool ended = false;
    while (room > 0 && !ended) {
        int16_t samples[TR_PROMPT_READ];
        int got = tr_prompt_read(item->prompt, item->next_sample, samples, room);
        if (got > 0) {
            for (int i = 0; i < got; i++) {
                item->ring[(head + (uint32_t)i) & item->mask] =
                    tr_saturate((int32_t)(((int64_t)samples[i] * item->gain) >> 14));
            }
            head += (uint32_t)got;
            room -= (uint32_t)got;
            item->next_sample += (uint64_t)got;
            ended = !item->repeat && item->next_sample >= tr_prompt_samples(item->prompt);
        } else if (got == 0 && item->repeat && item->next_sample > 0 && tr_prompt_samples(item->prompt) > 0) {
            item->next_sample = 0;
        } else {
            if (got < 0) {
                atomic_store_explicit(&item->error, errno, memory_order_relaxed);
            }
            ended = true;
        }
    }
    atomic_store_explicit(&item->head, head, memory_order_release);
    if (ended) {
        atomic_store_explicit(&item->ended, true, memory_order_release);
        close_prompt(io, item);
    }
}

static bool make_ring(struct tr_io *io, struct tr_item *item, uint64_t samples) {
    uint32_t size = 64;
    while (size < samples && size < TR_ITEM_RING) {
        size *= 2;
    }
    item->ring = (int16_t *)tr_alloc(size * sizeof *item->ring);
    item->mask = size - 1;
    if (item->ring) {
        item->bytes += size * sizeof *item->ring;
        tr_io_memory(io, (int64_t)(size * sizeof *item->ring));
    }
    return item->ring != NULL;
}

static int open_file(struct tr_io *io, struct tr_item *item, const struct tr_command *play, const uint8_t *side,
                     size_t n) {
    char path[TR_SIDE_MAX + 1];
    int error = 0;
    memcpy(path, side, n);
    path[n] = 0;
    item->prompt = open_prompt(io, path, &error);
    if (!item->prompt) {
        return error;
    }
    uint64_t start = (uint64_t)(play->a[1] > 0 ? play->a[1] : 0) * (TR_RATE / 1000);
    item->next_sample = start;
    item->gain = tr_gain(play->a[2]);
    item->repeat = play->a[3] != 0;
    uint64_t samples = tr_prompt_samples(item->prompt);
    uint64_t wanted = item->repeat ? TR_ITEM_RING : samples > start ? samples - start : 0;
    return make_ring(io, item, wanted) ? 0 : ENOMEM;
}

static int copy_samples(struct tr_io *io, struct tr_item *item, const uint8_t *side, size_t n) {
    uint32_t count = (uint32_t)(n / sizeof(int16_t));
    if (!make_ring(io, item, count)) {
        return ENOMEM;
    }
    if (count > 0) {
        memcpy(item->ring, side, count * sizeof(int16_t));
    }
    atomic_store_explicit(&item->head, count, memory_order_relaxed);
    atomic_store_explicit(&item->ended, true, memory_order_relaxed);
    return 0;
}

struct tr_item *tr_item_open(struct tr_io *io, const struct tr_command *play, const uint8_t *side, size_t n,
                             struct tr_io_answer *answer) {
    struct tr_item *item = (struct tr_item *)tr_alloc(sizeof *item);
    int error = ENOMEM;
    if (item) {
        item->bytes = sizeof *item;
        tr_io_memory(io, (int64_t)item->bytes);
        if (play->a[0] == TR_PLAY_FILE) {
            error = open_file(io, item, play, side, n);
        } else if (play->a[0] == TR_PLAY_SAMPLES) {
            error = copy_samples(io, item, side, n);
        } else {
            answer->result = tr_gen_init(&item->gen, play, side, n);
            item->generated = true;
            error = 0;
        }
    }
    answer->error = error;
    if (error || answer->result < 0) {
        if (item) {
            tr_item_free(io, item);
        }
        return NULL;
    }
    return item;
}

bool tr_item_run(struct tr_io *io, struct tr_item *item) {
    if (atomic_load_explicit(&item->done, memory_order_acquire)) {
        tr_item_free(io, item);
        return false;
    }
    if (item->prompt) {
        /* Half a ring at a time: few reads, and never less than half a second ahead. */
        uint32_t held = atomic_load_explicit(&item->head, memory_order_relaxed) -
                        atomic_load_explicit(&item->tail, memory_order_acquire);
        if (held <= (item->mask + 1) / 2) {
            refill(io, item);
        }
    }
    return true;
}

void tr_item_free(struct tr_io *io, struct tr_item *item) {
    close_prompt(io, item);
    tr_io_memory(io, -(int64_t)item->bytes);
    free(item->ring);
    free(item);
}
