/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "calls.h"

#include "../base/worker.h"
#include "detached.h"

/* All of it lives on the main thread; a thread sees one Call, which has its
 * connection with it for as long as it is out. Calls wait here and not in the
 * worker, so that a call's time begins when a thread takes it. */
struct VsfCalls {
    const VsfCallsOps *ops;
    char *uri;
    guint threads;
    gint64 deadline_us;
    VsfWorker *worker;
    GHashTable *calls; /* UUID -> Call, waiting or running; not owned */
    GQueue waiting;    /* Call, owned */
    GQueue idle;       /* connections */
    guint n_running;
    guint waiting_timer;
    VsfQuantiles latency; /* of calls that came back */
};

typedef struct {
    VsfCalls *calls; /* NULL once that was freed; main thread only */
    const VsfCallsOps *ops;
    char *uri;
    char uuid[VSF_UUID_TEXT];
    gpointer question;
    gint64 begun_us; /* 0: waits for a thread */
    gpointer link;
    VsfCallsFunc done;
    gpointer user_data;
} Call;

typedef struct {
    const VsfCallsOps *ops;
    gpointer link;
} Closing;

static gpointer
close_link(gpointer data)
{
    g_autofree Closing *closing = data;

    closing->ops->close(closing->link);
    return NULL;
}

static void
close_later(const VsfCallsOps *ops, gpointer link)
{
    Closing *closing = g_new(Closing, 1);

    *closing = (Closing){.ops = ops, .link = link};
    vsf_detached_run(close_link, closing);
}

static void
question_free(const VsfCallsOps *ops, gpointer question)
{
    if (ops->question_free != NULL && question != NULL)
        ops->question_free(question);
}

static void
call_free(Call *call)
{
    if (call->link != NULL)
        close_later(call->ops, call->link);
    question_free(call->ops, call->question);
    g_free(call->uri);
    g_free(call);
}

/* On a thread. A connection that died while it lay idle (libvirtd restarted) is
 * replaced, so that it costs no answer. One that dies in the call is not: it
 * was most likely libvirtd that hung, and opening another would hang as well. */
static gpointer
run_call(gpointer payload, GError **error)
{
    Call *call = payload;
    gpointer answer;

    if (call->link != NULL && !call->ops->is_alive(call->link))
        call->ops->close(g_steal_pointer(&call->link));
    if (call->link == NULL)
        call->link = call->ops->open(call->uri, error);
    if (call->link == NULL)
        return NULL;
    answer = call->ops->call(call->link, call->uuid, call->question, error);
    if (answer == NULL && !call->ops->is_alive(call->link))
        call->ops->close(g_steal_pointer(&call->link));
    return answer;
}

static void begin_waiting(VsfCalls *calls);

static void
call_done(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    Call *call = user_data;
    VsfCalls *calls = call->calls;
    g_autoptr(GError) error = NULL;
    gpointer answer = vsf_worker_finish(result, &error);
    GDestroyNotify answer_free = call->ops->answer_free;

    if (calls == NULL)
        return;
    calls->n_running--;
    vsf_quantiles_add(&calls->latency, calls->ops->now_us() - call->begun_us);
    g_hash_table_remove(calls->calls, call->uuid);
    if (call->link != NULL)
        g_queue_push_head(&calls->idle, g_steal_pointer(&call->link));
    begin_waiting(calls);
    call->done(call->uuid, answer, error, call->user_data);
    if (answer != NULL)
        answer_free(answer);
}

static void
begin(VsfCalls *calls, Call *call)
{
    call->link = g_queue_pop_head(&calls->idle);
    call->begun_us = calls->ops->now_us();
    calls->n_running++;
    vsf_worker_run(calls->worker, run_call, call, (GDestroyNotify)call_free, NULL, call_done, call);
}

static void
begin_waiting(VsfCalls *calls)
{
    while (calls->n_running < calls->threads && !g_queue_is_empty(&calls->waiting))
        begin(calls, g_queue_pop_head(&calls->waiting));
}

static gboolean
is_paused(const VsfCalls *calls)
{
    return vsf_calls_stuck(calls) >= calls->threads;
}

static void watch_waiting(VsfCalls *calls);

/* Calls that wait behind hung ones would wait as long: their owners are told,
 * and go on without. */
