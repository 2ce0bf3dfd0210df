/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one thread does for calls.c: one call about one domain or, as a batch, about several, on
 * a connection that the run has with it for as long as it is out. */
#pragma once

#include "calls.h"

typedef struct {
    VsfCalls *calls; /* NULL once that was freed; main thread only, as is what follows */
    gint64 begun_us;
    guint timer; /* at which a batch is given up */
    gboolean given_up;

    const VsfCallsOps *ops;
    char *uri;
    gpointer link;
    GError *error; /* no connection, or the batch as a whole failed */
    guint n;
    VsfCallsItem items[];
} VsfCallsRun;

VsfCallsRun *vsf_calls_run_new(VsfCalls *calls, const VsfCallsOps *ops, const char *uri, guint n);
/* Any thread; also closes its connection, later. */
void vsf_calls_run_free(VsfCallsRun *run);

/* A VsfWorkerFunc: answers and errors of all items, or @error of them all. Returns the run, no
 * reference. */
gpointer vsf_calls_run_do(gpointer run, GError **error);

/* --- of the runs that are out. Main thread. */

guint vsf_calls_runs_begun_before(const GPtrArray *runs, gint64 time_us);

/* Those that may hang: all that took longer than a batch may; with those that are batches if
 * @with_batches. */
guint vsf_calls_runs_in_doubt(const GPtrArray *runs, gint64 now_us, gboolean with_batches);

/* A batch that was given up may hang at this domain. */
gboolean vsf_calls_runs_may_hang_at(const GPtrArray *runs, const char *uuid);

/* On a thread of its own: it may hang. */
void vsf_calls_close_later(const VsfCallsOps *ops, gpointer link);
