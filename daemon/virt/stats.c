/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats.h"

#include "../base/worker.h"
#include "detached.h"
#include "stats-link.h"

/* All of it lives on the main thread; a thread sees one Call, which has its
 * connection with it for as long as it is out. Calls wait here and not in the
 * worker, so that a call's time begins when a thread takes it. */
struct VsfStats {
    const VsfStatsOps *ops;
    char *uri;
    VsfWorker *worker;
    GHashTable *calls; /* UUID -> Call, waiting or running; not owned */
    GQueue waiting;    /* Call, owned */
    GQueue idle;       /* connections */
    guint n_running;
    guint waiting_timer;
};

typedef struct {
    VsfStats *stats; /* NULL once that was freed; main thread only */
    const VsfStatsOps *ops;
    char *uri;
    char uuid[VSF_UUID_TEXT];
    gboolean with_info;
    gint64 begun_us; /* 0: waits for a thread */
    gpointer link;
    VsfStatsFunc done;
    gpointer user_data;
} Call;

typedef struct {
    const VsfStatsOps *ops;
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
close_later(const VsfStatsOps *ops, gpointer link)
{
    Closing *closing = g_new(Closing, 1);

    *closing = (Closing){.ops = ops, .link = link};
    vsf_detached_run(close_link, closing);
}

static void
call_free(Call *call)
{
    if (call->link != NULL)
        close_later(call->ops, call->link);
    g_free(call->uri);
    g_free(call);
}

/* On a thread. A connection that died while it lay idle (libvirtd restarted) is
 * replaced, so that it costs no sample. One that dies in the call is not: it
 * was most likely libvirtd that hung, and opening another would hang as well. */
static gpointer
run_call(gpointer payload, GError **error)
{
    Call *call = payload;
    VsfDomainStats *stats;

    if (call->link != NULL && !call->ops->is_alive(call->link))
        call->ops->close(g_steal_pointer(&call->link));
    if (call->link == NULL)
        call->link = call->ops->open(call->uri, error);
    if (call->link == NULL)
        return NULL;
    stats = call->ops->ask(call->link, call->uuid, call->with_info, error);
    if (stats == NULL && !call->ops->is_alive(call->link))
        call->ops->close(g_steal_pointer(&call->link));
    return stats;
}

static void begin_waiting(VsfStats *stats);

static void
call_done(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    Call *call = user_data;
    VsfStats *owner = call->stats;
    g_autoptr(GError) error = NULL;
    VsfDomainStats *stats = vsf_worker_finish(result, &error);

    if (owner == NULL)
        return;
    owner->n_running--;
    g_hash_table_remove(owner->calls, call->uuid);
    if (call->link != NULL)
        g_queue_push_head(&owner->idle, g_steal_pointer(&call->link));
    begin_waiting(owner);
    call->done(call->uuid, stats, error, call->user_data);
    vsf_domain_stats_free(stats);
}

static void
begin(VsfStats *stats, Call *call)
{
    call->link = g_queue_pop_head(&stats->idle);
    call->begun_us = stats->ops->now_us();
    stats->n_running++;
    vsf_worker_run(stats->worker, run_call, call, (GDestroyNotify)call_free, NULL, call_done, call);
}

static void
begin_waiting(VsfStats *stats)
{
    while (stats->n_running < VSF_STATS_THREADS && !g_queue_is_empty(&stats->waiting))
        begin(stats, g_queue_pop_head(&stats->waiting));
}

static gboolean
is_paused(const VsfStats *stats)
{
    return vsf_stats_stuck(stats) >= VSF_STATS_THREADS;
}

static void watch_waiting(VsfStats *stats);

/* Calls that wait behind hung ones would wait as long: their owners are told,
 * and go on without. */
static gboolean
give_up_waiting(gpointer user_data)
{
    VsfStats *stats = user_data;
    g_autoptr(GError) error = NULL;
    Call *call;

    stats->waiting_timer = 0;
    if (!is_paused(stats)) {
        watch_waiting(stats);
        return G_SOURCE_REMOVE;
    }
    g_set_error(&error, G_IO_ERROR, G_IO_ERROR_BUSY, "every thread waits for libvirt");
    while ((call = g_queue_pop_head(&stats->waiting)) != NULL) {
        g_hash_table_remove(stats->calls, call->uuid);
        call->done(call->uuid, NULL, error, call->user_data);
        call_free(call);
    }
    return G_SOURCE_REMOVE;
}

static void
watch_waiting(VsfStats *stats)
{
    guint deadline_ms = (guint)(stats->ops->deadline_us / G_TIME_SPAN_MILLISECOND);

    if (stats->waiting_timer == 0 && !g_queue_is_empty(&stats->waiting))
        stats->waiting_timer = g_timeout_add(deadline_ms, give_up_waiting, stats);
}

VsfStatsAsk
vsf_stats_ask(VsfStats *stats, const char *uuid, gboolean with_info, VsfStatsFunc done,
              gpointer user_data)
{
    Call *call;

    if (g_hash_table_contains(stats->calls, uuid))
        return VSF_STATS_IN_FLIGHT;
    if (is_paused(stats))
        return VSF_STATS_PAUSED;
    call = g_new0(Call, 1);
    call->stats = stats;
    call->ops = stats->ops;
    call->uri = g_strdup(stats->uri);
    g_strlcpy(call->uuid, uuid, sizeof(call->uuid));
    call->with_info = with_info;
    call->done = done;
    call->user_data = user_data;
    g_hash_table_insert(stats->calls, call->uuid, call);
    if (stats->n_running < VSF_STATS_THREADS)
        begin(stats, call);
    else
        g_queue_push_tail(&stats->waiting, call);
    watch_waiting(stats);
    return VSF_STATS_ASKED;
}

gint64
vsf_stats_outstanding_since(const VsfStats *stats, const char *uuid)
{
    const Call *call = g_hash_table_lookup(stats->calls, uuid);

    return call != NULL ? call->begun_us : 0;
}

guint
vsf_stats_stuck(const VsfStats *stats)
{
    gint64 limit_us = stats->ops->now_us() - stats->ops->deadline_us;
    GHashTableIter iter;
    gpointer value;
    guint n = 0;

    g_hash_table_iter_init(&iter, stats->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Call *call = value;

        if (call->begun_us != 0 && call->begun_us < limit_us)
            n++;
    }
    return n;
}

VsfStats *
vsf_stats_new_with(const VsfStatsOps *ops, const char *uri)
{
    VsfStats *stats = g_new0(VsfStats, 1);

    stats->ops = ops;
    stats->uri = g_strdup(uri);
    stats->worker = vsf_worker_new(VSF_STATS_THREADS, (GDestroyNotify)vsf_domain_stats_free);
    stats->calls = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&stats->waiting);
    g_queue_init(&stats->idle);
    return stats;
}

VsfStats *
vsf_stats_new(const char *uri)
{
    return vsf_stats_new_with(&vsf_stats_libvirt, uri);
}

void
vsf_stats_free(VsfStats *stats)
{
    GHashTableIter iter;
    gpointer value;

    if (stats == NULL)
        return;
    g_clear_handle_id(&stats->waiting_timer, g_source_remove);
    g_hash_table_iter_init(&iter, stats->calls);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        ((Call *)value)->stats = NULL;
    g_hash_table_unref(stats->calls);
    g_queue_clear_full(&stats->waiting, (GDestroyNotify)call_free);
    while ((value = g_queue_pop_head(&stats->idle)) != NULL)
        close_later(stats->ops, value);
    vsf_worker_free(stats->worker);
    g_free(stats->uri);
    g_free(stats);
}
