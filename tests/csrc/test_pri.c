/* A D channel without an engine: its world (clock, arena), what it reads of frames, and what it does when nobody
 * commands it, when its memory is used up, when it is closed. Calls and timers: tests/drivers/test_pri_*.py. */
#define _GNU_SOURCE
#include "pri_frame.h"
#include "pri_peer.h"

#include "check.h"

void *tr_pri_malloc(size_t bytes);
void *tr_pri_calloc(size_t count, size_t bytes);
void tr_pri_free(void *block);

enum { DISCONNECT = 0x45, RELEASE = 0x4D, STATUS_ENQUIRY = 0x75 };

static struct peer peer;
static int32_t last[32][5];
static int seen[32];
static char note[256];

static void told(struct peer *p, const int32_t a[5], const void *side, uint32_t length) {
    (void)p;
    NEED(a[0] > 0 && a[0] < 32);
    memcpy(last[a[0]], a, sizeof last[0]);
    seen[a[0]]++;
    if (a[0] == TR_PRI_NOTE) {
        snprintf(note, sizeof note, "%.*s", (int)length, (const char *)side);
    }
}

static uint8_t heard[64][300];
static uint32_t heard_count;

static void message(struct peer *p, const uint8_t *frame, uint32_t length) {
    (void)p;
    memcpy(heard[heard_count++ % 64], frame, length < 300 ? length : 300);
}

static void open_peer(bool network) {
    memset(seen, 0, sizeof seen);
    heard_count = 0;
    peer_open(&peer, network, false);
    peer.told = told;
    peer.message = message;
    peer_run(&peer, 2000);
}

static void say_setup(uint8_t reference) {
    const uint8_t setup[] = {0x08, 2, 0,    reference, 0x05, 0xA1, 0x04, 3,    0x90, 0x90, 0xA3,
                             0x18, 3, 0xA1, 0x83,      0x81, 0x70, 3,    0x80, '1',  '1'};
    peer_message(&peer, setup, sizeof setup);
}

static uint8_t last_type(void) { return heard_count ? heard[(heard_count - 1) % 64][8] : 0; }

/* ---- the world ---- */

static int frees;
static void count_free(void *owner, const void *block) {
    (void)owner;
    (void)block;
    frees++;
}

static void blocks_come_back(void) {
    struct tr_pri_world world = {.freed = count_free};
    void *memory = aligned_alloc(64, TR_PRI_ARENA);
    tr_pri_world_init(&world, memory);
    CHECK(tr_pri_malloc(1) == NULL); /* outside a world there is no memory, and no clock */
    tr_pri_enter(&world);
    uint8_t *some[100];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            size_t n = (size_t)(i * 37 % 3000);
            some[i] = (uint8_t *)tr_pri_calloc(1, n);
            NEED(some[i]);
            CHECK_INT((uintptr_t)some[i] % 16, 0);
            for (size_t k = 0; k < n; k++) {
                NEED(some[i][k] == 0);
            }
            memset(some[i], 0xFF, n);
        }
        uint32_t top = world.top;
        for (int i = 99; i >= 0; i--) {
            tr_pri_free(some[i]);
        }
        CHECK_INT(world.used, 0);
        CHECK_INT(frees, 100 * (round + 1));
        CHECK(round == 0 || world.top == top);
    }
    CHECK_INT(world.refused, 0);
    CHECK(tr_pri_malloc(TR_PRI_ARENA) == NULL);
    CHECK(tr_pri_calloc(SIZE_MAX / 2, 4) == NULL);
    CHECK(tr_pri_malloc(SIZE_MAX) == NULL);
    CHECK_INT(world.refused, 2); /* what overflows is refused before it is asked for */
    int count = 0;
    while (tr_pri_malloc(2000)) {
        count++;
    }
    CHECK_BETWEEN(count, 150, 256);
    tr_pri_free(NULL);
    tr_pri_leave();
    free(memory);
}

/* ---- frames ---- */

