/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain-told.h"

static void
take_balloon(VsfDomainTold *told, const VsfDomainStats *stats)
{
    told->has_balloon = stats->balloon_current != VSF_UNKNOWN;
    told->balloon = (VsfBalloon){
        .current = stats->balloon_current,
        .available = stats->balloon_available,
        .usable = stats->balloon_usable,
        .unused = stats->balloon_unused,
        .disk_caches = stats->balloon_disk_caches,
        .last_update_s = stats->balloon_last_update_s,
    };
}

void
vsf_domain_told_blocks(VsfDomainTold *told, GArray *blocks, const VsfDomainDef *def,
                       GHashTable *last_blocks, VsfDomainCounters *counters,
                       VsfDomainDetail *detail)
{
    told->has_blocks = TRUE;
    counters->disk = vsf_disk_counters_sum(def, (const VsfBlockStats *)(void *)blocks->data,
                                           blocks->len);
    vsf_domain_detail_blocks(detail, blocks, last_blocks);
}

void
vsf_domain_told_take(VsfDomainTold *told, const VsfDomainStats *stats, const VsfDomainDef *def,
                     GHashTable *last_blocks, VsfDomainCounters *counters, VsfDomainDetail *detail)
{
    told->anything = TRUE;
    if (stats->state >= 0)
        counters->state = stats->state;
    if (stats->n_vcpus != VSF_UNKNOWN)
        counters->n_vcpus = stats->n_vcpus;
    take_balloon(told, stats);
    counters->max_memory = stats->balloon_current;
    told->has_blocks = FALSE;
    if (stats->has_blocks)
        vsf_domain_told_blocks(told, stats->blocks, def, last_blocks, counters, detail);
}
