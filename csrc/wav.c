/* WAV headers: see wav.h. */
#define _GNU_SOURCE
#include "wav.h"
#include <stdbool.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint32_t get16(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static uint32_t get32(const uint8_t *p) { return get16(p) | get16(p + 2) << 16; }

static void put16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v) {
    put16(p, v & 0xffff);
    put16(p + 2, v >> 16);
}

/* Exactly n bytes: 0, an errno, or EINVAL at the end of the file. */
static int read_at(int fd, void *out, size_t n, uint64_t at) {
    ssize_t got;
    do {
        got = pread(fd, out, n, (off_t)at);
    } while (got < 0 && errno == EINTR);
    return got < 0 ? errno : (size_t)got == n ? 0 : EINVAL;
}

static int read_format(const uint8_t *fmt, struct tr_wav *wav) {
    uint32_t format = get16(fmt), channels = get16(fmt + 2), rate = get32(fmt + 4), bits = get16(fmt + 14);
    if (format == 0xfffe) {
        format = get16(fmt + 24); /* the first two bytes of the sub-format's GUID */
    }
    if (channels != 1 || rate != TR_RATE) {
        return EOPNOTSUPP;
    }
    if (format == 1 && bits == 16) {
        wav->code = TR_WAV_PCM16;
        wav->sample_bytes = 2;
    } else if ((format == 6 || format == 7) && bits == 8) {
        wav->code = format == 6 ? TR_WAV_ALAW : TR_WAV_ULAW;
        wav->sample_bytes = 1;
    } else {
        return EOPNOTSUPP;
    }
    return 0;
}

int tr_wav_read(int fd, struct tr_wav *wav) {
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    }
    uint64_t size = (uint64_t)st.st_size, at = 12;
    uint8_t head[12], fmt[40];
    int error = read_at(fd, head, 12, 0);
    if (error) {
        return error;
    }
    if (memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0) {
        return EINVAL;
    }
    bool formatted = false;
    for (int chunks = 0; chunks < 64; chunks++) {
        error = read_at(fd, head, 8, at);
        if (error) {
            return error;
        }
        uint64_t length = get32(head + 4);
        at += 8;
        if (memcmp(head, "fmt ", 4) == 0) {
            if (length < 16) {
                return EINVAL;
            }
            memset(fmt, 0, sizeof fmt);
            error = read_at(fd, fmt, length < sizeof fmt ? length : sizeof fmt, at);
            error = error ? error : read_format(fmt, wav);
            if (error) {
                return error;
            }
            formatted = true;
        } else if (memcmp(head, "data", 4) == 0) {
            if (!formatted) {
                return EINVAL;
            }
            uint64_t left = size > at ? size - at : 0;
            if (length == 0 || length > left) {
                length = left;
            }
            wav->data_at = at;
            wav->samples = length / wav->sample_bytes;
            return 0;
        }
        at += length + (length & 1);
    }
    return EINVAL;
}

void tr_wav_header(uint8_t out[TR_WAV_HEADER], uint32_t channels, uint64_t frames) {
    uint32_t bytes = (uint32_t)(frames * channels * 2);
    memcpy(out, "RIFF", 4);
    put32(out + 4, bytes + TR_WAV_HEADER - 8);
    memcpy(out + 8, "WAVEfmt ", 8);
    put32(out + 16, 16);
    put16(out + 20, 1);
    put16(out + 22, channels);
    put32(out + 24, TR_RATE);
    put32(out + 28, TR_RATE * channels * 2);
    put16(out + 32, channels * 2);
    put16(out + 34, 16);
    memcpy(out + 36, "data", 4);
    put32(out + 40, bytes);
}
