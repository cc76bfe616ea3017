/* What a D channel is told to do: TR_OP_PRI. See pri.h. Serves steps 1 and 3, where the trunk is ISDN. */
#include "pri_parts.h"
#include <string.h>

static struct pri_party_number number(const char *digits, int32_t plan, int32_t presentation) {
    struct pri_party_number n = {.valid = digits[0] != 0 || (presentation & PRI_PRES_RESTRICTION) != 0,
                                 .presentation = presentation & (PRI_PRES_RESTRICTION | PRI_PRES_NUMBER_TYPE),
                                 .plan = plan & 0x7F};
    memcpy(n.str, digits, sizeof n.str);
    return n;
}

static int send_setup(struct tr_pri *pri, struct q931_call *call, int32_t slot, struct tr_pri_party *party) {
    struct pri_sr *request = pri_sr_new();
    if (!request) {
        return -1;
    }
    struct pri_party_id caller;
    memset(&caller, 0, sizeof caller);
    caller.number = number(party->calling, party->calling_plan, party->calling_presentation);
    caller.name.valid = party->name[0] != 0;
    caller.name.presentation = party->calling_presentation & PRI_PRES_RESTRICTION;
    caller.name.char_set = PRI_CHAR_SET_ISO8859_1;
    memcpy(caller.name.str, party->name, sizeof caller.name.str);
    pri_sr_set_channel(request, slot, party->exclusive != 0, 0);
    pri_sr_set_bearer(request, party->bearer, PRI_LAYER_1_ALAW);
    pri_sr_set_called(request, party->called, party->called_plan & 0x7F, party->complete != 0);
    pri_sr_set_caller_party(request, &caller);
    if (party->redirecting[0]) {
        pri_sr_set_redirecting(request, party->redirecting, party->redirecting_plan & 0x7F,
                               party->redirecting_presentation, PRI_REDIR_UNCONDITIONAL);
    }
    pri_sr_set_useruser(request, party->user_user);
    int result = pri_setup(pri->d, call, request);
    pri_sr_free(request);
    return result;
}

static int set_up(struct tr_pri *pri, const struct tr_command *command, const uint8_t *side) {
    struct tr_pri_party party;
    int32_t handle = command->a[1], slot = command->a[2];
    if (command->side_len != sizeof party || handle <= 0 || handle >= TR_PRI_INCOMING || slot < 1 || slot > 31 ||
        tr_pri_find(pri, handle)) {
        return TR_E_ARGUMENT;
    }
    memcpy(&party, side, sizeof party);
    party.called[sizeof party.called - 1] = party.calling[sizeof party.calling - 1] = 0;
    party.redirecting[sizeof party.redirecting - 1] = party.name[sizeof party.name - 1] = 0;
    party.user_user[sizeof party.user_user - 1] = 0;
    struct q931_call *call = pri_new_call(pri->d);
    struct tr_pri_call *c = call ? tr_pri_new_call(pri, handle, call, slot) : NULL;
    if (c && send_setup(pri, call, slot, &party) == 0) {
        return TR_OK;
    }
    if (c) {
        c->by_us = true;
        c->cause = PRI_CAUSE_SWITCH_CONGESTION; /* told when it is freed */
    } else {
        tr_pri_tell(pri, TR_PRI_CLEARED, handle, slot, PRI_CAUSE_SWITCH_CONGESTION, TR_PRI_BY_US, NULL, 0);
    }
    if (call) {
        pri_destroycall(pri->d, call);
    }
    return TR_OK;
}

/* Causes that libpri gives in RELEASE COMPLETE, as the first and only answer to a SETUP. */
static bool is_refusal(int32_t cause) {
    switch (cause) {
    case PRI_CAUSE_UNALLOCATED:
    case PRI_CAUSE_CHANNEL_UNACCEPTABLE:
    case PRI_CAUSE_NORMAL_CIRCUIT_CONGESTION:
    case PRI_CAUSE_REQUESTED_CHAN_UNAVAIL:
    case PRI_CAUSE_INVALID_CALL_REFERENCE:
    case PRI_CAUSE_IDENTIFIED_CHANNEL_NOTEXIST:
    case PRI_CAUSE_INCOMPATIBLE_DESTINATION:
        return true;
    default:
        return false;
    }
}