static gboolean
give_up_waiting(gpointer user_data)
{
    VsfCalls *calls = user_data;
    g_autoptr(GError) error = NULL;
    Call *call;

    if (!is_paused(calls)) {
        calls->waiting_timer = 0;
        watch_waiting(calls);
        return G_SOURCE_REMOVE;
    }
    g_set_error(&error, G_IO_ERROR, G_IO_ERROR_BUSY, "every thread waits for libvirt");
    while ((call = g_queue_pop_head(&calls->waiting)) != NULL) {
        g_hash_table_remove(calls->calls, call->uuid);
        call->done(call->uuid, NULL, error, call->user_data);
        call_free(call);
        /* One of them may free all of this, and the timer with it. */
        if (g_source_is_destroyed(g_main_current_source()))
            return G_SOURCE_REMOVE;
    }
    calls->waiting_timer = 0;
    return G_SOURCE_REMOVE;
}

static void
watch_waiting(VsfCalls *calls)
{
    guint deadline_ms = (guint)(calls->deadline_us / G_TIME_SPAN_MILLISECOND);

    if (calls->waiting_timer == 0 && !g_queue_is_empty(&calls->waiting))
        calls->waiting_timer = g_timeout_add(deadline_ms, give_up_waiting, calls);
}

static Call *
call_new(VsfCalls *calls, const char *uuid, gpointer question, VsfCallsFunc done,
         gpointer user_data)
{
    Call *call = g_new0(Call, 1);

    call->calls = calls;
    call->ops = calls->ops;
    call->uri = g_strdup(calls->uri);
    g_strlcpy(call->uuid, uuid, sizeof(call->uuid));
    call->question = question;
    call->done = done;
    call->user_data = user_data;
    return call;
}

VsfCallsAsk
vsf_calls_ask(VsfCalls *calls, const char *uuid, gpointer question, VsfCallsFunc done,
              gpointer user_data)
{
    gboolean in_flight = g_hash_table_contains(calls->calls, uuid);
    Call *call;

    if (in_flight || is_paused(calls)) {
        question_free(calls->ops, question);
        return in_flight ? VSF_CALLS_IN_FLIGHT : VSF_CALLS_PAUSED;
    }
    call = call_new(calls, uuid, question, done, user_data);
    g_hash_table_insert(calls->calls, call->uuid, call);
    if (calls->n_running < calls->threads)
        begin(calls, call);
    else
        g_queue_push_tail(&calls->waiting, call);
    watch_waiting(calls);
    return VSF_CALLS_ASKED;
}

gint64
vsf_calls_outstanding_since(const VsfCalls *calls, const char *uuid)
{
    const Call *call = g_hash_table_lookup(calls->calls, uuid);

    return call != NULL ? call->begun_us : 0;
}

gboolean
vsf_calls_is_out(const VsfCalls *calls, const char *uuid)
{
    return g_hash_table_contains(calls->calls, uuid);
}

guint
vsf_calls_running(const VsfCalls *calls)
{
    return calls->n_running;
}

guint
vsf_calls_stuck(const VsfCalls *calls)
{
    gint64 limit_us = calls->ops->now_us() - calls->deadline_us;
    GHashTableIter iter;
    gpointer value;
    guint n = 0;

    g_hash_table_iter_init(&iter, calls->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Call *call = value;

        if (call->begun_us != 0 && call->begun_us < limit_us)
            n++;
    }
    return n;
}

VsfQuantiles
vsf_calls_take_latency(VsfCalls *calls)
{
    return vsf_quantiles_take(&calls->latency);
}

VsfCalls *
vsf_calls_new(const VsfCallsOps *ops, const char *uri, guint threads, gint64 deadline_us)
{
    VsfCalls *calls = g_new0(VsfCalls, 1);

    calls->ops = ops;
    calls->uri = g_strdup(uri);
    calls->threads = threads;
    calls->deadline_us = deadline_us;
    calls->worker = vsf_worker_new(threads, ops->answer_free);
    calls->calls = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&calls->waiting);
    g_queue_init(&calls->idle);
    return calls;
}

void
vsf_calls_set_deadline(VsfCalls *calls, gint64 deadline_us)
{
    calls->deadline_us = deadline_us;
}

void
vsf_calls_free(VsfCalls *calls)
{
    GHashTableIter iter;
    gpointer value;

    if (calls == NULL)
        return;
    g_clear_handle_id(&calls->waiting_timer, g_source_remove);
    g_hash_table_iter_init(&iter, calls->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        ((Call *)value)->calls = NULL;
    g_hash_table_unref(calls->calls);
    g_queue_clear_full(&calls->waiting, (GDestroyNotify)call_free);
    while ((value = g_queue_pop_head(&calls->idle)) != NULL)
        close_later(calls->ops, value);
    vsf_worker_free(calls->worker);
    g_free(calls->uri);
    g_free(calls);
}
