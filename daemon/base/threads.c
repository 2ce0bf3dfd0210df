/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "threads.h"

#include "order.h"

#define IDLE_MAX 8 /* threads, of all that are there, beside one of each owner */
#define IDLE_US (15 * G_USEC_PER_SEC)

struct VsfThreads {
    gatomicrefcount references; /* the owner's, and one of each thread */
    void (*func)(gpointer job);
    GMutex lock;
    GCond none;
    GQueue waiting;    /* jobs */
    GQueue idle;       /* Idle; the one that was busy last comes first, so that the others end */
    GQueue spare;      /* Idle, nobody's; freed at the end, since it may still be woken up */
    guint n, max;      /* threads */
    guint outstanding; /* jobs that run or wait to */
    guint draining;    /* who waits for none */
    gboolean closed;
};

/* A thread without a job. */
typedef struct {
    GCond wake;
    gpointer job; /* that it is given */
} Idle;

typedef struct {
    VsfThreads *threads;
    gpointer job; /* the first one */
} Start;

static gint n_idle; /* atomic */

static Idle *
idle_new(void)
{
    Idle *idle = g_new0(Idle, 1);

    g_cond_init(&idle->wake);
    return idle;
}

static void
idle_free(gpointer data)
{
    Idle *idle = data;

    g_cond_clear(&idle->wake);
    g_free(idle);
}

static void
threads_unref(VsfThreads *threads)
{
    if (!vsf_order_unref(&threads->references))
        return;
    g_mutex_clear(&threads->lock);
    g_cond_clear(&threads->none);
    g_queue_clear(&threads->waiting);
    g_queue_clear_full(&threads->spare, idle_free);
    g_free(threads);
}

/* --- a thread ---------------------------------------------------------- */

/* With the lock, which the wait lets go of. FALSE: it is over. */
static gboolean
wait_until(GCond *cond, VsfThreads *threads, gint64 until_us)
{
    gboolean in_time;

    vsf_order_give(&threads->lock);
    in_time = g_cond_wait_until(cond, &threads->lock, until_us);
    vsf_order_take(&threads->lock);
    return in_time;
}

/* With the lock. NULL: none came. */
static gpointer
wait_for_job(VsfThreads *threads)
{
    gint64 until_us = g_get_monotonic_time() + IDLE_US;
    Idle *idle = g_queue_pop_head(&threads->spare);

    if (idle == NULL)
        idle = idle_new();
    g_queue_push_head(&threads->idle, idle);
    while (idle->job == NULL && !threads->closed && wait_until(&idle->wake, threads, until_us))
        ;
    g_queue_remove(&threads->idle, idle);
    g_queue_push_head(&threads->spare, idle);
    return g_steal_pointer(&idle->job);
}

/* With the lock. NULL: the thread ends. One may stay with each owner: else jobs that come in every
 * few seconds would each start a thread while those lie idle that something else needed once. */
static gpointer
next_job(VsfThreads *threads)
{
    gpointer job = g_queue_pop_head(&threads->waiting);

    if (job != NULL || threads->closed)
        return job;
    if (g_queue_is_empty(&threads->idle))
        return wait_for_job(threads);
    if (g_atomic_int_add(&n_idle, 1) < IDLE_MAX)
        job = wait_for_job(threads);
    g_atomic_int_add(&n_idle, -1);
    return job;
}

static gpointer
run(gpointer data)
{
    g_autofree Start *start = data;
    VsfThreads *threads = start->threads;
    gpointer job = start->job;

    vsf_order_take(start);
    while (job != NULL) {
        threads->func(job);
        vsf_order_lock(&threads->lock);
        if (--threads->outstanding == 0 && threads->draining > 0)
            g_cond_broadcast(&threads->none);
        job = next_job(threads);
        if (job == NULL)
            threads->n--;
        vsf_order_unlock(&threads->lock);
    }
    threads_unref(threads);
    return NULL;
}

/* With the lock. FALSE: none could be started. */
static gboolean
start_thread(VsfThreads *threads, gpointer job)
{
    Start *start = g_new(Start, 1);
    GThread *thread;

    *start = (Start){threads, job};
    g_atomic_ref_count_inc(&threads->references);
    vsf_order_give(start);
    thread = g_thread_try_new("worker", run, start, NULL);
    if (thread == NULL) {
        g_atomic_ref_count_dec(&threads->references);
        g_free(start);
        return FALSE;
    }
    g_thread_unref(thread);
    threads->n++;
    return TRUE;
}

/* --- the owner --------------------------------------------------------- */

void
vsf_threads_push(VsfThreads *threads, gpointer job)
{
    Idle *idle;

    vsf_order_lock(&threads->lock);
    threads->outstanding++;
    idle = g_queue_pop_head(&threads->idle);
    if (idle != NULL) {
        idle->job = job;
    } else {
        g_queue_push_tail(&threads->waiting, job);
        if (threads->n < threads->max &&
            start_thread(threads, g_queue_peek_head(&threads->waiting)))
            g_queue_pop_head(&threads->waiting);
    }
    vsf_order_unlock(&threads->lock);
    /* With the lock, the thread would wake up to wait for that. */
    if (idle != NULL)
        g_cond_signal(&idle->wake);
}

gboolean
vsf_threads_drain(VsfThreads *threads, guint max, guint timeout_ms)
{
    gint64 until_us = g_get_monotonic_time() + (gint64)timeout_ms * G_TIME_SPAN_MILLISECOND;
    gboolean in_time = TRUE;
    gpointer job;

    vsf_order_lock(&threads->lock);
    threads->max = MAX(threads->max, max);
    while (threads->n < threads->max && (job = g_queue_peek_head(&threads->waiting)) != NULL &&
           start_thread(threads, job))
        g_queue_pop_head(&threads->waiting);
    threads->draining++;
    while (threads->outstanding > 0 && in_time)
        in_time = wait_until(&threads->none, threads, until_us);
    threads->draining--;
    in_time = threads->outstanding == 0;
    vsf_order_unlock(&threads->lock);
    return in_time;
}

VsfThreads *
vsf_threads_new(guint max, void (*func)(gpointer job))
{
    VsfThreads *threads = g_new0(VsfThreads, 1);

    g_atomic_ref_count_init(&threads->references);
    threads->func = func;
    threads->max = max;
    g_mutex_init(&threads->lock);
    g_cond_init(&threads->none);
    g_queue_init(&threads->waiting);
    g_queue_init(&threads->idle);
    g_queue_init(&threads->spare);
    return threads;
}

void
vsf_threads_free(VsfThreads *threads)
{
    if (threads == NULL)
        return;
    vsf_order_lock(&threads->lock);
    threads->closed = TRUE;
    for (GList *at = threads->idle.head; at != NULL; at = at->next)
        g_cond_signal(&((Idle *)at->data)->wake);
    vsf_order_unlock(&threads->lock);
    threads_unref(threads);
}
