/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One blocking question over netlink and its replies. For worker threads: the
 * kernel's rtnl lock can be held for long. */
#pragma once

#include "netlink-answer.h"

#include <gio/gio.h>

/* A socket for question after question: to open and close one costs as much as a question. Opened
 * by the first, and anew after one that failed, whose answers may still come. */
typedef struct VsfNetlinkLine VsfNetlinkLine;

/* @protocol: NETLINK_ROUTE or NETLINK_GENERIC. */
VsfNetlinkLine *vsf_netlink_line_new(int protocol);
void vsf_netlink_line_free(VsfNetlinkLine *line); /* takes NULL */

/* Sends @n_messages requests that lie one after the other in @requests, with
 * sequence numbers from 1 on, and calls @reply for each answer; requests that
 * the kernel answers with an error (no such interface) have none.
 *
 * With NLM_F_DUMP in the only request: until the dump's end.
 * *@interrupted (may be NULL) is set if things changed during the dump, so that
 * it may lack some. FALSE with @error set if netlink failed or gave no answer
 * for 10 s. */
gboolean vsf_netlink_ask(VsfNetlinkLine *line, const void *requests, gsize size, guint n_messages,
                         VsfNetlinkReply reply, gpointer user_data, gboolean *interrupted,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfNetlinkLine, vsf_netlink_line_free)
