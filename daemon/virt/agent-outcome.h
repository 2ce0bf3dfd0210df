/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libvirt's answer to a request for a guest's agent means. The domain of an
 * error says whose it is:
 *
 *     G_IO_ERROR      the guest was not asked, and is not to blame: READ_ONLY (libvirt
 *                     lets us ask nobody), PERMISSION_DENIED (not this domain),
 *                     NOT_CONNECTED (libvirt is away, or the domain does not run) or
 *                     NOT_SUPPORTED (no agent's channel, or no QEMU)
 *     VSF_QGA_ERROR   the agent's own words, or a reply that is out of bounds
 *     VSF_VIRT_ERROR  the agent does not answer
 *
 * Pure; any thread. Each returned value is the caller's. */
#pragma once

#include "../../include/qga.h"
#include "error.h"

/* No connection or no such domain. @last: libvirt's error, may be NULL. */
GError *vsf_agent_error_unreached(const virError *last, const char *what);

/* The agent command @request failed. @is_alive: the connection still is. */
GError *vsf_agent_error_of_command(const virError *last, gboolean is_alive, const char *request);

/* The balloon's period could not be set; not about the agent, so never its words. */
GError *vsf_agent_error_of_balloon(const virError *last, gboolean is_alive);

/* A copy of @reply as libvirt gave it, or NULL with @error set if it is too long. */
char *vsf_agent_reply(const char *reply, GError **error);
