/* Prompts as files: which are open, and which are kept in memory, so that a busy disk does not silence them. Serves
 * step 5. I/O half only (the thread of prompts), no other state.
 *
 * A prompt is known by what it is on the disk (device, inode, size, times), not by its name: one that was replaced is
 * another one. What has up to TR_PROMPT_KEPT bytes of sound is read whole when it is played first, and stays in memory
 * until TR_PROMPTS_KEPT are used; then those that were not played for the longest time go. From then on a play asks
 * the disk for nothing but the file's directory entry. Longer ones are read as they are played, through one descriptor
 * however many ports play them.
 */
#ifndef TIPRING_PROMPT_FILE_H
#define TIPRING_PROMPT_FILE_H

#include <stdint.h>

#define TR_PROMPT_KEPT (1u << 20)   /* bytes: a minute of PCM16, two of A-law */
#define TR_PROMPTS_KEPT (32u << 20) /* bytes, of all together */

struct tr_prompt;

struct tr_prompts {
    struct tr_prompt *first; /* the one played last */
    uint64_t kept;           /* bytes of sound in memory */
    uint64_t bytes;          /* all memory */
};

/* Ready to be read, to be given back by tr_prompt_close(). NULL: *error is an errno, EINVAL or EOPNOTSUPP for a file
 * that is no prompt (wav.h). */
struct tr_prompt *tr_prompt_open(struct tr_prompts *prompts, const char *path, int *error);
/* One player less; NULL is nobody. */
void tr_prompt_close(struct tr_prompts *prompts, struct tr_prompt *prompt);
/* Up to `count` samples, at most TR_PROMPT_READ, from sample `from` on. Returns how many, 0 at its end, -1 with errno.
 */
#define TR_PROMPT_READ 512
int tr_prompt_read(const struct tr_prompt *prompt, uint64_t from, int16_t *out, uint32_t count);
/* Samples in all. */
uint64_t tr_prompt_samples(const struct tr_prompt *prompt);
/* Forgets all that nobody plays. */
void tr_prompts_forget(struct tr_prompts *prompts);

#endif
