/* The DAHDI back-end against a stand-in for the driver (fake_dahdi.h): what is wrong at the open, line states, blocks
 * that do not come or do not fit, frames, removal, the clock. What a real kernel does is tried in a virtual machine. */
#include "card_dahdi.h"
#include "fake_dahdi.h"

static tr_card *card;
static char told[512];
static struct seen {
    uint32_t port, kind;
    int32_t a0;
    uint32_t tick;
    uint8_t side[64];
    uint32_t side_len;
} seen[256];
static int seen_count;
static uint32_t ticks;
static uint8_t heard[FAKE_CHANNELS][TR_BLOCK], spoken[FAKE_CHANNELS][TR_BLOCK];

static struct tr_dahdi_port port(uint32_t channel, uint32_t kind) {
    return (struct tr_dahdi_port){
        .channel = channel, .kind = kind, .depth = kind == TR_KIND_D ? 0 : 4, .echo_mode = TR_ECHO_ON};
}

static void open_ports(const struct tr_dahdi_port *ports, uint32_t count) {
    card = tr_dahdi_card_new(ports, count, told, sizeof told);
    if (!card) {
        fprintf(stderr, "%s\n", told);
    }
    NEED(card);
    seen_count = 0;
    ticks = 0;
    memset(spoken, 0x2A, sizeof spoken);
}

/* Channel 1 an FXO port, 2 an FXS one, 3 a B and 4 a CAS channel, 5 a D channel. */
static void open_all(void) {
    fake_reset();
    static const int32_t sigs[] = {0, DH_SIG_FXSKS, DH_SIG_FXOKS, DH_SIG_CLEAR, DH_SIG_CAS, DH_SIG_HDLCFCS};
    for (int i = 1; i <= 5; i++) {
        fake.channel[i].sig = sigs[i];
    }
    fake.channel[1].params.rxhooksig = DH_RX_OFFHOOK; /* battery */
    open_ports((const struct tr_dahdi_port[]){port(1, TR_KIND_FXO), port(2, TR_KIND_FXS), port(3, TR_KIND_B),
                                              port(4, TR_KIND_B), port(5, TR_KIND_D)},
               5);
}

static void close_all(void) {
    card->ops->release(card);
    CHECK_INT(fake.open_count, 0);
}

static void take_events(void) {
    struct tr_line_event e;
    while (card->ops->next_event(card, &e)) {
        NEED(seen_count < 256);
        struct seen *s = &seen[seen_count++];
        *s = (struct seen){e.card_port, e.kind, e.a0, ticks, {0}, e.side_len};
        memcpy(s->side, e.side ? e.side : s->side, e.side_len < sizeof s->side ? e.side_len : sizeof s->side);
    }
}

static void pass(void) {
    uint8_t *rx[FAKE_CHANNELS];
    const uint8_t *tx[FAKE_CHANNELS];
    for (int i = 0; i < FAKE_CHANNELS; i++) {
        rx[i] = heard[i];
        tx[i] = spoken[i];
    }
    CHECK_INT(card->ops->exchange(card, rx, tx, card->ops->ports(card)), TR_OK);
    take_events();
    ticks++;
}

static void run(int count) {
    for (int i = 0; i < count; i++) {
        card->ops->wait(card);
        pass();
    }
}

static int count(uint32_t p, uint32_t kind) {
    int n = 0;
    for (int i = 0; i < seen_count; i++) {
        n += seen[i].port == p && seen[i].kind == kind;
    }
    return n;
}

static const struct seen *last(uint32_t p, uint32_t kind) {
    for (int i = seen_count - 1; i >= 0; i--) {
        if (seen[i].port == p && seen[i].kind == kind) {
            return &seen[i];
        }
    }
    NEED(!"no such event");
    return NULL;
}

static struct tr_port_state state(uint32_t p) {
    struct tr_port_state out = {0};
    card->ops->state(card, p, &out);
    return out;
}

static void line(uint32_t channel, int32_t rxhooksig) { fake.channel[channel].params.rxhooksig = rxhooksig; }

enum { FXO, FXS, B, CAS, D };

/* ---- opening ------------------------------------------------------------------------------------ */

static void refused(struct tr_dahdi_port p, int error, const char *what, const char *remedy) {
    struct tr_dahdi_port two[] = {port(1, TR_KIND_FXO), p};
    memset(told, 0, sizeof told);
    CHECK(tr_dahdi_card_new(two, 2, told, sizeof told) == NULL);
    CHECK_INT(errno, error);
    CHECK(strstr(told, what) != NULL);
    CHECK(strstr(told, remedy) != NULL);
    CHECK(strchr(told, '\n') == NULL && strlen(told) < sizeof told - 1);
    CHECK_INT(fake.open_count, 0); /* nor does the first stay open */
}

