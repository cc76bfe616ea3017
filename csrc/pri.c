/* One D channel by libpri: see pri.h. What it is told by commands is in pri_command.c. Serves steps 1 and 3, where the
 * trunk is ISDN. */
#define _GNU_SOURCE
#include "pri.h"
#include "pri_frame.h"
#include "pri_parts.h"
#include <string.h>

enum {
    FCS = 2,
    TIMERS_A_TICK = 256, /* expiries; a chain that never ends must not hold the tick */
    NOTES_A_SECOND = 10,
    SPARE_MS = 5000 /* over T305 and twice T308, for a call that is being cleared */
};

static const int8_t libpri_timer[TR_PRI_TIMERS] = {
    [TR_PRI_T200] = PRI_TIMER_T200, [TR_PRI_T203] = PRI_TIMER_T203, [TR_PRI_N200] = PRI_TIMER_N200,
    [TR_PRI_K] = PRI_TIMER_K,       [TR_PRI_T303] = PRI_TIMER_T303, [TR_PRI_T305] = PRI_TIMER_T305,
    [TR_PRI_T308] = PRI_TIMER_T308, [TR_PRI_T309] = PRI_TIMER_T309, [TR_PRI_T313] = PRI_TIMER_T313,
    [TR_PRI_T316] = PRI_TIMER_T316, [TR_PRI_N316] = PRI_TIMER_N316,
};

/* ---- what is told ------------------------------------------------------------------------------ */

void tr_pri_tell(struct tr_pri *pri, int32_t what, int32_t handle, int32_t slot, int32_t a3, int32_t flags,
                 const void *side, size_t length) {
    const int32_t a[5] = {what, handle, slot, a3, flags};
    pri->io.tell(pri->io.context, TR_EV_PRI, a, side, (uint32_t)length);
}

static void tell_frame(struct tr_pri *pri, bool sent, const uint8_t *frame, uint32_t length) {
    if (pri->config.trace == TR_PRI_TRACE_ALL ||
        (pri->config.trace == TR_PRI_TRACE_CALLS && tr_pri_is_message(frame, length))) {
        const int32_t a[5] = {sent};
        pri->io.tell(pri->io.context, TR_EV_PRI_FRAME, a, frame, length);
    }
}

static void note(struct pri *d, char *text) {
    struct tr_pri *pri = d ? (struct tr_pri *)pri_get_userdata(d) : NULL;
    if (!pri) {
        return;
    }
    if (pri->world.now_ms - pri->notes_from_ms >= 1000) {
        pri->notes_from_ms = pri->world.now_ms;
        pri->notes_left = NOTES_A_SECOND;
    }
    pri->stats.notes++;
    if (pri->notes_left > 0) {
        size_t n = strcspn(text, "\r\n");
        pri->notes_left--;
        tr_pri_tell(pri, TR_PRI_NOTE, 0, 0, 0, 0, text, n > 240 ? 240 : n);
    }
}

/* ---- calls ------------------------------------------------------------------------------------- */

struct tr_pri_call *tr_pri_find(struct tr_pri *pri, int32_t handle) {
    for (int i = 0; handle && i < TR_PRI_MAX_CALLS; i++) {
        if (pri->calls[i].handle == handle) {
            return &pri->calls[i];
        }
    }
    return NULL;
}

static struct tr_pri_call *of(struct tr_pri *pri, const struct q931_call *call) {
    for (int i = 0; call && i < TR_PRI_MAX_CALLS; i++) {
        if (pri->calls[i].call == call) {
            return &pri->calls[i];
        }
    }
    return NULL;
}

struct tr_pri_call *tr_pri_new_call(struct tr_pri *pri, int32_t handle, struct q931_call *call, int32_t slot) {
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        if (!pri->calls[i].handle) {
            pri->calls[i] = (struct tr_pri_call){.call = call, .handle = handle, .slot = slot};
            return &pri->calls[i];
        }
    }
    return NULL;
}

