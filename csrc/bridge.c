/* Who hears whom: see bridge.h. */
#include "bridge.h"
#include "g711.h"
#include "internal.h"
#include "port.h"
#include <string.h>

#define UNITY (1 << 14)
#define NEVER (-9600) /* hundredths of a dB: as good as nothing */

static const int16_t silence[TR_BLOCK];

static bool audible(const struct tr_fade *fade) { return fade->now || fade->target; }
static bool steady(const struct tr_fade *fade) { return fade->now == fade->target; }

/* After a block: the gain is where it was going. Where nothing sounded, what was to grow still waits for the first
 * sound, so that it does not begin at full. */
static void fade(struct tr_fade *gain, bool sounded) {
    if (sounded || gain->target < gain->now) {
        gain->now = gain->target;
    }
}

/* Something is heard by a new way from now on: it sounds in the next tick. */
static bool begins(const struct tr_port *port) {
    const struct tr_bridge_end *end = &port->bridge;
    uint64_t now = port->engine->tick + 1;
    bool found = end->member[0].conference && end->member[0].since == now && end->member[0].listen.target;
    for (uint32_t i = 0; i < end->pairs && !found; i++) {
        found = end->pair[i].since == now && end->pair[i].gain.target;
    }
    return found;
}

/* The course of a gain in this block: what is being left waits for what begins. */
static struct tr_fade course(const struct tr_fade *gain, bool waits) {
    return waits ? (struct tr_fade){gain->now, gain->now} : *gain;
}

