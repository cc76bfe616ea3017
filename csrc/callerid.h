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
#define TR_FSK_WINDOW 7 /* samples: about a bit */
#define TR_FSK_HOP 40

struct tr_fsk_id {
    struct tr_found found;
    uint64_t samples;
    /* products with cosine and sine of both frequencies: the last five, sums of five, sums of three of those */
    int32_t products[5][4], five_sums[4], fives[3][4], sums[4];
    int32_t squares[TR_FSK_WINDOW], square_sum;
    uint8_t place, place3, place7; /* in the rings above */
    uint8_t turn;                  /* in the table of 40 samples */
    float soft;                    /* of the last sample: over 0 is mark */
    int32_t mark_run;              /* samples of clean mark lately */
    int32_t lost;                  /* samples without carrier */
    int32_t idle;                  /* samples of mark since the last byte */
    uint8_t state;                 /* enum in callerid.c */
    uint8_t bits;                  /* of the byte taken so far */
    uint32_t shift;
    int32_t clock; /* to the middle of the next bit, 1/768 samples */
    uint64_t begun, byte_begun;
    uint32_t length;
    uint8_t message[TR_FSK_MESSAGE_MAX];
    uint8_t done[TR_FSK_MESSAGE_MAX];
    int16_t pending[TR_FSK_HOP];
    uint32_t pending_count;
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
