/* What Tipring uses of DAHDI's user interface, declared by ourselves, so that it compiles where no DAHDI header is.
 *
 * The kernel module keeps this interface since 2008 (DAHDI 2.0); structs and numbers are asserted below as they were
 * measured with DAHDI 2.11 and 3.1 on x86-64, and tests/csrc/test_dahdi_abi.c compares them with a table of its own.
 * Names are DAHDI's without their prefix. A hardware FXO port is *signalled* fxs (fxsks), an FXS port fxo (fxoks).
 * Serves all nine steps on real cards.
 */
#ifndef TIPRING_DAHDI_ABI_H
#define TIPRING_DAHDI_ABI_H

#include <stdint.h>
#include <sys/ioctl.h>

#define DH_CODE 0xDA
#define DH_ELAST 500 /* errno of a read or write while events wait: take GETEVENT until it gives 0 */

/* Signallings. */
enum dh_sig {
    DH_SIG_FXSLS = 0x2001,
    DH_SIG_FXSGS = 0x2002,
    DH_SIG_FXSKS = 0x2004,
    DH_SIG_FXOLS = 0x1008,
    DH_SIG_FXOGS = 0x1010,
    DH_SIG_FXOKS = 0x1020,
    DH_SIG_EM = 0x40,
    DH_SIG_CLEAR = 0x80,
    DH_SIG_HDLCRAW = 0x180,
    DH_SIG_HDLCFCS = 0x380,
    DH_SIG_CAS = 0x8000,
    DH_SIG_EM_E1 = 0x20000,
    DH_SIG_HARDHDLC = 0x80080,
    DH_SIG_MTP2 = 0x100380
};

enum dh_hook { DH_ONHOOK = 0, DH_OFFHOOK = 1, DH_WINK = 2, DH_FLASH = 3, DH_START = 4, DH_RING = 5, DH_RINGOFF = 6 };

/* What the line does, as the card's driver sees it (dh_params.rxhooksig); -1 where the driver has no hook states. */
enum dh_rxsig { DH_RX_ONHOOK = 0, DH_RX_OFFHOOK = 1, DH_RX_START = 2, DH_RX_RING = 3, DH_RX_INITIAL = 4 };

enum dh_event {
    DH_EV_NONE = 0,
    DH_EV_ONHOOK = 1,
    DH_EV_RINGOFFHOOK = 2,
    DH_EV_WINKFLASH = 3,
    DH_EV_ALARM = 4,
    DH_EV_NOALARM = 5,
    DH_EV_ABORT = 6,
    DH_EV_OVERRUN = 7,
    DH_EV_BADFCS = 8,
    DH_EV_DIALCOMPLETE = 9,
    DH_EV_RINGERON = 10,
    DH_EV_RINGEROFF = 11,
    DH_EV_HOOKCOMPLETE = 12,
    DH_EV_BITSCHANGED = 13,
    DH_EV_PULSE_START = 14,
    DH_EV_TIMER_EXPIRED = 15,
    DH_EV_POLARITY = 17,
    DH_EV_RINGBEGIN = 18,
    DH_EV_REMOVED = 20,
    DH_EV_NEONMWI_ON = 21,
    DH_EV_NEONMWI_OFF = 22,
    DH_EV_READ_OVERRUN = 29,
    DH_EV_WRITE_UNDERRUN = 30,
    DH_EV_PULSEDIGIT = 1 << 16 /* low byte: the digit, ASCII */
};

enum dh_alarm {
    DH_ALARM_RECOVER = 1,
    DH_ALARM_LOOPBACK = 2,
    DH_ALARM_YELLOW = 4,
    DH_ALARM_RED = 8,
    DH_ALARM_BLUE = 16,
    DH_ALARM_NOTOPEN = 32,
    DH_ALARM_LOS = 256,
    DH_ALARM_LFA = 512,
    DH_ALARM_LMFA = 1024
};

enum dh_law { DH_LAW_DEFAULT = 0, DH_LAW_MULAW = 1, DH_LAW_ALAW = 2 };
enum dh_flush { DH_FLUSH_READ = 1, DH_FLUSH_WRITE = 2, DH_FLUSH_EVENT = 4, DH_FLUSH_ALL = 7 };
enum dh_policy { DH_POLICY_IMMEDIATE = 0 };

struct dh_params {
    int32_t channo, spanno, chanpos, sigtype, sigcap, rxisoffhook, rxbits, txbits, txhooksig, rxhooksig, curlaw;
    int32_t idlebits;
    char name[40];
    int32_t prewinktime, preflashtime, winktime, flashtime, starttime, rxwinktime, rxflashtime, debouncetime;
    int32_t pulsebreaktime, pulsemaketime, pulseaftertime;
    uint32_t chan_alarms; /* of the channel itself (no battery); the span's are in dh_spaninfo */
};

