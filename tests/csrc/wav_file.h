/* WAV files for tests: written with any header, read back whole. */
#ifndef TIPRING_WAV_FILE_H
#define TIPRING_WAV_FILE_H

#include "check.h"
#include "wav.h"

struct wav_shape {
    uint32_t format, channels, rate, bits;
    int64_t data_length; /* as the header claims; -1 = true */
    bool list_chunk;     /* an odd-sized chunk before the data */
    bool extensible;
};

static inline void wav_put(FILE *f, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        fputc((int)(value >> (8 * i) & 255), f);
    }
}

static inline void wav_write(const char *path, struct wav_shape shape, const void *data, size_t n) {
    FILE *f = fopen(path, "wb");
    NEED(f);
    fwrite("RIFF", 1, 4, f);
    wav_put(f, (uint32_t)n + 36, 4);
    fwrite("WAVE", 1, 4, f);
    if (shape.list_chunk) {
        fwrite("LIST\3\0\0\0abc\0", 1, 12, f); /* three bytes and the padding */
    }
    fwrite("fmt ", 1, 4, f);
    wav_put(f, shape.extensible ? 40 : 16, 4);
    wav_put(f, shape.extensible ? 0xfffe : shape.format, 2);
    wav_put(f, shape.channels, 2);
    wav_put(f, shape.rate, 4);
    wav_put(f, shape.rate * shape.channels * shape.bits / 8, 4);
    wav_put(f, shape.channels * shape.bits / 8, 2);
    wav_put(f, shape.bits, 2);
    if (shape.extensible) {
        wav_put(f, 22, 2);
        wav_put(f, shape.bits, 2);
        wav_put(f, 4, 4);
        wav_put(f, shape.format, 2);
        fwrite("\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71", 1, 14, f);
    }
    fwrite("data", 1, 4, f);
    wav_put(f, shape.data_length >= 0 ? (uint32_t)shape.data_length : (uint32_t)n, 4);
    fwrite(data, 1, n, f);
    fclose(f);
}

#define WAV_PCM ((struct wav_shape){.format = 1, .channels = 1, .rate = 8000, .bits = 16, .data_length = -1})

/* A PCM16 file as the recorder writes it: checks the header, returns the frames there are by the header, and whether
 * the file is just so long. `out` takes all channels interleaved. */
static inline int wav_read_all(const char *path, uint32_t channels, int16_t *out, int max_frames, bool *whole) {
    uint8_t header[TR_WAV_HEADER], want[TR_WAV_HEADER];
    FILE *f = fopen(path, "rb");
    NEED(f);
    NEED(fread(header, 1, sizeof header, f) == sizeof header);
    uint32_t bytes = (uint32_t)header[40] | (uint32_t)header[41] << 8 | (uint32_t)header[42] << 16;
    int frames = (int)(bytes / 2 / channels);
    tr_wav_header(want, channels, (uint64_t)frames);
    CHECK_MEM(header, want, sizeof header);
    NEED(frames <= max_frames);
    CHECK_INT(fread(out, 2 * channels, (size_t)frames, f), frames);
    *whole = fgetc(f) == EOF;
    fclose(f);
    return frames;
}

#endif
