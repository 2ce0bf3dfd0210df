/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls to libvirt about domains, which can hang for ever: at most @threads are out at a time,
 * each on a connection of its own, at most one per domain; a call past its deadline keeps its
 * thread and connection. What is called stands behind a seam, so that tests can let a call hang.
 * Main thread only, but for the functions of VsfCallsOps.
 *
 * Calls about several domains can be made as one, a batch, in which one that hangs would hold up
 * all: so a batch that has not returned within VSF_CALLS_BATCH_MS is given up, and its members are
 * asked one by one. That holds no more threads than without batches: libvirt lets a caller wait
 * for QEMU only if it has the domain's job, and the batch has that of the one that it hangs at;
 * a single call about that one returns at once, without what only QEMU knows, and is repeated
 * until it has that. For it a thread is left: there is no batch while all but one are in doubt. */
#pragma once

#include "../model/domain.h"
#include "../model/quantiles.h"

#include <gio/gio.h>

#define VSF_CALLS_BATCH_MAX 16 /* domains */
/* More than a host takes whose CPUs are all busy; the rest of a turn (0.75 s) is enough for all
 * the single calls on one that is not. */
#define VSF_CALLS_BATCH_MS 400
/* After a batch was given up there are none for so long: a host that is slow stays so. */
#define VSF_CALLS_ALONE_US (10 * G_USEC_PER_SEC)

/* A domain's part of a batch. */
typedef struct {
    char uuid[VSF_UUID_TEXT];
    gpointer question;
    gpointer answer; /* out; NULL: @error is set */
    GError *error;
} VsfCallsItem;

/* All but now_us run on worker threads, one at a time for each link. */
typedef struct {
    gpointer (*open)(const char *uri, GError **error); /* a connection, the link */
    /* An answer, or NULL with @error set. */
    gpointer (*call)(gpointer link, const char *uuid, gpointer question, GError **error);
    /* Fills in answer or error of each. FALSE with @error set: the call as a whole failed. NULL:
     * there are no batches. With it question_free is NULL: a question may be asked again. */
    gboolean (*call_many)(gpointer link, VsfCallsItem *items, guint n, GError **error);
    /* libvirt could not ask QEMU, since another call about the domain was. Main thread. */
    gboolean (*is_partial)(gconstpointer answer);
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

/* The same, together with others: not before vsf_calls_begin_gathered(). */
VsfCallsAsk vsf_calls_gather(VsfCalls *calls, const char *uuid, gpointer question,
                             VsfCallsFunc done, gpointer user_data) G_GNUC_WARN_UNUSED_RESULT;
void vsf_calls_begin_gathered(VsfCalls *calls);

/* Monotonic time at which the call for @uuid that is still out was begun, 0 if
 * there is none or it waits for a thread. */
gint64 vsf_calls_outstanding_since(const VsfCalls *calls, const char *uuid);

/* A call for @uuid is out or waits. */
gboolean vsf_calls_is_out(const VsfCalls *calls, const char *uuid);

/* Calls out, also those past their deadline; and those past it alone. A batch is one. */
guint vsf_calls_running(const VsfCalls *calls);
guint vsf_calls_stuck(const VsfCalls *calls);

/* How long the calls took that came back since the last time, in microseconds. */
VsfQuantiles vsf_calls_take_latency(VsfCalls *calls);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfCalls, vsf_calls_free)
