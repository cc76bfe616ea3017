/* WAV files: the header of prompts that are read and of recordings that are written. No I/O but by pread; no state.
 * 8 kHz mono PCM16, A-law or u-law is accepted; 8 kHz PCM16 mono or stereo is written.
 * Serves step 5 (prompts) and recordings. Source: the RIFF WAVE format, WAVE_FORMAT_PCM 1, ALAW 6, MULAW 7,
 * EXTENSIBLE 0xFFFE. */
#ifndef TIPRING_WAV_H
#define TIPRING_WAV_H

#include "engine.h"

enum tr_wav_code { TR_WAV_PCM16, TR_WAV_ALAW, TR_WAV_ULAW };

struct tr_wav {
    enum tr_wav_code code;
    uint32_t sample_bytes; /* 2 or 1 */
    uint64_t data_at;      /* offset of the first sample in the file */
    uint64_t samples;
};

/* Reads the header of an open file. 0, or an errno: EINVAL (no WAV file, or damaged), EOPNOTSUPP (another rate, more
 * channels, another coding), or what pread said. A data length of 0 or beyond the end of the file (a recorder
 * that died) means up to the end of the file. */
int tr_wav_read(int fd, struct tr_wav *wav);

#define TR_WAV_HEADER 44
/* The 44-byte header of a PCM16 file with `frames` samples in each of `channels` channels. */
void tr_wav_header(uint8_t out[TR_WAV_HEADER], uint32_t channels, uint64_t frames);

#endif