static void what_is_wrong_is_told_in_one_line(void) {
    fake_reset();
    fake.channel[1].sig = DH_SIG_FXSKS;
    struct fake_channel *c = &fake.channel[2];
    refused(port(2, TR_KIND_FXO), ENXIO, "channel 2: is not configured", "fxsks=2");
    refused(port(2, TR_KIND_D), ENXIO, "channel 2: is not configured", "dchan=2");
    refused(port(200, TR_KIND_B), EINVAL, "channel 200: does not exist", "tipring detect");
    c->sig = DH_SIG_FXOKS;
    refused(port(2, TR_KIND_FXO), EINVAL, "is signalled fxoks", "fxsks=2");
    c->sig = DH_SIG_FXSGS;
    refused(port(2, TR_KIND_FXO), EINVAL, "is signalled fxsgs", "fxsks=2");
    c->sig = DH_SIG_HDLCFCS;
    refused(port(2, TR_KIND_B), EINVAL, "is signalled dchan", "bchan=2");
    c->sig = DH_SIG_MTP2;
    refused(port(2, TR_KIND_D), EINVAL, "is signalled mtp2", "dchan=2");
    c->sig = DH_SIG_CLEAR;
    refused(port(2, TR_KIND_FXS), EINVAL, "is signalled bchan", "fxoks=2");
    c->busy = true;
    refused(port(2, TR_KIND_B), EBUSY, "is in use", "fuser");
    c->busy = false;
    c->no_canceller = true;
    struct tr_dahdi_port echo = port(2, TR_KIND_B);
    echo.echo_taps = 128;
    refused(echo, EINVAL, "no echo canceller", "echocanceller=mg2,2");
    c->sig = DH_SIG_FXOKS;
    fake.tone_zone = false;
    refused(port(2, TR_KIND_FXS), ENODATA, "cannot ring", "loadzone=");
    fake.tone_zone = true;
    c->params.rxhooksig = -1;
    refused(port(2, TR_KIND_FXS), ENODATA, "tells no line states", "cannot be used");
    fake.device_errno = ENOENT;
    refused(port(2, TR_KIND_FXS), ENOENT, "is not there", "modprobe dahdi");
    fake.device_errno = EACCES;
    refused(port(2, TR_KIND_FXS), EACCES, "may not be opened", "the group that may");
}

static void values_that_cannot_be(void) {
    fake_reset();
    fake.channel[1].sig = DH_SIG_FXSKS;
    fake.channel[2].sig = DH_SIG_CLEAR;
    struct tr_dahdi_port p = port(2, TR_KIND_B);
    p.depth = 1;
    refused(p, EINVAL, "depth", "2 to 16");
    p = port(2, TR_KIND_B);
    p.rx_cdb = 2500;
    refused(p, EINVAL, "gains", "-24 to 24");
    p = port(2, TR_KIND_B);
    p.echo_taps = 100;
    refused(p, EINVAL, "echo_taps", "128");
    refused(port(2, 7), EINVAL, "type", "none there is");
    CHECK(tr_dahdi_card_new(&p, 0, told, sizeof told) == NULL);
    CHECK(strstr(told, "1 to 1024 channels") != NULL);
}

static void everything_is_set_at_the_open(void) {
    fake_reset();
    fake.channel[1].sig = DH_SIG_CLEAR;
    fake.channel[2].sig = DH_SIG_FXOKS;
    fake.channel[2].polarity = fake.channel[2].lamp = true;
    struct tr_dahdi_port ports[] = {port(1, TR_KIND_B), port(2, TR_KIND_FXS)};
    ports[0].echo_taps = 256;
    ports[0].echo_mode = TR_ECHO_FAX;
    ports[0].rx_cdb = -600;
    ports[1].law = TR_LAW_MU;
    open_ports(ports, 2);
    const struct fake_channel *b = &fake.channel[1], *fxs = &fake.channel[2];
    CHECK_INT(b->audio, 1);
    CHECK_INT(b->law, DH_LAW_ALAW);
    CHECK_INT(fxs->law, DH_LAW_MULAW);
    CHECK_INT(b->canceller, 256);
    CHECK_INT(b->fax, 1);
    CHECK_INT(b->size, TR_BLOCK);
    CHECK_INT(b->buffers, TR_DH_BUFFERS);
    CHECK(b->gains_set && !fxs->gains_set);
    int16_t loud, quiet;
    uint8_t code = 0xAA;
    tr_g711_decode(TR_LAW_A, &code, &loud, 1);
    tr_g711_decode(TR_LAW_A, &b->gains.rxgain[0xAA], &quiet, 1);
    CHECK_NEAR((double)quiet / loud, 0.501, 0.02);
    CHECK_INT(b->gains.txgain[0xAA], 0xAA); /* 0 dB changes no code */
    CHECK_INT(fxs->params.preflashtime, 1);
    CHECK_INT(card->ops->capabilities(card, 0), TR_CAP_HW_ECHO_CANCELLER);
    CHECK_INT(card->ops->capabilities(card, 1), TR_CAP_POLARITY | TR_CAP_LAMP);
    CHECK_INT(card->ops->delay(card), 4 * TR_BLOCK);
    CHECK_INT(card->ops->echo_canceller(card, 0, TR_ECHO_OFF), TR_OK);
    CHECK_INT(b->canceller, 0);
    CHECK_INT(card->ops->echo_canceller(card, 0, TR_ECHO_ON), TR_OK);
    CHECK_INT(b->canceller, 256);
    CHECK_INT(b->fax, 0);
    CHECK_INT(card->ops->echo_canceller(card, 1, TR_ECHO_ON), TR_E_UNSUPPORTED);
    CHECK_INT(card->ops->lamp(card, 1, 1), TR_OK);
    CHECK_INT(fxs->lamp_on, 1);
    CHECK_INT(card->ops->polarity(card, 1, 1), TR_OK);
    CHECK_INT(state(1).polarity, 1);
    close_all();
}

