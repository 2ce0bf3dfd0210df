/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu-brake.h"

#include <string.h>

#define WINDOW_US (VSF_CPU_BRAKE_WINDOW_S * G_USEC_PER_SEC)
#define RECENT_US (5 * G_USEC_PER_SEC) /* what tells how much there is too much */
#define SURE_US (15 * G_USEC_PER_SEC)
#define SHIFT_MAX 30
#define FREE 0.9 /* what twice the CPU time may come to */

static const VsfCpuReading *
newest(const VsfCpuBrake *brake)
{
    return &brake->readings[brake->n_readings - 1];
}

static gint64
span_us(const VsfCpuBrake *brake)
{
    return newest(brake)->at_us - brake->readings[0].at_us;
}

/* The oldest reading that is at most @span old. */
static const VsfCpuReading *
reading_within(const VsfCpuBrake *brake, gint64 span)
{
    guint i = 0;

    while (newest(brake)->at_us - brake->readings[i].at_us > span)
        i++;
    return &brake->readings[i];
}

/* Percent of a core since @from, which are taken to be @least_us at least. */
static double
percent_since(const VsfCpuBrake *brake, const VsfCpuReading *from, gint64 least_us)
{
    gint64 elapsed_us = MAX(newest(brake)->at_us - from->at_us, MAX(least_us, 1));

    return (double)MAX(newest(brake)->cpu_us - from->cpu_us, 0) * 100 / (double)elapsed_us;
}

static double
picked_since(const VsfCpuBrake *brake, const VsfCpuReading *from)
{
    gint64 elapsed_us = MAX(newest(brake)->at_us - from->at_us, 1);

    return (double)(newest(brake)->picked - from->picked) * G_USEC_PER_SEC / (double)elapsed_us;
}

/* With the youngest of those that are a window old: so it is always whole. */
static void
keep(VsfCpuBrake *brake, const VsfCpuReading *reading)
{
    guint old = 0;

    while (old + 1 < brake->n_readings &&
           reading->at_us - brake->readings[old + 1].at_us >= WINDOW_US)
        old++;
    if (old == 0 && brake->n_readings == G_N_ELEMENTS(brake->readings))
        old = 1;
    memmove(brake->readings, brake->readings + old,
            (brake->n_readings - old) * sizeof(*brake->readings));
    brake->n_readings -= old;
    brake->readings[brake->n_readings++] = *reading;
}

/* What was read before a change says nothing of the time after it. */
static void
begin_anew(VsfCpuBrake *brake)
{
    brake->readings[0] = *newest(brake);
    brake->n_readings = 1;
    brake->helpless = FALSE;
}

static gboolean
is_above(const VsfCpuBrake *brake, guint limit)
{
    if (brake->shift == 0)
        return percent_since(brake, &brake->readings[0], WINDOW_US) > limit;
    if (span_us(brake) < RECENT_US)
        return FALSE;
    return percent_since(brake, &brake->readings[0], 0) >
           (span_us(brake) < SURE_US ? 2.0 * limit : limit);
}

/* Of samples there is nothing left to take. */
static gboolean
is_at_its_end(const VsfCpuBrake *brake, double picked)
{
    if (brake->shift == 0)
        return picked <= VSF_CPU_BRAKE_LEAST;
    return brake->shift == SHIFT_MAX || vsf_cpu_brake_bound(brake) <= VSF_CPU_BRAKE_LEAST;
}

static VsfCpuBrakeChange
tighten(VsfCpuBrake *brake, guint limit)
{
    const VsfCpuReading *recent = reading_within(brake, RECENT_US);
    /* The window may hold calm seconds, and the last ones less than what was too much. */
    double percent = MAX(percent_since(brake, recent, 0),
                         percent_since(brake, &brake->readings[0], 0));
    double picked = picked_since(brake, recent), wanted = picked * limit / percent;

    brake->seen = percent;
    if (is_at_its_end(brake, picked)) {
        gboolean is_news = !brake->helpless;

        brake->helpless = TRUE;
        return is_news ? VSF_CPU_BRAKE_HELPLESS : VSF_CPU_BRAKE_SAME;
    }
    if (brake->shift == 0)
        brake->base = picked;
    do
        brake->shift++;
    while (brake->shift < SHIFT_MAX &&
           vsf_cpu_brake_bound(brake) > MAX(wanted, VSF_CPU_BRAKE_LEAST));
    begin_anew(brake);
    return VSF_CPU_BRAKE_TIGHTER;
}

VsfCpuBrakeChange
vsf_cpu_brake_note(VsfCpuBrake *brake, const VsfCpuReading *reading, guint limit)
{
    double percent;

    keep(brake, reading);
    if (is_above(brake, limit))
        return tighten(brake, limit);
    if (span_us(brake) < WINDOW_US)
        return VSF_CPU_BRAKE_SAME;
    brake->helpless = FALSE;
    percent = percent_since(brake, &brake->readings[0], 0);
    if (brake->shift == 0 || percent * 2 > limit * FREE)
        return VSF_CPU_BRAKE_SAME;
    brake->seen = percent;
    brake->shift--;
    begin_anew(brake);
    return brake->shift == 0 ? VSF_CPU_BRAKE_OFF : VSF_CPU_BRAKE_LOOSER;
}

guint
vsf_cpu_brake_bound(const VsfCpuBrake *brake)
{
    double bound = brake->base / (double)(1u << brake->shift);

    return brake->shift == 0 ? 0 : (guint)CLAMP(bound, VSF_CPU_BRAKE_LEAST, G_MAXINT);
}

guint32
vsf_cpu_brake_factor(const VsfCpuBrake *brake)
{
    return 1u << brake->shift;
}

double
vsf_cpu_brake_percent(const VsfCpuBrake *brake)
{
    return brake->n_readings == 0 ? 0 : percent_since(brake, &brake->readings[0], 0);
}
