/* What the files of a D channel share: pri.c, pri_again.c, pri_command.c. */
#ifndef TIPRING_PRI_PARTS_H
#define TIPRING_PRI_PARTS_H

#include "pri.h"
#include <libpri.h>
#include <sys/time.h>

/* TR_EV_PRI. */
void tr_pri_tell(struct tr_pri *pri, int32_t what, int32_t handle, int32_t slot, int32_t a3, int32_t flags,
                 const void *side, size_t length);
struct tr_pri_call *tr_pri_find(struct tr_pri *pri, int32_t handle);
/* NULL: there are as many as there can be. */
struct tr_pri_call *tr_pri_new_call(struct tr_pri *pri, int32_t handle, struct q931_call *call, int32_t slot);
/* It ends from now on, at the latest when its time is over. */
void tr_pri_is_clearing(struct tr_pri *pri, struct tr_pri_call *call);
/* Tells it, once. */
void tr_pri_cleared(struct tr_pri *pri, struct tr_pri_call *call, int32_t cause);
/* Layer 2 was begun anew: what may be lost is said again or asked for. */
void tr_pri_begun_anew(struct tr_pri *pri);
/* A message that may say in which state the far end has a call. */
void tr_pri_hear_state(struct tr_pri *pri, const uint8_t *frame, uint32_t length);
/* libpri is called between these two, and nowhere else; the second tells of calls that it dropped. */
void tr_pri_enter_at(struct tr_pri *pri, uint64_t now_ms);
void tr_pri_settle(struct tr_pri *pri);

#endif
