/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-clock.h"

#include <time.h>

#define TRIES 4
#define APART_NS 20000 /* more than that: we were interrupted between two looks */

static gint64
now_ns(clockid_t id)
{
    struct timespec now = {0};

    clock_gettime(id, &now);
    return (gint64)now.tv_sec * 1000000000 + now.tv_nsec;
}

VsfCaptureClock
vsf_capture_clock_read(void)
{
    VsfCaptureClock clock = {0};
    gint64 apart_ns = APART_NS + 1;

    for (guint i = 0; i < TRIES && apart_ns > APART_NS; i++) {
        gint64 before_ns = now_ns(CLOCK_MONOTONIC);

        clock.wall_ns = now_ns(CLOCK_REALTIME);
        clock.monotonic_ns = now_ns(CLOCK_MONOTONIC);
        apart_ns = clock.monotonic_ns - before_ns;
    }
    return clock;
}

gint64
vsf_capture_clock_time(const VsfCaptureClock *clock, gint64 stamp_ns)
{
    gint64 age_ns = clock->wall_ns - stamp_ns;

    if (age_ns < 0 || age_ns > VSF_CAPTURE_CLOCK_AGE_NS)
        return clock->monotonic_ns;
    return clock->monotonic_ns - age_ns;
}
