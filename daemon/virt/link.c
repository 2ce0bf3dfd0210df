/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include "error.h"
#include "event-loop.h"

#include <libvirt/virterror.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define KEEPALIVE_IS_SAFE 10003000 /* libvirt 10.3.0: see link.h */

struct VsfLink {
    virConnectPtr connection;
    int fd;              /* of the connection, if the main loop does not watch it; else -1 */
    GHashTable *handles; /* UUID -> virDomainPtr */
    GHashTable *before;  /* the same, that were too many; some may still be in use */
};

static void
handle_free(gpointer handle)
{
    virDomainFree(handle);
}

static GHashTable *
handles_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, handle_free);
}

/* Ends calls over a network that went away. Not to this host's libvirtd: its end
 * closes the socket, a stopped one is noticed by the connection of the events, and
 * each answer would wake the main loop several times to reset the timers. */
static void
keep_alive(virConnectPtr connection, const char *uri)
{
    unsigned long version = 0;

    if (vsf_link_is_local(uri) || virGetVersion(&version, NULL, NULL) != 0 ||
        version < KEEPALIVE_IS_SAFE)
        return;
    /* Not every driver has it. */
    if (virConnectSetKeepAlive(connection, 5, 3) != 0)
        virResetLastError();
}

gboolean
vsf_link_is_local(const char *uri)
{
    return strstr(uri, ":///") != NULL;
}

void
vsf_link_close(gpointer data)
{
    VsfLink *link = data;

    /* Each handle holds a reference to the connection. */
    g_hash_table_unref(link->handles);
    g_hash_table_unref(link->before);
    virConnectClose(link->connection);
    g_free(link);
}

/* The main loop has no part in a connection to this host's libvirtd: it would be woken by each
 * call. Over a network it has, for the keepalive. */
static virConnectPtr
open_connection(const char *uri, gboolean read_only, int *fd)
{
    virConnectPtr connection;

    *fd = -1;
    if (vsf_link_is_local(uri))
        vsf_event_loop_exclude(fd);
    connection = read_only ? virConnectOpenReadOnly(uri) : virConnectOpen(uri);
    vsf_event_loop_include();
    return connection;
}

VsfLink *
vsf_link_open(const char *uri, gboolean read_only, GError **error)
{
    int fd;
    virConnectPtr connection = open_connection(uri, read_only, &fd);
    VsfLink *link;

    if (connection == NULL) {
        vsf_virt_error_set(error, "cannot connect");
        return NULL;
    }
    keep_alive(connection, uri);
    link = g_new0(VsfLink, 1);
    link->connection = connection;
    link->fd = fd;
    link->handles = handles_new();
    link->before = handles_new();
    return link;
}

virConnectPtr
vsf_link_connection(VsfLink *link)
{
    return link->connection;
}

gboolean
vsf_link_is_quiet(int fd)
{
    struct pollfd peer = {.fd = fd, .events = POLLIN | POLLRDHUP};

    return poll(&peer, 1, 0) == 0;
}

/* libvirt closes the socket when it finds the connection broken, and only then. */
gboolean
vsf_link_is_alive(gpointer data)
{
    const VsfLink *link = data;

    return virConnectIsAlive(link->connection) == 1 &&
           (link->fd == -1 || vsf_link_is_quiet(link->fd));
}

/* Takes @handle. */
static void
keep_handle(VsfLink *link, const char *uuid, virDomainPtr handle)
{
    if (g_hash_table_size(link->handles) >= VSF_LINK_HANDLES) {
        g_hash_table_unref(link->before);
        link->before = g_steal_pointer(&link->handles);
        link->handles = handles_new();
    }
    g_hash_table_insert(link->handles, g_strdup(uuid), handle);
}

/* If that fails, they are looked up one by one. */
static void
list_handles(VsfLink *link)
{
    virDomainPtr *domains = NULL;
    int n = virConnectListAllDomains(link->connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);

    for (int i = 0; i < n; i++) {
        char uuid[VIR_UUID_STRING_BUFLEN];

        if (virDomainGetUUIDString(domains[i], uuid) == 0)
            keep_handle(link, uuid, domains[i]);
        else
            virDomainFree(domains[i]);
    }
    free(domains);
}

virDomainPtr
vsf_link_domain(VsfLink *link, const char *uuid, GError **error)
{
    virDomainPtr handle;

    if (g_hash_table_size(link->handles) == 0)
        list_handles(link);
    handle = g_hash_table_lookup(link->handles, uuid);
    if (handle != NULL)
        return handle;
    handle = virDomainLookupByUUIDString(link->connection, uuid);
    if (handle == NULL) {
        vsf_virt_error_set(error, "lookup");
        return NULL;
    }
    keep_handle(link, uuid, handle);
    return handle;
}

void
vsf_link_forget(VsfLink *link, const char *uuid)
{
    g_hash_table_remove(link->handles, uuid);
}
