/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that take jobs. Not GThreadPool, whose thread wakes up half a second after each job
 * only to wait elsewhere: for jobs that come once in a while that is as much again as what wakes
 * it for the job. */
#pragma once

#include <glib.h>

typedef struct VsfThreads VsfThreads;

/* @func runs for each job, on any thread, at most @max at a time. Threads are started when needed,
 * and end by themselves after 15 s without a job, or at once where many are idle already; one stays
 * for those 15 s all the same. */
VsfThreads *vsf_threads_new(guint max, void (*func)(gpointer job));

/* Does not wait. Jobs that no thread has begun still run. Takes NULL. */
void vsf_threads_free(VsfThreads *threads);

/* @job is not NULL. If no thread can be started, it waits for one that is busy, or for the next
 * push. */
void vsf_threads_push(VsfThreads *threads, gpointer job);

/* Runs what waits on up to @max at once, and waits at most @timeout_ms until no job runs or waits
 * to. FALSE: some still do. */
gboolean vsf_threads_drain(VsfThreads *threads, guint max, guint timeout_ms);
