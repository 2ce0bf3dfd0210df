/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent service's socket: who connects is looked at, a line is taken, libvirt is asked on a
 * thread, the answer goes back as fast as it is read. Nothing here waits, for a client or for
 * libvirt. Main thread only. */
#pragma once

#include "../virt/calls.h"

#define VSF_AGENT_SERVER_THREADS 4 /* conversations at a time */

typedef struct VsfAgentServer VsfAgentServer;

typedef struct {
    guint clients;  /* at a time; the one that lay idle longest goes for a new one */
    guint line_ms;  /* from a line's first byte to its last */
    guint read_ms;  /* to take an answer */
    guint stall_ms; /* one that has not read for so long may be turned out for a new one */
} VsfAgentServerLimits;

/* @ops is static, see vsf_agent_ask_libvirt. @uri: libvirt's. @fd: a unix stream socket that
 * listens; it stays the caller's, and is made non-blocking. @uids: who may ask; copied. */
VsfAgentServer *vsf_agent_server_new(const VsfCallsOps *ops, const char *uri, int fd,
                                     const guint *uids, guint n_uids);
/* Calls that hang are left behind. Takes NULL. */
void vsf_agent_server_free(VsfAgentServer *server);

/* For tests. */
void vsf_agent_server_set_limits(VsfAgentServer *server, VsfAgentServerLimits limits);
guint vsf_agent_server_clients(const VsfAgentServer *server);
guint vsf_agent_server_running(const VsfAgentServer *server); /* calls that are out */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfAgentServer, vsf_agent_server_free)
