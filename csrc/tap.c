/* The tap: what one port hears and sends, as a stereo WAV, and its line edges as JSON lines, for strangers' tools to
 * judge. Stepped engines only: it writes to disk in the exchange. The WAV's header is made true each second of line
 * time and at the end. Times are ms from the beginning of the WAV. The lamp and on-hook transmission have no edges
 * here. */
#include "card_sim.h"
#include "g711.h"
#include "wav.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tr_tap {
    FILE *wav, *edges;
    uint64_t samples;
    int error; /* errno of the first write that failed; nothing is written after it */
};

static int flush(struct tr_tap *tap) {
    uint8_t header[TR_WAV_HEADER];
    tr_wav_header(header, 2, tap->samples);
    if (fseek(tap->wav, 0, SEEK_SET) < 0 || fwrite(header, sizeof header, 1, tap->wav) != 1 ||
        fseek(tap->wav, 0, SEEK_END) < 0 || fflush(tap->wav) != 0 || fflush(tap->edges) != 0) {
        return errno ? errno : EIO;
    }
    return 0;
}

static FILE *open_part(const char *stem, const char *suffix) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s%s", stem, suffix);
    if (n < 0 || (size_t)n >= sizeof path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    return fopen(path, "wbe");
}

static struct tr_tap *tap_open(const char *stem) {
    struct tr_tap *tap = calloc(1, sizeof *tap);
    if (!tap) {
        return NULL;
    }
    tap->wav = open_part(stem, ".wav");
    tap->edges = tap->wav ? open_part(stem, ".jsonl") : NULL;
    int error = tap->edges ? flush(tap) : errno;
    if (error) {
        if (tap->wav) {
            fclose(tap->wav);
        }
        if (tap->edges) {
            fclose(tap->edges);
        }
        free(tap);
        errno = error;
        return NULL;
    }
    return tap;
}

static void write_edge(struct tr_tap *tap, uint8_t offset, const char *end, uint16_t before, uint16_t after) {
    static const struct {
        uint16_t level;
        const char *name;
    } named[] = {{TR_LEVEL_LOOP, "loop"},
                 {TR_LEVEL_BATTERY, "battery"},
                 {TR_LEVEL_RINGING, "ring"},
                 {TR_LEVEL_REVERSED, "polarity"},
                 {TR_LEVEL_BITS, "bits"}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        uint16_t level = named[i].level;
        if (!((before ^ after) & level)) {
            continue;
        }
        int value = level == TR_LEVEL_BITS ? (after & level) >> TR_LEVEL_BITS_SHIFT : (after & level) != 0;
        double ms = (double)(tap->samples + offset) * 1000 / TR_RATE;
        if (fprintf(tap->edges, "{\"ms\": %.3f, \"end\": \"%s\", \"edge\": \"%s\", \"value\": %d}\n", ms, end,
                    named[i].name, value) < 0) {
            tap->error = errno ? errno : EIO;
        }
    }
}

static void write_sound(struct tr_tap *tap, int law, const uint8_t *heard, const uint8_t *sent) {
    int16_t left[TR_BLOCK] = {0}, right[TR_BLOCK] = {0};
    uint8_t out[TR_BLOCK * 4];
    if (heard) {
        tr_g711_decode(law, heard, left, TR_BLOCK);
    }
    if (sent) {
        tr_g711_decode(law, sent, right, TR_BLOCK);
    }
    for (int i = 0; i < TR_BLOCK; i++) {
        uint16_t l = (uint16_t)left[i], r = (uint16_t)right[i];
        out[i * 4] = (uint8_t)l;
        out[i * 4 + 1] = (uint8_t)(l >> 8);
        out[i * 4 + 2] = (uint8_t)r;
        out[i * 4 + 3] = (uint8_t)(r >> 8);
    }
    if (fwrite(out, sizeof out, 1, tap->wav) != 1) {
        tap->error = errno ? errno : EIO;
    }
}

void tr_tap_block(struct tr_tap *tap, int law, const uint8_t *heard, const uint8_t *sent, uint16_t own_before,
                  const struct tr_edge *own, int own_count, uint16_t far_before, const struct tr_edge *far,
                  int far_count) {
    if (tap->error) {
        return;
    }
    for (int i = 0, k = 0; i < own_count || k < far_count;) {
        if (k >= far_count || (i < own_count && own[i].offset <= far[k].offset)) {
            write_edge(tap, own[i].offset, "local", own_before, own[i].levels);
            own_before = own[i++].levels;
        } else {
            write_edge(tap, far[k].offset, "far", far_before, far[k].levels);
            far_before = far[k++].levels;
        }
    }
    write_sound(tap, law, heard, sent);
    tap->samples += TR_BLOCK;
    if (tap->samples % TR_RATE == 0 && !tap->error) {
        tap->error = flush(tap);
    }
}

int tr_tap_close(struct tr_tap *tap) {
    if (!tap) {
        return 0;
    }
    int error = tap->error ? tap->error : flush(tap);
    if (fclose(tap->wav) != 0 && !error) {
        error = errno;
    }
    if (fclose(tap->edges) != 0 && !error) {
        error = errno;
    }
    free(tap);
    return error;
}

int tr_wire_tap(tr_card *base, uint32_t port, const char *stem) {
    struct tr_sim_card *card = tr_sim_card(base);
    if (!card || port >= card->count) {
        return card ? TR_E_NO_PORT : TR_E_UNSUPPORTED;
    }
    struct tr_sim_port *p = &card->ports[port];
    if (p->kind == TR_KIND_D) {
        return TR_E_UNSUPPORTED; /* has no sound */
    }
    if (card->base.paced && stem) {
        return TR_E_STATE;
    }
    if (stem) {
        if (p->tap) {
            return TR_E_STATE;
        }
        p->tap = tap_open(stem);
        return p->tap ? TR_OK : TR_E_SYSTEM;
    }
    int error = tr_tap_close(p->tap);
    p->tap = NULL;
    if (error) {
        errno = error;
        return TR_E_SYSTEM;
    }
    return TR_OK;
}
