/* How many channels of 8 kHz one core carries, for each detector, on silence, speech-like sound and its own signal.
 *
 *     cd tests/csrc && gcc -std=gnu11 -O2 -ffp-contract=off -I../../csrc -I. bench_detect.c \
 *         ../../csrc/{listener,dtmf,tone,tone_plan,tone_fit,tone_cadence,tone_outside,callerid,vad,gen,g711,simd}.c -lm
 * -o /tmp/bench_detect && /tmp/bench_detect
 *
 * TIPRING_SIMD names the path. 200 channels in turn, so that their state is not always in the first cache. */
#define _GNU_SOURCE
#include "callerid.h"
#include "gen.h"
#include "signal.h"
#include "tone.h"
#include "vad.h"

#include <time.h>

enum { CHANNELS = 200, BLOCKS = 500, N = 160 * BLOCKS };

static int16_t sound[N];
static uint8_t codes[N];

static const struct tr_tone plan[] = {
    {.id = 1, .f1_hz = 450, .tolerance_hz = 25, .min_ms = 850, .bridge_ms = 100},
    {.id = 2, .f1_hz = 450, .tolerance_hz = 25, .on_ms = {1000}, .off_ms = {4000}, .cadence_tolerance = 10},
    {.id = 3, .f1_hz = 450, .tolerance_hz = 25, .on_ms = {350}, .off_ms = {350}, .cadence_tolerance = 10},
    {.id = 4, .f1_hz = 950, .tolerance_hz = 45, .min_ms = 1000},
};

static union {
    struct tr_dtmf dtmf;
    struct tr_tones tones;
    struct tr_fsk_id fsk;
    struct tr_dtmf_id dtmf_id;
    struct tr_vad vad;
} state[CHANNELS];

static long found;

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void drain(struct tr_found *f) {
    struct tr_detection d;
    while (tr_found_get(f, &d))
        found++;
}

#define MEASURE(name, init, feed, ring)                                                                                \
    do {                                                                                                               \
        double best = 1e9;                                                                                             \
        for (int pass = 0; pass < 3; pass++) {                                                                         \
            for (int c = 0; c < CHANNELS; c++) {                                                                       \
                init;                                                                                                  \
            }                                                                                                          \
            double begin = seconds();                                                                                  \
            for (int i = 0; i < N; i += 160) {                                                                         \
                for (int c = 0; c < CHANNELS; c++) {                                                                   \
                    const int16_t *x = sound + i;                                                                      \
                    feed;                                                                                              \
                    drain(&(ring));                                                                                    \
                }                                                                                                      \
            }                                                                                                          \
            double took = seconds() - begin;                                                                           \
            best = took < best ? took : best;                                                                          \
        }                                                                                                              \
        printf("  %-16s %9.0f", name, CHANNELS *(N / 8000.0) / best);                                                  \
    } while (0)

static void all(const char *what) {
    printf("%-8s", what);
    MEASURE("DTMF", tr_dtmf_init(&state[c].dtmf), tr_dtmf_feed(&state[c].dtmf, x, 160), state[c].dtmf.found);
    MEASURE("A-law + DTMF", tr_dtmf_init(&state[c].dtmf), int16_t pcm[160]; tr_g711_decode(0, codes + i, pcm, 160);
            tr_dtmf_feed(&state[c].dtmf, pcm, 160); (void)x, state[c].dtmf.found);
    MEASURE("tones", tr_tones_init(&state[c].tones, plan, 4, 0), tr_tones_feed(&state[c].tones, x, 160),
            state[c].tones.found);
    MEASURE("FSK", tr_fsk_id_init(&state[c].fsk), tr_fsk_id_feed(&state[c].fsk, x, 160), state[c].fsk.found);
    MEASURE("VAD", tr_vad_init(&state[c].vad, 0), tr_vad_feed(&state[c].vad, x, 160), state[c].vad.found);
    printf("\n");
}

static void encode(void) { tr_g711_encode(TR_LAW_A, sound, codes, N); }

int main(void) {
    uint32_t seed = 5;
    static double line[N];
    printf("channels a core, path %s; sizes: dtmf %zu, tones %zu, fsk %zu, vad %zu bytes\n", tr_simd(NULL),
           sizeof(struct tr_dtmf), sizeof(struct tr_tones), sizeof(struct tr_fsk_id), sizeof(struct tr_vad));
    encode();
    all("silence");
    int n;
    int16_t *x =
        speech("en", "Welcome to our service centre. For sales, please press one. For support, press two.", -16, &n);
    for (int i = 0; i < N; i++)
        sound[i] = x ? x[i % n] : clip16(2000 * gauss(&seed));
    encode();
    all("speech");
    for (int i = 0; i < N / 1280; i++)
        add_digit(line, N, i * 1280, 640, "123A456B789C*0#D"[i % 16], -12, -10, &seed);
    to_line(line, sound, N);
    encode();
    all("digits");
    struct tr_command fsk = {.a = {TR_PLAY_FSK_ID, 0, 0, -1350}};
    memset(sound, 0, sizeof sound);
    for (int i = 0; i + 8000 < N; i += 8000)
        tr_render(&fsk,
                  "\x80\x16\x01\x08"
                  "03171656"
                  "\x02\x0A"
                  "2156430144"
                  "\xBA",
                  25, sound + i, 8000);
    encode();
    all("FSK");
    memset(line, 0, sizeof line);
    for (int i = 0; i < N; i += 5600)
        add_sine(line, N, i, 2800, 450, -12, 0);
    to_line(line, sound, N);
    encode();
    all("busy");
    printf("(%ld events)\n", found);
    return 0;
}