static void frames_are_read(void) {
    const uint8_t disconnect[] = {0x02, 1, 0, 0, 0x08, 2, 0, 1, 0x45, 0x08, 2, 0x81, 0x91};
    const uint8_t with_3a[] = {0x02, 1, 0, 0, 0x08, 2, 0x80, 7, 0x5A, 0x08, 3, 0x01, 0x81, 0xA2};
    const uint8_t holed[] = {0x02, 1, 0, 0, 0x08, 2, 0, 1, 0x05, 0xA1, 0x7E, 0, 0x70, 2, 0x80, '1', 0x6C, 9, 0x80};
    const uint8_t service[] = {0x02, 1, 0, 0, 0x03, 2, 0, 0, 0x0F, 0x01, 1, 0xC2};
    const uint8_t state[] = {0x02, 1, 0, 0, 0x08, 2, 0x80, 7, 0x7D, 0x08, 2, 0x80, 0x9E, 0x14, 1, 0x4C}; /* ANSI, 12 */
    const uint8_t ua[] = {0x02, 1, 0x73};
    const uint8_t rr[] = {0x02, 1, 1, 1}, sabme[] = {0x00, 1, 0x7F}, ui[] = {0x02, 1, 3, 8}, tei[] = {0x02, 3, 0, 0, 8};
    uint8_t out[TR_PRI_FRAME_MAX];
    CHECK_INT(tr_pri_cause(disconnect, sizeof disconnect), 17);
    CHECK_INT(tr_pri_cause(with_3a, sizeof with_3a), 34);
    CHECK_INT(tr_pri_cause(rr, sizeof rr), 0);
    CHECK_INT(tr_pri_reference(disconnect, sizeof disconnect), 1);
    CHECK_INT(tr_pri_reference(with_3a, sizeof with_3a), 7);
    CHECK_INT(tr_pri_reference(service, sizeof service), 0);
    CHECK(tr_pri_is_message(holed, sizeof holed) && !tr_pri_is_message(rr, sizeof rr));
    CHECK(tr_pri_is_ours(rr, sizeof rr) && tr_pri_is_ours(sabme, sizeof sabme));
    CHECK(!tr_pri_is_ours(ui, sizeof ui) && !tr_pri_is_ours(tei, sizeof tei) && !tr_pri_is_ours(rr, 3));
    CHECK_INT(tr_pri_copy_sound(holed, sizeof holed, out), 14);
    CHECK_INT(out[10], 0x70);
    CHECK_INT(tr_pri_copy_sound(disconnect, sizeof disconnect, out), sizeof disconnect);
    CHECK_INT(*tr_pri_status(service, sizeof service, false), 0xC2);
    CHECK(tr_pri_status(service, sizeof service, true) == NULL);
    CHECK(tr_pri_is_ua(ua, sizeof ua) && !tr_pri_is_ua(sabme, sizeof sabme) && !tr_pri_is_ua(rr, sizeof rr));
    CHECK(tr_pri_is_to_its_maker(state, sizeof state) && !tr_pri_is_to_its_maker(disconnect, sizeof disconnect));
    CHECK_INT(tr_pri_call_state(disconnect, sizeof disconnect), -1);
    for (uint32_t n = 0; n <= sizeof state; n++) {
        CHECK_INT(tr_pri_call_state(state, n), n == sizeof state ? 12 : -1);
    }
    for (uint32_t n = 0; n <= sizeof disconnect; n++) { /* cut anywhere */
        CHECK_INT(tr_pri_cause(disconnect, n), n == sizeof disconnect ? 17 : 0);
        CHECK(tr_pri_copy_sound(disconnect, n, out) <= n);
    }
}

/* ---- when nobody commands ---- */

static void calls_are_refused_while_the_control_half_is_silent(void) {
    open_peer(false);
    say_setup(1);
    CHECK_INT(seen[TR_PRI_OFFERED], 1);
    int32_t handle = last[TR_PRI_OFFERED][1];
    CHECK_INT(peer_do(&peer, TR_PRI_ANSWER, handle, 1, 0, NULL, 0), TR_OK);
    const uint8_t acknowledge[] = {0x08, 2, 0, 1, 0x0F};
    peer_message(&peer, acknowledge, sizeof acknowledge);
    tr_pri_tick(&peer.pri, peer.now_ms += 20, true);
    say_setup(2);
    CHECK_INT(seen[TR_PRI_OFFERED], 1);
    CHECK_INT(last_type(), 0x5A);
    CHECK_INT(heard[(heard_count - 1) % 64][12] & 0x7F, 34);
    /* the conversation goes on, and ends when the far end wants it */
    const uint8_t disconnect[] = {0x08, 2, 0, 1, 0x45, 0x08, 2, 0x81, 0x90};
    peer_message(&peer, disconnect, sizeof disconnect);
    CHECK_INT(last_type(), 0x4D);
    tr_pri_tick(&peer.pri, peer.now_ms += 20, false);
    say_setup(3);
    CHECK_INT(seen[TR_PRI_OFFERED], 2);
    struct tr_pri_stats stats;
    tr_pri_read_stats(&peer.pri, &stats);
    CHECK_INT(stats.refused, 1);
    peer_close(&peer);
}

