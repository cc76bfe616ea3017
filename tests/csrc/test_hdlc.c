/* HDLC in a time slot: golden bits, everything that was sent is heard whatever the phase, a full queue, damaged lines.
 */
#include "hdlc.h"
#include "check.h"

static uint32_t rng = 1;
static uint32_t any(void) {
    rng ^= rng << 13;
    rng ^= rng >> 17;
    return rng ^= rng << 5;
}

static struct tr_hdlc near, far;
static uint8_t line[TR_BLOCK];

static void begin(void) {
    tr_hdlc_init(&near);
    tr_hdlc_init(&far);
    tr_hdlc_say(&near, line); /* the first flags */
    tr_hdlc_hear(&far, line);
    CHECK_INT(far.found_count, 0);
}

static void one_block(void) {
    tr_hdlc_say(&near, line);
    tr_hdlc_hear(&far, line);
}

/* The bits of one frame worked out by hand from Q.921: 0x03 and 0x3F, FCS 0xEC5B (CRC-16/X-25 of 03 3F). */
static void golden_bits(void) {
    begin();
    const uint8_t frame[] = {0x03, 0x3F};
    CHECK_INT(tr_hdlc_send(&near, frame, 2), TR_OK);
    tr_hdlc_say(&near, line);
    /* 03: 11000000. 3F, least bit first: 11111 (0 stuffed) 100. FCS: its low octet first. */
    static const uint8_t want[] = {0xC0, 0xFA};
    CHECK_MEM(line, want, sizeof want); /* 11000000 11111010 | 0 ... */
    CHECK_INT(near.queue[4], 0x5B);     /* the example of ISO 3309 */
    CHECK_INT(near.queue[5], 0xEC);
    /* "123456789" has the published check value 0x906E. */
    begin();
    CHECK_INT(tr_hdlc_send(&near, (const uint8_t *)"123456789", 9), TR_OK);
    CHECK_INT(near.queue[(near.head - 2) % TR_HDLC_QUEUE], 0x6E);
    CHECK_INT(near.queue[(near.head - 1) % TR_HDLC_QUEUE], 0x90);
}

static void idle_is_flags(void) {
    tr_hdlc_init(&near);
    tr_hdlc_say(&near, line);
    for (int i = 0; i < TR_BLOCK; i++) {
        CHECK_INT(line[i], 0x7E);
    }
}

/* Frames of every length and content, back to back and with pauses: all arrive, in order, whole. */
static void all_that_is_sent_is_heard(void) {
    static uint8_t sent[600][TR_FRAME_MAX];
    static uint32_t length[600];
    static const uint8_t fills[] = {0x00, 0xFF, 0x7E, 0x1F, 0xF8, 0x7F, 0xFE};
    begin();
    int put = 0, got = 0;
    for (int n = 0; n < 600; n++) {
        length[n] = n < 300 ? (uint32_t)n + 1 : n < 590 ? 1 + any() % 8 : TR_FRAME_MAX - (any() % 3);
        for (uint32_t i = 0; i < length[n]; i++) {
            sent[n][i] = n % 3 ? (uint8_t)any() : fills[(uint32_t)n / 3 % sizeof fills];
        }
    }
    for (int t = 0; t < 3000 && got < 600; t++) {
        while (put < 600 && (t % 7 || put > 200) && tr_hdlc_send(&near, sent[put], length[put]) == TR_OK) {
            put++;
        }
        one_block();
        for (uint32_t i = 0; i < far.found_count; i++, got++) {
            NEED(got < put);
            CHECK_INT(far.found[i].length, length[got]);
            CHECK_MEM(far.found[i].data, sent[got], length[got]);
            CHECK(i == 0 || far.found[i].offset >= far.found[i - 1].offset);
        }
    }
    CHECK_INT(got, 600);
    CHECK_INT(near.sent, 600);
    CHECK_INT(far.received, 600);
    CHECK_INT(far.bad, 0);
}

/* The rate of a 64 kbit/s channel: octets, FCS, one flag between. 0x55 needs no stuffing, its FCS at most a bit. */
static void a_frame_takes_its_time(void) {
    begin();
    uint8_t frame[157];
    memset(frame, 0x55, sizeof frame);
    for (int i = 0; i < 20; i++) {
        CHECK_INT(tr_hdlc_send(&near, frame, sizeof frame), TR_OK);
    }
    for (int t = 0; t < 20; t++) {
        one_block();
    }
    CHECK_BETWEEN(far.received, 19, 20); /* 160 octets each: one a tick */
    uint8_t small = 0x55;
    begin();
    for (int i = 0; i < 100; i++) {
        CHECK_INT(tr_hdlc_send(&near, &small, 1), TR_OK);
    }
    one_block();
    CHECK_BETWEEN(far.found_count, 38, 40);
}

