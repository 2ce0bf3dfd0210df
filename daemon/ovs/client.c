/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client.h"

#include "../base/worker.h"
#include "digest.h"
#include "stream.h"

#define LAST_WORDS_MS 500
#define PARTING_MS 10000

const VsfOvsPace vsf_ovs_pace = {
    .retry_min_ms = 1000,
    .retry_max_ms = 60000,
    .probe_ms = 5000,
    .patience_ms = 10000,
    .first_ms = 60000,
    .collect_ms = 50,
};

struct VsfOvsClient {
    char *path;
    VsfOvsPace pace;
    const VsfOvsClientCallbacks *callbacks;
    gpointer user_data;
    VsfWorker *worker; /* one thread: what it digests is in order */
    VsfOvsSnapshot *snapshot;

    VsfOvsState state;
    gint64 since_us;
    char *error;
    gboolean absent;
    guint retry_ms, retry_timer;

    /* Of the connection. */
    VsfOvsStream *stream; /* NULL: none */
    VsfOvsDb *db;
    GCancellable *digesting; /* NULL: nothing is at the worker */
    guint collect_timer, watch_timer, counters_timer;
    gint64 opened_us, heard_us, probed_us; /* probed_us 0: no echo is out */
    gboolean doubted; /* it is late, or this process was stopped: the next look tells */
    VsfOvsDone done;  /* NULL: no transaction is out */
    gpointer done_data;
};

static void retry_later(VsfOvsClient *client);

static void
enter(VsfOvsClient *client, VsfOvsState state, const char *error)
{
    char *before = client->error; /* @error may be that */

    client->error = g_strdup(error);
    g_free(before);
    if (client->state != state)
        client->since_us = g_get_monotonic_time();
    client->state = state;
    client->callbacks->changed(client->user_data);
}

/* What is at the worker is nobody's any more. */
static void
drop_connection(VsfOvsClient *client)
{
    g_clear_handle_id(&client->collect_timer, g_source_remove);
    g_clear_handle_id(&client->watch_timer, g_source_remove);
    g_clear_handle_id(&client->counters_timer, g_source_remove);
    if (client->digesting != NULL)
        g_cancellable_cancel(client->digesting);
    g_clear_object(&client->digesting);
    g_clear_pointer(&client->stream, vsf_ovs_stream_free);
    g_clear_pointer(&client->db, vsf_ovs_db_unref);
    client->probed_us = 0;
    client->doubted = FALSE;
}

static void
lose(VsfOvsClient *client, const char *error)
{
    VsfOvsDone done = client->done;

    /* One that lasted longer than the wait before it was a good one. */
    if (client->state == VSF_OVS_WATCHED &&
        g_get_monotonic_time() - client->since_us > client->retry_ms * (gint64)1000)
        client->retry_ms = 0;
    drop_connection(client);
    client->done = NULL;
    retry_later(client);
    enter(client, VSF_OVS_AWAY, error);
    if (done != NULL)
        done(error, client->done_data);
}

/* --- what it says ------------------------------------------------------------ */

static void digest_some(VsfOvsClient *client);

static gboolean ask_counters(gpointer user_data);

static void
schedule_counters(VsfOvsClient *client)
{
    if (client->counters_timer == 0 && client->pace.counters_ms > 0 &&
        client->state == VSF_OVS_WATCHED && vsf_ovs_snapshot_has_vhost_user(client->snapshot))
        client->counters_timer = g_timeout_add(client->pace.counters_ms, ask_counters, client);
}

static gboolean
ask_counters(gpointer user_data)
{
    VsfOvsClient *client = user_data;
    g_autofree char *params = vsf_ovs_db_counters_params();
    g_autofree char *text = vsf_ovs_request_text("transact", params, VSF_OVS_ID_COUNTERS);

    client->counters_timer = 0;
    vsf_ovs_stream_send(client->stream, text);
    schedule_counters(client);
    return G_SOURCE_REMOVE;
}

/* The callbacks may not free the client. */
static void
take_digest(VsfOvsClient *client, VsfOvsDigest *digest)
{
    VsfOvsDone done = client->done;
    gboolean had_vhost_user = vsf_ovs_snapshot_has_vhost_user(client->snapshot);

    for (guint i = 0; i < digest->answers->len; i++)
        vsf_ovs_stream_send(client->stream, digest->answers->pdata[i]);
    if (digest->snapshot != NULL && (digest->monitored || client->state == VSF_OVS_WATCHED)) {
        vsf_ovs_snapshot_unref(client->snapshot);
        client->snapshot = g_steal_pointer(&digest->snapshot);
        enter(client, VSF_OVS_WATCHED, NULL);
        if (!had_vhost_user && client->counters_timer == 0 && client->pace.counters_ms > 0 &&
            vsf_ovs_snapshot_has_vhost_user(client->snapshot))
            client->counters_timer = g_timeout_add(0, ask_counters, client);
        schedule_counters(client);
    }
    if (digest->transacted && done != NULL) {
        client->done = NULL;
        done(digest->trouble, client->done_data);
    }
}