/* libpri frees a call, with or without a word of it. */
static void freed(void *owner, const void *block) {
    struct tr_pri *pri = (struct tr_pri *)owner;
    struct tr_pri_call *c = of(pri, (const struct q931_call *)block);
    if (c) {
        c->call = NULL;
    }
    for (int i = 0; i < pri->fresh_count; i++) {
        if (pri->fresh[i] == block) {
            pri->fresh[i] = NULL;
        }
    }
}

static void made(void *owner, void *block, size_t bytes) {
    struct tr_pri *pri = (struct tr_pri *)owner;
    if (bytes == pri->call_bytes && pri->fresh_count < TR_PRI_FRESH) {
        pri->fresh[pri->fresh_count++] = (struct q931_call *)block;
    }
}

/* While the first record is made: how large they are. */
static void measure(void *owner, void *block, size_t bytes) {
    (void)block;
    ((struct tr_pri *)owner)->call_bytes = bytes;
}

/* A message that is not the begin of a call can leave a record behind, which libpri never frees. The one of reference 0
 * is the interface's own: its RESTART may be under way. */
static void free_forgotten(struct tr_pri *pri, const uint8_t *frame, uint32_t length) {
    for (int i = 0; i < pri->fresh_count; i++) {
        struct q931_call *call = pri->fresh[i];
        if (call && !of(pri, call) && tr_pri_reference(frame, length)) {
            pri_destroycall(pri->d, call);
        }
    }
}

void tr_pri_is_clearing(struct tr_pri *pri, struct tr_pri_call *c) {
    if (!c->ends_by_ms) {
        c->ends_by_ms = pri->world.now_ms + SPARE_MS + (uint64_t)pri_get_timer(pri->d, PRI_TIMER_T305) +
                        2 * (uint64_t)pri_get_timer(pri->d, PRI_TIMER_T308);
    }
}

void tr_pri_cleared(struct tr_pri *pri, struct tr_pri_call *c, int32_t cause) {
    if (!c->told) {
        c->told = true;
        int32_t flags = (pri->by_timer ? TR_PRI_BY_TIMER : 0) | (c->by_us ? TR_PRI_BY_US : 0);
        tr_pri_tell(pri, TR_PRI_CLEARED, c->handle, c->slot, cause > 0 && cause < 128 ? cause : 31, flags, NULL, 0);
    }
}

/* Ends it here, without a message. */
static void drop(struct tr_pri *pri, struct tr_pri_call *c, int32_t cause) {
    struct q931_call *call = c->call;
    tr_pri_cleared(pri, c, cause);
    if (call) {
        pri_destroycall(pri->d, call);
    }
}

/* ---- what libpri says -------------------------------------------------------------------------- */

/* An encoded channel's time slot; 0: none is named. */
static int32_t slot_of(int channel) { return channel == -1 || (channel & 0xFF) == 0xFF ? 0 : channel & 0xFF; }

static bool is_signalling_only(int channel) { return channel != -1 && (channel & 1 << 17); }

static void copy(char *to, size_t room, const char *from) {
    size_t n = strnlen(from, room - 1);
    memcpy(to, from, n);
    memset(to + n, 0, room - n);
}

