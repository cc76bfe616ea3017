/* DAHDI channels: HDLC frames of D channels, in and out. The driver makes and checks the FCS. See card_dahdi.h. Serves
 * the signalling of digital lines. */
#include "card_dahdi.h"
#include <string.h>

/* Hands waiting frames to the driver, as far as it takes them. */
void tr_dh_send_frames(struct tr_dahdi_card *card, uint32_t index) {
    struct tr_dh_channel *c = &card->channels[index];
    uint32_t at = 0;
    while (at < c->queued && !tr_dh_is_gone(c)) {
        uint8_t padded[TR_DH_FRAME_MAX] = {0}; /* the last two make room for the FCS, which is the driver's */
        uint32_t n = (uint32_t)c->queue[at] << 8 | c->queue[at + 1];
        memcpy(padded, c->queue + at + 2, n);
        if (tr_dh_write_one(card, index, padded, n + 2) <= 0) {
            break;
        }
        c->frames_sent++;
        at += n + 2;
    }
    c->queued = tr_dh_is_gone(c) ? 0 : c->queued - at;
    memmove(c->queue, c->queue + at, c->queued);
}

/* The next HDLC frame of any D channel, read when it is asked for. */
bool tr_dh_next_frame(struct tr_dahdi_card *card, struct tr_line_event *out) {
    for (; card->frame_channel < card->count; card->frame_channel++, card->frames_left = TR_DH_FRAMES_A_TICK) {
        uint32_t i = card->frame_channel;
        struct tr_dh_channel *c = &card->channels[i];
        while (!c->sound && !tr_dh_is_gone(c) && card->frames_left > 0) {
            card->frames_left--;
            ssize_t n = tr_dh_read_one(card, i, card->frame, sizeof card->frame);
            if (n <= 0) {
                break;
            }
            if (n > 2) { /* the last two are the FCS */
                c->frames_received++;
                *out = (struct tr_line_event){
                    .card_port = i, .kind = TR_EV_FRAME, .side = card->frame, .side_len = (uint32_t)n - 2};
                return true;
            }
        }
    }
    return false;
}

int tr_dh_frame(tr_card *base, uint32_t port, const uint8_t *data, uint32_t n) {
    struct tr_dahdi_card *card = tr_dahdi_of(base);
    if (port >= card->count || card->channels[port].sound) {
        return port < card->count ? TR_E_UNSUPPORTED : TR_E_NO_PORT;
    }
    struct tr_dh_channel *c = &card->channels[port];
    if (n == 0 || n > TR_FRAME_MAX) {
        return n ? TR_E_TOO_LONG : TR_E_ARGUMENT;
    }
    if (tr_dh_is_gone(c)) {
        return TR_E_STATE;
    }
    if (c->queued + n + 2 > TR_DH_FRAME_QUEUE) {
        return TR_E_FULL;
    }
    c->queue[c->queued] = (uint8_t)(n >> 8);
    c->queue[c->queued + 1] = (uint8_t)n;
    memcpy(c->queue + c->queued + 2, data, n);
    c->queued += n + 2;
    tr_dh_send_frames(card, port);
    return TR_OK;
}
