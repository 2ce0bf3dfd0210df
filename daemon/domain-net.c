/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-net.h"

static VsfNetCounters
part_of(const VsfConfig *config, VsfNicKind kind, const VsfLinkStats *stats)
{
    /* The host's view, as other agents send it, is what the kernel says; on a
     * macvtap that is the guest's. */
    if (config->virt_net_direction == VSF_NET_DIRECTION_HOST)
        return vsf_net_counters_guest(stats, VSF_NIC_MACVTAP);
    return vsf_net_counters_guest(stats, kind);
}

VsfNetCounters
vsf_domain_net_part(const VsfConfig *config, const VsfTap *tap, const VsfLinkStats *stats)
{
    return part_of(config, tap->kind, stats);
}

static guint
nic_number(const VsfDomainDef *def, const VsfNic *nic)
{
    guint number = 0;

    g_ptr_array_find(def->nics, nic, &number);
    return number;
}

/* How many of them were read. */
static guint
add_others(const VsfConfig *config, const VsfDomain *domain, const VsfNicStats *others,
           VsfNetCounters *sum, VsfDomainDetail *detail)
{
    guint read = 0;

    for (guint i = 0; others->func != NULL && i < domain->def->nics->len; i++) {
        const VsfNic *nic = g_ptr_array_index(domain->def->nics, i);
        VsfLinkStats stats;
        VsfNetCounters part;

        if (nic->kind != VSF_NIC_VHOST_USER || !others->func(nic, &stats, others->user_data))
            continue;
        part = part_of(config, VSF_NIC_TAP, &stats);
        vsf_net_counters_add(sum, &part);
        vsf_domain_detail_nic(detail, i, 0, &part);
        read++;
    }
    return read;
}

VsfNetCounters
vsf_domain_net_sum(const VsfConfig *config, const VsfDomain *domain, GHashTable *table,
                   const VsfNicStats *others, const VsfNetCounters *ended, guint n_ended,
                   VsfDomainDetail *detail)
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
    read += add_others(config, domain, others, &sum, detail);
    return read == domain->def->nics->len ? sum : vsf_net_counters_unknown();
}