static void offered(struct tr_pri *pri, const pri_event_ring *e) {
    struct tr_pri_party party = {0};
    struct tr_pri_call *c = pri->alone || pri->closing ? NULL : tr_pri_new_call(pri, 0, e->call, slot_of(e->channel));
    if (is_signalling_only(e->channel) || !c) {
        /* Before any other answer this is RELEASE COMPLETE: nothing is left of the call. */
        pri->stats.refused++;
        pri_hangup(pri->d, e->call, c ? PRI_CAUSE_INCOMPATIBLE_DESTINATION : PRI_CAUSE_NORMAL_CIRCUIT_CONGESTION);
        if (c) {
            *c = (struct tr_pri_call){0};
        }
        return;
    }
    pri->settled = true;
    c->step = TR_PRI_OFFERED;
    c->unanswered = true;
    pri->serial = pri->serial % (TR_PRI_INCOMING - 1) + 1;
    c->handle = TR_PRI_INCOMING + pri->serial;
    copy(party.called, sizeof party.called, e->callednum[0] ? e->callednum : e->keypad_digits);
    copy(party.calling, sizeof party.calling, e->callingnum);
    copy(party.redirecting, sizeof party.redirecting, e->redirectingnum);
    copy(party.name, sizeof party.name, e->callingname);
    copy(party.user_user, sizeof party.user_user, e->useruserinfo);
    party.called_plan = e->calledplan;
    party.calling_plan = e->callingplan;
    party.calling_presentation = e->callingpres;
    party.redirecting_plan = e->callingplanrdnis;
    party.bearer = e->ctype;
    party.complete = e->complete != 0;
    party.exclusive = !e->flexible;
    tr_pri_tell(pri, TR_PRI_OFFERED, c->handle, c->slot, 0, 0, &party, sizeof party);
}

/* A step of a call; `said`: user-user information, where it may come with it. */
static void step(struct tr_pri *pri, struct q931_call *call, int channel, int32_t what, int progress,
                 const char *said) {
    struct tr_pri_call *c = of(pri, call);
    if (c && !c->told) {
        c->slot = slot_of(channel) ? slot_of(channel) : c->slot;
        bool tones = progress & (PRI_PROG_INBAND_AVAILABLE | PRI_PROG_CALL_NOT_E2E_ISDN);
        c->step = what;
        tr_pri_tell(pri, what, c->handle, c->slot, 0, tones ? TR_PRI_INBAND : 0, said, said ? strnlen(said, 255) : 0);
    }
}

/* The far end's DISCONNECT, RELEASE or RELEASE COMPLETE, or a timer of libpri. Its answer leaves at once. */
static void over(struct tr_pri *pri, const pri_event_hangup *e) {
    struct tr_pri_call *c = of(pri, e->call);
    int32_t cause = e->cause > 0 ? e->cause : pri->said_cause;
    if (c) {
        tr_pri_is_clearing(pri, c);
        tr_pri_cleared(pri, c, cause);
    }
    if (e->e != PRI_EVENT_HANGUP_ACK && e->call) {
        pri_hangup(pri->d, e->call, cause ? cause : PRI_CAUSE_NORMAL_CLEARING);
    }
}

static void restarted(struct tr_pri *pri, int32_t slot) {
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        struct tr_pri_call *c = &pri->calls[i];
        if (c->handle && (!slot || c->slot == slot)) {
            drop(pri, c, PRI_CAUSE_NORMAL_TEMPORARY_FAILURE);
        }
    }
    tr_pri_tell(pri, TR_PRI_RESTARTED, 0, slot, 0, 0, NULL, 0);
}

static void digits(struct tr_pri *pri, struct q931_call *call, const char *text, bool last) {
    struct tr_pri_call *c = of(pri, call);
    if (c && !c->told) {
        tr_pri_tell(pri, TR_PRI_MORE, c->handle, c->slot, last, 0, text, strnlen(text, TR_PRI_NUMBER));
    }
}

