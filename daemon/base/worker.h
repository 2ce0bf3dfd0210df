/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs blocking functions on threads of our own and brings each result back
 * to the main loop. One worker per thing that can hang: libvirt statistics,
 * libvirt's connection, netlink, files, packet sockets.
 *
 * Not g_task_run_in_thread(): its pool is process-wide, so ten hung libvirt
 * calls would stop every other user of it. */
#pragma once

#include <gio/gio.h>

typedef struct VsfWorker VsfWorker;

/* Runs off the main thread. Sees only @payload; returns a new result, or NULL
 * with @error set. A function without a result returns a non-NULL token and
 * the worker is created without result_free. */
typedef gpointer (*VsfWorkerFunc)(gpointer payload, GError **error);

/* @threads is the most that run at once; a call that hangs keeps its thread.
 * Threads are started when needed and end by themselves when idle.
 * @result_free frees results that nobody finished (NULL: nothing to free). */
VsfWorker *vsf_worker_new(guint threads, GDestroyNotify result_free);

/* Takes NULL. Does not wait: calls in flight keep their payload until they
 * return, and @done still runs for every job if the main loop does, with
 * G_IO_ERROR_CANCELLED. */
void vsf_worker_free(VsfWorker *worker);

/* Takes @payload, freed with @payload_free (may be NULL) once @func returned
 * and the result was delivered. @done runs on the main thread, never inside
 * this call, and calls vsf_worker_finish() first: if that reports
 * G_IO_ERROR_CANCELLED, @user_data may be gone. @done and @cancel may be NULL. */
void vsf_worker_run(VsfWorker *worker, VsfWorkerFunc func, gpointer payload,
                    GDestroyNotify payload_free, GCancellable *cancel, GAsyncReadyCallback done,
                    gpointer user_data);

/* Hands over the result; NULL with @error set if @func failed or the job was
 * cancelled. */
gpointer vsf_worker_finish(GAsyncResult *result, GError **error);

/* Runs what waits on up to @threads at once, and waits at most @timeout_ms until no function
 * runs or waits to; results are delivered later, as always. FALSE: some are still out. Before
 * the process ends: for jobs whose work must be done by then. Main thread. */
gboolean vsf_worker_drain(VsfWorker *worker, guint threads, guint timeout_ms);

/* Jobs given and not yet delivered, running or waiting. Main thread. */
guint vsf_worker_pending(const VsfWorker *worker);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfWorker, vsf_worker_free)