static int clear(struct tr_pri *pri, struct tr_pri_call *c, int32_t cause) {
    if (cause < 1 || cause > 127) {
        return TR_E_ARGUMENT;
    }
    if (!c->ends_by_ms) {
        c->by_us = true;
        c->cause = cause;
        tr_pri_is_clearing(pri, c);
        if (c->unanswered && !is_refusal(cause)) {
            pri_proceeding(pri->d, c->call, c->slot, 0); /* else libpri would end it without a word */
        }
        pri_hangup(pri->d, c->call, cause);
    }
    return TR_OK;
}

static int send_digits(struct tr_pri *pri, struct tr_pri_call *c, const uint8_t *digits, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        pri_information(pri->d, c->call, (char)digits[i]);
    }
    return TR_OK;
}

static int of_a_call(struct tr_pri *pri, const struct tr_command *command, const uint8_t *side) {
    struct tr_pri_call *c = tr_pri_find(pri, command->a[1]);
    int32_t slot = command->a[2];
    if (!c || c->told || !c->call) {
        return TR_E_STALE;
    }
    if (command->a[0] == TR_PRI_CLEAR) {
        return clear(pri, c, command->a[3]);
    }
    if (c->ends_by_ms) {
        return TR_E_STALE;
    }
    if (command->a[0] == TR_PRI_DIGITS) {
        return command->side_len > TR_PRI_NUMBER ? TR_E_ARGUMENT : send_digits(pri, c, side, command->side_len);
    }
    if (slot < 1 || slot > 31) {
        return TR_E_ARGUMENT;
    }
    c->slot = slot;
    c->unanswered = false;
    switch (command->a[0]) {
    case TR_PRI_SETUP_ACK:
        pri_setup_ack(pri->d, c->call, slot, 0, command->a[3] != 0);
        return TR_OK;
    case TR_PRI_PROCEED:
        pri_proceeding(pri->d, c->call, slot, 0);
        return TR_OK;
    case TR_PRI_ALERT:
        pri_acknowledge(pri->d, c->call, slot, command->a[3] != 0);
        return TR_OK;
    case TR_PRI_PROGRESS:
        pri_progress(pri->d, c->call, slot, 1);
        return TR_OK;
    default:
        c->step = TR_PRI_ANSWERED;
        pri_answer(pri->d, c->call, slot, 0);
        return TR_OK;
    }
}

static int of_a_channel(struct tr_pri *pri, const struct tr_command *command) {
    int32_t slot = command->a[2];
    if (slot < 1 || slot > 31) {
        return TR_E_ARGUMENT;
    }
    if (command->a[0] == TR_PRI_RESTART) {
        pri_reset(pri->d, slot);
        return TR_OK;
    }
    if (!pri->config.service || command->a[3] < TR_PRI_IN_SERVICE || command->a[3] > TR_PRI_OUT_OF_SERVICE) {
        return pri->config.service ? TR_E_ARGUMENT : TR_E_UNSUPPORTED;
    }
    pri_maintenance_service(pri->d, 0, slot, command->a[3]);
    return TR_OK;
}

static int of_all(struct tr_pri *pri, const struct tr_command *command) {
    if (command->a[0] == TR_PRI_CLOSE) {
        pri->closing = true;
        return TR_OK;
    }
    tr_pri_tell(pri, pri->up ? TR_PRI_UP : TR_PRI_DOWN, 0, 0, 0, 0, NULL, 0);
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        const struct tr_pri_call *c = &pri->calls[i];
        if (c->handle && !c->told) {
            tr_pri_tell(pri, TR_PRI_CALL, c->handle, c->slot, c->step, 0, NULL, 0);
        }
    }
    tr_pri_tell(pri, TR_PRI_CALLS, 0, 0, 0, 0, NULL, 0);
    return TR_OK;
}

int tr_pri_command(struct tr_pri *pri, uint64_t now_ms, const struct tr_command *command, const uint8_t *side) {
    if (!pri->d) {
        return TR_E_STATE;
    }
    if (command->a[0] < TR_PRI_SETUP || command->a[0] > TR_PRI_TELL) {
        return TR_E_ARGUMENT;
    }
    if (command->a[0] >= TR_PRI_CLOSE) {
        return of_all(pri, command);
    }
    tr_pri_enter_at(pri, now_ms);
    int result = command->a[0] == TR_PRI_SETUP     ? set_up(pri, command, side)
                 : command->a[0] >= TR_PRI_RESTART ? of_a_channel(pri, command)
                                                   : of_a_call(pri, command, side);
    tr_pri_settle(pri);
    return result;
}
