/* The rings: order, wrap-around, fullness, side data in one piece; the cells of the port table. */
#include "ring.h"
#include "check.h"

struct record {
    uint64_t number, at;
    uint32_t length, pad;
};

static struct tr_ring make(uint32_t count, uint64_t side) {
    struct tr_ring ring;
    void *memory = NULL;
    NEED(posix_memalign(&memory, 64, tr_ring_bytes(count, sizeof(struct record), side)) == 0);
    memset(memory, 0, tr_ring_bytes(count, sizeof(struct record), side));
    tr_ring_map(&ring, memory, count, sizeof(struct record), side);
    return ring;
}

static void keeps_order_through_many_wraps(void) {
    struct tr_ring ring = make(4, 0);
    struct record r = {0};
    uint64_t got = 0;
    for (uint64_t n = 0; n < 1000; n++) {
        r.number = n;
        CHECK(tr_ring_push(&ring, &r, NULL, 0, NULL, 0));
        if (n % 3 != 0) {
            continue; /* fills up to three, then empties */
        }
        while (tr_ring_pop(&ring, &r)) {
            CHECK_INT(r.number, got++);
        }
    }
    CHECK_INT(tr_ring_waiting(&ring), 0);
    CHECK_INT(got, 1000);
    free(ring.shared);
}

static void refuses_when_full_and_goes_on_after(void) {
    struct tr_ring ring = make(4, 0);
    struct record r = {0};
    for (uint64_t n = 0; n < 4; n++) {
        r.number = n;
        CHECK(tr_ring_push(&ring, &r, NULL, 0, NULL, 0));
    }
    r.number = 99;
    CHECK(!tr_ring_push(&ring, &r, NULL, 0, NULL, 0));
    CHECK_INT(tr_ring_waiting(&ring), 4);
    CHECK(tr_ring_pop(&ring, &r));
    CHECK_INT(r.number, 0);
    r.number = 4;
    CHECK(tr_ring_push(&ring, &r, NULL, 0, NULL, 0));
    for (uint64_t n = 1; n <= 4; n++) {
        CHECK(tr_ring_pop(&ring, &r));
        CHECK_INT(r.number, n);
    }
    CHECK(!tr_ring_pop(&ring, &r));
    free(ring.shared);
}

static void side_data_lies_in_one_piece(void) {
    struct tr_ring ring = make(64, 256);
    uint8_t bytes[100];
    struct record r = {0};
    for (int round = 0; round < 200; round++) {
        size_t n = (size_t)(round * 37 % 100) + 1;
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)(round + (int)i);
        }
        r.number = (uint64_t)round;
        r.length = (uint32_t)n;
        NEED(tr_ring_push(&ring, &r, bytes, n, &r.at, 8));
        struct record got;
        NEED(tr_ring_pop(&ring, &got));
        const uint8_t *side = tr_ring_side(&ring, got.at, got.length);
        NEED(side);
        CHECK_MEM(side, bytes, n);
        tr_ring_side_release(&ring, got.at + got.length);
    }
    free(ring.shared);
}

static void full_side_ring_refuses_the_whole_record(void) {
    struct tr_ring ring = make(64, 256);
    uint8_t bytes[100] = {0};
    struct record r = {0}, got;
    CHECK(tr_ring_push(&ring, &r, bytes, 100, &r.at, 8));
    CHECK(tr_ring_push(&ring, &r, bytes, 100, &r.at, 8));
    CHECK(!tr_ring_push(&ring, &r, bytes, 100, &r.at, 8));
    CHECK(!tr_ring_push(&ring, &r, bytes, 257, &r.at, 8));
    CHECK_INT(tr_ring_waiting(&ring), 2);
    CHECK(tr_ring_push(&ring, &r, NULL, 0, NULL, 0)); /* without side data there is room */
    CHECK(tr_ring_pop(&ring, &got));
    tr_ring_side_release(&ring, got.at + 100);
    CHECK(tr_ring_push(&ring, &r, bytes, 100, &r.at, 8));
    free(ring.shared);
}

static void low_half_of_a_position_is_enough(void) {
    struct tr_ring ring = make(4, 256);
    uint8_t bytes[64] = {7};
    struct record r = {0};
    /* as if 4 GiB had gone through already */
    atomic_store(&ring.shared->side_head, 0xffffffc0u);
    atomic_store(&ring.shared->side_tail, 0xffffffc0u);
    for (int round = 0; round < 20; round++) {
        uint32_t at = 0;
        struct record pushed = {.number = 1};
        NEED(tr_ring_push(&ring, &pushed, bytes, 64, &pushed.length, 4));
        at = pushed.length;
        NEED(tr_ring_pop(&ring, &r));
        CHECK_INT(r.length, at);
        CHECK(tr_ring_side(&ring, r.length, 64) != NULL);
        tr_ring_side_release32(&ring, r.length + 64);
        CHECK_INT(atomic_load(&ring.shared->side_tail), atomic_load(&ring.shared->side_head));
    }
    CHECK(atomic_load(&ring.shared->side_head) > 0xffffffffu);
    CHECK(tr_ring_side(&ring, 200, 100) == NULL); /* cannot lie there */
    free(ring.shared);
}

static void block_has_no_pointers_and_maps_twice(void) {
    struct tr_engine_config config = {.max_ports = 3, .command_ring = 4, .event_ring = 8, .side_bytes = 8192};
    struct tr_shared shared = {0};
    NEED(tr_shared_open(&shared, &config) == TR_OK);
    CHECK_INT(shared.block->magic, TR_BLOCK_MAGIC);
    CHECK_INT(shared.block->abi, TR_ABI);
    struct tr_event event = {.kind = TR_EV_FLASH, .port = 2};
    CHECK(tr_ring_push(&shared.events, &event, "abc", 4, &event.side_at, 8));
    /* another mapping, laid out from the block's own offsets, sees the same */
    struct tr_ring other;
    uint8_t *base = (uint8_t *)shared.block;
    tr_ring_map(&other, base + shared.block->events_at, 8, sizeof event, 8192);
    struct tr_event got;
    CHECK(tr_ring_pop(&other, &got));
    CHECK_INT(got.kind, TR_EV_FLASH);
    CHECK_STR((const char *)tr_ring_side(&other, got.side_at, 4), "abc");
    struct tr_port_state in = {.kind = 3, .stale_commands = 9, .hook = 1}, out;
    tr_cell_write(&shared.cells[2], &in);
    tr_cell_read(&shared.cells[2], &out);
    CHECK_MEM(&out, &in, sizeof in);
    tr_shared_close(&shared);
}

int main(void) {
    RUN(keeps_order_through_many_wraps);
    RUN(refuses_when_full_and_goes_on_after);
    RUN(side_data_lies_in_one_piece);
    RUN(full_side_ring_refuses_the_whole_record);
    RUN(low_half_of_a_position_is_enough);
    RUN(block_has_no_pointers_and_maps_twice);
    return check_end();
}