static void a_full_queue_refuses_whole_frames(void) {
    static uint8_t frame[TR_FRAME_MAX + 1];
    begin();
    CHECK_INT(tr_hdlc_send(&near, frame, 0), TR_E_ARGUMENT);
    CHECK_INT(tr_hdlc_send(&near, frame, TR_FRAME_MAX + 1), TR_E_TOO_LONG);
    int taken = 0;
    while (tr_hdlc_send(&near, frame, 260) == TR_OK) {
        taken++;
    }
    CHECK_INT(taken, TR_HDLC_QUEUE / (260 + 4));
    CHECK_INT(tr_hdlc_send(&near, frame, 260), TR_E_FULL);
    int heard = 0;
    for (int t = 0; t < 100; t++) {
        one_block();
        heard += (int)far.found_count;
    }
    CHECK_INT(heard, taken);
    CHECK_INT(tr_hdlc_send(&near, frame, 260), TR_OK);
}

/* A bit wrong anywhere: that frame is lost and counted, the next is heard; never a wrong frame, never out of bounds. */
static void damaged_bits(void) {
    for (int bit = 0; bit < 30 * 8; bit++) {
        begin();
        uint8_t frame[20];
        for (size_t i = 0; i < sizeof frame; i++) {
            frame[i] = (uint8_t)any();
        }
        CHECK_INT(tr_hdlc_send(&near, frame, sizeof frame), TR_OK);
        tr_hdlc_say(&near, line);
        line[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        tr_hdlc_hear(&far, line);
        for (uint32_t i = 0; i < far.found_count; i++) {
            CHECK_INT(far.found[i].length, sizeof frame);
            CHECK_MEM(far.found[i].data, frame, sizeof frame);
        }
        if (bit < 22 * 8) {
            CHECK(far.found_count == 0 && far.bad >= 1);
        }
        CHECK_INT(tr_hdlc_send(&near, frame, sizeof frame), TR_OK);
        one_block();
        CHECK_INT(far.found_count, 1);
    }
}

static void noise_of_every_kind(void) {
    begin();
    static const uint8_t fills[] = {0x00, 0xFF, 0x7E, 0x7F, 0xFC, 0x3F, 0xD5, 0x81};
    for (int t = 0; t < 20000; t++) {
        uint32_t how = any();
        for (int i = 0; i < TR_BLOCK; i++) {
            line[i] = how % 3 == 0   ? (uint8_t)any()
                      : how % 3 == 1 ? fills[how / 3 % 8]
                                     : (uint8_t)(any() & any() ? 0x7E : any());
        }
        tr_hdlc_hear(&far, line);
        NEED(far.found_count <= TR_HDLC_FOUND_MAX);
        for (uint32_t i = 0; i < far.found_count; i++) {
            CHECK_BETWEEN(far.found[i].length, 1, TR_FRAME_MAX);
        }
    }
    /* The 16-bit check sequence lets one damaged frame in 65,536 through. */
    CHECK(far.received * 1000 < far.bad);
    memset(line, 0x7E, sizeof line);
    tr_hdlc_hear(&far, line);
    uint32_t received = far.received;
    tr_hdlc_init(&near);
    tr_hdlc_say(&near, line);
    CHECK_INT(tr_hdlc_send(&near, fills, sizeof fills), TR_OK);
    one_block();
    CHECK_INT(far.received, received + 1);
}

static void too_long_too_short_and_aborted(void) {
    begin();
    memset(line, 0x00, sizeof line); /* a frame without end */
    for (int t = 0; t < 8; t++) {
        tr_hdlc_hear(&far, line);
    }
    CHECK_INT(far.bad, 1);
    begin();
    static const uint8_t runt[] = {0x7E, 0x00, 0x00, 0x7E}; /* two octets between flags */
    memset(line, 0x7E, sizeof line);
    memcpy(line, runt, sizeof runt);
    tr_hdlc_hear(&far, line);
    CHECK_INT(far.bad, 1);
    begin();
    uint8_t frame[100] = {0};
    CHECK_INT(tr_hdlc_send(&near, frame, sizeof frame), TR_OK);
    tr_hdlc_say(&near, line);
    memset(line + 50, 0xFF, TR_BLOCK - 50);
    tr_hdlc_hear(&far, line);
    CHECK_INT(far.bad, 1);
    CHECK_INT(far.found_count, 0);
    for (int t = 0; t < 5; t++) { /* all ones since: one abort, not many */
        memset(line, 0xFF, TR_BLOCK);
        tr_hdlc_hear(&far, line);
    }
    CHECK_INT(far.bad, 1);
}

int main(void) {
    RUN(golden_bits);
    RUN(idle_is_flags);
    RUN(all_that_is_sent_is_heard);
    RUN(a_frame_takes_its_time);
    RUN(a_full_queue_refuses_whole_frames);
    RUN(damaged_bits);
    RUN(noise_of_every_kind);
    RUN(too_long_too_short_and_aborted);
    return check_end();
}
