/* Voice activity: speech, noise that changes, silence. */
#include "vad.h"
#include "signal.h"

#define MOST (8000 * 20)
static double line[MOST];
static int16_t pcm[MOST];
static struct tr_detection heard[64];
static int heard_count;

static void listen(int n, int block, int level) {
    static struct tr_vad v;
    tr_vad_init(&v, level);
    to_line(line, pcm, n);
    heard_count = 0;
    for (int i = 0; i < n; i += block) {
        tr_vad_feed(&v, pcm + i, n - i < block ? n - i : block);
        while (heard_count < 64 && tr_vad_get(&v, &heard[heard_count]))
            heard_count++;
    }
    tr_vad_release(&v);
}

static void bursts_and_their_times(void) {
    uint32_t seed = 3;
    for (double noise = -70; noise <= -40; noise += 10) {
        memset(line, 0, sizeof line);
        add_noise(line, MOST, noise, &seed);
        for (int i = 0; i < 3; i++)
            for (int part = 0; part < 8; part++) /* syllables */
                add_sine(line, MOST, 16000 + i * 40000 + part * 2000, 1400, 300 + 50 * part, -20, 0);
        listen(MOST, 160, 0);
        CHECK_INT(heard_count, 6);
        for (int i = 0; i < 3 && heard_count == 6; i++) {
            CHECK_INT(heard[2 * i].kind, TR_EV_VOICE_BEGIN);
            CHECK_NEAR(heard[2 * i].at, 16000 + i * 40000, 80);
            CHECK_INT(heard[2 * i + 1].kind, TR_EV_VOICE_END);
            CHECK_NEAR(heard[2 * i + 1].at, 16000 + i * 40000 + 7 * 2000 + 1400, 160);
        }
        static const int blocks[] = {1, 79, 500};
        struct tr_detection first[6];
        memcpy(first, heard, sizeof first);
        for (int b = 0; b < 3; b++) {
            listen(MOST, blocks[b], 0);
            CHECK_INT(heard_count, 6);
            for (int i = 0; i < 6; i++)
                CHECK(heard[i].at == first[i].at);
        }
    }
}

static void noise_is_no_voice(void) {
    uint32_t seed = 5;
    memset(line, 0, sizeof line);
    add_noise(line, MOST, -48, &seed);
    listen(MOST, 160, 0);
    CHECK_INT(heard_count, 0);
    memset(line, 0, sizeof line);
    for (int i = 4000; i < MOST; i += 8000) /* clicks */
        line[i] = 20000;
    listen(MOST, 160, 0);
    CHECK_INT(heard_count, 0);
    memset(line, 0, sizeof line); /* weaker than the level asked for */
    add_sine(line, MOST, 8000, 4000, 400, -38, 0);
    listen(MOST, 160, -3000);
    CHECK_INT(heard_count, 0);
    listen(MOST, 160, -4000);
    CHECK_INT(heard_count, 2);
    memset(line, 0, sizeof line); /* louder noise is taken for voice until the floor has risen */
    add_noise(line, MOST, -25, &seed);
    listen(MOST, 160, 0);
    CHECK_INT(heard_count, 2);
    CHECK_BETWEEN(heard[1].at / 8000.0, 2, 9);
}

static void speech_of_espeak(void) {
    for (double level = -15; level >= -30; level -= 5) {
        int n;
        int16_t *x = speech("en", "Good morning, this is the sales department.", level, &n);
        if (!x) {
            fprintf(stderr, "     (no espeak-ng: not tried)\n");
            return;
        }
        memset(line, 0, sizeof line);
        for (int i = 0; i < n && 8000 + i < MOST; i++)
            line[8000 + i] = x[i];
        listen(MOST, 160, 0);
        CHECK_INT(heard_count, 2);
        CHECK_BETWEEN(heard[0].at, 8000, 8000 + 2000);
        CHECK_BETWEEN(heard[1].at, 8000 + n - 6000, 8000 + n);
        free(x);
    }
}

int main(void) {
    RUN(bursts_and_their_times);
    RUN(noise_is_no_voice);
    RUN(speech_of_espeak);
    return check_end();
}
