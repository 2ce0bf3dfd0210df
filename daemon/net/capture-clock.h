/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a frame passed, on the monotonic clock: the kernel stamps it by the wall clock, which
 * may be set by a day between that and our look at it. */
#pragma once

#include <glib.h>

/* A stamp of longer ago is none: a ring is emptied many times a second. */
#define VSF_CAPTURE_CLOCK_AGE_NS (G_GINT64_CONSTANT(10) * 1000000000)

typedef struct {
    gint64 wall_ns;      /* since the epoch */
    gint64 monotonic_ns; /* at the same moment */
} VsfCaptureClock;

/* Both clocks now, within a few microseconds of each other. */
VsfCaptureClock vsf_capture_clock_read(void);

/* @stamp_ns, since the epoch, on the monotonic clock. What would be later than @clock was
 * read, or long before, was stamped before the wall clock was set: that is taken for now.
 * Pure. */
gint64 vsf_capture_clock_time(const VsfCaptureClock *clock, gint64 stamp_ns);