static void happened(struct tr_pri *pri, pri_event *e) {
    switch (e->e) {
    case PRI_EVENT_DCHAN_UP:
    case PRI_EVENT_DCHAN_DOWN:
        pri->up = e->e == PRI_EVENT_DCHAN_UP;
        tr_pri_tell(pri, pri->up ? TR_PRI_UP : TR_PRI_DOWN, 0, 0, 0, 0, NULL, 0);
        break;
    case PRI_EVENT_RING:
        offered(pri, &e->ring);
        break;
    case PRI_EVENT_INFO_RECEIVED:
        digits(pri, e->ring.call, e->ring.callednum, e->ring.complete != 0);
        break;
    case PRI_EVENT_KEYPAD_DIGIT:
        digits(pri, e->digit.call, e->digit.digits, false);
        break;
    case PRI_EVENT_SETUP_ACK:
        step(pri, e->setup_ack.call, e->setup_ack.channel, TR_PRI_WANTS_MORE, e->setup_ack.progressmask, NULL);
        break;
    case PRI_EVENT_PROCEEDING:
        step(pri, e->proceeding.call, e->proceeding.channel, TR_PRI_PROCEEDING, e->proceeding.progressmask, NULL);
        break;
    case PRI_EVENT_PROGRESS:
        step(pri, e->proceeding.call, e->proceeding.channel, TR_PRI_HEAR, e->proceeding.progressmask, NULL);
        break;
    case PRI_EVENT_RINGING:
        step(pri, e->ringing.call, e->ringing.channel, TR_PRI_ALERTING, e->ringing.progressmask,
             e->ringing.useruserinfo);
        break;
    case PRI_EVENT_ANSWER:
        step(pri, e->answer.call, e->answer.channel, TR_PRI_ANSWERED, e->answer.progressmask, e->answer.useruserinfo);
        break;
    case PRI_EVENT_HANGUP:
    case PRI_EVENT_HANGUP_REQ:
    case PRI_EVENT_HANGUP_ACK:
        over(pri, &e->hangup);
        break;
    case PRI_EVENT_RESTART:
        restarted(pri, slot_of(e->restart.channel));
        break;
    case PRI_EVENT_RESTART_ACK:
        tr_pri_tell(pri, TR_PRI_RESTART_DONE, 0, slot_of(e->restartack.channel), 0, 0, NULL, 0);
        break;
    case PRI_EVENT_SERVICE:
        tr_pri_tell(pri, TR_PRI_SERVICED, 0, slot_of(e->service.channel), pri->said_status, 0, NULL, 0);
        break;
    case PRI_EVENT_CONFIG_ERR:
        note(pri->d, e->err.err);
        break;
    default: /* facilities, notifications, hold: nothing that changes a call here */
        break;
    }
}

/* ---- its life ---------------------------------------------------------------------------------- */

static int read_frame(struct pri *d, void *buffer, int room) {
    struct tr_pri *pri = (struct tr_pri *)pri_get_userdata(d);
    if (!pri->in || room < (int)(pri->in_length + FCS)) {
        return 0;
    }
    memcpy(buffer, pri->in, pri->in_length);
    memset((uint8_t *)buffer + pri->in_length, 0, FCS);
    pri->in = NULL;
    return (int)(pri->in_length + FCS);
}

/* A SETUP is answered by RELEASE COMPLETE while it is read: by libpri, which found it wrong, or by us, for want of
 * room. A message that waits for room in layer 2's window is not seen here: then the SETUP is told by nobody. */
static void see_refusal(struct tr_pri *pri, const uint8_t *frame, uint32_t n) {
    if (!pri->settled && pri->read && tr_pri_is_setup(pri->read, pri->read_length) && tr_pri_is_release(frame, n) &&
        tr_pri_reference(pri->read, pri->read_length) == tr_pri_reference(frame, n)) {
        int32_t cause = tr_pri_cause(frame, n);
        pri->settled = true;
        tr_pri_tell(pri, TR_PRI_REFUSED, 0, 0, cause ? cause : PRI_CAUSE_NORMAL_UNSPECIFIED, 0, pri->read,
                    pri->read_length);
    }
}

