/* G.711 tables against the values of the Recommendation and SpanDSP's. */
#include "g711.h"
#include "check.h"

#include <spandsp.h>

static void known_values(void) {
    static const int16_t in[] = {0, -1, 1000, 32767, -32768};
    static const uint8_t a[] = {0xD5, 0x55, 0xFA, 0xAA, 0x2A}, mu[] = {0xFF, 0x7F, 0xCE, 0x80, 0x00};
    uint8_t out[5];
    tr_g711_encode(TR_LAW_A, in, out, 5);
    CHECK_MEM(out, a, 5);
    tr_g711_encode(TR_LAW_MU, in, out, 5);
    CHECK_MEM(out, mu, 5);
    int16_t idle[2];
    tr_g711_decode(TR_LAW_A, (const uint8_t[]){tr_g711_idle(TR_LAW_A)}, idle, 1);
    tr_g711_decode(TR_LAW_MU, (const uint8_t[]){tr_g711_idle(TR_LAW_MU)}, idle + 1, 1);
    CHECK_INT(idle[0], 8);
    CHECK_INT(idle[1], 0);
}

static void every_value_as_spandsp(void) {
    for (int x = -32768; x < 32768; x++) {
        /* u-law below zero: G.191 takes the one's complement, SpanDSP the two's; -1 is 7F with both */
        int ulaw = linear_to_ulaw(x < -1 ? x + 1 : x);
        if (tr_alaw((int16_t)x) != linear_to_alaw(x) || tr_ulaw((int16_t)x) != ulaw) {
            CHECK_INT(tr_alaw((int16_t)x), linear_to_alaw(x));
            CHECK_INT(tr_ulaw((int16_t)x), ulaw);
            break;
        }
    }
    for (int code = 0; code < 256; code++) {
        CHECK_INT(tr_linear_of[TR_LAW_A][code], alaw_to_linear((uint8_t)code));
        CHECK_INT(tr_linear_of[TR_LAW_MU][code], ulaw_to_linear((uint8_t)code));
        CHECK_INT(tr_alaw(tr_linear_of[TR_LAW_A][code]), code);
        if (code != 0x7F) /* u-law's negative zero */
            CHECK_INT(tr_ulaw(tr_linear_of[TR_LAW_MU][code]), code);
    }
}

int main(void) {
    RUN(known_values);
    RUN(every_value_as_spandsp);
    return check_end();
}