/* ---- sound -------------------------------------------------------------------------------------- */

static void blocks_go_both_ways_and_stay_queued(void) {
    open_all();
    memset(fake.channel[3].hears, 0x11, TR_BLOCK);
    run(100);
    CHECK_INT(heard[B][7], 0x11);
    CHECK_INT(fake.channel[3].last[7], 0x2A);
    CHECK_INT(fake.channel[3].written, 4); /* the depth */
    CHECK_INT(card->ops->slips(card), 0);
    close_all();
}

static void an_on_hook_line_passes_nothing(void) {
    open_all();
    memset(fake.channel[2].hears, 0x11, TR_BLOCK);
    run(20);
    CHECK_INT(heard[FXS][0], 0xD5);
    CHECK_INT(fake.channel[1].last[0], 0xD5);
    CHECK_INT(fake.channel[2].last[0], 0xD5);
    CHECK(card->ops->idle(card, FXO) && card->ops->idle(card, FXS) && card->ops->idle(card, D));
    CHECK_INT(card->ops->on_hook_tx(card, FXS, 1), TR_OK);
    CHECK(fake.channel[2].on_hook_ms > 5000);
    CHECK_INT(card->ops->hook(card, FXO, 1), TR_OK);
    run(2);
    CHECK_INT(fake.channel[1].last[0], 0x2A);
    CHECK_INT(fake.channel[2].last[0], 0x2A);
    CHECK_INT(card->ops->on_hook_tx(card, FXS, 0), TR_OK);
    run(2);
    CHECK_INT(fake.channel[2].last[0], 0xD5);
    line(2, DH_RX_OFFHOOK);
    run(2);
    CHECK_INT(heard[FXS][0], 0x11);
    CHECK_INT(fake.channel[2].last[0], 0x2A);
    close_all();
}

static void an_on_hook_fxo_hears_caller_id_but_no_ringing(void) {
    open_all();
    for (int i = 0; i < TR_BLOCK; i++) {
        fake.channel[1].hears[i] = (uint8_t)i;
    }
    run(5);
    CHECK_INT(heard[FXO][9], 9);
    CHECK(!card->ops->idle(card, FXO));
    line(1, DH_RX_RING);
    run(2);
    CHECK_INT(heard[FXO][9], 0xD5);
    close_all();
}

static void a_missing_block_is_a_slip_and_silence(void) {
    open_all();
    memset(fake.channel[3].hears, 0x11, TR_BLOCK);
    run(10);
    card->ops->wait(card);
    fake.channel[3].read_ready = 0;
    pass();
    CHECK_INT(heard[B][0], 0xD5);
    CHECK_INT(card->ops->slips(card), 1);
    run(10);
    CHECK_INT(heard[B][0], 0x11);
    CHECK_INT(card->ops->slips(card), 1);
    close_all();
}

static void a_queue_that_ran_dry_is_filled_up(void) {
    open_all();
    card->paced = true;
    run(10);
    for (int i = 0; i < 6; i++) {
        fake_block(); /* we sleep */
    }
    CHECK_INT(fake.channel[3].written, 0);
    run(8); /* catching up, then in time */
    CHECK_INT(fake.channel[3].written, 4);
    CHECK(card->ops->slips(card) > 0);
    uint64_t slips = card->ops->slips(card);
    run(100);
    CHECK_INT(card->ops->slips(card), slips);
    CHECK_INT(fake.channel[3].written, 4);
    close_all();
}

