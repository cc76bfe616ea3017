/* What is said of calls when layer 2 was begun anew: see pri.h. Serves steps 1 and 9, where the trunk is ISDN.
 *
 * Layer 2 that is begun anew forgets what it had not delivered (Q.921 5.7): a DISCONNECT may be among it, of either
 * end. Ours is followed by RELEASE, as after T305 (Q.931 5.3.4), which need not be waited for. Of every call that is
 * answered the far end is asked by STATUS ENQUIRY (Q.931 5.8.10); where it is clearing the call, or has none, the call
 * is over here, too (5.8.11).
 *
 * libpri's own functions say neither, so the messages are made here and handed to its layer 2. The link they go to is
 * seen by the linker's --wrap (drivers/build_engine.py) in the one call by which layer 2 tells layer 3 of itself. */
#include "pri_frame.h"
#include "pri_parts.h"

enum { DISCRIMINATOR = 0x08, CAUSE = 0x08, RELEASE = 0x4D, STATUS_ENQUIRY = 0x75, PRIVATE_LOCAL = 0x81 };
/* Call states (Q.931 4.5.7) of a far end that is clearing; libpri sees by itself that it has no call. */
enum { DISCONNECT_REQUEST = 11, DISCONNECT_INDICATION = 12, RELEASE_REQUEST = 19 };

struct q921_link;
void __real_q931_dl_event(struct q921_link *link, int event);
void __wrap_q931_dl_event(struct q921_link *link, int event);
int q921_transmit_iframe(struct q921_link *link, void *message, int length, int command);
int q931_release(struct pri *pri, struct q931_call *call, int cause);

void __wrap_q931_dl_event(struct q921_link *link, int event) {
    struct tr_pri *pri = (struct tr_pri *)tr_pri_here();
    if (pri) {
        pri->link = link;
    }
    __real_q931_dl_event(link, event);
}

/* Without the flag of who began it. libpri parts it in two. */
static uint32_t reference_of(const struct tr_pri *pri, const struct tr_pri_call *c) {
    int low = 0, high = pri_get_crv(pri->d, c->call, &low);
    return ((uint32_t)high << 3 | (uint32_t)(low & 7)) & 0x7FFF;
}

static void say(struct tr_pri *pri, const struct tr_pri_call *c, uint8_t type, int32_t cause) {
    uint32_t reference = reference_of(pri, c);
    uint8_t message[] = {DISCRIMINATOR,
                         2,
                         (uint8_t)(reference >> 8 | (c->handle >= TR_PRI_INCOMING ? 0x80u : 0u)),
                         (uint8_t)reference,
                         type,
                         CAUSE,
                         2,
                         PRIVATE_LOCAL,
                         (uint8_t)(0x80 | cause)};
    q921_transmit_iframe(pri->link, message, cause ? 9 : 5, 1);
}

void tr_pri_begun_anew(struct tr_pri *pri) {
    for (int i = 0; i < TR_PRI_MAX_CALLS && pri->link; i++) {
        const struct tr_pri_call *c = &pri->calls[i];
        if (c->handle && c->call && c->ends_by_ms && c->by_us) {
            say(pri, c, RELEASE, c->cause);
        } else if (c->handle && c->call && !c->ends_by_ms && c->step == TR_PRI_ANSWERED) {
            say(pri, c, STATUS_ENQUIRY, 0);
        }
    }
}

void tr_pri_hear_state(struct tr_pri *pri, const uint8_t *frame, uint32_t length) {
    int32_t state = tr_pri_call_state(frame, length);
    if (state != DISCONNECT_REQUEST && state != DISCONNECT_INDICATION && state != RELEASE_REQUEST) {
        return;
    }
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        struct tr_pri_call *c = &pri->calls[i];
        if (c->handle && c->call && !c->ends_by_ms && c->step == TR_PRI_ANSWERED &&
            reference_of(pri, c) == tr_pri_reference(frame, length) &&
            tr_pri_is_to_its_maker(frame, length) == (c->handle < TR_PRI_INCOMING)) {
            tr_pri_is_clearing(pri, c);
            tr_pri_cleared(pri, c, PRI_CAUSE_NORMAL_UNSPECIFIED);
            q931_release(pri->d, c->call, PRI_CAUSE_WRONG_CALL_STATE);
            return;
        }
    }
}
