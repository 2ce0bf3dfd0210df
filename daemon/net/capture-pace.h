/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When to look into the rings next: seldom when little comes, at once when they
 * fill. Pure; time is an argument.
 *
 * Waking for each frame costs more than the frame. So there is a small stock of
 * free wake-ups, refilled at 20 a second: while it lasts the rings are watched
 * without a pause (the first frames of a burst are fetched at once and their
 * rate is learnt); when it is empty there is a pause of up to 50 ms, less as
 * the fullest ring would be a quarter full earlier. */
#pragma once

#include <glib.h>

typedef struct {
    guint ring_frames;     /* what the smallest ring holds */
    gint64 last_us;        /* the last look */
    gint64 stock_us;       /* free looks: 50,000 each; grows with time */
    gint64 window_us;      /* since when frames are counted for the rate */
    guint64 window_frames; /* of the busiest ring of each look */
    gint64 pause_us;       /* what the last measured rate allows */
} VsfCapturePace;

void vsf_capture_pace_init(VsfCapturePace *pace, guint ring_frames, gint64 now_us);

/* After a look at @now_us that took at most @busiest frames from one ring:
 * how long to look away, in us. 0: watch the rings. */
gint64 vsf_capture_pace_next(VsfCapturePace *pace, guint busiest, gint64 now_us);

/* The smallest ring holds @ring_frames from now on. */
void vsf_capture_pace_set_ring(VsfCapturePace *pace, guint ring_frames);
