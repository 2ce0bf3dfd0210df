/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When a frame passed, on the monotonic clock: the kernel stamps it by the wall clock, which
 * may be set by a second or a day between that and our look at it.
 *
 * Both clocks run alike, so the wall clock gets ahead of the other only by being set (or
 * while the host sleeps). Two looks at them tell by how much, and between which times. A
 * stamp that by the clock of now is older than that, or yet to come, is of the clock that
 * was. A bound on the age of frames alone would not do: after a stop of a minute those in a
 * ring are a minute old, and a clock that was set by less would not show. */
#pragma once

#include <glib.h>

/* A stamp of longer ago is of neither clock. */
#define VSF_CAPTURE_CLOCK_AGE_NS (G_GINT64_CONSTANT(600) * 1000000000)

typedef struct {
    gint64 wall_ns;      /* since the epoch */
    gint64 monotonic_ns; /* at the same moment; 0: not looked at yet */
    gint64 unset_ns;     /* monotonic, the last look before the wall clock was set; 0: it was not */
    gint64 was_ahead_ns; /* the wall clock of the other, until then */
} VsfCaptureClock;

/* Looks at both clocks, less than a microsecond from each other unless we are interrupted again
 * and again. @clock: zeros before the first look, which is before the first frame. */
void vsf_capture_clock_look(VsfCaptureClock *clock);

/* The same with what they show given. Pure. */
void vsf_capture_clock_note(VsfCaptureClock *clock, gint64 wall_ns, gint64 monotonic_ns);

/* @stamp_ns, since the epoch, on the monotonic clock. A stamp of neither wall clock, so that it
 * would be of long ago or yet to come, is taken for now. One that may be of either (the clock
 * was set by less than the frame is old, or the looks are apart) is off by as much as it was
 * set, at most. Pure. */
gint64 vsf_capture_clock_time(const VsfCaptureClock *clock, gint64 stamp_ns);
