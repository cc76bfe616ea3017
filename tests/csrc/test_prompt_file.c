/* Prompts kept in memory: what a play asks the disk for, what is forgotten when, what a bad disk does. The program's
 * own pread() stands before the system's and counts. */
#include "prompt_file.h"
#include "internal.h"
#include "wav_file.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int reads, fails_after = -1;

ssize_t pread(int fd, void *buffer, size_t count, off_t at) {
    reads++;
    if (fails_after >= 0 && reads > fails_after) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, buffer, count, at);
}

static const char *path_of(int n) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/tipring-test-prompt-%d.wav", n);
    return path;
}

static int16_t sound[TR_PROMPT_KEPT], heard[TR_PROMPT_KEPT];

static void write_prompt(int n, size_t samples) {
    for (size_t i = 0; i < samples; i++) {
        sound[i] = (int16_t)(i * 7 + (size_t)n);
    }
    wav_write(path_of(n), WAV_PCM, sound, samples * 2);
}

static struct tr_prompt *opened(struct tr_prompts *prompts, int n) {
    int error = 0;
    struct tr_prompt *prompt = tr_prompt_open(prompts, path_of(n), &error);
    NEED(prompt);
    return prompt;
}

static int all_of(const struct tr_prompt *prompt) {
    int n = 0, got;
    while ((got = tr_prompt_read(prompt, (uint64_t)n, heard + n, TR_PROMPT_READ)) > 0) {
        n += got;
    }
    return got < 0 ? got : n;
}

static void what_was_played_needs_the_disk_no_more(void) {
    struct tr_prompts prompts = {0};
    write_prompt(0, 20000);
    tr_prompt_close(&prompts, opened(&prompts, 0));
    CHECK_INT(prompts.kept, 40000);
    reads = 0;
    fails_after = 0; /* a disk that answers nothing any more */
    struct tr_prompt *prompt = opened(&prompts, 0);
    CHECK_INT(all_of(prompt), 20000);
    CHECK_MEM(heard, sound, 40000);
    CHECK_INT(reads, 0);
    tr_prompt_close(&prompts, prompt);
    fails_after = -1;
    tr_prompts_forget(&prompts);
    CHECK_INT(prompts.bytes, 0);
    CHECK_INT(prompts.kept, 0);
}

static void a_file_in_its_place_is_another_prompt(void) {
    struct tr_prompts prompts = {0};
    write_prompt(0, 1000);
    struct tr_prompt *old = opened(&prompts, 0);
    write_prompt(1, 900);
    NEED(rename(path_of(1), "/tmp/tipring-test-prompt-0.wav") == 0);
    struct tr_prompt *new = opened(&prompts, 0);
    CHECK(new != old);
    CHECK_INT(tr_prompt_samples(old), 1000);
    CHECK_INT(all_of(new), 900);
    CHECK_INT(heard[0], 1);
    CHECK_INT(all_of(old), 1000); /* who hears it hears it to its end */
    CHECK_INT(heard[0], 0);
    tr_prompt_close(&prompts, old);
    tr_prompt_close(&prompts, new);
    tr_prompts_forget(&prompts);
    CHECK_INT(prompts.bytes, 0);
}

static void the_longest_not_played_goes_first(void) {
    struct tr_prompts prompts = {0};
    const int all = TR_PROMPTS_KEPT / TR_PROMPT_KEPT;
    for (int n = 0; n <= all; n++) {
        write_prompt(n, TR_PROMPT_KEPT / 2);
    }
    struct tr_prompt *played = opened(&prompts, 0);
    for (int n = 1; n < all; n++) {
        tr_prompt_close(&prompts, opened(&prompts, n));
    }
    tr_prompt_close(&prompts, opened(&prompts, 1)); /* again */
    CHECK_INT(prompts.kept, TR_PROMPTS_KEPT);
    tr_prompt_close(&prompts, opened(&prompts, all));
    CHECK_INT(prompts.kept, TR_PROMPTS_KEPT);
    reads = 0;
    tr_prompt_close(&prompts, opened(&prompts, 1));
    CHECK_INT(reads, 0);
    CHECK_INT(all_of(played), TR_PROMPT_KEPT / 2);
    tr_prompt_close(&prompts, opened(&prompts, 2)); /* this one had gone */
    CHECK(reads > 0);
    tr_prompt_close(&prompts, played);
    tr_prompts_forget(&prompts);
    for (int n = 0; n <= all; n++) {
        unlink(path_of(n));
    }
}

static void what_is_too_long_is_read_as_it_is_played(void) {
    struct tr_prompts prompts = {0};
    write_prompt(0, TR_PROMPT_KEPT / 2 + 1);
    struct tr_prompt *one = opened(&prompts, 0), *two = opened(&prompts, 0);
    CHECK(one == two);
    CHECK_INT(prompts.kept, 0);
    CHECK_INT(all_of(one), TR_PROMPT_KEPT / 2 + 1);
    CHECK_MEM(heard, sound, TR_PROMPT_KEPT + 2);
    tr_prompt_close(&prompts, one);
    CHECK_INT(all_of(two), TR_PROMPT_KEPT / 2 + 1);
    tr_prompt_close(&prompts, two);
    CHECK_INT(prompts.bytes, 0);
}

static void a_bad_disk_is_told_where_it_is_bad(void) {
    struct tr_prompts prompts = {0};
    int error = 0;
    write_prompt(0, 20000);
    reads = 0;
    tr_prompt_close(&prompts, opened(&prompts, 0));
    int header = reads - 1;
    tr_prompts_forget(&prompts);
    reads = 0;
    fails_after = header; /* the header comes, the sound does not */
    struct tr_prompt *prompt = opened(&prompts, 0);
    CHECK_INT(prompts.kept, 0);
    CHECK_INT(tr_prompt_read(prompt, 0, heard, 100), -1);
    fails_after = header + 2; /* a second try gets a piece of it */
    CHECK_INT(tr_prompt_read(prompt, 0, heard, 100), -1);
    fails_after = -1;
    CHECK_INT(all_of(prompt), 20000);
    tr_prompt_close(&prompts, prompt);
    fails_after = reads = 0;
    CHECK(tr_prompt_open(&prompts, path_of(0), &error) == NULL);
    CHECK_INT(error, EIO);
    fails_after = -1;
    for (int n = 1; n <= 2; n++) { /* without memory: no prompt; or one that is read as it is played */
        atomic_store(&tr_alloc_fails_at, n);
        prompt = tr_prompt_open(&prompts, path_of(0), &error);
        CHECK((prompt != NULL) == (n == 2));
        CHECK_INT(error, n == 2 ? 0 : ENOMEM);
        CHECK_INT(prompts.kept, 0);
        tr_prompt_close(&prompts, prompt);
    }
    atomic_store(&tr_alloc_fails_at, 0);
    CHECK_INT(prompts.bytes, 0);
    unlink(path_of(0));
}

int main(void) {
    RUN(what_was_played_needs_the_disk_no_more);
    RUN(a_file_in_its_place_is_another_prompt);
    RUN(the_longest_not_played_goes_first);
    RUN(what_is_too_long_is_read_as_it_is_played);
    RUN(a_bad_disk_is_told_where_it_is_bad);
    return check_end();
}