static void a_stepped_engine_that_stood_begins_anew(void) {
    open_all();
    run(10);
    for (int i = 0; i < 6; i++) {
        fake_block(); /* nobody asks for a tick */
    }
    run(1);
    uint64_t slips = card->ops->slips(card);
    CHECK(slips > 0);
    CHECK_INT(fake.channel[3].written, 4);
    CHECK_INT(fake.channel[3].read_ready, 0);
    memset(spoken[B], 0x22, TR_BLOCK);
    run(1);
    CHECK_INT(fake.channel[3].last[0], 0x22); /* what is sent next is not swallowed */
    CHECK_INT(card->ops->slips(card), slips);
    close_all();
}

static void a_long_pause_begins_anew(void) {
    open_all();
    card->paced = true;
    run(10);
    for (int i = 0; i < 50; i++) {
        fake_block();
    }
    run(2);
    CHECK_INT(fake.channel[3].written, 4);
    CHECK_INT(fake.channel[3].read_ready, 0);
    CHECK(card->ops->slips(card) >= 49);
    close_all();
}

static void a_block_too_many_for_long_is_dropped(void) {
    open_all();
    run(10);
    fake.channel[4].read_ready += 2; /* of another clock; channel 4 is the tick's master, 3 is not */
    fake.channel[3].read_ready += 2;
    run(64 * 12);
    CHECK(fake.channel[3].read_ready <= 1);
    CHECK(card->ops->slips(card) <= 4);
    close_all();
}

static void a_card_that_nobody_waits_for_is_started_all_the_same(void) {
    open_all();
    memset(fake.channel[3].hears, 0x11, TR_BLOCK);
    for (int i = 0; i < 100; i++) {
        fake_block(); /* another card gives the clock */
        pass();
    }
    CHECK_INT(heard[B][0], 0x11);
    CHECK_INT(fake.channel[3].written, 4);
    CHECK_INT(card->ops->slips(card), 0);
    for (int i = 0; i < 5000; i++) { /* and it is a little faster: a block more in five hundred */
        fake_block();
        fake.channel[3].read_ready += i % 500 == 0;
        pass();
    }
    CHECK(fake.channel[3].read_ready <= 1);
    CHECK_BETWEEN(card->ops->slips(card), 9, 10);
    close_all();
}

/* ---- lines -------------------------------------------------------------------------------------- */

static void ringing_is_told_by_level(void) {
    open_all();
    run(5);
    line(1, DH_RX_RING);
    run(4);
    CHECK_INT(count(FXO, TR_EV_RING_BEGIN), 0); /* 100 ms debounce */
    run(3);
    CHECK_INT(count(FXO, TR_EV_RING_BEGIN), 1);
    CHECK_INT(state(FXO).ringing, 1);
    line(1, DH_RX_OFFHOOK);
    run(2);
    CHECK_INT(count(FXO, TR_EV_RING_END), 1);
    CHECK_INT(last(FXO, TR_EV_RING_END)->a0, 0); /* no length is told */
    line(1, DH_RX_RING);
    run(2);
    line(1, DH_RX_OFFHOOK);
    run(10);
    CHECK_INT(count(FXO, TR_EV_RING_BEGIN), 1);
    close_all();
}

static void hanging_up_flushes_nothing(void) {
    open_all();
    CHECK_INT(card->ops->hook(card, FXO, 1), TR_OK);
    run(10);
    CHECK_INT(card->ops->hook(card, FXO, 0), TR_OK);
    CHECK_INT(card->ops->hook(card, FXO, 0), TR_OK);
    CHECK_INT(fake.channel[1].hooks[DH_ONHOOK], 0);
    CHECK_INT(fake.channel[1].hooks[DH_RINGOFF], 1);
    run(10);
    CHECK_INT(card->ops->slips(card), 0);
    CHECK_INT(state(FXO).hook_edges, 2);
    close_all();
}

static void a_loss_of_battery_is_a_drop_after_its_time(void) {
    open_all();
    CHECK_INT(card->ops->hook(card, FXO, 1), TR_OK);
    run(30);
    line(1, DH_RX_ONHOOK);
    run(10);
    line(1, DH_RX_OFFHOOK);
    run(10);
    CHECK_INT(count(FXO, TR_EV_LOOP_DROP), 0); /* 200 ms are none */
    line(1, DH_RX_ONHOOK);
    run(15);
    CHECK_INT(count(FXO, TR_EV_LOOP_DROP), 1);
    run(60);
    CHECK_INT(last(FXO, TR_EV_ALARM)->a0, TR_ALARM_RED); /* a second without battery */
    line(1, DH_RX_OFFHOOK);
    run(10);
    CHECK_INT(last(FXO, TR_EV_ALARM)->a0, 0);
    close_all();
}

