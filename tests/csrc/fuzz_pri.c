/* Hostile frames on a D channel: messages of every kind, changed at random, in every state of a call, while calls are
 * made, answered and cleared at our end. Nothing may crash; afterwards no call and no memory may be left.
 *
 *   fuzz_pri [frames [seed]]     20,000 frames unless told otherwise
 *
 * With libpri compiled from its sources under AddressSanitizer and with the heap in place of its arena
 * (`make fuzz-pri LIBPRI_SOURCE=DIR`), an octet read or written outside its block is found, too. */
#define _GNU_SOURCE
#include "pri_peer.h"
#include <stdio.h>

static uint64_t state = 1;
static uint32_t draw(uint32_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((state >> 33) % below);
}

/* What a far end may say: protocol discriminator, call reference (octets 2, 3 are set), type, elements. */
static const struct {
    const char *hex;
} seeds[] = {
    {"0802000105a1040390 "
     "90a31803a18384280457616e676c0d0080303130363230303132333470098036363838363638387e060468656c6c6f"},
    {"0802000105040380 90a31803a9838f6c0a21833031303632303031700680363238333474090021 8f3632303031"},
    {"080200010504039090a3 1803a983856c02 0080 7002 80 31"},
    {"0802000105a104039090a31801a1 7003803131"},
    {"08020001051c1e9fa11b02010102010f8004 5465737430098006 0123456789ab0403 9090a318 03a983867009803636383836363838"},
    {"0802800102 1803a98384"},
    {"0802800101 1e028288"},
    {"0802800103 1e028188 08028291"},
    {"080280010d 1803a98384"},
    {"0802800107 1803a98384 4c0b 0080 303130363230303132 2903 0b160b2806 b1 57616e6767"},
    {"080200010f"},
    {"08020001450802 8190 1e028288"},
    {"080280014d 08028190 08028191"},
    {"080280015a 080381a29c"},
    {"080200017b 70028031"},
    {"080200017b 700480313233 2c023435 a1"},
    {"080200017d 080281e5 14010a"},
    {"0802000175"},
    {"080200016e 2701f9"},
    {"0802000162 1c0991a106020101020107"},
    {"0802000162 1c2591a1220201010201 0f3019 0a0103301480 09 303130363230303131 8101 01 8201 01"},
    {"080200006e 271182"},
    {"0802000046 1803a98384 790180"},
    {"0802000046 1803a98301 790187"},
    {"080200004e 1803a98384 790180"},
    {"0802000046 1804e980 8384 790180"},
    {"0302000 00f 0101c0 1803a98384"},
    {"0302000007 0101c2 1803a98384"},
    {"4302000007 0101c2 1803a98384"},
    {"0802000124 2800"},
    {"0802000131"},
    {"080200012d 08028191"},
    {"0802000164 1c0a91a1070201010201 0500"},
    {"0800 62 1c0991a106020101020107"},
};
enum { SEEDS = sizeof seeds / sizeof seeds[0] };

static uint32_t unhex(const char *hex, uint8_t *out) {
    uint32_t n = 0;
    int high = -1;
    for (; *hex; hex++) {
        int digit = *hex >= '0' && *hex <= '9' ? *hex - '0' : *hex >= 'a' && *hex <= 'f' ? *hex - 'a' + 10 : -1;
        if (digit >= 0) {
            if (high < 0) {
                high = digit;
            } else {
                out[n++] = (uint8_t)(high << 4 | digit);
                high = -1;
            }
        }
    }
    return n;
}

/* Octets that matter: lengths, extension bits, ends. */
static uint8_t octet(void) {
    static const uint8_t special[] = {0x00, 0x01, 0x02, 0x03, 0x7F, 0x80, 0x81, 0x9F, 0xFE, 0xFF};
    return draw(3) ? (uint8_t)draw(256) : special[draw(sizeof special)];
}

static uint32_t element_at(const uint8_t *data, uint32_t length) {
    uint32_t at = 5;
    for (uint32_t n = draw(8); n > 0 && at + 2 < length; n--) {
        at += data[at] & 0x80 ? 1 : 2u + data[at + 1];
    }
    return at < length ? at : length > 5 ? 5 : 0;
}

