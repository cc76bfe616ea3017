#include "vad.h"
#include "numeric.h"
#include "simd.h"

#include <string.h>

#define HOP TR_VAD_HOP
#define OVER_FLOOR 8.0f      /* 9 dB to begin */
#define STAY 4.0f            /* 6 dB to go on */
#define RISE 1.00693f        /* 3 dB a second, by 10 ms */
#define FLOOR_LEAST 26.0f    /* -70 dBm0 */
#define FLOOR_FIRST 26051.0f /* -40 dBm0 */
#define AWAY_BLOCKS 40

void tr_vad_init(struct tr_vad *v, int level) {
    memset(v, 0, sizeof *v);
    v->least = (float)tr_mean_square(level ? level : -4000);
    v->floor = FLOOR_FIRST;
}

void tr_vad_release(struct tr_vad *v) { (void)v; }

int tr_vad_get(struct tr_vad *v, struct tr_detection *out) { return tr_found_get(&v->found, out); }

bool tr_vad_voice(const struct tr_vad *v) { return v->voice; }

static void hop(struct tr_vad *v, const int16_t *x) {
    float p = (tr_kernels->energy40(x) + tr_kernels->energy40(x + 40)) * (1.0f / HOP);
    v->floor = p < v->floor ? v->floor + (p - v->floor) * 0.5f : v->floor * RISE;
    if (v->floor < FLOOR_LEAST)
        v->floor = FLOOR_LEAST;
    bool above = p >= v->least && p >= v->floor * OVER_FLOOR;
    bool stays = p >= v->least * 0.5f && p >= v->floor * STAY;
    uint64_t begin = v->blocks * HOP;
    v->blocks++;
    v->recent = (uint8_t)((v->recent << 1 | above) & 0x3F);
    if (v->voice) {
        if (stays) {
            v->last = begin + HOP;
            v->away = 0;
        } else if (++v->away >= AWAY_BLOCKS) {
            v->voice = 0;
            v->recent = 0;
            tr_found_put(&v->found, TR_EV_VOICE_END, v->last, 0, 0);
        }
        return;
    }
    if (__builtin_popcount(v->recent) >= 4) {
        int oldest = 31 - __builtin_clz(v->recent);
        v->voice = 1;
        v->away = 0;
        v->last = begin + HOP;
        tr_found_put(&v->found, TR_EV_VOICE_BEGIN, begin - (uint64_t)oldest * HOP, 0, 0);
    }
}

void tr_vad_feed(struct tr_vad *v, const int16_t *samples, int count) {
    int done = 0;
    if (v->pending_count) {
        int need = HOP - (int)v->pending_count;
        done = count < need ? count : need;
        memcpy(v->pending + v->pending_count, samples, (size_t)done * sizeof *samples);
        v->pending_count += (uint32_t)done;
        if (v->pending_count < HOP)
            return;
        hop(v, v->pending);
        v->pending_count = 0;
    }
    for (; count - done >= HOP; done += HOP)
        hop(v, samples + done);
    if (count > done) {
        memcpy(v->pending, samples + done, (size_t)(count - done) * sizeof *samples);
        v->pending_count = (uint32_t)(count - done);
    }
}