static void a_flash_is_timed_by_the_driver(void) {
    open_all();
    CHECK_INT(card->ops->flash(card, FXO, 300), TR_E_STATE);
    CHECK_INT(card->ops->hook(card, FXO, 1), TR_OK);
    fake.channel[1].debounces = true;
    CHECK_INT(card->ops->flash(card, FXO, 300), TR_OK);
    CHECK_INT(card->ops->flash(card, FXO, 300), TR_E_STATE);
    run(3);
    CHECK_INT(count(FXO, TR_EV_HOOK_DONE), 0);
    fake.channel[1].debounces = false;
    run(1);
    CHECK_INT(fake.channel[1].params.flashtime, 300);
    CHECK_INT(card->ops->hook(card, FXO, 1), TR_E_STATE);
    run(14);
    fake_event(1, DH_EV_HOOKCOMPLETE);
    run(1);
    CHECK_INT(last(FXO, TR_EV_HOOK_DONE)->a0, 300);
    CHECK_INT(card->ops->flash(card, FXO, 500), TR_OK);
    run(10);
    CHECK_INT(card->ops->hook(card, FXO, 0), TR_OK); /* the hang-up wins */
    run(1);
    CHECK_INT(count(FXO, TR_EV_HOOK_DONE), 2);
    CHECK_INT(last(FXO, TR_EV_HOOK_DONE)->a0, 200);
    CHECK_INT(state(FXO).hook, 0);
    CHECK_INT(card->ops->flash(card, FXO, 10001), TR_E_ARGUMENT);
    close_all();
}

static void a_telephone_is_rung_and_answers(void) {
    const int32_t cadence[6] = {400, 200, 400, 2000}, stop[6] = {0}, odd[6] = {400, 0, 600}, bad[6] = {0, 500};
    open_all();
    run(5);
    CHECK_INT(card->ops->ring(card, FXS, bad), TR_E_ARGUMENT);
    CHECK_INT(card->ops->ring(card, FXS, cadence), TR_OK);
    CHECK_INT(fake.channel[2].hook, DH_RING);
    CHECK_INT(fake.channel[2].cadence.ms[3], 2000);
    CHECK_INT(fake.channel[2].cadence.ms[4], 0);
    CHECK_INT(card->ops->ring(card, FXS, odd), TR_OK); /* without a pause: for ever */
    CHECK(fake.channel[2].cadence.ms[0] >= 3600000);
    CHECK_INT(state(FXS).ringing, 1);
    line(2, DH_RX_OFFHOOK);
    run(4);
    CHECK_INT(count(FXS, TR_EV_OFFHOOK), 1);
    CHECK_INT(state(FXS).ringing, 0);
    CHECK_INT(fake.channel[2].hook, DH_OFFHOOK);
    CHECK_INT(card->ops->ring(card, FXS, cadence), TR_E_STATE);
    CHECK_INT(card->ops->ring(card, FXS, stop), TR_OK);
    CHECK_INT(fake.channel[2].hook, DH_OFFHOOK);
    line(2, DH_RX_ONHOOK);
    run(60);
    CHECK_INT(count(FXS, TR_EV_ONHOOK), 1);
    CHECK_INT(fake.channel[2].hook, DH_ONHOOK);
    close_all();
}

static void flashes_are_sorted_by_our_window(void) {
    open_all();
    line(2, DH_RX_OFFHOOK);
    run(10);
    static const struct { int blocks, flashes; } openings[] = {{2, 0}, {5, 1}, {15, 1}, {45, 1}};
    for (int i = 0; i < 4; i++) {
        seen_count = 0;
        line(2, DH_RX_ONHOOK);
        run(openings[i].blocks);
        line(2, DH_RX_OFFHOOK);
        run(5);
        CHECK_INT(count(FXS, TR_EV_FLASH), openings[i].flashes);
        CHECK_INT(count(FXS, TR_EV_ONHOOK), 0);
    }
    CHECK_INT(card->ops->set(card, FXS, TR_SET_PULSE_DIAL, 1), TR_OK);
    fake_event(2, DH_EV_PULSEDIGIT | '7');
    run(1);
    CHECK_INT(last(FXS, TR_EV_PULSE_DIGIT)->a0, 7);
    card->ops->set(card, FXS, TR_SET_PULSE_DIAL, 0);
    seen_count = 0;
    fake_event(2, DH_EV_PULSEDIGIT | '7');
    fake_event(2, DH_EV_WINKFLASH); /* between two looks: only the driver saw it */
    run(1);
    CHECK_INT(count(FXS, TR_EV_PULSE_DIGIT), 0);
    CHECK_INT(count(FXS, TR_EV_FLASH), 0); /* the last one was seen by level, and the event is its own */
    fake_event(2, DH_EV_WINKFLASH);
    run(1);
    CHECK_INT(count(FXS, TR_EV_FLASH), 1);
    close_all();
}