/* libpri counts a check sequence in, which the card makes. */
static int write_frame(struct pri *d, void *buffer, int length) {
    struct tr_pri *pri = (struct tr_pri *)pri_get_userdata(d);
    uint32_t n = length > FCS ? (uint32_t)length - FCS : 0;
    const uint8_t *status = tr_pri_status((const uint8_t *)buffer, n, true);
    if (status) {
        ((uint8_t *)buffer)[status - (const uint8_t *)buffer] = (uint8_t)(0xC0 | pri->said_status);
    }
    tell_frame(pri, true, (const uint8_t *)buffer, n);
    see_refusal(pri, (const uint8_t *)buffer, n);
    pri->begun_anew |= tr_pri_is_ua((const uint8_t *)buffer, n);
    pri->stats.unsent += pri->io.send(pri->io.context, (const uint8_t *)buffer, n) < 0;
    return length;
}

/* In its world. False: no memory, which an empty arena has. */
static bool begin(struct tr_pri *pri) {
    pri->link = NULL;
    pri_set_message(note);
    pri_set_error(note);
    pri->d = pri_new_cb(-1, pri->config.side == TR_PRI_NETWORK ? PRI_NETWORK : PRI_CPE, PRI_SWITCH_EUROISDN_E1,
                        read_frame, write_frame, pri);
    if (!pri->d) {
        return false;
    }
    for (int i = 0; i < TR_PRI_TIMERS; i++) {
        if (pri->config.timer[i] >= 0) {
            pri_set_timer(pri->d, libpri_timer[i], pri->config.timer[i]);
        }
    }
    pri->world.made = measure;
    struct q931_call *call = pri_new_call(pri->d);
    pri->world.made = made;
    if (call) {
        pri_destroycall(pri->d, call);
    }
    pri_set_overlapdial(pri->d, 1); /* "sending complete" stands where our number is, and nowhere else */
    pri_hangup_fix_enable(pri->d, 1);
    pri_set_service_message_support(pri->d, pri->config.service != 0);
    pri_set_inbanddisconnect(pri->d, pri->config.inband_disconnect);
    pri_date_time_send_option(pri->d, PRI_DATE_TIME_SEND_NO);
    return true;
}

/* The arena is full: libpri has no way to free what it has lost. All calls end, all memory is given back. */
static void renew(struct tr_pri *pri) {
    void *memory = pri->world.memory;
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        if (pri->calls[i].handle) {
            tr_pri_cleared(pri, &pri->calls[i], PRI_CAUSE_NORMAL_TEMPORARY_FAILURE);
        }
    }
    memset(pri->calls, 0, sizeof pri->calls);
    pri->stats.memory_refused += pri->world.refused;
    pri->stats.renewed++;
    if (pri->up) {
        pri->up = false;
        tr_pri_tell(pri, TR_PRI_DOWN, 0, 0, 0, 0, NULL, 0);
    }
    tr_pri_tell(pri, TR_PRI_RENEWED, 0, 0, 0, 0, NULL, 0);
    tr_pri_world_init(&pri->world, memory);
    begin(pri);
}

void tr_pri_enter_at(struct tr_pri *pri, uint64_t now_ms) {
    pri->world.now_ms = now_ms;
    tr_pri_enter(&pri->world);
}

void tr_pri_settle(struct tr_pri *pri) {
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        struct tr_pri_call *c = &pri->calls[i];
        if (c->handle && !c->call) {
            int32_t cause = c->by_us ? c->cause : pri->said_cause;
            tr_pri_cleared(pri, c, cause ? cause : PRI_CAUSE_NORMAL_TEMPORARY_FAILURE);
            *c = (struct tr_pri_call){0};
        }
    }
    if (pri->world.refused) {
        renew(pri);
    }
    tr_pri_leave();
}

int tr_pri_check(const struct tr_pri_config *config) {
    if (config->side > TR_PRI_NETWORK || config->trace > TR_PRI_TRACE_ALL) {
        return TR_E_ARGUMENT;
    }
    for (int i = 0; i < TR_PRI_TIMERS; i++) {
        if (config->timer[i] > 3600000 || (i == TR_PRI_K && (config->timer[i] == 0 || config->timer[i] > 127))) {
            return TR_E_ARGUMENT;
        }
    }
    return TR_OK;
}