/* The conference of a member; NULL: none, or over, and its number has been given again. */
static struct tr_conference *conference_of(const struct tr_port *port, const struct tr_member *member) {
    struct tr_conference *conference = member->conference ? &port->engine->conferences[member->conference - 1] : NULL;
    return conference && conference->since <= member->since ? conference : NULL;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static void drop_pair(struct tr_port *port, uint32_t at) {
    struct tr_bridge_end *end = &port->bridge;
    port->engine->by_number[end->pair[at].port]->bridge.heard_by--;
    end->pair[at] = end->pair[--end->pairs];
}

static void fade_out_pairs(struct tr_port *port, int32_t but) {
    for (uint32_t i = 0; i < port->bridge.pairs; i++) {
        if (port->bridge.pair[i].port != but) {
            port->bridge.pair[i].gain.target = 0;
        }
    }
}

static bool gain_fits(int32_t cdb) { return cdb >= NEVER && cdb <= 2400; }

int tr_bridge_hear(struct tr_port *port, int32_t number, int32_t gain_cdb, bool beside) {
    struct tr_bridge_end *end = &port->bridge;
    struct tr_engine *engine = port->engine;
    bool stop = gain_cdb == TR_HEAR_NOT;
    if (number < 0) {
        fade_out_pairs(port, -1);
        return TR_OK;
    }
    if ((uint32_t)number >= engine->config.max_ports || !engine->by_number[number]) {
        return TR_E_NO_PORT;
    }
    if (engine->by_number[number]->kind == TR_KIND_D) {
        return TR_E_UNSUPPORTED;
    }
    if (!stop && !gain_fits(gain_cdb)) {
        return TR_E_ARGUMENT;
    }
    uint32_t at = 0;
    while (at < end->pairs && end->pair[at].port != number) {
        at++;
    }
    if (at == end->pairs && !stop) {
        for (uint32_t i = 0; end->pairs == TR_BRIDGE_PAIRS && i < end->pairs; i++) {
            if (!end->pair[i].gain.target || !beside) { /* on its way out: make room */
                drop_pair(port, i);
            }
        }
        if (end->pairs == TR_BRIDGE_PAIRS) {
            return TR_E_FULL;
        }
        at = end->pairs++;
        end->pair[at] = (struct tr_pair){.port = number, .since = engine->tick + 1};
        engine->by_number[number]->bridge.heard_by++;
    }
    if (!beside) {
        fade_out_pairs(port, number);
    }
    if (at < end->pairs) {
        end->pair[at].gain.target = stop ? 0 : tr_gain(gain_cdb);
    }
    return TR_OK;
}

static void enter(struct tr_port *port, uint32_t number) {
    struct tr_member *member = &port->bridge.member[0];
    struct tr_conference *conference = &port->engine->conferences[number - 1];
    member->conference = number;
    member->since = port->engine->tick + 1;
    if (conference->members++ == 0) {
        conference->since = member->since;
        conference->tick[0] = conference->tick[1] = 0;
    }
}

static void leave(struct tr_port *port) {
    struct tr_member *member = port->bridge.member;
    if (member[0].conference) {
        port->engine->conferences[member[0].conference - 1].members--;
        member[1] = member[0]; /* where one was being left already, that one is cut */
        member[1].talk.target = member[1].listen.target = 0;
        memset(&member[0], 0, sizeof member[0]);
    }
}

int tr_bridge_join(struct tr_port *port, int32_t conference, uint32_t roles, int32_t talk_cdb, int32_t listen_cdb) {
    struct tr_member *member = &port->bridge.member[0];
    if (conference < 0 || (uint32_t)conference > port->engine->conference_count ||
        (roles & ~(uint32_t)(TR_TALK | TR_LISTEN)) || !gain_fits(talk_cdb) || !gain_fits(listen_cdb)) {
        return TR_E_ARGUMENT;
    }
    if (member->conference != (uint32_t)conference) {
        leave(port);
        if (conference > 0) {
            enter(port, (uint32_t)conference);
        }
    }
    if (conference > 0) {
        member->talk.target = roles & TR_TALK ? tr_gain(talk_cdb) : 0;
        member->listen.target = roles & TR_LISTEN ? tr_gain(listen_cdb) : 0;
        if (port->engine->conferences[conference - 1].since == port->engine->tick + 1) {
            member->talk.now = member->talk.target;
        }
    }
    return TR_OK;
}

/* What it said last is still to be heard by its conference, and ends without a click. */
static void fade_away(struct tr_port *port, const struct tr_member *member) {
    uint64_t tick = port->engine->tick;
    int half = (int)((tick - 1) & 1);
    struct tr_conference *conference = conference_of(port, member);
    if (!conference || tick == 0 || conference->tick[half] != tick || member->said_tick[half] != tick) {
        return;
    }
    for (int i = 0; i < TR_BLOCK; i++) {
        conference->sum[half][i] -= member->said[half][i] * (i + 1) / TR_BLOCK;
    }
}

void tr_bridge_cut(struct tr_port *port) {
    while (port->bridge.pairs) {
        drop_pair(port, 0);
    }
    fade_away(port, &port->bridge.member[0]);
    fade_away(port, &port->bridge.member[1]);
    if (port->bridge.member[0].conference) {
        port->engine->conferences[port->bridge.member[0].conference - 1].members--;
    }
    memset(port->bridge.member, 0, sizeof port->bridge.member);
    port->bridge.heard[0].tick = port->bridge.heard[1].tick = 0;
}

void tr_bridge_forget(struct tr_port *port) {
    struct tr_engine *engine = port->engine;
    for (uint32_t i = 0; port->bridge.heard_by && i < engine->active_count; i++) {
        struct tr_port *other = engine->active[i];
        for (uint32_t at = other->bridge.pairs; at-- > 0;) {
            if (other->bridge.pair[at].port == (int32_t)port->number) {
                drop_pair(other, at);
            }
        }
    }
}

/* ---- sound ------------------------------------------------------------------------------------- */

/* sum += x * gain, the gain running from now to target over the block. */
static void add(int32_t *sum, const int16_t *x, const struct tr_fade *gain) {
    if (steady(gain) && gain->now == UNITY) {
        for (int i = 0; i < TR_BLOCK; i++) {
            sum[i] += x[i];
        }
    } else if (steady(gain) && gain->now < 1 << 16) { /* below 12 dB: 32 bits suffice */
        for (int i = 0; i < TR_BLOCK; i++) {
            sum[i] += (x[i] * gain->now) >> 14;
        }
    } else {
        int64_t at = (int64_t)gain->now * TR_BLOCK, step = gain->target - gain->now;
        for (int i = 0; i < TR_BLOCK; i++) {
            at += step;
            sum[i] += (int32_t)(x[i] * (at / TR_BLOCK) >> 14);
        }
    }
}

/* One party's part: what it says, into the sum of its conference; kept, so that it can be taken off what it hears. */
static void say(struct tr_conference *conference, uint64_t tick, struct tr_member *member, struct tr_fade gain,
                const int16_t *samples) {
    int half = (int)(tick & 1);
    int16_t *said = member->said[half];
    int32_t *sum = conference->sum[half];
    if (steady(&gain) && gain.now == UNITY) {
        memcpy(said, samples, sizeof member->said[half]);
    } else {
        int32_t part[TR_BLOCK] = {0};
        add(part, samples, &gain);
        for (int i = 0; i < TR_BLOCK; i++) {
            said[i] = tr_saturate(part[i]);
        }
    }
    if (conference->tick[half] != tick + 1) { /* the first to speak in this tick */
        conference->tick[half] = tick + 1;
        memset(sum, 0, sizeof conference->sum[half]);
    }
    for (int i = 0; i < TR_BLOCK; i++) {
        sum[i] += said[i];
    }
    member->said_tick[half] = tick + 1;
}

void tr_bridge_keep(struct tr_port *port, const int16_t *samples, bool as_came, bool silent) {
    struct tr_bridge_end *end = &port->bridge;
    uint64_t tick = port->engine->tick;
    if (end->heard_by && !silent) {
        struct tr_heard *heard = &end->heard[tick & 1];
        heard->tick = tick + 1;
        heard->coded = as_came && port->rx_gain == UNITY;
        heard->linear = samples != NULL;
        if (heard->coded) {
            memcpy(heard->codes, port->rx, sizeof heard->codes);
        }
        if (heard->linear) {
            memcpy(heard->samples, samples, sizeof heard->samples);
        }
    }
    for (int i = 0; i < 2; i++) {
        struct tr_member *member = &end->member[i];
        struct tr_conference *conference = conference_of(port, member);
        bool waits = i == 1 && conference && begins(port);
        bool says = conference && samples && !silent && audible(&member->talk);
        if (says) {
            say(conference, tick, member, course(&member->talk, waits), samples);
        }
        if (!waits) {
            fade(&member->talk, says);
        }
    }
}

/* What another port received in the tick before; NULL: nothing. */
static struct tr_heard *last_heard(struct tr_port *other) {
    uint64_t tick = other->engine->tick;
    struct tr_heard *heard = &other->bridge.heard[(tick - 1) & 1];
    return tick > 0 && heard->tick == tick ? heard : NULL;
}

bool tr_bridge_copy(struct tr_port *port) {
    struct tr_bridge_end *end = &port->bridge;
    if (end->hushed || end->pairs != 1 || tr_bridge_talks(end) || !steady(&end->pair[0].gain) ||
        end->pair[0].gain.now != UNITY) {
        return false;
    }
    struct tr_port *other = port->engine->by_number[end->pair[0].port];
    const struct tr_heard *heard = last_heard(other);
    if (!heard || !heard->coded || other->law != port->law) {
        return false;
    }
    memcpy(port->tx, heard->codes, TR_BLOCK);
    return true;
}

static bool hear_conference(struct tr_port *port, struct tr_member *member, struct tr_fade gain, int32_t *sum) {
    uint64_t tick = port->engine->tick;
    int half = (int)((tick - 1) & 1);
    const struct tr_conference *conference = conference_of(port, member);
    if (!conference || tick == 0 || conference->tick[half] != tick || !audible(&gain)) {
        return false;
    }
    const int16_t *own = member->said_tick[half] == tick ? member->said[half] : silence;
    const int32_t *all = conference->sum[half];
    if (steady(&gain) && gain.now == UNITY) {
        for (int i = 0; i < TR_BLOCK; i++) {
            sum[i] += all[i] - own[i];
        }
        return true;
    }
    int16_t others[TR_BLOCK];
    for (int i = 0; i < TR_BLOCK; i++) {
        others[i] = tr_saturate(all[i] - own[i]);
    }
    add(sum, others, &gain);
    return true;
}

static bool hear_pair(struct tr_port *port, const struct tr_pair *pair, struct tr_fade gain, int32_t *sum) {
    struct tr_port *other = port->engine->by_number[pair->port];
    struct tr_heard *heard = last_heard(other);
    if (!heard || !audible(&gain)) {
        return false;
    }
    if (!heard->linear) { /* the first who needs the samples makes them for all */
        tr_g711_decode(other->law, heard->codes, heard->samples, TR_BLOCK);
        heard->linear = true;
    }
    add(sum, heard->samples, &gain);
    return true;
}

/* Those heard fall silent, or are heard again, within a block. */
static void hush(int32_t sum[TR_BLOCK], bool before, bool now) {
    int from = before ? 0 : TR_BLOCK, step = (int)before - (int)now;
    for (int i = 0; i < TR_BLOCK; i++) {
        sum[i] = before && now ? 0 : (int32_t)((int64_t)sum[i] * (from + step * (i + 1)) / TR_BLOCK);
    }
}

bool tr_bridge_mix(struct tr_port *port, int16_t tx[TR_BLOCK], bool sounds, bool digits) {
    struct tr_bridge_end *end = &port->bridge;
    int32_t sum[TR_BLOCK] = {0};
    bool heard = false, waits = begins(port);
    for (int i = 0; i < 2; i++) {
        struct tr_member *member = &end->member[i];
        bool holds = i == 1 && waits;
        bool sounded = hear_conference(port, member, course(&member->listen, holds), sum);
        if (!holds) {
            fade(&member->listen, sounded);
        }
        heard |= sounded;
    }
    if (!waits) {
        end->member[1].conference = 0; /* left for good */
    }
    for (uint32_t i = end->pairs; i-- > 0;) {
        struct tr_pair *pair = &end->pair[i];
        bool leaves = !pair->gain.target, holds = leaves && waits;
        bool sounded = hear_pair(port, pair, course(&pair->gain, holds), sum);
        if (!holds) {
            fade(&pair->gain, sounded);
        }
        heard |= sounded;
        if (leaves && !holds) {
            drop_pair(port, i);
        }
    }
    bool hushed = end->hushed;
    end->hushed = digits;
    if (!heard) {
        return sounds;
    }
    if (hushed || digits) {
        hush(sum, hushed, digits);
    }
    for (int i = 0; i < TR_BLOCK; i++) {
        tx[i] = tr_saturate(sounds ? sum[i] + tx[i] : sum[i]);
    }
    return true;
}
