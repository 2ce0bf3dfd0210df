/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-net.h"

VsfNetCounters
vsf_domain_net_part(const VsfConfig *config, const VsfTap *tap, const VsfLinkStats *stats)
{
    /* The host's view, as other agents send it, is what the kernel says; on a
     * macvtap that is the guest's. */
    if (config->virt_net_direction == VSF_NET_DIRECTION_HOST)
        return vsf_net_counters_guest(stats, VSF_NIC_MACVTAP);
    return vsf_net_counters_guest(stats, tap->kind);
}

static guint
nic_number(const VsfDomainDef *def, const VsfNic *nic)
{
    guint number = 0;

    g_ptr_array_find(def->nics, nic, &number);
    return number;
}

VsfNetCounters
vsf_domain_net_sum(const VsfConfig *config, const VsfDomain *domain, GHashTable *table,
                   const VsfNetCounters *ended, guint n_ended, VsfDomainDetail *detail)
{
    VsfNetCounters sum = *ended;
    guint read = n_ended;

    for (guint i = 0; table != NULL && i < domain->taps->len; i++) {
        const VsfTap *tap = g_ptr_array_index(domain->taps, i);
        const VsfLinkStats *stats = g_hash_table_lookup(table, GINT_TO_POINTER(tap->link.ifindex));
        VsfNetCounters part;

        if (stats == NULL)
            continue;
        part = vsf_domain_net_part(config, tap, stats);
        vsf_net_counters_add(&sum, &part);
        vsf_domain_detail_nic(detail, nic_number(domain->def, tap->nic), (guint32)tap->link.ifindex,
                              &part);
        read++;
    }
    return read == domain->def->nics->len ? sum : vsf_net_counters_unknown();
}
