/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many samples a second the daemon may take, so that its own CPU time stays below a
 * limit: none is said while it does; above the limit a bound is set and halved as often as
 * needed, and doubled again, slowly, while less than half of the limit is used. What else
 * costs CPU time (counters, agents) is not its business, so the last
 * VSF_CPU_BRAKE_LEAST samples are never taken. Pure; time and CPU time are arguments. */
#pragma once

#include <glib.h>

#define VSF_CPU_BRAKE_WINDOW_S 30
#define VSF_CPU_BRAKE_LEAST 50 /* samples a second */

/* Cumulative; from any starting points. */
typedef struct {
    gint64 at_us;   /* monotonic */
    gint64 cpu_us;  /* CPU time of the process, all of its threads */
    guint64 picked; /* packets that were sampled */
} VsfCpuReading;

/* Zeros are a brake that never gripped. */
typedef struct {
    VsfCpuReading readings[VSF_CPU_BRAKE_WINDOW_S + 2]; /* oldest first; since the last change */
    guint n_readings;
    guint shift;       /* the bound is base / 2^shift; 0: there is none */
    double base;       /* samples a second that were taken when it gripped */
    double seen;       /* percent of a core that made the last change */
    gboolean helpless; /* above the limit, and there is nothing left to take */
} VsfCpuBrake;

typedef enum {
    VSF_CPU_BRAKE_SAME,
    VSF_CPU_BRAKE_TIGHTER,
    VSF_CPU_BRAKE_LOOSER,
    VSF_CPU_BRAKE_OFF,      /* there is no bound any more */
    VSF_CPU_BRAKE_HELPLESS, /* above the limit, and fewer samples would not help: once */
} VsfCpuBrakeChange;

/* One reading, best one a second. @limit: percent of a core over the window; above 0.
 * It grips when the window's CPU time is above the limit; what is older than the first reading
 * counts as idle. After a change the window begins anew: 5 s of twice the limit, or 15 s
 * above it, make the bound tighter, by as much as the excess; 30 s in which twice the
 * CPU time would have left a tenth of the limit free make it looser by one step. */
VsfCpuBrakeChange vsf_cpu_brake_note(VsfCpuBrake *brake, const VsfCpuReading *reading, guint limit);

/* Samples a second at most; 0: no bound. */
guint vsf_cpu_brake_bound(const VsfCpuBrake *brake);

/* How many times fewer samples than when it gripped: a power of two, 1 while there is no bound. */
guint32 vsf_cpu_brake_factor(const VsfCpuBrake *brake);

/* Percent of a core over the last 30 s, or since the last change. */
double vsf_cpu_brake_percent(const VsfCpuBrake *brake);
