/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include "../base/order.h"
#include "autoptr.h"
#include "detached.h"
#include "error.h"
#include "link.h"

#include <libvirt/virterror.h>

VsfSession *
vsf_session_new(const char *uri, const VsfSessionSink *sink)
{
    VsfSession *session = g_new0(VsfSession, 1);

    g_atomic_ref_count_init(&session->refs);
    g_atomic_ref_count_init(&session->users);
    session->uri = g_strdup(uri);
    session->links = g_async_queue_new();
    session->sink = sink;
    return session;
}

VsfSession *
vsf_session_ref(VsfSession *session)
{
    g_atomic_ref_count_inc(&session->refs);
    return session;
}

void
vsf_session_unref(VsfSession *session)
{
    if (!vsf_order_unref(&session->refs))
        return;
    g_async_queue_unref(session->links);
    g_free(session->described);
    g_free(session->uri);
    g_free(session);
}

VsfSession *
vsf_session_use(VsfSession *session)
{
    g_atomic_ref_count_inc(&session->users);
    return session;
}

/* --- links ------------------------------------------------------------- */

VsfLink *
vsf_session_take_link(VsfSession *session, GError **error)
{
    VsfLink *link;

    while ((link = g_async_queue_try_pop(session->links)) != NULL) {
        if (vsf_link_is_alive(link))
            return link;
        vsf_link_close(link);
    }
    return vsf_link_open(session->uri, TRUE, error);
}

gboolean
vsf_session_give_link(VsfSession *session, VsfLink *link)
{
    if (vsf_link_is_alive(link)) {
        g_async_queue_push(session->links, link);
        return TRUE;
    }
    vsf_link_close(link);
    return FALSE;
}

/* --- closing ----------------------------------------------------------- */

static void closed_by_peer(virConnectPtr connection, int reason, gpointer user_data);

/* Every registration holds a reference to the connection: one left would keep
 * it open for good. */
static gpointer
close_session(gpointer data)
{
    VsfSession *session = data;
    gpointer link;

    while ((link = g_async_queue_try_pop(session->links)) != NULL)
        vsf_link_close(link);
    vsf_events_deregister(session);
    if (session->has_close_callback)
        virConnectUnregisterCloseCallback(session->connection, closed_by_peer);
    virConnectClose(session->connection);
    vsf_session_unref(session);
    return NULL;
}

void
vsf_session_release(VsfSession *session)
{
    if (!vsf_order_unref(&session->users))
        return;
    if (session->connection != NULL)
        vsf_detached_run(close_session, session);
    else
        vsf_session_unref(session);
}

typedef struct {
    VsfSession *session;
    const char *why;
} Loss;

static void
loss_free(gpointer data)
{
    Loss *loss = data;

    vsf_session_unref(loss->session);
    g_free(loss);
}

static gboolean
tell_loss(gpointer data)
{
    const Loss *loss = data;
    VsfSession *session;

    vsf_order_take(data);
    session = loss->session;
    session->lost_why = loss->why;
    if (session->sink != NULL)
        session->sink->lost(loss->why, session->sink->owner);
    return G_SOURCE_REMOVE;
}

void
vsf_session_tell_lost(VsfSession *session, const char *why)
{
    Loss *loss = g_new(Loss, 1);

    *loss = (Loss){.session = vsf_session_ref(session), .why = why};
    vsf_order_give(loss);
    g_idle_add_full(G_PRIORITY_DEFAULT, tell_loss, loss, loss_free);
}

/* Runs in whichever thread noticed, with a lock of libvirt's held: it must not
 * call libvirt. */
static void
closed_by_peer(virConnectPtr connection G_GNUC_UNUSED, int reason, gpointer user_data)
{
    switch (reason) {
    case VIR_CONNECT_CLOSE_REASON_EOF:
        vsf_session_tell_lost(user_data, "libvirt closed the connection");
        break;
    case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
        vsf_session_tell_lost(user_data, "libvirt does not answer");
        break;
    default:
        vsf_session_tell_lost(user_data, "connection to libvirt failed");
        break;
    }
}

/* --- opening ----------------------------------------------------------- */

static char *
describe(virConnectPtr connection)
{
    const char *type = virConnectGetType(connection);
    unsigned long version = 0;

    if (virConnectGetLibVersion(connection, &version) != 0)
        return g_strdup(type != NULL ? type : "libvirt");
    return g_strdup_printf("libvirt %lu.%lu.%lu, %s", version / 1000000, version / 1000 % 1000,
                           version % 1000, type != NULL ? type : "unknown hypervisor");
}

gpointer
vsf_session_open(gpointer data, GError **error)
{
    VsfSession *session = data;

    session->connection = virConnectOpenReadOnly(session->uri);
    if (session->connection == NULL) {
        vsf_virt_error_set(error, "cannot connect");
        return NULL;
    }
    /* Without a free function: drivers that have no such callback take it and
     * never call that. Unregistering waits for a call that is under way, and
     * the session's memory stays until after that. */
    session->has_close_callback = virConnectRegisterCloseCallback(
                                      session->connection, closed_by_peer, session, NULL) == 0;
    if (!vsf_events_register(session, error))
        return NULL;
    /* Refused here, the connection never counts as up and down in turn. */
    if (virConnectNumOfDomains(session->connection) < 0) {
        vsf_virt_error_set(error, "cannot list domains");
        return NULL;
    }
    session->described = describe(session->connection);
    /* Finds a libvirtd that hangs within 20 s. Not every driver has it. The last call, since
     * from here on the main loop uses the connection: see link.h. */
    if (virConnectSetKeepAlive(session->connection, 5, 3) != 0)
        virResetLastError();
    return session;
}
