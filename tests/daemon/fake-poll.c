/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-poll.h"

#include "../../daemon/base/worker.h"
#include "../../daemon/flows.h"
#include "../../daemon/host/proc-file.h"
#include "../../daemon/host/process.h"
#include "../../daemon/host/vcpu.h"

#define FIRST_ID 0x40000000u
#define START_US (1000 * G_USEC_PER_SEC)

/* --- time ---------------------------------------------------------------- */

typedef struct {
    guint id;
    guint interval_ms;
    gint64 due_us;
    GSourceFunc func;
    gpointer user_data;
} Timer;

static gint64 now_us;
static guint last_id = FIRST_ID;
static GArray *timers;

gint64 __wrap_g_get_monotonic_time(void);
guint __wrap_g_timeout_add(guint interval_ms, GSourceFunc func, gpointer user_data);
gboolean __wrap_g_source_remove(guint id);

gint64
__wrap_g_get_monotonic_time(void)
{
    return now_us;
}

guint
__wrap_g_timeout_add(guint interval_ms, GSourceFunc func, gpointer user_data)
{
    Timer timer = {++last_id, interval_ms, now_us + interval_ms * 1000LL, func, user_data};

    g_array_append_val(timers, timer);
    return timer.id;
}

/* A timer that is not there is a bug of the caller's. */
gboolean
__wrap_g_source_remove(guint id)
{
    for (guint i = 0; i < timers->len; i++) {
        if (g_array_index(timers, Timer, i).id == id) {
            g_array_remove_index(timers, i);
            return TRUE;
        }
    }
    g_assert_not_reached();
}

static gboolean
take_due(gint64 until_us, Timer *timer)
{
    guint best = G_MAXUINT;

    for (guint i = 0; i < timers->len; i++) {
        gint64 due_us = g_array_index(timers, Timer, i).due_us;

        if (due_us <= until_us &&
            (best == G_MAXUINT || due_us < g_array_index(timers, Timer, best).due_us))
            best = i;
    }
    if (best == G_MAXUINT)
        return FALSE;
    *timer = g_array_index(timers, Timer, best);
    g_array_remove_index(timers, best);
    return TRUE;
}

static gboolean
fire_one(gint64 until_us)
{
    Timer timer;

    if (!take_due(until_us, &timer))
        return FALSE;
    now_us = MAX(now_us, timer.due_us);
    if (timer.func(timer.user_data)) {
        timer.due_us = now_us + timer.interval_ms * 1000LL;
        g_array_append_val(timers, timer);
    }
    return TRUE;
}

void
fake_time_advance(gint64 ms)
{
    gint64 until_us = now_us + ms * 1000;

    while (fire_one(until_us))
        ;
    now_us = until_us;
}

void
fake_time_run_one(void)
{
    fire_one(now_us);
}

void
fake_time_stall(gint64 ms)
{
    now_us += ms * 1000;
}

/* --- the QEMU process ---------------------------------------------------- */

static int process_pid;
static VsfProcess process_now;

void
fake_process_set(int pid, char state, guint64 cpu_time_ns)
{
    process_pid = pid;
    process_now = (VsfProcess){
        .state = state, .cpu_time_ns = cpu_time_ns, .start_ticks = 7000u + (guint)pid};
}

gboolean
vsf_process_read(int pid, int *kept G_GNUC_UNUSED, VsfProcess *process)
{
    if (pid == 0 || pid != process_pid)
        return FALSE;
    *process = process_now;
    return TRUE;
}

GArray *
vsf_vcpu_find(int pid G_GNUC_UNUSED)
{
    return g_array_new(FALSE, FALSE, sizeof(int));
}

gboolean
vsf_vcpu_wait(int pid G_GNUC_UNUSED, const GArray *threads G_GNUC_UNUSED,
              GArray *kept G_GNUC_UNUSED, guint64 *wait_ns G_GNUC_UNUSED)
{
    return FALSE;
}

gssize
vsf_proc_read(const char *path G_GNUC_UNUSED, char *buffer, gsize size)
{
    return (gssize)g_strlcpy(buffer, "boot\n", size);
}

gboolean fake_process_has_pid_file = TRUE;
guint fake_process_walks;

int
vsf_process_find(const char *uuid G_GNUC_UNUSED, const char *name G_GNUC_UNUSED, gboolean walk)
{
    if (process_pid != 0 && fake_process_has_pid_file)
        return process_pid;
    fake_process_walks += walk != FALSE;
    return walk ? process_pid : 0;
}

/* --- base/worker --------------------------------------------------------- */

struct VsfWorker {
    GDestroyNotify result_free;
};

typedef struct {
    VsfWorkerFunc func;
    gpointer payload;
    GDestroyNotify payload_free;
    GAsyncReadyCallback done;
    gpointer user_data;
    gpointer result;
    GCancellable *cancel;
    gboolean cancelled;
    VsfWorker *worker;
} Job;

static GQueue jobs = G_QUEUE_INIT;

VsfWorker *
vsf_worker_new(guint threads G_GNUC_UNUSED, GDestroyNotify result_free)
{
    VsfWorker *worker = g_new0(VsfWorker, 1);

    worker->result_free = result_free;
    return worker;
}

