/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture-pace.h"

#define PAUSE_US 50000 /* the longest pause, and what one look costs */
#define STOCK_LOOKS 10
#define SHORTEST_US 1500 /* below that a timer is not worth it */
#define LEAST_US 100     /* where growing starts */
#define LEAST_FRAMES 4
#define WINDOW_US 1000 /* a rate measured over less says nothing */

void
vsf_capture_pace_init(VsfCapturePace *pace, guint ring_frames, gint64 now_us)
{
    *pace = (VsfCapturePace){
        .ring_frames = MAX(ring_frames, LEAST_FRAMES),
        .last_us = now_us,
        .window_us = now_us,
        .pause_us = PAUSE_US,
        .stock_us = STOCK_LOOKS * PAUSE_US,
    };
}

void
vsf_capture_pace_set_ring(VsfCapturePace *pace, guint ring_frames)
{
    pace->ring_frames = MAX(ring_frames, LEAST_FRAMES);
}

gint64
vsf_capture_pace_next(VsfCapturePace *pace, guint busiest, gint64 now_us)
{
    gint64 window = MIN(now_us - pace->window_us, G_USEC_PER_SEC);

    pace->stock_us += CLAMP(now_us - pace->last_us, 0, STOCK_LOOKS * PAUSE_US);
    pace->last_us = now_us;
    if (busiest > 0)
        pace->stock_us -= PAUSE_US;
    pace->stock_us = CLAMP(pace->stock_us, -PAUSE_US, STOCK_LOOKS * PAUSE_US);

    pace->window_frames += busiest;
    if (window < WINDOW_US)
        return 0;
    /* A moment in which nobody ran looks like a lull in a flood: so the pause
     * grows by steps, and shrinks at once. */
    pace->pause_us = MIN(window * (pace->ring_frames / 4) / (gint64)MAX(pace->window_frames, 1),
                         MIN(2 * pace->pause_us, PAUSE_US));
    pace->pause_us = MAX(pace->pause_us, LEAST_US);
    pace->window_us = now_us;
    pace->window_frames = 0;
    if (busiest == 0 || pace->stock_us >= 0 || pace->pause_us < SHORTEST_US)
        return 0;
    return pace->pause_us;
}