static void
digested(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfOvsClient *client = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfOvsDigest) digest = vsf_worker_finish(result, &error);
    g_autofree char *text = NULL;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    g_clear_object(&client->digesting);
    if (digest == NULL) {
        text = g_strdup_printf("%s: %s", client->path, error->message);
        lose(client, text);
        return;
    }
    client->heard_us = g_get_monotonic_time();
    vsf_ovs_stream_hold(client->stream, FALSE);
    take_digest(client, digest);
    digest_some(client);
}

static gboolean
collected(gpointer user_data)
{
    VsfOvsClient *client = user_data;
    VsfOvsMeal *meal = vsf_ovs_meal_new(client->db);
    GBytes *message;

    client->collect_timer = 0;
    while ((message = vsf_ovs_stream_take(client->stream)) != NULL)
        vsf_ovs_meal_add(meal, message);
    client->digesting = g_cancellable_new();
    vsf_worker_run(client->worker, vsf_ovs_digest, meal, vsf_ovs_meal_free, client->digesting,
                   digested, client);
    return G_SOURCE_REMOVE;
}

/* What comes shortly after is digested with it; while the worker is at it, no more is read than
 * one message. */
static void
digest_some(VsfOvsClient *client)
{
    if (!vsf_ovs_stream_has_message(client->stream))
        return;
    if (client->digesting != NULL)
        vsf_ovs_stream_hold(client->stream, TRUE);
    else if (client->collect_timer == 0)
        client->collect_timer = g_timeout_add(client->pace.collect_ms, collected, client);
}

static void
heard(gpointer user_data)
{
    VsfOvsClient *client = user_data;

    client->heard_us = g_get_monotonic_time();
    client->probed_us = 0;
    digest_some(client);
}

static void
ended(const GError *error, gpointer user_data)
{
    lose(user_data, error->message);
}

static const VsfOvsStreamCallbacks stream_callbacks = {.heard = heard, .ended = ended};

/* --- whether it lives --------------------------------------------------------- */

static gboolean
give_up(VsfOvsClient *client, const char *what)
{
    g_autofree char *text = g_strdup_printf("%s: %s", client->path, what);

    client->watch_timer = 0;
    lose(client, text);
    return G_SOURCE_REMOVE;
}

/* NULL: it is not late. */
static const char *
lateness(const VsfOvsClient *client, gint64 now_us)
{
    if (client->state != VSF_OVS_WATCHED &&
        now_us - client->opened_us > client->pace.first_ms * (gint64)1000)
        return "does not tell its tables";
    if (client->probed_us != 0 &&
        now_us - client->probed_us > client->pace.patience_ms * (gint64)1000)
        return "does not answer";
    return NULL;
}

static gboolean
watch(gpointer user_data)
{
    VsfOvsClient *client = user_data;
    gint64 now_us = g_get_monotonic_time(), silent_us = now_us - client->heard_us;
    g_autofree char *probe = NULL;
    const char *late;

    if (client->digesting != NULL) /* we keep it waiting ourselves, maybe */
        return G_SOURCE_CONTINUE;
    late = lateness(client, now_us);
    if (late != NULL && client->doubted)
        return give_up(client, late);
    client->doubted = late != NULL;
    if (client->probed_us == 0 && silent_us >= client->pace.probe_ms * (gint64)1000) {
        client->probed_us = now_us;
        probe = vsf_ovs_request_text("echo", "[]", VSF_OVS_ID_ECHO);
        vsf_ovs_stream_send(client->stream, probe);
    }
    return G_SOURCE_CONTINUE;
}

/* --- connections -------------------------------------------------------------- */

static void
open_connection(VsfOvsClient *client)
{
    g_autofree char *params = vsf_ovs_db_monitor_params();
    g_autofree char *text = vsf_ovs_request_text("monitor", params, VSF_OVS_ID_MONITOR);
    g_autoptr(GError) error = NULL;
    gboolean was_absent;

    client->stream = vsf_ovs_stream_new(client->path, &stream_callbacks, client, &error);
    was_absent = client->absent;
    client->absent = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
                     g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
    if (client->stream == NULL) {
        retry_later(client);
        enter(client, VSF_OVS_AWAY, error->message);
        return;
    }
    client->db = vsf_ovs_db_new();
    client->opened_us = client->heard_us = g_get_monotonic_time();
    client->watch_timer = g_timeout_add(MAX(client->pace.probe_ms / 2, 1), watch, client);
    vsf_ovs_stream_send(client->stream, text);
    enter(client, VSF_OVS_ASKING, was_absent ? NULL : client->error);
}

