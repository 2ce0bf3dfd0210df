/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "calls.h"

#include "../base/worker.h"
#include "calls-run.h"

/* All of it lives on the main thread; a thread sees one run, which has its
 * connection with it for as long as it is out. Runs wait here and not in the
 * worker, so that a call's time begins when a thread takes it. */
struct VsfCalls {
    const VsfCallsOps *ops;
    char *uri;
    guint threads;
    gint64 deadline_us;
    VsfWorker *worker;
    GHashTable *calls;       /* UUID -> Call: gathered, waiting, running or held */
    GPtrArray *gathered;     /* Call, not owned */
    GQueue waiting;          /* VsfCallsRun, owned */
    GPtrArray *running;      /* VsfCallsRun, the worker's */
    VsfCallsRun *delivering; /* its callbacks run now; one of them may free all of this */
    GQueue idle;             /* connections */
    guint waiting_timer, held_timer;
    gint64 alone_until_us; /* no batches until then */
    VsfQuantiles latency;  /* of calls that came back */
};

/* What is known of one domain's question, whichever run asks it. */
typedef struct {
    char uuid[VSF_UUID_TEXT];
    gpointer question;      /* a run's, unless there are batches */
    gint64 begun_us;        /* 0: waits for a thread */
    const VsfCallsRun *run; /* that answers it; NULL: it is gathered or held */
    gboolean held; /* what answered it is without what only QEMU knows, which a batch waits for */
    VsfCallsFunc done;
    gpointer user_data;
} Call;

static Call *
find(const VsfCalls *calls, const char *uuid)
{
    return g_hash_table_lookup(calls->calls, uuid);
}

/* The call that this run is to answer; NULL: it was answered or is another run's. */
static Call *
call_of(const VsfCalls *calls, const VsfCallsRun *run, guint i)
{
    Call *call = find(calls, run->items[i].uuid);

    return call != NULL && call->run == run ? call : NULL;
}

static void
finish(VsfCalls *calls, Call *call, gpointer answer, const GError *error)
{
    g_autofree Call *finished = call;

    g_hash_table_steal(calls->calls, call->uuid);
    finished->done(finished->uuid, answer, error, finished->user_data);
}

/* --- runs -------------------------------------------------------------- */

static void run_done(GObject *source, GAsyncResult *result, gpointer user_data);
static gboolean batch_is_late(gpointer user_data);

static void
begin(VsfCalls *calls, VsfCallsRun *run)
{
    run->link = g_queue_pop_head(&calls->idle);
    run->begun_us = calls->ops->now_us();
    for (guint i = 0; i < run->n; i++) {
        Call *call = call_of(calls, run, i);

        /* A held one's time goes on. */
        if (call->begun_us == 0)
            call->begun_us = run->begun_us;
    }
    if (run->n > 1)
        run->timer = g_timeout_add(VSF_CALLS_BATCH_MS, batch_is_late, run);
    g_ptr_array_add(calls->running, run);
    vsf_worker_run(calls->worker, vsf_calls_run_do, run, (GDestroyNotify)vsf_calls_run_free, NULL,
                   run_done, run);
}

static void watch_waiting(VsfCalls *calls);

static void begin_waiting(VsfCalls *calls);

/* One alone does not wait for batches: a thread is left for it. */
static void
submit(VsfCalls *calls, VsfCallsRun *run)
{
    if (run->n == 1 && calls->running->len < calls->threads) {
        begin(calls, run);
        return;
    }
    g_queue_push_tail(&calls->waiting, run);
    begin_waiting(calls);
    watch_waiting(calls);
}

static VsfCallsRun *
run_of(VsfCalls *calls, Call *const *list, guint n)
{
    VsfCallsRun *run = vsf_calls_run_new(calls, calls->ops, calls->uri, n);

    for (guint i = 0; i < n; i++) {
        VsfCallsItem *item = &run->items[i];

        g_strlcpy(item->uuid, list[i]->uuid, sizeof(item->uuid));
        item->question = list[i]->question;
        list[i]->run = run;
    }
    return run;
}

static void
submit_calls(VsfCalls *calls, Call *const *list, guint n)
{
    submit(calls, run_of(calls, list, n));
}

/* Those that @batch was to answer wait now one by one, before all others and in its order: it
 * hangs at the first one that does, which so is known soon. */
static void
split(VsfCalls *calls, const VsfCallsRun *batch)
{
    for (guint i = batch->n; i > 0; i--) {
        Call *call = call_of(calls, batch, i - 1);

        if (call == NULL)
            continue;
        call->begun_us = 0;
        g_queue_push_head(&calls->waiting, run_of(calls, &call, 1));
    }
}

static void
ask_one_by_one(VsfCalls *calls, const VsfCallsRun *batch)
{
    split(calls, batch);
    begin_waiting(calls);
    watch_waiting(calls);
}

