/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker.h"

#include "order.h"

#define IDLE_THREADS_MAX 8 /* of all workers; they end after 15 s without work */

/* Functions that run or wait to; outlives the worker where one hangs. */
typedef struct {
    GMutex lock;
    GCond none;
    guint n;
} Outstanding;

/* GTask brings the result to the main loop (it remembers the GMainContext in
 * which it was made); the thread pool is ours, so that one worker's hung calls
 * take no thread from another. */
struct VsfWorker {
    GThreadPool *pool;
    GDestroyNotify result_free;
    GCancellable *freed;      /* tells jobs that no thread has begun that nobody wants them */
    Outstanding *outstanding; /* atomic reference box */
    guint pending;
    guint delivering; /* callbacks that run now; one of them may free the worker */
    gboolean closing; /* freed by its owner while jobs were out */
};

typedef struct {
    VsfWorker *worker;
    VsfWorkerFunc func;
    gpointer payload;
    GDestroyNotify payload_free;
    GDestroyNotify result_free;
    GCancellable *freed;
    Outstanding *outstanding;
    GAsyncReadyCallback done;
    gpointer user_data;
} Job;

static void
outstanding_clear(gpointer data)
{
    Outstanding *outstanding = data;

    vsf_order_take(outstanding);
    g_mutex_clear(&outstanding->lock);
    g_cond_clear(&outstanding->none);
}

static void
outstanding_unref(Outstanding *outstanding)
{
    vsf_order_give(outstanding);
    g_atomic_rc_box_release_full(outstanding, outstanding_clear);
}

static void
count_job(Outstanding *outstanding, gint change)
{
    vsf_order_lock(&outstanding->lock);
    outstanding->n = (guint)((gint)outstanding->n + change);
    if (outstanding->n == 0)
        g_cond_broadcast(&outstanding->none);
    vsf_order_unlock(&outstanding->lock);
}

static void
job_free(Job *job)
{
    vsf_order_take(job);
    if (job->payload_free != NULL && job->payload != NULL)
        job->payload_free(job->payload);
    g_object_unref(job->freed);
    outstanding_unref(job->outstanding);
    g_free(job);
}

static void
run_task(GTask *task, Job *job)
{
    GError *error = NULL;
    gpointer result = NULL;
    GDestroyNotify result_free = job->result_free;

    if (!g_cancellable_set_error_if_cancelled(g_task_get_cancellable(task), &error) &&
        g_cancellable_is_cancelled(job->freed))
        g_set_error_literal(&error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the worker was closed");
    if (error == NULL)
        result = job->func(job->payload, &error);
    vsf_order_give(job);
    /* From here on the job is the main thread's. */
    if (error != NULL)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, result, result_free);
}

static void
run_job(gpointer data, gpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GTask) task = data;
    Job *job = g_task_get_task_data(task);
    Outstanding *outstanding;

    vsf_order_take(job);
    /* The main thread may free the job as soon as it has the result. */
    outstanding = g_atomic_rc_box_acquire(job->outstanding);
    run_task(task, job);
    count_job(outstanding, -1);
    outstanding_unref(outstanding);
}

static void
worker_destroy(VsfWorker *worker)
{
    g_object_unref(worker->freed);
    outstanding_unref(worker->outstanding);
    g_free(worker);
}

/* On the main thread, after the thread is done with the job. */
static void
deliver(GObject *source, GAsyncResult *result, gpointer user_data G_GNUC_UNUSED)
{
    Job *job = g_task_get_task_data(G_TASK(result));
    VsfWorker *worker;

    vsf_order_take(job);
    worker = job->worker;
    worker->pending--;
    worker->delivering++;
    if (job->done != NULL)
        job->done(source, result, job->user_data);
    worker->delivering--;
    vsf_order_give(job);
    if (worker->closing && worker->pending + worker->delivering == 0)
        worker_destroy(worker);
}

VsfWorker *
vsf_worker_new(guint threads, GDestroyNotify result_free)
{
    VsfWorker *worker = g_new0(VsfWorker, 1);

    /* GLib keeps two idle threads by default, so that jobs that come a few at a
     * time, several times a second, would start a new thread each. */
    g_thread_pool_set_max_unused_threads(IDLE_THREADS_MAX);
    worker->pool = g_thread_pool_new(run_job, NULL, (gint)threads, FALSE, NULL);
    worker->result_free = result_free;
    worker->freed = g_cancellable_new();
    worker->outstanding = g_atomic_rc_box_new0(Outstanding);
    g_mutex_init(&worker->outstanding->lock);
    g_cond_init(&worker->outstanding->none);
    return worker;
}

void
vsf_worker_free(VsfWorker *worker)
{
    if (worker == NULL)
        return;
    g_cancellable_cancel(worker->freed);
    /* Not immediate, so that waiting jobs run through run_job() and are freed
     * there; not waiting, since a call may hang for ever. */
    g_thread_pool_free(g_steal_pointer(&worker->pool), FALSE, FALSE);
    if (worker->pending + worker->delivering == 0)
        worker_destroy(worker);
    else
        worker->closing = TRUE;
}

void
vsf_worker_run(VsfWorker *worker, VsfWorkerFunc func, gpointer payload, GDestroyNotify payload_free,
               GCancellable *cancel, GAsyncReadyCallback done, gpointer user_data)
{
    GTask *task = g_task_new(NULL, cancel, deliver, NULL);
    Job *job = g_new0(Job, 1);

    job->worker = worker;
    job->func = func;
    job->payload = payload;
    job->payload_free = payload_free;
    job->result_free = worker->result_free;
    job->freed = g_object_ref(worker->freed);
    job->outstanding = g_atomic_rc_box_acquire(worker->outstanding);
    count_job(job->outstanding, 1);
    job->done = done;
    job->user_data = user_data;
    g_task_set_source_tag(task, vsf_worker_run);
    g_task_set_task_data(task, job, (GDestroyNotify)job_free);
    worker->pending++;
    vsf_order_give(job);
    /* Pushing can only fail to start another thread; the job then waits for
     * one that exists, or for the next push. */
    g_thread_pool_push(worker->pool, task, NULL);
}

gpointer
vsf_worker_finish(GAsyncResult *result, GError **error)
{
    Job *job = g_task_get_task_data(G_TASK(result));
    GDestroyNotify result_free = job->result_free;
    gboolean freed = g_cancellable_is_cancelled(job->freed);
    gpointer value = g_task_propagate_pointer(G_TASK(result), freed ? NULL : error);

    if (!freed)
        return value;
    /* The call itself may well have succeeded; its owner is gone all the same. */
    if (value != NULL && result_free != NULL)
        result_free(value);
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the worker was closed");
    return NULL;
}

gboolean
vsf_worker_drain(VsfWorker *worker, guint threads, guint timeout_ms)
{
    gint64 until_us = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    Outstanding *outstanding = worker->outstanding;
    gboolean in_time = TRUE;

    /* This also starts the threads for what waits already. */
    if ((gint)threads > g_thread_pool_get_max_threads(worker->pool))
        g_thread_pool_set_max_threads(worker->pool, (gint)threads, NULL);
    vsf_order_lock(&outstanding->lock);
    while (outstanding->n > 0 && in_time) {
        vsf_order_give(&outstanding->lock); /* the wait unlocks it */
        in_time = g_cond_wait_until(&outstanding->none, &outstanding->lock, until_us);
        vsf_order_take(&outstanding->lock);
    }
    vsf_order_unlock(&outstanding->lock);
    return in_time;
}

guint
vsf_worker_pending(const VsfWorker *worker)
{
    return worker->pending;
}
