/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conn.h"

#include "../base/log.h"
#include "../base/worker.h"
#include "error.h"
#include "event-loop.h"
#include "inventory.h"
#include "link.h"
#include "session.h"

#include <libvirt/virterror.h>

/* A hung XML call holds one, with a connection of its own. */
#define ASK_THREADS 3
/* A list or fetch that failed on a good connection is made up for by a list. */
#define RELIST_S 5
/* A libvirt that fails for one domain may do so for hundreds, and at each list. */
#define LOG_US (60 * G_USEC_PER_SEC)
/* A connection that held this long was a good one: back to the first step. */
#define SETTLED_US (10 * G_USEC_PER_SEC)

/* Its return must be seen soon. On this host a failed attempt is cheap (a socket that
 * is not there), so the steps end at the second. */
static const guint backoff_ms[] = {250, 500, 1000, 2000, 5000};
#define LOCAL_STEPS 3

/* Main thread only. A session is @opening or the @session, never both; each
 * answer carries its own session, so that one of an earlier connection is
 * known as such (its sink is gone). */
struct VsfConn {
    VsfSessionSink sink;
    char *uri;
    char *described;
    VsfWorker *opener;
    VsfSession *opening;
    VsfSession *session;
    VsfWorker *asker;    /* of this session: what hangs in an old one takes no thread */
    GHashTable *waiting; /* UUID ("" = list) -> VsfQuestion that was asked last; not owned */
    guint attempt;       /* index of the next step in backoff_ms */
    gint64 connected_us; /* when @session was opened */
    guint open_timer;
    guint relist_timer;
    VsfLogRate list_rate, domain_rate, unreadable_rate;
    gboolean told; /* connected() was called at least once */
};

static void
describe(VsfConn *conn, const char *text)
{
    g_free(conn->described);
    conn->described = g_strdup(text);
}

/* --- asking ------------------------------------------------------------ */

static void ask(VsfConn *conn, const char *uuid);

static gboolean
relist(gpointer user_data)
{
    VsfConn *conn = user_data;

    conn->relist_timer = 0;
    vsf_conn_list(conn);
    return G_SOURCE_REMOVE;
}

/* NULL: not now. Otherwise what to put behind the line; the caller frees it. */
static char *
may_log(VsfLogRate *rate)
{
    guint held_back;

    if (!vsf_log_rate_allow(rate, g_get_monotonic_time(), LOG_US, &held_back))
        return NULL;
    return held_back == 0 ? g_strdup("") : g_strdup_printf(" (and %u times before)", held_back);
}

static void
warn_of_list(VsfConn *conn, const GError *error)
{
    g_autofree char *before = may_log(&conn->list_rate);

    if (before != NULL)
        g_warning("%s; asked again every %d s%s", error->message, RELIST_S, before);
}

static void
warn_of_domain(VsfConn *conn, const char *uuid, const GError *error, const char *remedy)
{
    g_autofree char *before = may_log(&conn->domain_rate);

    if (before != NULL)
        g_warning("%s: %s; %s%s", uuid, error->message, remedy, before);
}

static void
warn_of_unreadable(VsfConn *conn, const VsfAnswer *answer)
{
    guint n = answer->unreadable->len - 1;
    g_autofree char *before = n == 0 ? NULL : may_log(&conn->unreadable_rate);

    if (before != NULL)
        g_warning("%s: %s; what is known of this domain%s is kept%s",
                  (const char *)answer->unreadable->pdata[0], answer->unreadable_why,
                  n == 1 ? "" : " and of others that cannot be read", before);
}

static void
ask_failed(VsfConn *conn, const char *uuid, const GError *error)
{
    /* Parsing it again will not help. */
    gboolean is_libvirts = error->domain == VSF_VIRT_ERROR;
    gboolean is_closed = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED);

    if (conn->relist_timer == 0 && (is_libvirts || is_closed))
        conn->relist_timer = g_timeout_add_seconds(RELIST_S, relist, conn);
    if (is_closed)
        return; /* session_lost() comes most likely */
    if (*uuid == '\0')
        warn_of_list(conn, error);
    else
        warn_of_domain(conn, uuid, error,
                       is_libvirts ? "all domains are listed again soon"
                                   : "this change is not followed");
}

static void
answered(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfQuestion *question = user_data;
    const VsfSessionSink *sink = question->session->sink;
    g_autoptr(GError) error = NULL;
    g_autoptr(VsfAnswer) answer = vsf_worker_finish(result, &error);
    VsfConn *conn;

    if (sink == NULL)
        return;
    conn = sink->owner;
    if (g_hash_table_lookup(conn->waiting, question->uuid) == question)
        g_hash_table_remove(conn->waiting, question->uuid);
    if (answer == NULL) {
        ask_failed(conn, question->uuid, error);
    } else if (question->uuid[0] != '\0') {
        sink->callbacks.fetched(question->uuid, g_ptr_array_index(answer->facts, 0),
                                answer->asked_us, sink->user_data);
    } else {
        warn_of_unreadable(conn, answer);
        sink->callbacks.listed(answer->facts, (const char *const *)answer->unreadable->pdata,
                               answer->asked_us, sink->user_data);
    }
}