static gboolean
are_alone(const VsfCalls *calls)
{
    return calls->ops->now_us() < calls->alone_until_us;
}

/* If a batch hangs, another thread has to be left to find out at whom. */
static gboolean
may_begin_batch(const VsfCalls *calls, gboolean with_batches)
{
    return vsf_calls_runs_in_doubt(calls->running, calls->ops->now_us(), with_batches) + 2 <=
           calls->threads;
}

static void
begin_waiting(VsfCalls *calls)
{
    while (calls->running->len < calls->threads && !g_queue_is_empty(&calls->waiting)) {
        VsfCallsRun *run = g_queue_peek_head(&calls->waiting);

        if (run->n > 1 && (are_alone(calls) || !may_begin_batch(calls, FALSE))) {
            g_queue_pop_head(&calls->waiting);
            split(calls, run);
            vsf_calls_run_free(run);
            continue;
        }
        /* Until another batch is back, or late. */
        if (run->n > 1 && !may_begin_batch(calls, TRUE))
            return;
        g_queue_pop_head(&calls->waiting);
        begin(calls, run);
    }
}

static gboolean
batch_is_late(gpointer user_data)
{
    VsfCallsRun *run = user_data;
    VsfCalls *calls = run->calls;

    run->timer = 0;
    run->given_up = TRUE;
    calls->alone_until_us = calls->ops->now_us() + VSF_CALLS_ALONE_US;
    ask_one_by_one(calls, run);
    return G_SOURCE_REMOVE;
}

/* --- held calls -------------------------------------------------------- */

/* Once more: another client may have been what kept libvirt from asking, or the batch hangs at
 * another domain by now. */
static void
ask_held(VsfCalls *calls)
{
    GHashTableIter iter;
    gpointer value;

    g_clear_handle_id(&calls->held_timer, g_source_remove);
    g_hash_table_iter_init(&iter, calls->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Call *call = value;

        if (call->held && call->run == NULL)
            submit_calls(calls, &call, 1);
    }
}

static gboolean
held_timer_came(gpointer user_data)
{
    VsfCalls *calls = user_data;

    calls->held_timer = 0;
    ask_held(calls);
    return G_SOURCE_REMOVE;
}

static void
hold(VsfCalls *calls, Call *call)
{
    call->held = TRUE;
    call->run = NULL;
    if (calls->held_timer == 0)
        calls->held_timer = g_timeout_add((guint)(calls->deadline_us / G_TIME_SPAN_MILLISECOND),
                                          held_timer_came, calls);
}

/* --- answers ----------------------------------------------------------- */

static void
deliver_each(VsfCalls *calls, VsfCallsRun *run)
{
    for (guint i = 0; i < run->n; i++) {
        VsfCallsItem *item = &run->items[i];
        Call *call = call_of(calls, run, i);

        if (call == NULL)
            continue;
        if (item->answer != NULL && calls->ops->is_partial != NULL &&
            calls->ops->is_partial(item->answer) &&
            vsf_calls_runs_may_hang_at(calls->running, item->uuid))
            hold(calls, call);
        else
            finish(calls, call, item->answer, item->error != NULL ? item->error : run->error);
        if (run->calls == NULL)
            return;
    }
}

/* What a batch that was given up brings may be as old as the time that it hung. */
static void
deliver(VsfCalls *calls, VsfCallsRun *run, gboolean is_alive)
{
    if (run->given_up)
        ask_held(calls);
    else if (run->n > 1 && run->error != NULL && is_alive)
        ask_one_by_one(calls, run);
    else
        deliver_each(calls, run);
}

static void
run_done(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfCallsRun *run = user_data;
    VsfCalls *calls = run->calls;
    gboolean is_alive = run->link != NULL;

    vsf_worker_finish(result, NULL);
    if (calls == NULL)
        return;
    g_clear_handle_id(&run->timer, g_source_remove);
    g_ptr_array_remove_fast(calls->running, run);
    vsf_quantiles_add(&calls->latency, calls->ops->now_us() - run->begun_us);
    if (is_alive)
        g_queue_push_head(&calls->idle, g_steal_pointer(&run->link));
    begin_waiting(calls);
    calls->delivering = run;
    deliver(calls, run, is_alive);
    if (run->calls != NULL)
        calls->delivering = NULL;
}

/* --- waiting ----------------------------------------------------------- */

static gboolean
is_paused(const VsfCalls *calls)
{
    return vsf_calls_stuck(calls) >= calls->threads;
}

/* FALSE: a callback freed all of this, and with it the timer that runs now. */
static gboolean
give_up(VsfCalls *calls, VsfCallsRun *run)
{
    g_autoptr(GError) error = NULL;
    gboolean is_there = TRUE;

    g_set_error(&error, G_IO_ERROR, G_IO_ERROR_BUSY, "every thread waits for libvirt");
    for (guint i = 0; i < run->n && is_there; i++) {
        finish(calls, call_of(calls, run, i), NULL, error);
        is_there = !g_source_is_destroyed(g_main_current_source());
    }
    vsf_calls_run_free(run);
    return is_there;
}

