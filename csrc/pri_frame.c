/* Frames of a D channel, read before libpri reads them: see pri_frame.h. Serves step 1 where the trunk is ISDN. */
#include "pri_frame.h"
#include <stddef.h>
#include <string.h>

enum { ADDRESS = 2, HEAD = 4, MESSAGE_HEAD = 3, DISCRIMINATOR = 0x08, CAUSE = 0x08, CALL_STATE = 0x14 };
enum { MAINTENANCE = 0x03, SERVICE = 0x0F, SERVICE_ACKNOWLEDGE = 0x07, CHANGE_STATUS = 0x01 };
enum { SETUP = 0x05, DISCONNECT = 0x45, RELEASE = 0x4D, RELEASE_COMPLETE = 0x5A, STATUS = 0x7D };

bool tr_pri_is_ours(const uint8_t *frame, uint32_t length) {
    /* the command/response bit aside; UI and XID frames belong to links with many terminals */
    return length > ADDRESS && length <= TR_PRI_FRAME_MAX && (frame[0] & 0xFD) == 0 && frame[1] == 0x01 &&
           (frame[ADDRESS] & 0xEF) != 0x03 && (frame[ADDRESS] & 0xEF) != 0xAF &&
           ((frame[ADDRESS] & 3) == 3 || length >= HEAD);
}

bool tr_pri_is_ua(const uint8_t *frame, uint32_t length) { return length == 3 && (frame[ADDRESS] & 0xEF) == 0x63; }

bool tr_pri_is_message(const uint8_t *frame, uint32_t length) { return length > HEAD && (frame[ADDRESS] & 1) == 0; }

/* Where the elements begin; 0: too short a message to have any. */
static uint32_t elements(const uint8_t *frame, uint32_t length) {
    if (!tr_pri_is_message(frame, length) || length < HEAD + MESSAGE_HEAD) {
        return 0;
    }
    uint32_t begin = HEAD + MESSAGE_HEAD + (frame[HEAD + 1] & 0x0F);
    return begin <= length ? begin : 0;
}

/* The length of the element at `at`; 0: it does not fit. */
static uint32_t element(const uint8_t *frame, uint32_t length, uint32_t at) {
    if (frame[at] & 0x80) {
        return 1;
    }
    return at + 2 <= length && at + 2 + frame[at + 1] <= length ? 2u + frame[at + 1] : 0;
}

uint32_t tr_pri_copy_sound(const uint8_t *frame, uint32_t length, uint8_t *out) {
    uint32_t at = elements(frame, length), kept = at ? at : length;
    memcpy(out, frame, kept);
    for (uint32_t n; at && at < length && (n = element(frame, length, at)) > 0; at += n) {
        if (n != 2) {
            memcpy(out + kept, frame + at, n);
            kept += n;
        }
    }
    return kept;
}

uint32_t tr_pri_reference(const uint8_t *frame, uint32_t length) {
    uint32_t n = elements(frame, length) ? frame[HEAD + 1] & 0x0F : 0, reference = 0;
    for (uint32_t i = 0; i < n; i++) {
        reference = reference << 8 | (i ? frame[HEAD + 2 + i] : frame[HEAD + 2] & 0x7F);
    }
    return reference;
}

/* A message of this type about a call that its sender (of_receiver: its receiver) began. */
static bool is_of_call(const uint8_t *frame, uint32_t length, uint8_t type, bool of_receiver) {
    uint32_t at = elements(frame, length);
    return at > HEAD + MESSAGE_HEAD && frame[HEAD] == DISCRIMINATOR && frame[at - 1] == type &&
           (frame[HEAD + 2] & 0x80) == (of_receiver ? 0x80 : 0);
}

bool tr_pri_is_setup(const uint8_t *frame, uint32_t length) { return is_of_call(frame, length, SETUP, false); }

bool tr_pri_is_release(const uint8_t *frame, uint32_t length) {
    return is_of_call(frame, length, RELEASE_COMPLETE, true);
}

const uint8_t *tr_pri_status(const uint8_t *frame, uint32_t length, bool acknowledge) {
    uint32_t at = elements(frame, length);
    if (!at || frame[HEAD] != MAINTENANCE || frame[at - 1] != (acknowledge ? SERVICE_ACKNOWLEDGE : SERVICE)) {
        return NULL;
    }
    for (uint32_t n; at < length && (n = element(frame, length, at)) > 0; at += n) {
        if (frame[at] == CHANGE_STATUS && n >= 3) {
            return frame + at + 2;
        }
    }
    return NULL;
}

bool tr_pri_is_to_its_maker(const uint8_t *frame, uint32_t length) {
    return elements(frame, length) > HEAD + MESSAGE_HEAD && (frame[HEAD + 2] & 0x80) != 0;
}

int32_t tr_pri_call_state(const uint8_t *frame, uint32_t length) {
    uint32_t at = elements(frame, length);
    if (!at || frame[HEAD] != DISCRIMINATOR || frame[at - 1] != STATUS) {
        return -1;
    }
    for (uint32_t n; at < length && (n = element(frame, length, at)) > 0; at += n) {
        if (frame[at] == CALL_STATE && n >= 3) {
            return frame[at + 2] & 0x3F;
        }
    }
    return -1;
}

int32_t tr_pri_cause(const uint8_t *frame, uint32_t length) {
    uint32_t at = elements(frame, length);
    uint8_t type = at ? frame[at - 1] : 0;
    if (!at || frame[HEAD] != DISCRIMINATOR ||
        (type != DISCONNECT && type != RELEASE && type != RELEASE_COMPLETE && type != STATUS)) {
        return 0;
    }
    for (uint32_t n; at < length && (n = element(frame, length, at)) > 0; at += n) {
        if (frame[at] == CAUSE && n >= 4) {
            /* octet 3, 3a where its extension bit says so, then the value */
            uint32_t value = at + 2 + ((frame[at + 2] & 0x80) ? 1u : 2u);
            return value < at + n ? frame[value] & 0x7F : 0;
        }
    }
    return 0;
}
