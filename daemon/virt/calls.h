/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls to libvirt about one domain at a time, which can hang for ever: at most
 * @threads are out at a time, each on a connection of its own, at most one per
 * domain; a call past its deadline keeps its thread and connection. What is
 * called stands behind a seam, so that tests can let a call hang. Main thread
 * only, but for the functions of VsfCallsOps. */
#pragma once

#include "../model/domain.h"
#include "../model/quantiles.h"

#include <gio/gio.h>

/* All but now_us run on worker threads, one at a time for each link. */
typedef struct {
    gpointer (*open)(const char *uri, GError **error); /* a connection, the link */
    /* An answer, or NULL with @error set. */
    gpointer (*call)(gpointer link, const char *uuid, gpointer question, GError **error);
    gboolean (*is_alive)(gpointer link); /* does not block */
    void (*close)(gpointer link);
    GDestroyNotify question_free; /* any thread; NULL: nothing to free */
    GDestroyNotify answer_free;   /* any thread */
    gint64 (*now_us)(void);       /* monotonic; main thread */
} VsfCallsOps;

typedef struct VsfCalls VsfCalls;

/* @answer (valid during the call) is NULL with @error set if the call failed. */
typedef void (*VsfCallsFunc)(const char *uuid, gpointer answer, const GError *error,
                             gpointer user_data);

typedef enum {
    VSF_CALLS_ASKED,
    VSF_CALLS_IN_FLIGHT, /* a call for this domain is still out */
    VSF_CALLS_PAUSED,    /* every thread is held by a call past its deadline */
} VsfCallsAsk;

/* @ops is static. @threads: of libvirtd's 20 workers, which virsh and nova share. A call
 * that takes longer than @deadline_us is stuck. */
VsfCalls *vsf_calls_new(const VsfCallsOps *ops, const char *uri, guint threads, gint64 deadline_us);
void vsf_calls_set_deadline(VsfCalls *calls, gint64 deadline_us);
/* No callback comes any more; hung calls are left behind. Takes NULL. */
void vsf_calls_free(VsfCalls *calls);

/* Asks about one domain; @done follows on the main loop if ASKED: with a late
 * answer too, and with G_IO_ERROR_BUSY if the call still waited for a thread
 * when every one of them was past its deadline. Takes @question in any case. */
VsfCallsAsk vsf_calls_ask(VsfCalls *calls, const char *uuid, gpointer question, VsfCallsFunc done,
                          gpointer user_data) G_GNUC_WARN_UNUSED_RESULT;

/* Monotonic time at which the call for @uuid that is still out was begun, 0 if
 * there is none or it waits for a thread. */
gint64 vsf_calls_outstanding_since(const VsfCalls *calls, const char *uuid);

/* A call for @uuid is out or waits. */
gboolean vsf_calls_is_out(const VsfCalls *calls, const char *uuid);

/* Calls out, also those past their deadline; and those past it alone. */
guint vsf_calls_running(const VsfCalls *calls);
guint vsf_calls_stuck(const VsfCalls *calls);

/* How long the calls took that came back since the last time, in microseconds. */
VsfQuantiles vsf_calls_take_latency(VsfCalls *calls);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfCalls, vsf_calls_free)
