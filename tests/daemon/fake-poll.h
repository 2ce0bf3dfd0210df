/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fakes for the poller: a clock with its timers (the linker sends
 * g_get_monotonic_time(), g_timeout_add() and g_source_remove() here), one QEMU
 * process, base/worker and virt/stats. Nothing happens until the test says so. */
#pragma once

#include "../../daemon/virt/stats.h"

void fake_poll_reset(void);

/* Lets time pass; timers fire in their order, each at its time. */
void fake_time_advance(gint64 ms);
/* The timer that is due first fires, if one is; time stands still. */
void fake_time_run_one(void);
/* The loop was busy or stopped: time passes and nothing fires. */
void fake_time_stall(gint64 ms);

/* What /proc shows. @pid 0: no process. */
void fake_process_set(int pid, char state, guint64 cpu_time_ns);
/* Whether its PID file says which it is; TRUE after the reset. */
extern gboolean fake_process_has_pid_file;
/* How often all of /proc was read for one, since the reset. */
extern guint fake_process_walks;

/* Runs what was given to workers, oldest first; returns how many jobs. */
guint fake_worker_run(void);
/* Only the oldest. */
void fake_worker_run_one(void);

/* Questions to libvirt since the reset, and those that wait for an answer. */
extern guint fake_stats_asked;
/* How many of them were begun together, the last time that any could be. */
extern guint fake_stats_together;
/* When each was asked, in us since the reset: gint64. */
extern GArray *fake_stats_times;
/* Questions wait for a thread: their calls have not begun. */
extern gboolean fake_stats_wait;
/* Answers the question about @uuid; @stats NULL: an error. */
void fake_stats_answer(const char *uuid, const VsfDomainStats *stats);
