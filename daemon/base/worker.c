/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker.h"

#include "order.h"
#include "threads.h"

/* GTask brings the result to the main loop (it remembers the GMainContext in
 * which it was made); the threads are ours, so that one worker's hung calls
 * take no thread from another. */
struct VsfWorker {
    VsfThreads *threads;
    GDestroyNotify result_free;
    GCancellable *freed; /* tells jobs that no thread has begun that nobody wants them */
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
    GAsyncReadyCallback done;
    gpointer user_data;
} Job;

static void
job_free(Job *job)
{
    vsf_order_take(job);
    if (job->payload_free != NULL && job->payload != NULL)
        job->payload_free(job->payload);
    g_object_unref(job->freed);
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
run_job(gpointer data)
{
    g_autoptr(GTask) task = data;
    Job *job = g_task_get_task_data(task);

    vsf_order_take(job);
    run_task(task, job);
}

static void
worker_destroy(VsfWorker *worker)
{
    g_object_unref(worker->freed);
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

    worker->threads = vsf_threads_new(threads, run_job);
    worker->result_free = result_free;
    worker->freed = g_cancellable_new();
    return worker;
}

void
vsf_worker_free(VsfWorker *worker)
{
    if (worker == NULL)
        return;
    g_cancellable_cancel(worker->freed);
    /* Waiting jobs run through run_job() and are freed there; a call may hang for ever. */
    g_clear_pointer(&worker->threads, vsf_threads_free);
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
    job->done = done;
    job->user_data = user_data;
    g_task_set_source_tag(task, vsf_worker_run);
    g_task_set_task_data(task, job, (GDestroyNotify)job_free);
    worker->pending++;
    vsf_order_give(job);
    vsf_threads_push(worker->threads, task);
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
    return vsf_threads_drain(worker->threads, threads, timeout_ms);
}

guint
vsf_worker_pending(const VsfWorker *worker)
{
    return worker->pending;
}
