/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the agents calls libvirt: one request as a domain's agent command, and the balloon's
 * period. It needs a read-write connection, which is as good as root on the host: virt-sflow-agent
 * alone links this. On threads; errors as in agent-link.h, and so is what they return. */
#pragma once

#include <glib.h>

/* A VsfLink: see link.h. */
gpointer vsf_agent_libvirt_open(const char *uri, GError **error);
char *vsf_agent_libvirt_send(gpointer link, const char *uuid, const char *request, int timeout_s,
                             GError **error);
gboolean vsf_agent_libvirt_set_balloon_period(gpointer link, const char *uuid, int period_s,
                                              GError **error);
