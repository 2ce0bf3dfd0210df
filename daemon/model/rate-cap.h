/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much coarser than configured a tap has to be sampled, so that one guest's flood
 * costs a bounded number of samples: a factor that is a power of two, raised as soon as
 * more is picked than may be, and lowered one step at a time after ten calm seconds.
 * Pure; time is an argument (monotonic microseconds). */
#pragma once

#include <glib.h>

#define VSF_RATE_CAP_CALM_US (10 * G_USEC_PER_SEC)
#define VSF_RATE_CAP_SHIFT_MAX 20

typedef struct {
    guint shift;       /* the factor is 2^shift */
    gint64 window_us;  /* since when frames are counted; 0: not yet */
    guint64 picked;    /* since then */
    gint64 pressed_us; /* when half the factor would have been too little last */
    double demand;     /* picks a second as they would be at factor 1, of the last window */
} VsfRateCap;

/* @n frames were picked (taken, or lost for lack of room) until @now_us. @max: a second; 0:
 * no bound. TRUE if the factor changed: whatever was counted was picked at the old one. */
gboolean vsf_rate_cap_note(VsfRateCap *cap, guint64 n, guint max, gint64 now_us);

guint32 vsf_rate_cap_factor(const VsfRateCap *cap);

/* @rate times the factor, at most @most. */
guint32 vsf_rate_cap_rate(const VsfRateCap *cap, guint32 rate, guint32 most);

/* The bound for each of @n_demands taps, so that all together pick at most @max a second
 * and those that want little get it: at most @max_each. 0 in either: no bound. */
guint vsf_rate_cap_share(const double *demands, guint n_demands, guint max, guint max_each);
