/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection that carries libvirt's events and answers "who runs here":
 * opened, kept and reopened with back-off for as long as the daemon lives.
 *
 * Read-only. Every call that can block (open, list, XML, close) runs on a
 * worker of its own; callbacks run on the main loop. After each (re)connection
 * events are registered first and the list is asked then, so nothing falls
 * between. */
#pragma once

#include "../model/domain.h"

#include <gio/gio.h>

typedef struct VsfConn VsfConn;

/* What was read of one running domain. */
typedef struct {
    VsfDomainDef *def; /* owned; NULL in a fetch's answer if the domain is gone or not running */
    /* virDomainState; in a list the reason of one that is paused by a migration which is none (it
     * was restored from a file) is 0. */
    int state, reason;
} VsfDomainFacts;

void vsf_domain_facts_free(VsfDomainFacts *facts);

typedef struct {
    /* TRUE: the connection is up. FALSE: lost or could not be opened, @why says it; it is tried
     * again by itself. Called on changes only. */
    void (*connected)(gboolean connected, const char *why, gpointer user_data);
    /* One list call's answer: VsfDomainFacts of every running domain (array not
     * owned by the callee, but def may be stolen: set it NULL). @asked_us:
     * monotonic time before the list was asked for. XML that could not be parsed is
     * logged and its UUID is in @unreadable (NULL-terminated), so that a known
     * domain is not taken for gone. */
    void (*listed)(GPtrArray *facts, const char *const *unreadable, gint64 asked_us,
                   gpointer user_data);
    /* One domain's answer to vsf_conn_fetch(). @def NULL: it does not run. */
    void (*fetched)(const char *uuid, VsfDomainFacts *facts, gint64 asked_us, gpointer user_data);
    /* VIR_DOMAIN_EVENT_ID_LIFECYCLE as it came; @id is the domain's id or -1. */
    void (*lifecycle)(const char *uuid, int id, int event, int detail, gpointer user_data);
    /* Devices, reboot, metadata, block job, disk change: XML may differ. */
    void (*changed)(const char *uuid, const char *what, gpointer user_data);
    /* AGENT_LIFECYCLE: 1 connected, 2 disconnected. */
    void (*agent)(const char *uuid, int state, int reason, gpointer user_data);
} VsfConnCallbacks;

/* @uri: e.g. "qemu:///system". Starts connecting at once. */
VsfConn *vsf_conn_new(const char *uri, const VsfConnCallbacks *callbacks, gpointer user_data);

/* No callback comes any more; hung calls are left behind. */
void vsf_conn_free(VsfConn *conn);

/* Asks for XML and state of one domain; fetched() follows unless the
 * connection is lost (then listed() comes after the next connection). A fetch
 * that waits already for the same UUID is not doubled, unless it has begun. */
void vsf_conn_fetch(VsfConn *conn, const char *uuid);

/* Asks for the whole list again; listed() follows. */
void vsf_conn_list(VsfConn *conn);

gboolean vsf_conn_is_connected(const VsfConn *conn);
/* "libvirt 9.0.0, QEMU" or why not connected; owned by @conn. */
const char *vsf_conn_describe(const VsfConn *conn);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfConn, vsf_conn_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfDomainFacts, vsf_domain_facts_free)
