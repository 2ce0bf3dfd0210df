/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection to libvirt from open to close, with its event registrations:
 * the part of the connection's life that calls libvirt. What to do about a
 * loss is conn's. Once it is open nothing is asked over it: questions have links
 * (link.h), which the session keeps for the next ones.
 *
 * Its memory is shared by libvirt's callbacks, jobs on workers and the owner,
 * and goes with the last of them. The connection itself is closed when the
 * last user (owner or job) lets go, on a thread of its own, since closing may
 * hang. So a job may use the connection for as long as it runs. */
#pragma once

#include "conn.h"

#include <libvirt/libvirt.h>

/* Where a session's news go; main thread only. */
typedef struct {
    VsfConnCallbacks callbacks;
    gpointer user_data;
    /* The connection broke. */
    void (*lost)(const char *why, gpointer owner);
    gpointer owner;
} VsfSessionSink;

#define VSF_SESSION_MAX_EVENTS 16

typedef struct {
    gatomicrefcount refs;
    gatomicrefcount users;
    char *uri;

    /* Written by the worker that opens, read-only from then on. */
    virConnectPtr connection;
    char *described; /* "libvirt 9.0.0, QEMU" */
    int callback_ids[VSF_SESSION_MAX_EVENTS];
    guint n_callbacks;
    gboolean has_close_callback;

    GAsyncQueue *links; /* VsfLink that no question uses */

    /* Main thread only. */
    const VsfSessionSink *sink; /* NULL: nobody listens any more */
    gboolean listening;         /* events before the list was asked for mean nothing */
    const char *lost_why;       /* it broke already; static text */
} VsfSession;

/* The caller is its first user. */
VsfSession *vsf_session_new(const char *uri, const VsfSessionSink *sink);

/* As a user: keeps the connection open. Any thread. */
VsfSession *vsf_session_use(VsfSession *session);
void vsf_session_release(VsfSession *session);

/* A connection for one question at a time, on its thread; blocks. NULL with @error set.
 * Goes back with give_link(), which closes one that broke: then it returns FALSE. */
struct VsfLink *vsf_session_take_link(VsfSession *session, GError **error);
gboolean vsf_session_give_link(VsfSession *session, struct VsfLink *link);

/* Of the memory alone. Any thread; a GDestroyNotify for libvirt's callbacks. */
VsfSession *vsf_session_ref(VsfSession *session);
void vsf_session_unref(VsfSession *session);

/* A VsfWorkerFunc on a session: connects, registers the events, and tries
 * whether domains may be seen at all. Blocks. Returns the session (no
 * reference), or NULL with @error set. */
gpointer vsf_session_open(gpointer session, GError **error);

/* Sends word to the main loop that the connection broke; @why is static text.
 * Any thread; a second word changes nothing. */
void vsf_session_tell_lost(VsfSession *session, const char *why);

/* events.c. Blocking, on a worker. FALSE if lifecycle events were refused;
 * others that this libvirt does not know are left out. */
gboolean vsf_events_register(VsfSession *session, GError **error);
void vsf_events_deregister(VsfSession *session);
