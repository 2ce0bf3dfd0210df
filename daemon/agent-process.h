/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The agent service as a child of the daemon, for a daemon that root runs by hand where no service
 * manager has started one. The daemon holds the listening socket, so that who asks while the
 * child starts, or is started again, waits; the child is started when somebody first asks, and
 * ends when its standard input does: with the daemon, however that ends. Main thread only. */
#pragma once

#include <glib.h>

typedef struct VsfAgentProcess VsfAgentProcess;

/* @program: of the service, @path: its socket, @uri: libvirt's; each is copied. Does somebody
 * listen at @path already, it waits a while for its end: a daemon that was killed leaves its
 * child listening for a moment. NULL if the socket cannot be made (which is logged). */
VsfAgentProcess *vsf_agent_process_new(const char *program, const char *path, const char *uri);

/* Ends the child and removes the socket. Takes NULL. */
void vsf_agent_process_free(VsfAgentProcess *process);

/* 0: none runs. Takes NULL. */
int vsf_agent_process_pid(const VsfAgentProcess *process);

/* How long to wait with the next start after a child that lived for @lived_us and had been waited
 * for @wait_ms. Pure. */
#define VSF_AGENT_PROCESS_WAIT_MS 250
#define VSF_AGENT_PROCESS_WAIT_MAX_MS 60000
#define VSF_AGENT_PROCESS_SETTLED_US (60 * G_USEC_PER_SEC)
/* So long it waits for the end of somebody else who listens. */
#define VSF_AGENT_PROCESS_IN_USE_US (30 * G_USEC_PER_SEC)
guint vsf_agent_process_next_wait_ms(gint64 lived_us, guint wait_ms);

/* virt-sflow-agent in the folder of this process's own program; the caller owns it. */
char *vsf_agent_process_program(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfAgentProcess, vsf_agent_process_free)
