/* Caller-ID receivers: FSK (GR-30 SDMF, MDMF; Bell 202) and DTMF. Serve step 1 (who calls), on lines where the number
 * comes over the line itself.
 *
 * FSK: mark 1200, space 2200 Hz, 1200 bit/s +-1 %, 8N1, least bit first; levels -36 .. 0 dBm0 each, 15 dB signal to
 * noise, 6 dB between the tones. A message begins after 25 ms of mark, with or without channel seizure; types 04, 06,
 * 80, 82. TR_EV_CALLER_ID: a0 = TR_CALLERID_FSK, a1 = 1 checksum good, side = type .. checksum; a message broken off by
 * loss of carrier or framing is delivered as far as it came, with a1 = 0.
 *
 * DTMF: A<caller>C, A<caller>D<redirecting>B<special>C, D<caller>C, <caller>#, A<caller>#, B00C, D1# ...
 * TR_EV_CALLER_ID: a0 = TR_CALLERID_DTMF, side = the digits as heard with the terminator (C or #, then a1 = 1), or what
 * was heard when at least three digits are followed by 500 ms without one (a1 = 0: may be cut off). Fewer are
 * forgotten. */
#ifndef TIPRING_CALLERID_H
#define TIPRING_CALLERID_H

#include "dtmf.h"

#define TR_FSK_MESSAGE_MAX 258 /* type, length, 255, checksum */
#define TR_DTMF_ID_MAX 64
#define TR_FSK_WINDOW 8

struct tr_fsk_id {
    struct tr_found found;
    uint64_t samples;
    uint32_t mark_phase, space_phase;
    uint32_t at; /* place in the delay lines */
    int32_t mark_re[TR_FSK_WINDOW], mark_im[TR_FSK_WINDOW], space_re[TR_FSK_WINDOW], space_im[TR_FSK_WINDOW];
    int32_t sum[4];
    float power; /* of the sound, smoothed */
    float mark_level, space_level;
    float last_soft;
    uint32_t quiet;    /* samples below the gate */
    uint32_t mark_run; /* samples of mark in succession */
    uint8_t carrier;   /* 0 hunting, 1 mark heard: bytes may come, 2 in a message */
    uint8_t in_byte, bits, shift;
    int32_t clock; /* to the next bit's middle, 1/256 samples */
    uint16_t length;
    uint8_t message[TR_FSK_MESSAGE_MAX];
    uint8_t done[TR_FSK_MESSAGE_MAX];
    uint64_t begun;
    uint32_t bad;
    uint64_t reserved[8];
};

void tr_fsk_id_init(struct tr_fsk_id *f);
void tr_fsk_id_feed(struct tr_fsk_id *f, const int16_t *samples, int count);
int tr_fsk_id_get(struct tr_fsk_id *f, struct tr_detection *out);
void tr_fsk_id_release(struct tr_fsk_id *f);

struct tr_dtmf_id {
    struct tr_dtmf dtmf; /* its own: armed apart from TR_DETECT_DTMF */
    struct tr_found found;
    uint64_t samples, last_end, begun;
    uint16_t length;
    uint8_t sounding;
    char digits[TR_DTMF_ID_MAX];
    char done[TR_DTMF_ID_MAX];
};

void tr_dtmf_id_init(struct tr_dtmf_id *d);
void tr_dtmf_id_feed(struct tr_dtmf_id *d, const int16_t *samples, int count);
int tr_dtmf_id_get(struct tr_dtmf_id *d, struct tr_detection *out);
void tr_dtmf_id_release(struct tr_dtmf_id *d);

#endif