static uint32_t change(uint8_t *data, uint32_t length, uint32_t room) {
    for (uint32_t n = draw(4); n > 0 && length > 0; n--) {
        uint32_t at = draw(2) ? element_at(data, length) : draw(length);
        uint8_t other[128];
        uint32_t more;
        switch (draw(8)) {
        case 0:
            data[at] = octet();
            break;
        case 1:
            data[at] ^= (uint8_t)(1u << draw(8));
            break;
        case 2: /* a length */
            if (at + 1 < length) {
                data[at + 1] = octet();
            }
            break;
        case 3:
            length = at;
            break;
        case 4: /* an element of another message behind it */
            more = unhex(seeds[draw(SEEDS)].hex, other);
            if (more > 5 && length + more - 5 <= room) {
                memcpy(data + length, other + 5, more - 5);
                length += more - 5;
            }
            break;
        case 5: /* an element as long as it says, of anything */
            more = draw(60);
            if (length + more + 2 <= room) {
                data[length++] = (uint8_t)draw(128);
                data[length++] = (uint8_t)more;
                while (more-- > 0) {
                    data[length++] = octet();
                }
            }
            break;
        case 6: /* the same element, empty */
            if (at + 2 < length && !(data[at] & 0x80) && at + 2 + data[at + 1] <= length) {
                uint32_t gone = data[at + 1];
                memmove(data + at + 2, data + at + 2 + gone, length - at - 2 - gone);
                data[at + 1] = 0;
                length -= gone;
            }
            break;
        default: /* a longer one */
            more = 1 + draw(40);
            if (at + 2 < length && !(data[at] & 0x80) && length + more <= room && data[at + 1] + more < 256) {
                memmove(data + at + 2 + more, data + at + 2, length - at - 2);
                for (uint32_t i = 0; i < more; i++) {
                    data[at + 2 + i] = octet();
                }
                data[at + 1] = (uint8_t)(data[at + 1] + more);
                length += more;
            }
        }
    }
    return length;
}

/* References that it has used of late, as we have to write them. */
enum { REFERENCES = 16 };
static uint8_t reference[REFERENCES][2];
static uint32_t references;

static void note_reference(struct peer *p, const uint8_t *frame, uint32_t length) {
    (void)p;
    if (length > 8 && frame[5] == 2) {
        reference[references % REFERENCES][0] = frame[6] ^ 0x80;
        reference[references++ % REFERENCES][1] = frame[7];
    }
}

static void say_message(struct peer *p) {
    uint8_t data[600] = {0};
    uint32_t length = unhex(seeds[draw(SEEDS)].hex, data);
    if (data[1] == 2 && (data[2] & 0x7F || data[3])) {
        /* a call of theirs, or one of ours (the flag says to whom it belongs) */
        data[2] = (uint8_t)((draw(4) ? data[2] & 0x80 : draw(2) << 7) | (draw(50) ? 0 : draw(128)));
        data[3] = (uint8_t)(1 + draw(40));
        if (data[4] != 0x05 && draw(4)) {
            memcpy(data + 2, reference[draw(REFERENCES)], 2);
        }
    }
    if (data[0] == 0x08 && data[3] == 0 && draw(8)) {
        return; /* a restart ends every call: seldom */
    }
    if (draw(3)) {
        length = change(data, length, 500);
    }
    peer_message(p, data, length);
}

static void say_other(struct peer *p) {
    uint8_t frame[300];
    uint32_t length = draw(12) ? draw(8) : draw(300);
    for (uint32_t i = 0; i < length; i++) {
        frame[i] = octet();
    }
    if (draw(3) && length > 2) {
        frame[0] = (uint8_t)(draw(2) << 1);
        frame[1] = 1;
    }
    peer_say(p, frame, length);
}

static int32_t serial;
static uint64_t told[32];

static void count(struct peer *p, const int32_t a[5], const void *side, uint32_t length) {
    (void)p;
    (void)side;
    (void)length;
    told[a[0]]++;
}

