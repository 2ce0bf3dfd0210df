/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's side of the agent service (agent-msg.h): vsf_agent_service of agent-link.h. */
#pragma once

#include <glib.h>

/* Where a service is: what vsf_agents_new_with() takes. @uri: libvirt's, for which it must ask;
 * without blanks. @path: of its socket, NULL: there is none, and none is wanted. The caller owns
 * the result. */
char *vsf_agent_client_place(const char *uri, const char *path);
