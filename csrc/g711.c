#include "g711.h"

uint8_t tr_alaw_of[4096];
uint8_t tr_ulaw_of[16384];
int16_t tr_linear_of[2][256];

static int top_bit(unsigned x) { return 31 - __builtin_clz(x); }

static uint8_t alaw_code(int sample) {
    int mask = 0xD5;
    if (sample < 0) {
        mask = 0x55;
        sample = -sample - 1;
    }
    int segment = top_bit((unsigned)sample | 0xFF) - 7;
    return (uint8_t)(((segment << 4) | ((sample >> (segment ? segment + 3 : 4)) & 0x0F)) ^ mask);
}

static uint8_t ulaw_code(int sample) {
    int mask = 0xFF;
    if (sample < 0) {
        mask = 0x7F;
        sample = -sample - 1;
    }
    sample += 0x84;
    int segment = top_bit((unsigned)sample | 0xFF) - 7;
    if (segment >= 8)
        return (uint8_t)(0x7F ^ mask);
    return (uint8_t)(((segment << 4) | ((sample >> (segment + 3)) & 0x0F)) ^ mask);
}

static int16_t alaw_value(int code) {
    code ^= 0x55;
    int value = (code & 0x0F) << 4, segment = (code & 0x70) >> 4;
    value = segment ? (value + 0x108) << (segment - 1) : value + 8;
    return (int16_t)(code & 0x80 ? value : -value);
}

static int16_t ulaw_value(int code) {
    code ^= 0xFF;
    int value = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
    return (int16_t)(code & 0x80 ? -value : value);
}

__attribute__((constructor)) static void fill_tables(void) {
    for (int i = 0; i < 4096; i++)
        tr_alaw_of[i] = alaw_code((int16_t)(uint16_t)(i << 4));
    for (int i = 0; i < 16384; i++)
        tr_ulaw_of[i] = ulaw_code((int16_t)(uint16_t)(i << 2));
    for (int i = 0; i < 256; i++) {
        tr_linear_of[TR_LAW_A][i] = alaw_value(i);
        tr_linear_of[TR_LAW_MU][i] = ulaw_value(i);
    }
}

void tr_g711_encode(int law, const int16_t *in, uint8_t *out, int count) {
    if (law == TR_LAW_MU) {
        for (int i = 0; i < count; i++)
            out[i] = tr_ulaw(in[i]);
    } else {
        for (int i = 0; i < count; i++)
            out[i] = tr_alaw(in[i]);
    }
}

void tr_g711_decode(int law, const uint8_t *in, int16_t *out, int count) {
    const int16_t *table = tr_linear_of[law == TR_LAW_MU ? TR_LAW_MU : TR_LAW_A];
    for (int i = 0; i < count; i++)
        out[i] = table[in[i]];
}
