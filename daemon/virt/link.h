/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection for calls about domains, with the handles of the domains that were
 * asked for. Blocks: on workers, one at a time for each link, and nothing else uses its
 * connection: in libvirt before 10.3, two threads on one connection, of which one
 * may be the main loop with its keepalive, write to a stack that is gone when a call
 * takes long (CVE-2024-4418). */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

/* A link keeps up to twice as many, of domains that are long gone too; then all anew. */
#define VSF_LINK_HANDLES 2048

typedef struct VsfLink VsfLink;

/* TRUE if @uri names no host, so that the libvirtd is this one's. */
gboolean vsf_link_is_local(const char *uri);

/* NULL with @error set to libvirt's; virGetLastError() still tells more. */
VsfLink *vsf_link_open(const char *uri, gboolean read_only, GError **error);
void vsf_link_close(gpointer link);
virConnectPtr vsf_link_connection(VsfLink *link); /* no reference */

/* Also notices the end of a connection that lay idle. Does not block. */
gboolean vsf_link_is_alive(gpointer link);

/* TRUE if nothing came over the socket @fd and its peer has not closed it. A connection that has
 * no events and no keepalive has nothing to read between calls, unless it ended. */
gboolean vsf_link_is_quiet(int fd);

/* Owned by @link, which keeps it until VSF_LINK_HANDLES others were asked for, or it is to forget
 * it. It stays good over stops, starts and renames, since libvirtd goes by the UUID in it, and
 * saves one call each time. The first one of a link comes with those of all domains that run, by
 * one call. */
virDomainPtr vsf_link_domain(VsfLink *link, const char *uuid, GError **error);
void vsf_link_forget(VsfLink *link, const char *uuid);