static void act(struct peer *p) {
    struct tr_pri_party party = {.calling_presentation = (int32_t)draw(128), .complete = (int32_t)draw(2)};
    int32_t handle = p->handles[draw(TR_PRI_MAX_CALLS)];
    int32_t slot = 1 + (int32_t)draw(31);
    switch (draw(10)) {
    case 0:
        memset(party.called, '0' + (int)draw(10), draw(20));
        memset(party.calling, '0' + (int)draw(10), draw(20));
        memset(party.name, 'A' + (int)draw(26), draw(60));
        memset(party.user_user, 'a' + (int)draw(26), draw(200));
        memset(party.redirecting, '1', draw(2) * draw(20));
        serial = serial % 1000000 + 1;
        for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
            if (!p->handles[i]) {
                p->handles[i] = serial;
                break;
            }
        }
        peer_do(p, TR_PRI_SETUP, serial, slot, 0, &party, sizeof party);
        break;
    case 1:
        peer_do(p, TR_PRI_RESTART, 0, slot, 0, NULL, 0);
        break;
    case 2:
        peer_do(p, TR_PRI_SERVICE, 0, slot, (int32_t)draw(3), NULL, 0);
        break;
    case 3:
        peer_do(p, TR_PRI_DIGITS, handle, 0, 0, "12", 2);
        break;
    case 5:
        peer_do(p, TR_PRI_TELL, 0, 0, 0, NULL, 0);
        break;
    case 4:
        peer_do(p, TR_PRI_CLEAR, handle, 0, 1 + (int32_t)draw(127), NULL, 0);
        break;
    default:
        peer_do(p, TR_PRI_SETUP_ACK + (int32_t)draw(5), handle, slot, (int32_t)draw(2), NULL, 0);
    }
}

/* Everything is cleared, time passes; what is left then is lost. */
static int settle(struct peer *p, uint32_t resting, uint64_t frames) {
    for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
        if (p->handles[i]) {
            peer_do(p, TR_PRI_CLEAR, p->handles[i], 0, 16, NULL, 0);
        }
    }
    peer_run(p, 400000); /* T316 twice */
    struct tr_pri_stats stats;
    tr_pri_read_stats(&p->pri, &stats);
    if (stats.calls || stats.memory > resting) {
        fprintf(stderr, "after %llu frames: %u calls, %u octets of %u are left\n", (unsigned long long)frames,
                stats.calls, stats.memory, resting);
        for (int i = 0; i < TR_PRI_MAX_CALLS; i++) {
            const struct tr_pri_call *c = &p->pri.calls[i];
            if (c->handle) {
                fprintf(stderr, "handle %#x slot %d step %d told %d by us %d ends by %llu, now %llu\n",
                        (unsigned)c->handle, c->slot, c->step, c->told, c->by_us, (unsigned long long)c->ends_by_ms,
                        (unsigned long long)p->now_ms);
            }
        }
        return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    uint64_t frames = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000, done = 0, refused = 0, renewed = 0, malformed = 0;
    uint64_t said = 0, most = 0;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    int wrong = 0;
    while (done < frames && !wrong) {
        struct peer *p = (struct peer *)malloc(sizeof *p);
        peer_open(p, draw(2), draw(4) == 0);
        struct tr_pri_stats stats;
        p->told = count;
        p->message = note_reference;
        peer_run(p, 2000);
        tr_pri_read_stats(&p->pri, &stats);
        uint32_t resting = stats.memory + 4096; /* the global call, and timers' room that grew */
        for (uint32_t n = 2000; n > 0 && done < frames; n--, done++) {
            if (draw(150)) {
                say_message(p);
            } else {
                say_other(p);
            }
            if (draw(3) == 0) {
                act(p);
            }
            if (draw(6) == 0) {
                peer_run(p, draw(40) ? 20 : draw(20) ? 2000 : 40000);
            }
        }
        tr_pri_read_stats(&p->pri, &stats);
        refused += stats.refused;
        renewed += stats.renewed;
        malformed += stats.malformed;
        said += p->frames_sent;
        most = stats.memory_most > most ? stats.memory_most : most;
        wrong = settle(p, resting, done);
        peer_close(p);
        free(p);
    }
    printf("fuzz_pri: %llu frames heard, %llu said, %llu cut or dropped, %llu calls refused, begun anew %llu times, "
           "%llu octets at most\n",
           (unsigned long long)done, (unsigned long long)said, (unsigned long long)malformed,
           (unsigned long long)refused, (unsigned long long)renewed, (unsigned long long)most);
    printf("fuzz_pri: told offered %llu, digits %llu, proceeding %llu, alerting %llu, answered %llu, cleared %llu, "
           "restarted %llu, down %llu\n",
           (unsigned long long)told[TR_PRI_OFFERED], (unsigned long long)told[TR_PRI_MORE],
           (unsigned long long)told[TR_PRI_PROCEEDING], (unsigned long long)told[TR_PRI_ALERTING],
           (unsigned long long)told[TR_PRI_ANSWERED], (unsigned long long)told[TR_PRI_CLEARED],
           (unsigned long long)told[TR_PRI_RESTARTED], (unsigned long long)told[TR_PRI_DOWN]);
    return wrong;
}