static void a_disconnect_is_as_long_as_asked_and_at_most_half_a_second(void) {
    open_all();
    line(2, DH_RX_OFFHOOK);
    run(10);
    CHECK_INT(card->ops->loop_open(card, FXS, 200), TR_OK);
    CHECK_INT(card->ops->loop_open(card, FXS, 200), TR_E_STATE);
    CHECK_INT(fake.channel[2].hook, DH_ONHOOK);
    CHECK_INT(state(FXS).battery, 0);
    run(11);
    CHECK_INT(last(FXS, TR_EV_HOOK_DONE)->a0, 200);
    CHECK_INT(fake.channel[2].hook, DH_OFFHOOK);
    CHECK_INT(state(FXS).battery, 1);
    CHECK_INT(count(FXS, TR_EV_ONHOOK), 0);
    CHECK_INT(card->ops->loop_open(card, FXS, 2000), TR_OK);
    run(40);
    CHECK_INT(last(FXS, TR_EV_HOOK_DONE)->a0, 500);
    run(10);
    CHECK_INT(fake.channel[2].written, 4); /* what the driver flushed is queued again */
    CHECK_INT(card->ops->slips(card), 0);
    CHECK_INT(card->ops->loop_open(card, FXO, 200), TR_E_UNSUPPORTED);
    close_all();
}

static void cas_bits_without_the_neighbours(void) {
    open_all();
    fake.channel[4].bits_in = 0xD;
    run(2);
    CHECK_INT(state(CAS).bits, 0xD);
    fake.channel[4].bits_in = 0x79; /* the upper half is another's */
    fake_event(4, DH_EV_BITSCHANGED);
    fake_event(4, DH_EV_BITSCHANGED);
    run(1);
    CHECK_INT(last(CAS, TR_EV_BITS)->a0, 9);
    CHECK_INT(count(CAS, TR_EV_BITS), 2);
    CHECK_INT(card->ops->bits(card, CAS, 5), TR_OK);
    CHECK_INT(fake.channel[4].bits_out, 5);
    CHECK_INT(card->ops->bits(card, CAS, 16), TR_E_ARGUMENT);
    CHECK_INT(card->ops->bits(card, B, 5), TR_E_UNSUPPORTED);
    close_all();
}

static void polarity_and_lamp_of_the_exchange(void) {
    open_all();
    fake_event(1, DH_EV_POLARITY);
    fake_event(1, DH_EV_NEONMWI_ON);
    run(1);
    CHECK_INT(last(FXO, TR_EV_POLARITY)->a0, 1);
    CHECK_INT(last(FXO, TR_EV_LAMP)->a0, 1);
    fake_event(1, DH_EV_POLARITY);
    run(1);
    CHECK_INT(last(FXO, TR_EV_POLARITY)->a0, 0);
    close_all();
}

static void events_that_never_end_do_not_hold_the_tick(void) {
    open_all();
    for (int i = 0; i < 63; i++) {
        fake_event(3, DH_EV_RINGEROFF);
    }
    run(1);
    CHECK_INT(fake.channel[3].event_count, 0);
    CHECK_INT(heard[B][0], 0xD5);
    close_all();
}

/* ---- frames ------------------------------------------------------------------------------------- */

static void frames_without_their_check_sequence(void) {
    open_all();
    struct fake_channel *d = &fake.channel[5];
    memcpy(d->frames_in[0], "hello..", 7);
    d->frame_size[0] = 7;
    d->frame_size[1] = 2; /* nothing but a check sequence */
    memcpy(d->frames_in[2], "you..", 5);
    d->frame_size[2] = 5;
    d->frames_waiting = 3;
    run(1);
    CHECK_INT(count(D, TR_EV_FRAME), 2);
    CHECK_INT(seen[0].side_len, 5);
    CHECK_MEM(seen[0].side, "hello", 5);
    CHECK_MEM(last(D, TR_EV_FRAME)->side, "you", 3);
    fake_event(5, DH_EV_BADFCS);
    fake_event(5, DH_EV_ABORT);
    run(1);
    CHECK_INT(state(D).frames_bad, 2);
    CHECK_INT(state(D).frames_received, 2);
    close_all();
}

