/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks name servers one question. Blocks, for a worker; but every wait ends at a deadline, over
 * TCP too, where the C library's own res_nsend() waits for as long as a server keeps silent. */
#pragma once

#include <gio/gio.h>
#include <netinet/in.h>

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} VsfNameServer;

typedef struct {
    GArray *servers; /* VsfNameServer, in the order in which they are asked */
    GStrv search;    /* domains, in the order in which they are asked; may be empty */
    gboolean tcp_only;
} VsfNameServers;

/* As resolv.conf(5) and the environment say it now. Reads files. NULL with @error set
 * (G_IO_ERROR) if that cannot be read. */
VsfNameServers *vsf_name_servers_read(GError **error) G_GNUC_WARN_UNUSED_RESULT;
void vsf_name_servers_free(VsfNameServers *servers);

/* The answer's bytes, with the code NOERROR or NXDOMAIN: by UDP from the first server that gives
 * one, or by TCP if it was truncated. @type: ns_t_srv ... Twice round all servers at most. NULL
 * with @error set (G_IO_ERROR): why the last one gave none. */
GBytes *vsf_dns_ask(const VsfNameServers *servers, const char *name, int type, gint64 deadline_us,
                    GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfNameServers, vsf_name_servers_free)