static void a_full_arena_begins_anew(void) {
    open_peer(true);
    say_setup(1);
    CHECK_INT(seen[TR_PRI_OFFERED], 1);
    tr_pri_enter(&peer.pri.world);
    while (tr_pri_malloc(1)) { /* as libpri would, if it lost all it is given */
    }
    while (peer.pri.world.top + 64 <= TR_PRI_ARENA && tr_pri_malloc(40)) {
    }
    tr_pri_leave();
    peer_run(&peer, 20);
    CHECK_INT(seen[TR_PRI_RENEWED], 1);
    CHECK_INT(last[TR_PRI_CLEARED][3], 41);
    CHECK_INT(seen[TR_PRI_DOWN], 1);
    peer_run(&peer, 10000);
    CHECK(seen[TR_PRI_UP] >= 1);
    say_setup(2);
    CHECK_INT(seen[TR_PRI_OFFERED], 2);
    struct tr_pri_stats stats;
    tr_pri_read_stats(&peer.pri, &stats);
    CHECK_INT(stats.renewed, 1);
    CHECK(stats.memory_refused >= 1 && stats.calls == 1 && stats.up);
    peer_close(&peer);
}

static void it_closes_when_no_call_is_left(void) {
    open_peer(false);
    say_setup(1);
    CHECK_INT(peer_do(&peer, TR_PRI_CLOSE, 0, 0, 0, NULL, 0), TR_OK);
    peer_run(&peer, 1000);
    CHECK(peer.pri.d != NULL);
    say_setup(2);
    CHECK_INT(last_type(), 0x5A); /* refused */
    CHECK_INT(peer_do(&peer, TR_PRI_CLEAR, last[TR_PRI_OFFERED][1], 0, 34, NULL, 0), TR_OK);
    peer_run(&peer, 40);
    CHECK(peer.pri.d == NULL);
    uint64_t said = peer.frames_sent;
    say_setup(3);
    peer_run(&peer, 60000);
    CHECK_INT(peer.frames_sent, said);
    CHECK_INT(peer_do(&peer, TR_PRI_RESTART, 0, 1, 0, NULL, 0), TR_E_STATE);
    peer_close(&peer);
}

static void commands_that_make_no_sense(void) {
    struct tr_pri_party party = {.called = "11"};
    open_peer(false);
    CHECK_INT(peer_do(&peer, 0, 0, 0, 0, NULL, 0), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, 99, 0, 0, 0, NULL, 0), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, TR_PRI_SETUP, 1, 0, 0, &party, sizeof party), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, TR_PRI_SETUP, 1, 32, 0, &party, sizeof party), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, TR_PRI_SETUP, 0, 1, 0, &party, sizeof party), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, TR_PRI_SETUP, TR_PRI_INCOMING, 1, 0, &party, sizeof party), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, TR_PRI_SETUP, 1, 1, 0, &party, sizeof party - 1), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, TR_PRI_SETUP, 1, 1, 0, &party, sizeof party), TR_OK);
    CHECK_INT(peer_do(&peer, TR_PRI_SETUP, 1, 2, 0, &party, sizeof party), TR_E_ARGUMENT); /* the handle is taken */
    CHECK_INT(peer_do(&peer, TR_PRI_CLEAR, 1, 0, 0, NULL, 0), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, TR_PRI_CLEAR, 1, 0, 128, NULL, 0), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, TR_PRI_CLEAR, 2, 0, 16, NULL, 0), TR_E_STALE);
    CHECK_INT(peer_do(&peer, TR_PRI_RESTART, 0, 0, 0, NULL, 0), TR_E_ARGUMENT);
    CHECK_INT(peer_do(&peer, TR_PRI_SERVICE, 0, 1, 0, NULL, 0), TR_E_UNSUPPORTED);
    CHECK_INT(peer_do(&peer, TR_PRI_CLEAR, 1, 0, 16, NULL, 0), TR_OK);
    peer_run(&peer, 60000);
    CHECK_INT(seen[TR_PRI_CLEARED], 1);
    CHECK_INT(last[TR_PRI_CLEARED][4] & TR_PRI_BY_US, TR_PRI_BY_US);
    peer_close(&peer);
}

