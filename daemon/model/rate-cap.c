/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rate-cap.h"

#include <stdlib.h>

#define WINDOW_US (100 * G_TIME_SPAN_MILLISECOND)
#define SHORTEST_US G_TIME_SPAN_MILLISECOND
/* Small bounds are judged by more than a few picks, which chance and bursts make. */
#define WINDOW_PICKS 250
#define LEAST_PICKS 50

static gint64
window_us(guint max)
{
    return max == 0 ? WINDOW_US
                    : CLAMP(WINDOW_PICKS * (gint64)G_USEC_PER_SEC / max, WINDOW_US, G_USEC_PER_SEC);
}

/* The factor for a demand: the least that keeps it below @max. */
static guint
shift_for(double demand, guint max)
{
    guint shift = 0;

    while (demand > max && shift < VSF_RATE_CAP_SHIFT_MAX) {
        demand /= 2;
        shift++;
    }
    return shift;
}

/* Steps down, one for each calm time since half the factor was too little. */
static void
relax(VsfRateCap *cap, guint wanted, gint64 now_us)
{
    if (wanted >= cap->shift) {
        cap->pressed_us = now_us;
        return;
    }
    if (now_us - cap->pressed_us < VSF_RATE_CAP_CALM_US)
        return;
    cap->shift--;
    cap->pressed_us = now_us;
}

gboolean
vsf_rate_cap_note(VsfRateCap *cap, guint64 n, guint max, gint64 now_us)
{
    guint before = cap->shift;
    gint64 elapsed_us;
    guint wanted;

    /* Of the first ones it is not known since when they came. */
    if (cap->window_us == 0) {
        cap->window_us = now_us;
        return FALSE;
    }
    cap->picked += n;
    elapsed_us = MAX(now_us - cap->window_us, SHORTEST_US);
    /* Half of what a second may have is a flood's beginning: no need to wait. */
    if (elapsed_us < window_us(max) && (max == 0 || cap->picked <= MAX(max / 2, LEAST_PICKS)))
        return FALSE;
    cap->demand = (double)cap->picked * G_USEC_PER_SEC / (double)elapsed_us *
                  (double)(1u << cap->shift);
    cap->window_us = now_us;
    cap->picked = 0;
    wanted = max == 0 ? 0 : shift_for(cap->demand, max);
    if (wanted > cap->shift) {
        cap->shift = wanted;
        cap->pressed_us = now_us;
    } else if (cap->shift > 0) {
        /* To a little below the bound, so that noise around it does not press again. */
        relax(cap, max == 0 ? 0 : shift_for(cap->demand * 1.25, max), now_us);
    }
    return cap->shift != before;
}

guint32
vsf_rate_cap_factor(const VsfRateCap *cap)
{
    return 1u << cap->shift;
}

guint32
vsf_rate_cap_rate(const VsfRateCap *cap, guint32 rate, guint32 most)
{
    return (guint32)MIN((guint64)rate << cap->shift, most);
}

static int
compare_demands(gconstpointer a, gconstpointer b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return one < other ? -1 : one > other;
}

guint
vsf_rate_cap_share(const double *demands, guint n_demands, guint max, guint max_each)
{
    g_autofree double *sorted = g_memdup2(demands, n_demands * sizeof(*demands));
    double left = max;

    if (max == 0 || n_demands == 0)
        return max_each;
    qsort(sorted, n_demands, sizeof(*sorted), compare_demands);
    for (guint i = 0; i < n_demands; i++) {
        double share = left / (n_demands - i);
        double wants = max_each > 0 ? MIN(sorted[i], max_each) : sorted[i];

        if (wants > share)
            return (guint)MAX(max_each > 0 ? MIN(share, max_each) : share, 1);
        left -= wants;
    }
    return max_each;
}
