/* The media half of the player: see play.h. */
#include "play.h"
#include "internal.h"
#include "port.h"
#include <string.h>

#define DUCKED 328 /* -40 dB in Q15 */
#define FULL 32768
#define DUCK_STEP ((FULL - DUCKED + 15) / 16)   /* down within 16 samples, 2 ms */
#define RISE_STEP ((FULL - DUCKED + 159) / 160) /* up within 160 samples, 20 ms */

static struct tr_play_entry *entry_at(struct tr_player *player, uint32_t i) {
    return &player->queue[(player->first + i) % TR_PLAY_QUEUE];
}

static void entry_ends(struct tr_port *port, const struct tr_play_entry *entry, enum tr_play_end end, int offset,
                       int32_t error) {
    if (entry->item) {
        tr_item_drop(entry->item);
    }
    tr_port_raise(port, TR_EV_PLAY_DONE, entry->epoch, entry->id, port->engine->tick * TR_BLOCK + (uint64_t)offset,
                  (int32_t)end, (int32_t)(entry->played * 1000 / TR_RATE), error);
    port->dirty = true;
}

void tr_item_drop(struct tr_item *item) { atomic_store_explicit(&item->done, true, memory_order_release); }

int tr_player_add(struct tr_port *port, const struct tr_command *play, const uint8_t *side) {
    struct tr_player *player = &port->player;
    if (play->a[0] < TR_PLAY_FILE || play->a[0] > TR_PLAY_SAMPLES) {
        return TR_E_ARGUMENT;
    }
    if (player->count == TR_PLAY_QUEUE) {
        return TR_E_STATE;
    }
    struct tr_io_request request = {.command = *play, .serial = ++port->engine->serial};
    if (!tr_io_request(&port->engine->player_io, &request, side, play->side_len)) {
        return TR_E_FULL;
    }
    struct tr_play_entry *entry = entry_at(player, player->count++);
    memset(entry, 0, sizeof *entry);
    entry->id = play->id;
    entry->epoch = play->epoch;
    entry->serial = request.serial;
    entry->digits = play->a[0] >= TR_PLAY_DTMF && play->a[0] <= TR_PLAY_MF_R2B;
    return TR_OK;
}

static void remove_entry(struct tr_player *player, uint32_t i) {
    for (; i + 1 < player->count; i++) {
        *entry_at(player, i) = *entry_at(player, i + 1);
    }
    player->count--;
}

void tr_player_ready(struct tr_port *port, uint32_t serial, struct tr_item *item, int32_t result, int32_t error) {
    struct tr_player *player = &port->player;
    for (uint32_t i = 0; i < player->count; i++) {
        struct tr_play_entry *entry = entry_at(player, i);
        if (entry->serial != serial) {
            continue;
        }
        port->dirty = true;
        if (result < 0) { /* not an item at all: the command failed */
            tr_count(&port->engine->shared, TR_N_COMMANDS_FAILED, 1);
            tr_port_raise(port, TR_EV_COMMAND_FAILED, entry->epoch, entry->id, port->engine->tick * TR_BLOCK, result,
                          TR_OP_PLAY, 0);
            remove_entry(player, i);
        } else {
            entry->item = item;
            entry->error = error;
            entry->ready = true;
        }
        return;
    }
    if (item) {
        tr_item_drop(item);
    }
}

void tr_player_stop(struct tr_port *port, enum tr_play_end end) {
    struct tr_player *player = &port->player;
    for (; player->count > 0; player->count--, player->first = (player->first + 1) % TR_PLAY_QUEUE) {
        entry_ends(port, entry_at(player, 0), end, 0, 0);
    }
}

/* Samples of an item: less than `count` at its end (*ended) or when the disk is late. */
static int read_item(struct tr_item *item, int16_t *out, int count, bool *ended) {
    if (item->generated) {
        int made = tr_gen_feed(&item->gen, out, count);
        *ended = made < count;
        return made;
    }
    bool last = atomic_load_explicit(&item->ended, memory_order_acquire);
    uint32_t tail = atomic_load_explicit(&item->tail, memory_order_relaxed);
    uint32_t held = atomic_load_explicit(&item->head, memory_order_acquire) - tail;
    int made = held < (uint32_t)count ? (int)held : count;
    for (int i = 0; i < made; i++) {
        out[i] = item->ring[(tail + (uint32_t)i) & item->mask];
    }
    atomic_store_explicit(&item->tail, tail + (uint32_t)made, memory_order_release);
    *ended = last && held == (uint32_t)made;
    return made;
}

static void apply_duck(struct tr_player *player, int16_t out[TR_BLOCK], bool duck) {
    int32_t gain = player->duck, target = duck ? DUCKED : FULL;
    if (gain == FULL && target == FULL) {
        return;
    }
    for (int i = 0; i < TR_BLOCK; i++) {
        if (gain > target) {
            gain = gain - DUCK_STEP > target ? gain - DUCK_STEP : target;
        } else if (gain < target) {
            gain = gain + RISE_STEP < target ? gain + RISE_STEP : target;
        }
        out[i] = (int16_t)((out[i] * gain) >> 15);
    }
    player->duck = gain;
}

bool tr_player_render(struct tr_port *port, int16_t out[TR_BLOCK], bool duck, bool *digits) {
    struct tr_player *player = &port->player;
    int at = 0;
    bool sounds = false;
    *digits = false;
    while (player->count > 0 && at < TR_BLOCK) {
        struct tr_play_entry *entry = entry_at(player, 0);
        int32_t error = entry->error;
        bool ended = error != 0;
        if (!entry->ready) {
            break;
        }
        if (entry->item) {
            int made = read_item(entry->item, out + at, TR_BLOCK - at, &ended);
            at += made;
            entry->played += (uint64_t)made;
            sounds = sounds || made > 0;
            *digits = *digits || (entry->digits && made > 0);
            error = ended ? atomic_load_explicit(&entry->item->error, memory_order_relaxed) : 0;
            if (!ended && at < TR_BLOCK) {
                tr_count(&port->engine->shared, TR_N_IO_UNDERRUNS, 1);
                break;
            }
        }
        if (ended) {
            entry_ends(port, entry, error ? TR_PLAY_FAILED : TR_PLAY_FINISHED, at, error);
            player->first = (player->first + 1) % TR_PLAY_QUEUE;
            player->count--;
        }
    }
    if (sounds) {
        memset(out + at, 0, (size_t)(TR_BLOCK - at) * sizeof *out);
        apply_duck(player, out, duck);
    } else {
        player->duck = duck ? DUCKED : FULL;
    }
    return sounds;
}