/* @uuid "" asks for the list. */
static void
ask(VsfConn *conn, const char *uuid)
{
    VsfQuestion *question;

    if (conn->session == NULL)
        return;
    /* One that no thread has begun will see what is new now as well. */
    question = g_hash_table_lookup(conn->waiting, uuid);
    if (question != NULL && !g_atomic_int_get(&question->begun))
        return;
    question = vsf_question_new(conn->session, uuid);
    g_hash_table_replace(conn->waiting, question->uuid, question);
    vsf_worker_run(conn->asker, *uuid != '\0' ? vsf_inventory_fetch : vsf_inventory_list, question,
                   (GDestroyNotify)vsf_question_free, NULL, answered, question);
}

void
vsf_conn_fetch(VsfConn *conn, const char *uuid)
{
    if (*uuid != '\0')
        ask(conn, uuid);
}

void
vsf_conn_list(VsfConn *conn)
{
    ask(conn, "");
}

/* --- opening and losing ------------------------------------------------ */

static void start_opening(VsfConn *conn);

static gboolean
open_again(gpointer user_data)
{
    VsfConn *conn = user_data;

    conn->open_timer = 0;
    start_opening(conn);
    return G_SOURCE_REMOVE;
}

static void
drop_session(VsfSession **session)
{
    if (*session == NULL)
        return;
    (*session)->sink = NULL;
    vsf_session_release(g_steal_pointer(session));
}

/* The connection is away, or did not come: tells it if that is news, and tries
 * again. */
static void
away(VsfConn *conn, const char *why)
{
    guint n_steps = vsf_link_is_local(conn->uri) ? LOCAL_STEPS : G_N_ELEMENTS(backoff_ms);
    gboolean is_news = conn->session != NULL || !conn->told;

    if (conn->session != NULL && g_get_monotonic_time() - conn->connected_us >= SETTLED_US)
        conn->attempt = 0;
    drop_session(&conn->opening);
    drop_session(&conn->session);
    g_hash_table_remove_all(conn->waiting);
    g_clear_pointer(&conn->asker, vsf_worker_free);
    g_clear_handle_id(&conn->relist_timer, g_source_remove);
    if (conn->open_timer == 0)
        conn->open_timer = g_timeout_add(backoff_ms[conn->attempt], open_again, conn);
    if (conn->attempt + 1 < n_steps)
        conn->attempt++;
    describe(conn, why);
    conn->told = TRUE;
    if (is_news)
        conn->sink.callbacks.connected(FALSE, conn->described, conn->sink.user_data);
}

/* Before it was adopted, opened() sees that it is lost already. */
static void
session_lost(const char *why, gpointer owner)
{
    VsfConn *conn = owner;

    if (conn->session != NULL)
        away(conn, why);
}

static void
adopt(VsfConn *conn, VsfSession *session)
{
    conn->session = session;
    conn->connected_us = g_get_monotonic_time();
    conn->asker = vsf_worker_new(ASK_THREADS, (GDestroyNotify)vsf_answer_free);
    conn->told = TRUE;
    describe(conn, session->described);
    /* From here on events count; the list is asked for after that. */
    session->listening = TRUE;
    vsf_conn_list(conn);
    conn->sink.callbacks.connected(TRUE, NULL, conn->sink.user_data);
}

static void
opened(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfSession *session = user_data;
    g_autoptr(GError) error = NULL;
    gboolean good = vsf_worker_finish(result, &error) != NULL;
    VsfConn *conn;

    if (session->sink == NULL)
        return;
    conn = session->sink->owner;
    if (!good || session->lost_why != NULL) {
        away(conn, good ? session->lost_why : error->message);
        return;
    }
    adopt(conn, g_steal_pointer(&conn->opening));
}

static void
start_opening(VsfConn *conn)
{
    conn->opening = vsf_session_new(conn->uri, &conn->sink);
    vsf_worker_run(conn->opener, vsf_session_open, vsf_session_use(conn->opening),
                   (GDestroyNotify)vsf_session_release, NULL, opened, conn->opening);
}

gboolean
vsf_conn_is_connected(const VsfConn *conn)
{
    return conn->session != NULL;
}

const char *
vsf_conn_describe(const VsfConn *conn)
{
    return conn->described;
}

VsfConn *
vsf_conn_new(const char *uri, const VsfConnCallbacks *callbacks, gpointer user_data)
{
    VsfConn *conn = g_new0(VsfConn, 1);

    conn->sink = (VsfSessionSink){
        .callbacks = *callbacks,
        .user_data = user_data,
        .lost = session_lost,
        .owner = conn,
    };
    conn->uri = g_strdup(uri);
    conn->opener = vsf_worker_new(1, NULL);
    conn->waiting = g_hash_table_new(g_str_hash, g_str_equal);
    describe(conn, "connecting");
    start_opening(conn);
    return conn;
}

void
vsf_conn_free(VsfConn *conn)
{
    if (conn == NULL)
        return;
    g_clear_handle_id(&conn->open_timer, g_source_remove);
    g_clear_handle_id(&conn->relist_timer, g_source_remove);
    drop_session(&conn->opening);
    drop_session(&conn->session);
    vsf_worker_free(conn->asker);
    vsf_worker_free(conn->opener);
    g_hash_table_unref(conn->waiting);
    g_free(conn->described);
    g_free(conn->uri);
    g_free(conn);
}