static void
end_job(Job *job)
{
    job->done(NULL, (GAsyncResult *)(void *)job, job->user_data);
    if (job->payload_free != NULL)
        job->payload_free(job->payload);
    g_clear_object(&job->cancel);
    g_free(job);
}

void
vsf_worker_free(VsfWorker *worker)
{
    Job *job;

    while ((job = g_queue_pop_head(&jobs)) != NULL) {
        job->cancelled = TRUE;
        end_job(job);
    }
    g_free(worker);
}

void
vsf_worker_run(VsfWorker *worker, VsfWorkerFunc func, gpointer payload, GDestroyNotify payload_free,
               GCancellable *cancel, GAsyncReadyCallback done, gpointer user_data)
{
    Job job = {
        .func = func,
        .payload = payload,
        .payload_free = payload_free,
        .done = done,
        .user_data = user_data,
        .cancel = cancel != NULL ? g_object_ref(cancel) : NULL,
        .worker = worker,
    };

    g_queue_push_tail(&jobs, g_memdup2(&job, sizeof(job)));
}

gpointer
vsf_worker_finish(GAsyncResult *result, GError **error)
{
    const Job *job = (const Job *)(const void *)result;

    if (!job->cancelled && !g_cancellable_is_cancelled(job->cancel))
        return job->result;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the worker was closed");
    if (job->result != NULL && job->worker->result_free != NULL)
        job->worker->result_free(job->result);
    return NULL;
}

void
fake_worker_run_one(void)
{
    Job *job = g_queue_pop_head(&jobs);

    job->result = job->func(job->payload, NULL);
    end_job(job);
}

guint
fake_worker_run(void)
{
    guint n = 0;

    for (; !g_queue_is_empty(&jobs); n++)
        fake_worker_run_one();
    return n;
}

/* --- virt/stats ---------------------------------------------------------- */

typedef struct {
    char *uuid;
    gboolean gathered; /* not begun yet */
    gint64 asked_us;
    VsfCallsFunc done;
    gpointer user_data;
} Call;

guint fake_stats_asked, fake_stats_together;
GArray *fake_stats_times;
gboolean fake_stats_wait;
static GHashTable *calls; /* uuid -> Call */

static void
call_free(gpointer data)
{
    Call *call = data;

    g_free(call->uuid);
    g_free(call);
}

VsfCallsAsk
vsf_stats_ask(VsfCalls *stats G_GNUC_UNUSED, const char *uuid, VsfStatsHow how, VsfCallsFunc done,
              gpointer user_data)
{
    Call *call;
    gint64 time_us = now_us - START_US;

    if (g_hash_table_contains(calls, uuid))
        return VSF_CALLS_IN_FLIGHT;
    call = g_new0(Call, 1);
    *call = (Call){g_strdup(uuid), (how & VSF_STATS_WITH_OTHERS) != 0, now_us, done, user_data};
    g_hash_table_insert(calls, call->uuid, call);
    fake_stats_asked++;
    g_array_append_val(fake_stats_times, time_us);
    return VSF_CALLS_ASKED;
}

void
vsf_calls_begin_gathered(VsfCalls *stats G_GNUC_UNUSED)
{
    GHashTableIter iter;
    gpointer call;

    fake_stats_together = 0;
    g_hash_table_iter_init(&iter, calls);
    while (g_hash_table_iter_next(&iter, NULL, &call)) {
        fake_stats_together += ((Call *)call)->gathered;
        ((Call *)call)->gathered = FALSE;
    }
}

gint64
vsf_calls_outstanding_since(const VsfCalls *stats G_GNUC_UNUSED, const char *uuid)
{
    const Call *call = g_hash_table_lookup(calls, uuid);

    return !fake_stats_wait && call != NULL ? call->asked_us : 0;
}

void
fake_stats_answer(const char *uuid, const VsfDomainStats *stats)
{
    Call *call = g_hash_table_lookup(calls, uuid);
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(call);
    g_assert_false(call->gathered);
    g_hash_table_steal(calls, uuid);
    if (stats == NULL)
        g_set_error(&error, G_IO_ERROR, G_IO_ERROR_FAILED, "as the test said");
    call->done(call->uuid, (gpointer)stats, error, call->user_data);
    call_free(call);
}

/* --- the rest ------------------------------------------------------------ */

void
vsf_flows_reading(VsfFlows *flows G_GNUC_UNUSED, int ifindex G_GNUC_UNUSED,
                  const VsfLinkStats *stats G_GNUC_UNUSED, gint64 read_ns G_GNUC_UNUSED)
{
}

void
fake_poll_reset(void)
{
    now_us = START_US;
    g_clear_pointer(&timers, g_array_unref);
    g_clear_pointer(&calls, g_hash_table_unref);
    g_clear_pointer(&fake_stats_times, g_array_unref);
    timers = g_array_new(FALSE, FALSE, sizeof(Timer));
    calls = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, call_free);
    fake_stats_times = g_array_new(FALSE, FALSE, sizeof(gint64));
    fake_stats_asked = fake_stats_together = 0;
    fake_stats_wait = FALSE;
    fake_process_set(0, 'S', 0);
    fake_process_has_pid_file = TRUE;
    fake_process_walks = 0;
}