/* Calls that wait behind hung ones would wait as long: their owners are told,
 * and go on without. */
static gboolean
give_up_waiting(gpointer user_data)
{
    VsfCalls *calls = user_data;
    VsfCallsRun *run;

    if (!is_paused(calls)) {
        calls->waiting_timer = 0;
        watch_waiting(calls);
        return G_SOURCE_REMOVE;
    }
    while ((run = g_queue_pop_head(&calls->waiting)) != NULL)
        if (!give_up(calls, run))
            return G_SOURCE_REMOVE;
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

/* --- the door ---------------------------------------------------------- */

static Call *
call_new(VsfCalls *calls, const char *uuid, gpointer question, VsfCallsFunc done,
         gpointer user_data)
{
    Call *call = g_new0(Call, 1);

    g_strlcpy(call->uuid, uuid, sizeof(call->uuid));
    call->question = question;
    call->done = done;
    call->user_data = user_data;
    g_hash_table_insert(calls->calls, call->uuid, call);
    return call;
}

static VsfCallsAsk
try_ask(VsfCalls *calls, const char *uuid, gpointer question, VsfCallsFunc done, gpointer user_data,
        gboolean with_others)
{
    gboolean in_flight = find(calls, uuid) != NULL;
    Call *call;

    if (in_flight || is_paused(calls)) {
        if (calls->ops->question_free != NULL && question != NULL)
            calls->ops->question_free(question);
        return in_flight ? VSF_CALLS_IN_FLIGHT : VSF_CALLS_PAUSED;
    }
    call = call_new(calls, uuid, question, done, user_data);
    if (with_others)
        g_ptr_array_add(calls->gathered, call);
    else
        submit_calls(calls, &call, 1);
    return VSF_CALLS_ASKED;
}

VsfCallsAsk
vsf_calls_ask(VsfCalls *calls, const char *uuid, gpointer question, VsfCallsFunc done,
              gpointer user_data)
{
    return try_ask(calls, uuid, question, done, user_data, FALSE);
}

VsfCallsAsk
vsf_calls_gather(VsfCalls *calls, const char *uuid, gpointer question, VsfCallsFunc done,
                 gpointer user_data)
{
    return try_ask(calls, uuid, question, done, user_data, TRUE);
}

void
vsf_calls_begin_gathered(VsfCalls *calls)
{
    gboolean alone = calls->ops->call_many == NULL || are_alone(calls);
    guint most = alone ? 1 : VSF_CALLS_BATCH_MAX;
    guint left = calls->gathered->len;
    Call *const *next = (Call *const *)(void *)calls->gathered->pdata;

    /* Of equal size: 17 are 9 and 8. */
    for (guint n_runs = (left + most - 1) / most; n_runs > 0; n_runs--) {
        guint n = (left + n_runs - 1) / n_runs;

        submit_calls(calls, next, n);
        next += n;
        left -= n;
    }
    g_ptr_array_set_size(calls->gathered, 0);
}

gint64
vsf_calls_outstanding_since(const VsfCalls *calls, const char *uuid)
{
    const Call *call = find(calls, uuid);

    return call != NULL ? call->begun_us : 0;
}

gboolean
vsf_calls_is_out(const VsfCalls *calls, const char *uuid)
{
    return find(calls, uuid) != NULL;
}

guint
vsf_calls_running(const VsfCalls *calls)
{
    return calls->running->len;
}

guint
vsf_calls_stuck(const VsfCalls *calls)
{
    return vsf_calls_runs_begun_before(calls->running, calls->ops->now_us() - calls->deadline_us);
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
    calls->worker = vsf_worker_new(threads, NULL);
    calls->calls = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    calls->gathered = g_ptr_array_new();
    calls->running = g_ptr_array_new();
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
    gpointer link;

    if (calls == NULL)
        return;
    g_clear_handle_id(&calls->waiting_timer, g_source_remove);
    g_clear_handle_id(&calls->held_timer, g_source_remove);
    for (guint i = 0; i < calls->running->len; i++) {
        VsfCallsRun *run = calls->running->pdata[i];

        run->calls = NULL;
        g_clear_handle_id(&run->timer, g_source_remove);
    }
    if (calls->delivering != NULL)
        calls->delivering->calls = NULL;
    g_ptr_array_unref(calls->running);
    g_ptr_array_unref(calls->gathered);
    g_hash_table_unref(calls->calls);
    g_queue_clear_full(&calls->waiting, (GDestroyNotify)vsf_calls_run_free);
    while ((link = g_queue_pop_head(&calls->idle)) != NULL)
        vsf_calls_close_later(calls->ops, link);
    vsf_worker_free(calls->worker);
    g_free(calls->uri);
    g_free(calls);
}
