/* A D channel of the engine that speaks for itself: what joins a port (port.h) to ISDN PRI (pri.h). Serves step 1 where
 * the trunk is ISDN.
 *
 * The control thread opens it: allocates, and hands over by `phase`; from then on the media thread alone touches it,
 * until TR_PRI_CLOSE is done. It is freed with its port. */
#ifndef TIPRING_PRI_PORT_H
#define TIPRING_PRI_PORT_H

#include "pri.h"
#include <stdatomic.h>

struct tr_port;
struct tr_line_event;

enum tr_pri_phase { TR_PRI_CLOSED = 0, TR_PRI_OPENING = 1, TR_PRI_OPEN = 2 };
enum { TR_PRI_STAT_WORDS = sizeof(struct tr_pri_stats) / 4 };

struct tr_pri_port {
    struct tr_pri pri;
    struct tr_pri_config wanted;
    _Atomic int phase;
    _Atomic uint32_t stats[TR_PRI_STAT_WORDS]; /* as of the last tick */
    _Alignas(16) uint8_t memory[TR_PRI_ARENA];
};

/* Media. True: the frame was the D channel's, not the control half's. */
bool tr_pri_port_frame(struct tr_port *port, const struct tr_line_event *line);
int tr_pri_port_command(struct tr_port *port, const struct tr_command *command, const uint8_t *side);
/* Once a tick, of a port that has one. */
void tr_pri_port_run(struct tr_port *port);

#endif