static gboolean
retry(gpointer user_data)
{
    VsfOvsClient *client = user_data;

    client->retry_timer = 0;
    open_connection(client);
    return G_SOURCE_REMOVE;
}

static void
retry_later(VsfOvsClient *client)
{
    client->retry_ms = client->retry_ms == 0 ? client->pace.retry_min_ms
                                             : MIN(client->retry_ms * 2, client->pace.retry_max_ms);
    client->retry_timer = g_timeout_add(client->retry_ms, retry, client);
}

VsfOvsClient *
vsf_ovs_client_new(const char *path, const VsfOvsPace *pace, const VsfOvsClientCallbacks *callbacks,
                   gpointer user_data)
{
    VsfOvsClient *client = g_new0(VsfOvsClient, 1);

    client->path = g_strdup(path);
    client->pace = *pace;
    client->callbacks = callbacks;
    client->user_data = user_data;
    client->worker = vsf_worker_new(1, vsf_ovs_digest_free);
    client->since_us = g_get_monotonic_time();
    client->retry_timer = g_timeout_add(0, retry, client);
    return client;
}

void
vsf_ovs_client_free(VsfOvsClient *client)
{
    if (client == NULL)
        return;
    drop_connection(client);
    g_clear_handle_id(&client->retry_timer, g_source_remove);
    vsf_worker_free(client->worker);
    vsf_ovs_snapshot_unref(client->snapshot);
    g_free(client->error);
    g_free(client->path);
    g_free(client);
}

const VsfOvsSnapshot *
vsf_ovs_client_snapshot(const VsfOvsClient *client)
{
    return client->snapshot;
}

VsfOvsState
vsf_ovs_client_state(const VsfOvsClient *client)
{
    return client->state;
}

const char *
vsf_ovs_state_name(VsfOvsState state)
{
    static const char *const names[] = {
        [VSF_OVS_AWAY] = "away", [VSF_OVS_ASKING] = "asking", [VSF_OVS_WATCHED] = "watched"};

    return names[state];
}

gint64
vsf_ovs_client_since_us(const VsfOvsClient *client)
{
    return client->since_us;
}

const char *
vsf_ovs_client_error(const VsfOvsClient *client)
{
    return client->error;
}

gboolean
vsf_ovs_client_is_absent(const VsfOvsClient *client)
{
    return client->absent;
}

void
vsf_ovs_client_set_counters_ms(VsfOvsClient *client, guint counters_ms)
{
    if (counters_ms == client->pace.counters_ms)
        return;
    client->pace.counters_ms = counters_ms;
    g_clear_handle_id(&client->counters_timer, g_source_remove);
    schedule_counters(client);
}

gboolean
vsf_ovs_client_transact(VsfOvsClient *client, const char *params, VsfOvsDone done,
                        gpointer user_data)
{
    g_autofree char *text = NULL;

    g_assert(client->done == NULL);
    if (client->state != VSF_OVS_WATCHED)
        return FALSE;
    client->done = done;
    client->done_data = user_data;
    text = vsf_ovs_request_text("transact", params, VSF_OVS_ID_TRANSACT);
    vsf_ovs_stream_send(client->stream, text);
    return TRUE;
}

gboolean
vsf_ovs_client_is_transacting(const VsfOvsClient *client)
{
    return client->done != NULL;
}

VsfOvsParting *
vsf_ovs_client_part(VsfOvsClient *client, const char *params)
{
    g_autofree char *text = vsf_ovs_request_text("transact", params, VSF_OVS_ID_TRANSACT);
    VsfOvsStream *stream;

    if (client->state != VSF_OVS_WATCHED)
        return NULL;
    stream = g_steal_pointer(&client->stream);
    drop_connection(client);
    client->state = VSF_OVS_AWAY;
    return vsf_ovs_parting_new(stream, text, VSF_OVS_ID_TRANSACT, PARTING_MS);
}

void
vsf_ovs_client_last_words(VsfOvsClient *client, const char *params)
{
    g_autofree char *text = vsf_ovs_request_text("transact", params, VSF_OVS_ID_TRANSACT);

    if (client->state == VSF_OVS_WATCHED)
        vsf_ovs_stream_last_words(client->stream, text, VSF_OVS_ID_TRANSACT, LAST_WORDS_MS);
}
