/* The beginning of an echo path by least squares: see echo.h. For its first two seconds of sound a line is studied
 * beside the Kalman filter, which believes every frequency for itself and so needs several seconds of speech to come
 * within a decibel of what A-law allows. The study seeks the taps that leave least of all the sound so far, taken
 * together; its error is then only that of 256 unknowns found from so many thousand samples. Serves as echo.h.
 *
 * Its path is taken over as often as it has left less of the blocks just heard, before it saw them, than the path in
 * use has. So both ends may talk, and the path may change: what is found wrongly is not used. What is hardly in the
 * sound, less than what is left of it, moves nothing. And never is a path taken over that gives back more than was sent
 * at some frequency: so it looks when the near end speaks while nothing is known of the line and a bit of it comes back
 * to us, from the line that it hears, and what is sent then tells what the near end says. Limit: a line with a
 * resonance of more than 0 dB is learnt by the Kalman filter alone.
 *
 * While somebody talks much louder than before, nothing is studied; it begins anew when he has been silent for 100 ms.
 * A tone and noise at the near end are no talker, and only change how loud it is there.
 * So half a second to a second after both have talked, the line is known as well as if nobody had.
 *
 * Costs: as much as four blocks of the Kalman filter with each block of its first second of sound, three of the next;
 * nothing afterwards, until there is a new call or the path has changed; at most 4 s in a call. Limit: TR_ECHO_STUDIES
 * lines in a tick, by their numbers; others wait, and the Kalman filter learns alone. */
#ifndef TIPRING_ECHO_STUDY_H
#define TIPRING_ECHO_STUDY_H

#include <stdbool.h>
#include <stdint.h>

#define TR_ECHO_STUDIES 400

struct tr_echo_study {
    float taps[512];      /* found so far, by frequency as in tr_echo_path */
    float slope[256];     /* sums by delay: sent times what these taps leave */
    float products[256];  /* sent times sent */
    float before[256];    /* the slope before the last step */
    float moved[256];     /* the way of the taps so far, in time */
    float step[256];      /* the last step's direction */
    float power[256];     /* of what was sent, by frequency */
    float head[256];      /* the samples sent before it began */
    float gain;           /* of the last step */
    float ridge;          /* price of the way so far, in the slope */
    float left, others;   /* power left of late, by these taps and by those in use */
    float better, varies; /* sums of the difference, of -1 .. 1 a block, and of its square */
    float talked, weight; /* sums of this call: power left times that sent, and of that alone */
    float loud;           /* near end of the last blocks that were as loud as each other */
    uint64_t next;        /* tick of the block that carries it on */
    bool headed;          /* there is sound in the head */
    bool rests;           /* the last 256 samples sent, and all since, are silence */
    bool begun;
    uint16_t sounding; /* blocks in which something was sent */
    uint16_t spent;    /* blocks studied in this call, with those before it began anew */
    uint16_t alike;    /* of these, STUDY_USUAL at the most */
    uint16_t waits;    /* blocks in which nobody must talk before it begins anew */
};

#endif
