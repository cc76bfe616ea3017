/* The I/O half of the player: prepares items, keeps prompts open and reads them ahead. Serves step 5.
 *
 * A file that fits in an item's ring (a word, a digit: most of them) is read at once and closed. Longer ones are
 * shared: however many ports play the same prompt, one descriptor is open.
 */
#define _GNU_SOURCE
#include "internal.h"
#include "g711.h"
#include "play.h"
#include "wav.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One open file, known by what it is, not by its name: a prompt replaced on the disk is another one. */
struct tr_prompt {
    struct tr_prompt *next;
    dev_t device;
    ino_t inode;
    struct timespec changed;
    struct tr_wav wav;
    int fd;
    uint32_t users;
};

static struct tr_prompt *prompt_open(struct tr_io *io, const char *path, int *error) {
    /* Non-blocking: a FIFO must not stop the thread (it is refused as no regular file). */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    struct tr_wav wav;
    if (fd < 0 || fstat(fd, &st) != 0) {
        *error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    for (struct tr_prompt *p = io->prompts; p; p = p->next) {
        if (p->device == st.st_dev && p->inode == st.st_ino && p->changed.tv_sec == st.st_mtim.tv_sec &&
            p->changed.tv_nsec == st.st_mtim.tv_nsec) {
            close(fd);
            p->users++;
            return p;
        }
    }
    *error = tr_wav_read(fd, &wav);
    struct tr_prompt *prompt = *error ? NULL : (struct tr_prompt *)tr_alloc(sizeof *prompt);
    if (!prompt) {
        *error = *error ? *error : ENOMEM;
        close(fd);
        return NULL;
    }
    prompt->device = st.st_dev;
    prompt->inode = st.st_ino;
    prompt->changed = st.st_mtim;
    prompt->wav = wav;
    prompt->fd = fd;
    prompt->users = 1;
    prompt->next = io->prompts;
    io->prompts = prompt;
    return prompt;
}

static void prompt_close(struct tr_io *io, struct tr_prompt *prompt) {
    if (!prompt || --prompt->users > 0) {
        return;
    }
    for (struct tr_prompt **link = &io->prompts; *link; link = &(*link)->next) {
        if (*link == prompt) {
            *link = prompt->next;
            break;
        }
    }
    close(prompt->fd);
    free(prompt);
}

/* Up to `count` samples from the prompt's sample `from` on. Returns how many, 0 at its end, -1 with errno. */
static int prompt_read(const struct tr_prompt *prompt, uint64_t from, int16_t *out, uint32_t count) {
    const struct tr_wav *wav = &prompt->wav;
    uint8_t bytes[2 * 512];
    count = count > 512 ? 512 : count;
    if (from >= wav->samples) {
        return 0;
    }
    count = wav->samples - from < count ? (uint32_t)(wav->samples - from) : count;
    ssize_t got;
    do {
        got = pread(prompt->fd, bytes, (size_t)count * wav->sample_bytes,
                    (off_t)(wav->data_at + from * wav->sample_bytes));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return -1;
    }
    int samples = (int)((size_t)got / wav->sample_bytes);
    for (int i = 0; i < samples; i++) {
        out[i] = wav->code == TR_WAV_PCM16 ? (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8)
                                           : tr_linear_of[wav->code == TR_WAV_ULAW][bytes[i]];
    }
    return samples;
}

static void refill(struct tr_io *io, struct tr_item *item) {
    uint32_t head = atomic_load_explicit(&item->head, memory_order_relaxed);
    uint32_t room = item->mask + 1 - (head - atomic_load_explicit(&item->tail, memory_order_acquire));
    bool ended = false;
    while (room > 0 && !ended) {
        int16_t samples[512];
        int got = prompt_read(item->prompt, item->next_sample, samples, room);
        if (got > 0) {
            for (int i = 0; i < got; i++) {
                item->ring[(head + (uint32_t)i) & item->mask] =
                    tr_saturate((int32_t)(((int64_t)samples[i] * item->gain) >> 14));
            }
            head += (uint32_t)got;
            room -= (uint32_t)got;
            item->next_sample += (uint64_t)got;
            ended = !item->repeat && item->next_sample >= item->prompt->wav.samples;
        } else if (got == 0 && item->repeat && item->next_sample > 0 && item->prompt->wav.samples > 0) {
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
        prompt_close(io, item->prompt);
        item->prompt = NULL;
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
    item->prompt = prompt_open(io, path, &error);
    if (!item->prompt) {
        return error;
    }
    uint64_t start = (uint64_t)(play->a[1] > 0 ? play->a[1] : 0) * (TR_RATE / 1000);
    item->next_sample = start;
    item->gain = tr_gain(play->a[2]);
    item->repeat = play->a[3] != 0;
    uint64_t samples = item->prompt->wav.samples;
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
    prompt_close(io, item->prompt);
    tr_io_memory(io, -(int64_t)item->bytes);
    free(item->ring);
    free(item);
}