static void frames_wait_in_order_for_room(void) {
    open_all();
    struct fake_channel *d = &fake.channel[5];
    uint8_t frame[TR_FRAME_MAX + 1] = {0};
    int given = 0;
    d->frames_room = 3;
    run(1);
    for (int result = TR_OK; result == TR_OK; given += result == TR_OK) {
        frame[0] = (uint8_t)given;
        result = card->ops->frame(card, D, frame, 260);
        CHECK(result == TR_OK || result == TR_E_FULL);
    }
    CHECK_BETWEEN(given, 30, 40);
    while (d->frames_sent < given) {
        d->frames_room = 2;
        run(1);
    }
    for (int i = 0; i < given; i++) {
        CHECK_INT(d->frames_out[i][0], i);
        CHECK_INT(d->frame_out_size[i], 262);
    }
    CHECK_INT(state(D).frames_sent, given);
    CHECK_INT(card->ops->frame(card, D, frame, 0), TR_E_ARGUMENT);
    CHECK_INT(card->ops->frame(card, D, frame, TR_FRAME_MAX + 1), TR_E_TOO_LONG);
    CHECK_INT(card->ops->frame(card, B, frame, 5), TR_E_UNSUPPORTED);
    close_all();
}

/* ---- alarms, removal, clock --------------------------------------------------------------------- */

static void alarms_of_span_and_channel(void) {
    open_all();
    run(2);
    fake.channel[3].alarms = DH_ALARM_RED | DH_ALARM_LOS;
    fake_event(3, DH_EV_ALARM);
    memset(fake.channel[3].hears, 0x11, TR_BLOCK);
    run(1);
    CHECK_INT(last(B, TR_EV_ALARM)->a0, TR_ALARM_RED | TR_ALARM_LOS);
    CHECK_INT(heard[B][0], 0xD5);
    fake.channel[3].alarms = DH_ALARM_YELLOW;
    run(TR_DH_LOOK_TICKS + 1); /* the event was lost */
    CHECK_INT(last(B, TR_EV_ALARM)->a0, TR_ALARM_YELLOW);
    fake.channel[3].alarms = 0;
    fake_event(3, DH_EV_NOALARM);
    run(2);
    CHECK_INT(last(B, TR_EV_ALARM)->a0, 0);
    CHECK_INT(heard[B][0], 0x11);
    fake.channel[1].params.chan_alarms = DH_ALARM_RED; /* no battery, told by the channel's driver */
    fake_event(1, DH_EV_ALARM);
    run(1);
    CHECK_INT(last(FXO, TR_EV_ALARM)->a0, TR_ALARM_RED);
    close_all();
}

static void a_card_pulled_out_and_plugged_in(void) {
    open_all();
    CHECK_INT(card->ops->hook(card, FXO, 1), TR_OK);
    run(20);
    CHECK_INT(card->ops->flash(card, FXO, 300), TR_OK);
    run(1);
    for (int i = 1; i <= 5; i++) {
        fake.channel[i].gone = true;
    }
    run(1);
    for (uint32_t p = 0; p < 5; p++) {
        CHECK_INT(last(p, TR_EV_ALARM)->a0, TR_ALARM_REMOVED);
        CHECK_INT(state(p).alarms, TR_ALARM_REMOVED);
    }
    CHECK_INT(count(FXO, TR_EV_HOOK_DONE), 1);
    CHECK_INT(fake.open_count, 0);
    int touched = fake.channel[3].touched;
    const int32_t ring[6] = {1000, 4000}, stop[6] = {0};
    CHECK_INT(card->ops->wait(card), TR_E_STATE);
    CHECK_INT(card->ops->hook(card, FXO, 0), TR_OK);
    CHECK_INT(card->ops->hook(card, FXO, 1), TR_E_STATE);
    CHECK_INT(card->ops->ring(card, FXS, ring), TR_E_STATE);
    CHECK_INT(card->ops->ring(card, FXS, stop), TR_OK);
    CHECK_INT(card->ops->bits(card, CAS, 1), TR_E_STATE);
    CHECK_INT(card->ops->frame(card, D, (const uint8_t *)"x", 1), TR_E_STATE);
    CHECK_INT(card->ops->set(card, B, TR_SET_LAW, TR_LAW_MU), TR_OK);
    run(200);
    CHECK_INT(fake.channel[3].touched, touched);
    CHECK(card->ops->idle(card, B));
    for (int i = 1; i <= 5; i++) {
        fake.channel[i].gone = false;
    }
    run(TR_DH_LOOK_TICKS + 10);
    for (uint32_t p = 0; p < 5; p++) {
        CHECK_INT(last(p, TR_EV_ALARM)->a0, 0);
    }
    CHECK_INT(fake.channel[3].law, DH_LAW_MULAW); /* as it was set before */
    CHECK_INT(fake.channel[3].written, 4);
    CHECK_INT(state(FXO).hook, 0);
    CHECK_INT(fake.open_count, 5);
    CHECK_INT(card->ops->hook(card, FXO, 1), TR_OK);
    close_all();
}

