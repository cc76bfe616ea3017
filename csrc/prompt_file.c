/* Prompts as files: see prompt_file.h. */
#define _GNU_SOURCE
#include "prompt_file.h"
#include "g711.h"
#include "internal.h"
#include "wav.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct tr_prompt {
    struct tr_prompt *next;
    struct stat is;
    struct tr_wav wav;
    uint8_t *kept; /* the bytes of all samples; NULL: they are read from fd */
    int fd;        /* -1 where they are kept */
    uint32_t users;
};

static size_t sound_bytes(const struct tr_prompt *prompt) {
    return (size_t)(prompt->wav.samples * prompt->wav.sample_bytes);
}

static bool same_time(const struct timespec *a, const struct timespec *b) {
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(&a->st_mtim, &b->st_mtim) && same_time(&a->st_ctim, &b->st_ctim);
}

/* Out of the list, its memory and descriptor given back. */
static void forget(struct tr_prompts *prompts, struct tr_prompt **link) {
    struct tr_prompt *prompt = *link;
    *link = prompt->next;
    if (prompt->kept) {
        prompts->kept -= sound_bytes(prompt);
        prompts->bytes -= sound_bytes(prompt);
    }
    prompts->bytes -= sizeof *prompt;
    if (prompt->fd >= 0) {
        close(prompt->fd);
    }
    free(prompt->kept);
    free(prompt);
}

/* The last one that nobody plays; NULL: all are played. */
static struct tr_prompt **oldest(struct tr_prompts *prompts) {
    struct tr_prompt **found = NULL;
    for (struct tr_prompt **link = &prompts->first; *link; link = &(*link)->next) {
        found = (*link)->users == 0 ? link : found;
    }
    return found;
}

static int read_at(int fd, uint8_t *out, size_t bytes, uint64_t at) {
    ssize_t got;
    do {
        got = pread(fd, out, bytes, (off_t)at);
    } while (got < 0 && errno == EINTR);
    return (int)got;
}

/* Reads all of it into memory, where there is room, and closes the file. A file that cannot be read whole is played as
 * far as it can be. */
static void keep(struct tr_prompts *prompts, struct tr_prompt *prompt) {
    size_t bytes = sound_bytes(prompt), got = 0;
    if (bytes == 0 || bytes > TR_PROMPT_KEPT) {
        return;
    }
    struct tr_prompt **old;
    while (prompts->kept + bytes > TR_PROMPTS_KEPT && (old = oldest(prompts))) {
        forget(prompts, old);
    }
    uint8_t *kept = prompts->kept + bytes <= TR_PROMPTS_KEPT ? (uint8_t *)tr_alloc(bytes) : NULL;
    int step = kept ? 1 : 0;
    while (step > 0 && got < bytes) {
        step = read_at(prompt->fd, kept + got, bytes - got, prompt->wav.data_at + got);
        got += step > 0 ? (size_t)step : 0;
    }
    if (got < bytes) {
        free(kept);
        return;
    }
    prompt->kept = kept;
    prompts->kept += bytes;
    prompts->bytes += bytes;
    close(prompt->fd);
    prompt->fd = -1;
}

static struct tr_prompt *known(struct tr_prompts *prompts, const struct stat *is) {
    for (struct tr_prompt **link = &prompts->first; *link; link = &(*link)->next) {
        struct tr_prompt *prompt = *link;
        if (same_file(&prompt->is, is)) {
            *link = prompt->next;
            prompt->next = prompts->first;
            prompts->first = prompt;
            prompt->users++;
            return prompt;
        }
    }
    return NULL;
}

struct tr_prompt *tr_prompt_open(struct tr_prompts *prompts, const char *path, int *error) {
    struct stat is;
    struct tr_wav wav;
    if (stat(path, &is) != 0) {
        *error = errno;
        return NULL;
    }
    struct tr_prompt *prompt = known(prompts, &is);
    if (prompt) {
        return prompt;
    }
    /* Non-blocking: a FIFO must not stop the thread (it is refused as no regular file). */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &is) != 0) {
        *error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    *error = tr_wav_read(fd, &wav);
    prompt = *error ? NULL : (struct tr_prompt *)tr_alloc(sizeof *prompt);
    if (!prompt) {
        *error = *error ? *error : ENOMEM;
        close(fd);
        return NULL;
    }
    prompt->is = is;
    prompt->wav = wav;
    prompt->fd = fd;
    prompt->users = 1;
    prompts->bytes += sizeof *prompt;
    keep(prompts, prompt);
    prompt->next = prompts->first;
    prompts->first = prompt;
    return prompt;
}

void tr_prompt_close(struct tr_prompts *prompts, struct tr_prompt *prompt) {
    if (!prompt || --prompt->users > 0 || prompt->kept) {
        return;
    }
    for (struct tr_prompt **link = &prompts->first; *link; link = &(*link)->next) {
        if (*link == prompt) {
            forget(prompts, link);
            return;
        }
    }
}

void tr_prompts_forget(struct tr_prompts *prompts) {
    struct tr_prompt **old;
    while ((old = oldest(prompts))) {
        forget(prompts, old);
    }
}

int tr_prompt_read(const struct tr_prompt *prompt, uint64_t from, int16_t *out, uint32_t count) {
    const struct tr_wav *wav = &prompt->wav;
    uint8_t buffer[2 * TR_PROMPT_READ];
    const uint8_t *bytes = buffer;
    count = count > TR_PROMPT_READ ? TR_PROMPT_READ : count;
    if (from >= wav->samples) {
        return 0;
    }
    count = wav->samples - from < count ? (uint32_t)(wav->samples - from) : count;
    if (prompt->kept) {
        bytes = prompt->kept + from * wav->sample_bytes;
    } else {
        int got =
            read_at(prompt->fd, buffer, (size_t)count * wav->sample_bytes, wav->data_at + from * wav->sample_bytes);
        if (got < 0) {
            return -1;
        }
        count = (uint32_t)got / wav->sample_bytes;
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = wav->code == TR_WAV_PCM16 ? (int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8)
                                           : tr_linear_of[wav->code == TR_WAV_ULAW][bytes[i]];
    }
    return (int)count;
}

uint64_t tr_prompt_samples(const struct tr_prompt *prompt) { return prompt->wav.samples; }