void tr_pri_init(struct tr_pri *pri, const struct tr_pri_config *config, const struct tr_pri_io *io, void *memory) {
    memset(pri, 0, sizeof *pri);
    pri->config = *config;
    pri->io = *io;
    tr_pri_world_init(&pri->world, memory);
    pri->world.freed = freed;
    pri->world.owner = pri;
}

void tr_pri_start(struct tr_pri *pri, uint64_t now_ms) {
    tr_pri_enter_at(pri, now_ms);
    begin(pri);
    tr_pri_settle(pri);
}

void tr_pri_hear(struct tr_pri *pri, uint64_t now_ms, const uint8_t *frame, uint32_t length) {
    if (!pri->d) {
        return;
    }
    tell_frame(pri, false, frame, length);
    if (!tr_pri_is_ours(frame, length)) {
        pri->stats.malformed++;
        return;
    }
    pri->fresh_count = 0;
    uint8_t sound[TR_PRI_FRAME_MAX];
    pri->in = sound;
    pri->in_length = tr_pri_copy_sound(frame, length, sound);
    pri->stats.malformed += pri->in_length < length;
    pri->read = sound;
    pri->read_length = pri->in_length;
    pri->settled = false;
    pri->said_cause = tr_pri_cause(sound, pri->in_length);
    const uint8_t *status = tr_pri_status(sound, pri->in_length, false);
    pri->said_status = status ? *status & 0x0F : pri->said_status;
    tr_pri_enter_at(pri, now_ms);
    pri_event *e = pri_check_event(pri->d);
    if (e) {
        happened(pri, e);
    }
    free_forgotten(pri, sound, pri->in_length);
    if (pri->begun_anew || tr_pri_is_ua(sound, pri->in_length)) {
        pri->begun_anew = false;
        tr_pri_begun_anew(pri);
    }
    tr_pri_hear_state(pri, sound, pri->in_length);
    tr_pri_settle(pri);
    pri->said_cause = 0;
    pri->in = pri->read = NULL;
}

/* Calls that neither libpri nor the far end brought to an end. */
static void end_stuck(struct tr_pri *pri) {
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        struct tr_pri_call *c = &pri->calls[i];
        if (c->handle && c->ends_by_ms && c->ends_by_ms <= pri->world.now_ms) {
            drop(pri, c, PRI_CAUSE_RECOVERY_ON_TIMER_EXPIRE);
        }
    }
}

static bool calls_left(const struct tr_pri *pri) {
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        if (pri->calls[i].handle) {
            return true;
        }
    }
    return false;
}

static bool is_due(const struct tr_pri *pri) {
    uint64_t now = tr_pri_world_ms(&pri->world);
    const struct timeval *next = pri_schedule_next(pri->d);
    return next && (uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 <= now;
}

void tr_pri_tick(struct tr_pri *pri, uint64_t now_ms, bool alone) {
    if (!pri->d) {
        return;
    }
    pri->alone = alone;
    tr_pri_enter_at(pri, now_ms);
    pri->by_timer = true;
    for (int i = 0; i < TIMERS_A_TICK && is_due(pri); i++) {
        pri_event *e = pri_schedule_run(pri->d);
        if (e) {
            happened(pri, e);
        }
    }
    end_stuck(pri);
    tr_pri_settle(pri);
    pri->by_timer = false;
    if (pri->closing && !calls_left(pri)) {
        pri->d = NULL;
        pri->up = false;
    }
}

void tr_pri_read_stats(const struct tr_pri *pri, struct tr_pri_stats *out) {
    *out = pri->stats;
    out->open = pri->d != NULL;
    out->up = pri->up;
    out->memory = pri->world.used;
    out->memory_most = pri->world.most;
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        out->calls += pri->calls[i].handle != 0;
    }
}