static void one_channel_gone_leaves_the_others(void) {
    open_all();
    memset(fake.channel[3].hears, 0x11, TR_BLOCK);
    run(5);
    fake.channel[4].gone = true; /* the tick's master */
    fake_event(4, DH_EV_REMOVED);
    run(60);
    CHECK_INT(state(CAS).alarms, TR_ALARM_REMOVED);
    CHECK_INT(state(B).alarms, 0);
    CHECK_INT(heard[B][0], 0x11);
    CHECK_INT(card->ops->slips(card), 0);
    close_all();
}

static void a_clock_that_stops_and_goes_on(void) {
    struct tr_card_health health;
    open_all();
    run(10);
    fake.stopped = true;
    CHECK_INT(card->ops->wait(card), TR_E_STATE);
    pass();
    CHECK_INT(card->ops->wait(card), TR_E_STATE);
    pass();
    card->ops->health(card, &health);
    CHECK_INT(health.clock_losses, 1);
    fake.stopped = false;
    fake_block();
    CHECK_INT(card->ops->wait(card), 0);
    pass();
    run(20);
    card->ops->health(card, &health);
    CHECK_INT(health.clock_losses, 1);
    CHECK_INT(fake.channel[3].written, 4);
    close_all();
}

static void missed_ticks_are_told(void) {
    open_all();
    card->paced = true;
    run(10);
    for (int i = 0; i < 4; i++) {
        fake_block();
    }
    for (int i = 3; i >= 0; i--) {
        CHECK_INT(card->ops->wait(card), i);
        pass();
    }
    CHECK_INT(card->ops->wait(card), 0);
    pass();
    close_all();
}

static void the_rate_of_the_clock_is_watched(void) {
    struct tr_card_health health;
    open_all();
    for (int i = 0; i < 400; i++) {
        run(1);
        fake.now += 2000; /* 100 ppm slow */
    }
    card->ops->health(card, &health);
    CHECK_INT(health.clock_ppb, 0); /* too early to say */
    for (int i = 0; i < 400; i++) {
        run(1);
        fake.now += 2000;
    }
    card->ops->health(card, &health);
    CHECK_NEAR(health.clock_ppb, -100000, 500);
    close_all();
}

static void d_channels_alone_go_by_the_timer(void) {
    fake_reset();
    fake.channel[5].sig = DH_SIG_HDLCFCS;
    struct tr_dahdi_port d = port(5, TR_KIND_D);
    open_ports(&d, 1);
    fake.timer_trips = 1;
    CHECK_INT(card->ops->wait(card), 0);
    pass();
    CHECK_INT(fake.timer_trips, 0);
    fake.timer_trips = 2;
    fake.now += 40000000;
    CHECK(card->ops->wait(card) >= 0);
    pass();
    CHECK_INT(fake.timer_trips, 1);
    close_all();
}

int main(void) {
    RUN(what_is_wrong_is_told_in_one_line);
    RUN(values_that_cannot_be);
    RUN(everything_is_set_at_the_open);
    RUN(blocks_go_both_ways_and_stay_queued);
    RUN(an_on_hook_line_passes_nothing);
    RUN(an_on_hook_fxo_hears_caller_id_but_no_ringing);
    RUN(a_missing_block_is_a_slip_and_silence);
    RUN(a_queue_that_ran_dry_is_filled_up);
    RUN(a_stepped_engine_that_stood_begins_anew);
    RUN(a_long_pause_begins_anew);
    RUN(a_block_too_many_for_long_is_dropped);
    RUN(a_card_that_nobody_waits_for_is_started_all_the_same);
    RUN(ringing_is_told_by_level);
    RUN(hanging_up_flushes_nothing);
    RUN(a_loss_of_battery_is_a_drop_after_its_time);
    RUN(a_flash_is_timed_by_the_driver);
    RUN(a_telephone_is_rung_and_answers);
    RUN(flashes_are_sorted_by_our_window);
    RUN(a_disconnect_is_as_long_as_asked_and_at_most_half_a_second);
    RUN(cas_bits_without_the_neighbours);
    RUN(polarity_and_lamp_of_the_exchange);
    RUN(events_that_never_end_do_not_hold_the_tick);
    RUN(frames_without_their_check_sequence);
    RUN(frames_wait_in_order_for_room);
    RUN(alarms_of_span_and_channel);
    RUN(a_card_pulled_out_and_plugged_in);
    RUN(one_channel_gone_leaves_the_others);
    RUN(a_clock_that_stops_and_goes_on);
    RUN(missed_ticks_are_told);
    RUN(the_rate_of_the_clock_is_watched);
    RUN(d_channels_alone_go_by_the_timer);
    return check_end();
}
