/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-clock.h"

#include <time.h>

#define TRIES 4
#define CLOSE_NS 500   /* two looks in a row without an interruption take far less */
#define SET_NS 5000000 /* less is an interruption all the same, and does not matter */

static gint64
now_ns(clockid_t id)
{
    struct timespec now = {0};

    clock_gettime(id, &now);
    return (gint64)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The wall clock's time is of some moment between two looks at the other: of several, the two
 * that are closest together, and the middle between them. */
void
vsf_capture_clock_look(VsfCaptureClock *clock)
{
    gint64 wall_ns = 0, monotonic_ns = 0, apart_ns = G_MAXINT64;

    for (guint i = 0; i < TRIES && apart_ns > CLOSE_NS; i++) {
        gint64 before_ns = now_ns(CLOCK_MONOTONIC);
        gint64 between_ns = now_ns(CLOCK_REALTIME);
        gint64 after_ns = now_ns(CLOCK_MONOTONIC);

        if (after_ns - before_ns >= apart_ns)
            continue;
        apart_ns = after_ns - before_ns;
        wall_ns = between_ns;
        monotonic_ns = before_ns + apart_ns / 2;
    }
    vsf_capture_clock_note(clock, wall_ns, monotonic_ns);
}

static gint64
ahead_ns(const VsfCaptureClock *clock)
{
    return clock->wall_ns - clock->monotonic_ns;
}

void
vsf_capture_clock_note(VsfCaptureClock *clock, gint64 wall_ns, gint64 monotonic_ns)
{
    VsfCaptureClock before = *clock;

    clock->wall_ns = wall_ns;
    clock->monotonic_ns = monotonic_ns;
    if (before.monotonic_ns == 0 || ABS(ahead_ns(clock) - ahead_ns(&before)) <= SET_NS)
        return;
    clock->unset_ns = before.monotonic_ns;
    clock->was_ahead_ns = ahead_ns(&before);
}

gint64
vsf_capture_clock_time(const VsfCaptureClock *clock, gint64 stamp_ns)
{
    gint64 time_ns = stamp_ns - ahead_ns(clock);

    if (clock->unset_ns != 0 && (time_ns < clock->unset_ns || time_ns > clock->monotonic_ns))
        time_ns = stamp_ns - clock->was_ahead_ns;
    if (time_ns < clock->monotonic_ns - VSF_CAPTURE_CLOCK_AGE_NS || time_ns > clock->monotonic_ns)
        return clock->monotonic_ns;
    return time_ns;
}
