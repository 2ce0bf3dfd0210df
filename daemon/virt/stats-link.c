/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats-link.h"

#include "autoptr.h"
#include "error.h"
#include "stats-parse.h"

#include <libvirt/virterror.h>
#include <string.h>

/* A domain's handle saves one call to libvirtd each time. It stays good over
 * stops, starts and renames, since libvirtd goes by the UUID in it. */
#define MAX_HANDLES 1024

/* Only what is used, never 0 (= all groups), never INTERFACE (libvirtd reads
 * /proc/net/dev once per NIC), no CPU_TOTAL or VCPU (more monitor calls). */
#define GROUPS (VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BLOCK | VIR_DOMAIN_STATS_BALLOON)

typedef struct {
    virConnectPtr connection;
    GHashTable *handles; /* UUID -> virDomainPtr */
} Link;

static void
handle_free(gpointer handle)
{
    virDomainFree(handle);
}

static void
close_link(gpointer data)
{
    Link *link = data;

    /* Each handle holds a reference to the connection. */
    g_hash_table_unref(link->handles);
    virConnectClose(link->connection);
    g_free(link);
}

static gpointer
open_link(const char *uri, GError **error)
{
    virConnectPtr connection = virConnectOpenReadOnly(uri);
    Link *link;

    if (connection == NULL) {
        vsf_virt_error_set(error, "cannot connect");
        return NULL;
    }
    /* Ends calls over a network that went away. Not to this host's libvirtd: its
     * end closes the socket, a stopped one is noticed by the connection of the
     * events, and each answer would wake the main loop several times to reset
     * the timers. Not every driver has it. */
    if (strstr(uri, ":///") == NULL && virConnectSetKeepAlive(connection, 5, 3) != 0)
        virResetLastError();
    link = g_new0(Link, 1);
    link->connection = connection;
    link->handles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, handle_free);
    return link;
}

static gboolean
is_link_alive(gpointer data)
{
    return virConnectIsAlive(((Link *)data)->connection) == 1;
}

static virDomainPtr
handle_of(Link *link, const char *uuid, GError **error)
{
    virDomainPtr handle = g_hash_table_lookup(link->handles, uuid);

    if (handle != NULL)
        return handle;
    handle = virDomainLookupByUUIDString(link->connection, uuid);
    if (handle == NULL) {
        vsf_virt_error_set(error, "lookup");
        return NULL;
    }
    if (g_hash_table_size(link->handles) >= MAX_HANDLES)
        g_hash_table_remove_all(link->handles);
    g_hash_table_insert(link->handles, g_strdup(uuid), handle);
    return handle;
}

/* No job and no monitor: it answers even while QEMU hangs. */
static void
add_info(VsfDomainStats *stats, virDomainPtr handle)
{
    virDomainInfo info;

    if (virDomainGetInfo(handle, &info) == 0)
        stats->n_vcpus = info.nrVirtCpu;
}

static VsfDomainStats *
ask_link(gpointer data, const char *uuid, gboolean with_info, GError **error)
{
    Link *link = data;
    virDomainPtr handle = handle_of(link, uuid, error);
    virDomainPtr only[] = {handle, NULL};
    g_auto(VsfStatsRecords) records = NULL;
    VsfDomainStats *stats;
    int n;

    if (handle == NULL)
        return NULL;
    n = virDomainListGetStats(only, GROUPS, &records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    if (n <= 0) {
        if (n < 0)
            vsf_virt_error_set(error, "statistics");
        else /* libvirt skips a domain that is gone */
            g_set_error(error, VSF_VIRT_ERROR, VIR_ERR_NO_DOMAIN, "statistics: no such domain");
        g_hash_table_remove(link->handles, uuid);
        return NULL;
    }
    stats = vsf_stats_parse(uuid, records[0]->params, records[0]->nparams);
    if (with_info)
        add_info(stats, handle);
    return stats;
}

const VsfStatsOps vsf_stats_libvirt = {
    .open = open_link,
    .ask = ask_link,
    .is_alive = is_link_alive,
    .close = close_link,
    .now_us = g_get_monotonic_time,
    .deadline_us = 2 * G_USEC_PER_SEC,
};
