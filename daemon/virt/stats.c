/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stats.h"

#include "autoptr.h"
#include "error.h"
#include "link.h"
#include "stats-parse.h"

#include <libvirt/virterror.h>
#include <string.h>

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

/* Fills in what @record tells. @question: a VsfStatsHow. */
static gpointer
answer_of(const virDomainStatsRecord *record, const char *uuid, gpointer question)
{
    VsfDomainStats *stats = vsf_stats_parse(uuid, record->params, record->nparams);

    if (GPOINTER_TO_UINT(question) & VSF_STATS_WITH_INFO)
        add_info(stats, record->dom);
    return stats;
}

/* libvirt skips a domain that is gone. */
static void
set_gone(VsfLink *link, const char *uuid, GError **error)
{
    g_set_error(error, VSF_VIRT_ERROR, VIR_ERR_NO_DOMAIN, "statistics: no such domain");
    vsf_link_forget(link, uuid);
}

static gpointer
ask_link(gpointer link, const char *uuid, gpointer question, GError **error)
{
    virDomainPtr handle = vsf_link_domain(link, uuid, error);
    virDomainPtr only[] = {handle, NULL};
    g_auto(VsfStatsRecords) records = NULL;
    int n;

    if (handle == NULL)
        return NULL;
    n = virDomainListGetStats(only, GROUPS, &records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    if (n > 0)
        return answer_of(records[0], uuid, question);
    if (n < 0) {
        vsf_virt_error_set(error, "statistics");
        vsf_link_forget(link, uuid);
    } else {
        set_gone(link, uuid, error);
    }
    return NULL;
}

/* Of those that can be looked up; a NULL ends them. Without references: for the sake of one of
 * them libvirt's client would write the UUID of its domain as text, for a log that nobody keeps. */
static virDomainPtr *
handles_of(gpointer link, VsfCallsItem *items, guint n)
{
    virDomainPtr *handles = g_new0(virDomainPtr, n + 1);
    guint n_found = 0;

    G_STATIC_ASSERT(VSF_CALLS_BATCH_MAX < VSF_LINK_HANDLES);
    for (guint i = 0; i < n; i++) {
        virDomainPtr handle = vsf_link_domain(link, items[i].uuid, &items[i].error);

        if (handle != NULL)
            handles[n_found++] = handle;
    }
    return handles;
}

static VsfCallsItem *
item_of(VsfCallsItem *items, guint n, virDomainPtr domain)
{
    guint8 bytes[VIR_UUID_BUFLEN];
    char uuid[VSF_UUID_TEXT];

    if (virDomainGetUUID(domain, bytes) != 0)
        return NULL;
    vsf_uuid_format(bytes, uuid);
    for (guint i = 0; i < n; i++)
        if (strcmp(items[i].uuid, uuid) == 0)
            return &items[i];
    return NULL;
}

static gboolean
ask_link_many(gpointer link, VsfCallsItem *items, guint n, GError **error)
{
    g_autofree virDomainPtr *handles = handles_of(link, items, n);
    g_auto(VsfStatsRecords) records = NULL;
    int n_records = 0;

    if (handles[0] != NULL)
        n_records = virDomainListGetStats(handles, GROUPS, &records,
                                          VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
    if (n_records < 0) {
        vsf_virt_error_set(error, "statistics");
        return FALSE;
    }
    for (int i = 0; i < n_records; i++) {
        VsfCallsItem *item = item_of(items, n, records[i]->dom);

        if (item != NULL && item->answer == NULL)
            item->answer = answer_of(records[i], item->uuid, item->question);
    }
    for (guint i = 0; i < n; i++)
        if (items[i].answer == NULL && items[i].error == NULL)
            set_gone(link, items[i].uuid, &items[i].error);
    return TRUE;
}

static gboolean
is_partial(gconstpointer stats)
{
    return !((const VsfDomainStats *)stats)->asked_qemu;
}

static const VsfCallsOps ops = {
    .open = open_link,
    .call = ask_link,
    .call_many = ask_link_many,
    .is_partial = is_partial,
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
vsf_stats_ask(VsfCalls *stats, const char *uuid, VsfStatsHow how, VsfCallsFunc done,
              gpointer user_data)
{
    gpointer question = GUINT_TO_POINTER(how);

    return how & VSF_STATS_WITH_OTHERS ? vsf_calls_gather(stats, uuid, question, done, user_data)
                                       : vsf_calls_ask(stats, uuid, question, done, user_data);
}
