/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats.h"

#include "autoptr.h"
#include "error.h"
#include "link.h"
#include "stats-parse.h"

#include <libvirt/virterror.h>

/* Only what is used, never 0 (= all groups), never INTERFACE (libvirtd reads
 * /proc/net/dev once per NIC), no CPU_TOTAL or VCPU (more monitor calls). */
#define GROUPS (VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BLOCK | VIR_DOMAIN_STATS_BALLOON)

static gpointer
open_link(const char *uri, GError **error)
{
    return vsf_link_open(uri, TRUE, error);
}

/* No job and no monitor: it answers even while QEMU hangs. */
static void
add_info(VsfDomainStats *stats, virDomainPtr handle)
{
    virDomainInfo info;

    if (virDomainGetInfo(handle, &info) == 0)
        stats->n_vcpus = info.nrVirtCpu;
}

/* @with_info: a boolean. */
static gpointer
ask_link(gpointer link, const char *uuid, gpointer with_info, GError **error)
{
    virDomainPtr handle = vsf_link_domain(link, uuid, error);
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
        vsf_link_forget(link, uuid);
        return NULL;
    }
    stats = vsf_stats_parse(uuid, records[0]->params, records[0]->nparams);
    if (GPOINTER_TO_INT(with_info))
        add_info(stats, handle);
    return stats;
}

static const VsfCallsOps ops = {
    .open = open_link,
    .call = ask_link,
    .is_alive = vsf_link_is_alive,
    .close = vsf_link_close,
    .answer_free = (GDestroyNotify)vsf_domain_stats_free,
    .now_us = g_get_monotonic_time,
};

VsfCalls *
vsf_stats_new(const char *uri)
{
    return vsf_calls_new(&ops, uri, VSF_STATS_THREADS, 2 * G_USEC_PER_SEC);
}

VsfCallsAsk
vsf_stats_ask(VsfCalls *stats, const char *uuid, gboolean with_info, VsfCallsFunc done,
              gpointer user_data)
{
    return vsf_calls_ask(stats, uuid, GINT_TO_POINTER(with_info), done, user_data);
}