struct dh_spaninfo {
    int32_t spanno; /* 0: the span of this channel */
    char name[20], desc[40];
    int32_t alarms, txlevel, rxlevel, bpvcount, crc4count, ebitcount, fascount;
    uint32_t fecount, cvcount, becount, prbs, errsec;
    int32_t irqmisses, syncsrc, numchans, totalchans, totalspans, lbo, lineconfig;
    char lboname[40], location[40], manufacturer[40], devicetype[40];
    int32_t irq, linecompat;
    char spantype[6];
} __attribute__((packed));

struct dh_bufferinfo {
    int32_t txbufpolicy, rxbufpolicy, numbufs, bufsize, readbufs, writebufs;
};

struct dh_gains {
    int32_t chan; /* 0: this channel */
    uint8_t rxgain[256], txgain[256];
};

struct dh_ring_cadence {
    int32_t ms[16]; /* on, off, .. ; 0 ends it */
};

#define DH_SET_BLOCKSIZE _IOW(DH_CODE, 1, int32_t)
#define DH_FLUSH _IOW(DH_CODE, 3, int32_t)
#define DH_GET_PARAMS _IOWR(DH_CODE, 5, struct dh_params)
#define DH_SET_PARAMS _IOW(DH_CODE, 5, struct dh_params)
#define DH_HOOK _IOW(DH_CODE, 7, int32_t)
#define DH_GETEVENT _IOR(DH_CODE, 8, int32_t)
#define DH_SPANSTAT _IOWR(DH_CODE, 10, struct dh_spaninfo)
#define DH_SETGAINS _IOW(DH_CODE, 16, struct dh_gains)
#define DH_SETTONEZONE _IOW(DH_CODE, 22, int32_t) /* -1: the default zone */
#define DH_SET_BUFINFO _IOW(DH_CODE, 27, struct dh_bufferinfo)
#define DH_AUDIOMODE _IOW(DH_CODE, 32, int32_t)
#define DH_ECHOCANCEL _IOW(DH_CODE, 33, int32_t)
#define DH_SPECIFY _IOW(DH_CODE, 38, int32_t)
#define DH_SETLAW _IOW(DH_CODE, 39, int32_t)
#define DH_SETCADENCE _IOW(DH_CODE, 42, struct dh_ring_cadence)
#define DH_GETRXBITS _IOR(DH_CODE, 43, int32_t)
#define DH_SETTXBITS _IOW(DH_CODE, 43, int32_t)
#define DH_TIMERCONFIG _IOW(DH_CODE, 47, int32_t)
#define DH_TIMERACK _IOW(DH_CODE, 48, int32_t)
#define DH_ONHOOKTRANSFER _IOW(DH_CODE, 51, int32_t)
#define DH_SETPOLARITY _IOW(DH_CODE, 92, int32_t)
#define DH_VMWI _IOWR(DH_CODE, 94, int32_t)
#define DH_ECHOCANCEL_FAX_MODE _IOW(DH_CODE, 102, int32_t)
#define DH_BUFFER_EVENTS _IOW(DH_CODE, 105, int32_t)

_Static_assert(sizeof(struct dh_params) == 136, "struct dahdi_params");
_Static_assert(sizeof(struct dh_spaninfo) == 314, "struct dahdi_spaninfo");
_Static_assert(sizeof(struct dh_bufferinfo) == 24, "struct dahdi_bufferinfo");
_Static_assert(sizeof(struct dh_gains) == 516, "struct dahdi_gains");
_Static_assert(sizeof(struct dh_ring_cadence) == 64, "struct dahdi_ring_cadence");
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || defined(__arm__) || defined(__riscv)
_Static_assert(DH_GET_PARAMS == 0xc088da05 && DH_SET_PARAMS == 0x4088da05, "DAHDI_GET_PARAMS, DAHDI_SET_PARAMS");
_Static_assert(DH_HOOK == 0x4004da07 && DH_GETEVENT == 0x8004da08, "DAHDI_HOOK, DAHDI_GETEVENT");
_Static_assert(DH_SPANSTAT == 0xc13ada0a && DH_SET_BUFINFO == 0x4018da1b, "DAHDI_SPANSTAT, DAHDI_SET_BUFINFO");
_Static_assert(DH_SPECIFY == 0x4004da26 && DH_SETTXBITS == 0x4004da2b, "DAHDI_SPECIFY, DAHDI_SETTXBITS");
#endif

#endif
