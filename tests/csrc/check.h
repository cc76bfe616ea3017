/* Assertions for the C tests: a failed check prints file:line and both values, is counted, and the test goes on.
 *
 *     static void adds(void) { CHECK_INT(1 + 1, 2); }
 *     int main(void) { RUN(adds); return check_end(); }
 *
 * NEED(condition) is for what makes the rest of a test senseless: it ends the program. */
#ifndef TIPRING_CHECK_H
#define TIPRING_CHECK_H

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures;
static int check_count;

static inline bool check_that(bool ok, const char *file, int line, const char *text) {
    check_count++;
    if (!ok) {
        check_failures++;
        fprintf(stderr, "%s:%d: not true: %s\n", file, line, text);
    }
    return ok;
}

static inline bool check_int(int64_t got, int64_t want, const char *file, int line, const char *text) {
    check_count++;
    if (got != want) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s is %" PRId64 ", should be %" PRId64 "\n", file, line, text, got, want);
    }
    return got == want;
}

static inline bool check_between(double got, double low, double high, const char *file, int line, const char *text) {
    check_count++;
    bool ok = got >= low && got <= high;
    if (!ok) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s is %g, should be %g to %g\n", file, line, text, got, low, high);
    }
    return ok;
}

static inline bool check_str(const char *got, const char *want, const char *file, int line, const char *text) {
    check_count++;
    bool ok = got && want ? strcmp(got, want) == 0 : got == want;
    if (!ok) {
        check_failures++;
        fprintf(stderr, "%s:%d: %s is \"%s\", should be \"%s\"\n", file, line, text, got ? got : "(null)",
                want ? want : "(null)");
    }
    return ok;
}

static inline bool check_mem(const void *got, const void *want, size_t n, const char *file, int line,
                             const char *text) {
    const uint8_t *a = (const uint8_t *)got, *b = (const uint8_t *)want;
    check_count++;
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i]) {
            check_failures++;
            fprintf(stderr, "%s:%d: %s differs at byte %zu of %zu: 0x%02x, should be 0x%02x\n", file, line, text, i, n,
                    a[i], b[i]);
            return false;
        }
    }
    return true;
}

static inline int check_end(void) {
    fprintf(stderr, "%d checks, %d failed\n", check_count, check_failures);
    return check_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define CHECK(condition) check_that((condition), __FILE__, __LINE__, #condition)
#define CHECK_INT(got, want) check_int((int64_t)(got), (int64_t)(want), __FILE__, __LINE__, #got)
#define CHECK_NEAR(got, want, by)                                                                                      \
    check_between((double)(got), (double)(want) - (by), (double)(want) + (by), __FILE__, __LINE__, #got)
#define CHECK_BETWEEN(got, low, high)                                                                                  \
    check_between((double)(got), (double)(low), (double)(high), __FILE__, __LINE__, #got)
#define CHECK_STR(got, want) check_str((got), (want), __FILE__, __LINE__, #got)
#define CHECK_MEM(got, want, n) check_mem((got), (want), (n), __FILE__, __LINE__, #got)
#define NEED(condition)                                                                                                \
    do {                                                                                                               \
        if (!check_that((condition), __FILE__, __LINE__, #condition)) {                                                \
            exit(EXIT_FAILURE);                                                                                        \
        }                                                                                                              \
    } while (0)
#define RUN(test)                                                                                                      \
    do {                                                                                                               \
        int before_ = check_failures;                                                                                  \
        test();                                                                                                        \
        fprintf(stderr, "%s %s\n", check_failures == before_ ? "ok  " : "FAIL", #test);                                \
    } while (0)

#endif