static void as_many_calls_as_there_can_be(void) {
    struct tr_pri_party party = {.called = "11"};
    open_peer(false);
    for (int32_t i = 1; i <= TR_PRI_MAX_CALLS + 1; i++) {
        CHECK_INT(peer_do(&peer, TR_PRI_SETUP, i, 1 + i % 31, 0, &party, sizeof party), TR_OK);
    }
    CHECK_INT(seen[TR_PRI_CLEARED], 1);
    CHECK_INT(last[TR_PRI_CLEARED][1], TR_PRI_MAX_CALLS + 1);
    CHECK_INT(last[TR_PRI_CLEARED][3], 42);
    peer_run(&peer, 10000); /* T303 twice */
    CHECK_INT(seen[TR_PRI_CLEARED], TR_PRI_MAX_CALLS + 1);
    CHECK_INT(seen[TR_PRI_RENEWED], 0);
    peer_close(&peer);
}

/* ---- layer 2 is begun anew ---- */

static bool was_said(uint8_t type) {
    for (uint32_t i = 0; i < heard_count; i++) {
        if (heard[i][8] == type) {
            return true;
        }
    }
    return false;
}

/* A DISCONNECT that layer 2 forgot when it was begun anew, by the far end or by us, is followed by RELEASE at once. */
static void a_hang_up_that_layer_2_lost_is_said_again(bool by_far_end) {
    open_peer(false);
    say_setup(1);
    int32_t handle = peer.handles[0];
    NEED(handle);
    CHECK_INT(peer_do(&peer, TR_PRI_ANSWER, handle, 1, 0, NULL, 0), TR_OK);
    peer.mute = true;
    CHECK_INT(peer_do(&peer, TR_PRI_CLEAR, handle, 0, 16, NULL, 0), TR_OK);
    CHECK_INT(last_type(), DISCONNECT);
    CHECK(!was_said(RELEASE));
    if (by_far_end) {
        peer_run(&peer, 1000);
        CHECK(!was_said(RELEASE));
        peer.mute = false;
        peer.ns = peer.nr = 0;
        const uint8_t sabme[] = {peer_address(&peer, true), 1, 0x7F};
        peer_say(&peer, sabme, sizeof sabme);
    } else {
        peer_run(&peer, 6000); /* T200 and its tries, then SABME */
        CHECK(!was_said(RELEASE));
        peer.mute = false;
    }
    peer_run(&peer, 2000);
    CHECK_INT(last_type(), RELEASE);
    peer_close(&peer);
}

/* The far end's own DISCONNECT was lost: asked, it says so, and the call is over here. */
static void a_hang_up_of_the_far_end_is_asked_for(int32_t state, bool is_over) {
    open_peer(false);
    say_setup(1);
    int32_t handle = peer.handles[0];
    CHECK_INT(peer_do(&peer, TR_PRI_ANSWER, handle, 1, 0, NULL, 0), TR_OK);
    const uint8_t acknowledge[] = {0x08, 2, 0, 1, 0x0F};
    peer_message(&peer, acknowledge, sizeof acknowledge);
    peer.ns = peer.nr = 0;
    const uint8_t sabme[] = {peer_address(&peer, true), 1, 0x7F};
    peer_say(&peer, sabme, sizeof sabme);
    peer_run(&peer, 500);
    CHECK_INT(last_type(), STATUS_ENQUIRY);
    CHECK_INT(heard[(heard_count - 1) % 64][6], 0x80); /* about a call that its receiver began */
    CHECK_INT(heard[(heard_count - 1) % 64][7], 1);
    const uint8_t status[] = {0x08, 2, 0, 1, 0x7D, 0x08, 2, 0x80, 0x9E, 0x14, 1, (uint8_t)state};
    peer_message(&peer, status, sizeof status);
    peer_run(&peer, 100);
    CHECK_INT(peer.handles[0], is_over ? 0 : handle);
    CHECK_INT(last_type(), is_over ? RELEASE : STATUS_ENQUIRY);
    peer_close(&peer);
}

static void hang_ups_that_layer_2_lost(void) {
    a_hang_up_of_the_far_end_is_asked_for(10, false);
    a_hang_up_of_the_far_end_is_asked_for(12, true);
    a_hang_up_of_the_far_end_is_asked_for(11, true);
    a_hang_up_that_layer_2_lost_is_said_again(true);
    a_hang_up_that_layer_2_lost_is_said_again(false);
}

int main(void) {
    RUN(blocks_come_back);
    RUN(frames_are_read);
    RUN(calls_are_refused_while_the_control_half_is_silent);
    RUN(a_full_arena_begins_anew);
    RUN(it_closes_when_no_call_is_left);
    RUN(commands_that_make_no_sense);
    RUN(as_many_calls_as_there_can_be);
    RUN(hang_ups_that_layer_2_lost);
    return check_end();
}
