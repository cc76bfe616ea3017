/* Our declaration of DAHDI's user interface against its numbers: the table is typed from a list that was compiled from
 * DAHDI's own <dahdi/user.h> (2.11, the same in 3.1) on x86-64, not from our header. */
#include "check.h"
#include "dahdi_abi.h"
#include <stddef.h>

static void numbers(void) {
    static const struct {
        unsigned long ours, dahdi;
        const char *name;
    } table[] = {
        {DH_SET_BLOCKSIZE, 0x4004da01, "SET_BLOCKSIZE"},
        {DH_FLUSH, 0x4004da03, "FLUSH"},
        {DH_GET_PARAMS, 0xc088da05, "GET_PARAMS"},
        {DH_SET_PARAMS, 0x4088da05, "SET_PARAMS"},
        {DH_HOOK, 0x4004da07, "HOOK"},
        {DH_GETEVENT, 0x8004da08, "GETEVENT"},
        {DH_SPANSTAT, 0xc13ada0a, "SPANSTAT"},
        {DH_SETGAINS, 0x4204da10, "SETGAINS"},
        {DH_SETTONEZONE, 0x4004da16, "SETTONEZONE"},
        {DH_SET_BUFINFO, 0x4018da1b, "SET_BUFINFO"},
        {DH_AUDIOMODE, 0x4004da20, "AUDIOMODE"},
        {DH_ECHOCANCEL, 0x4004da21, "ECHOCANCEL"},
        {DH_SPECIFY, 0x4004da26, "SPECIFY"},
        {DH_SETLAW, 0x4004da27, "SETLAW"},
        {DH_SETCADENCE, 0x4040da2a, "SETCADENCE"},
        {DH_GETRXBITS, 0x8004da2b, "GETRXBITS"},
        {DH_SETTXBITS, 0x4004da2b, "SETTXBITS"},
        {DH_TIMERCONFIG, 0x4004da2f, "TIMERCONFIG"},
        {DH_TIMERACK, 0x4004da30, "TIMERACK"},
        {DH_ONHOOKTRANSFER, 0x4004da33, "ONHOOKTRANSFER"},
        {DH_SETPOLARITY, 0x4004da5c, "SETPOLARITY"},
        {DH_VMWI, 0xc004da5e, "VMWI"},
        {DH_ECHOCANCEL_FAX_MODE, 0x4004da66, "ECHOCANCEL_FAX_MODE"},
        {DH_BUFFER_EVENTS, 0x4004da69, "BUFFER_EVENTS"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (!CHECK_INT(table[i].ours, table[i].dahdi)) {
            fprintf(stderr, "    DAHDI_%s\n", table[i].name);
        }
    }
}

static void sizes_and_places(void) {
    CHECK_INT(sizeof(struct dh_params), 136);
    CHECK_INT(offsetof(struct dh_params, name), 48);
    CHECK_INT(offsetof(struct dh_params, flashtime), 100);
    CHECK_INT(offsetof(struct dh_params, chan_alarms), 132);
    CHECK_INT(sizeof(struct dh_spaninfo), 314);
    CHECK_INT(offsetof(struct dh_spaninfo, alarms), 64);
    CHECK_INT(offsetof(struct dh_spaninfo, spantype), 308);
    CHECK_INT(sizeof(struct dh_bufferinfo), 24);
    CHECK_INT(sizeof(struct dh_gains), 516);
    CHECK_INT(sizeof(struct dh_ring_cadence), 64);
}

int main(void) {
    RUN(numbers);
    RUN(sizes_and_places);
    return check_end();
}
