/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain's network counters out of those of its taps. Pure. */
#pragma once

#include "config.h"
#include "model/domain-detail.h"
#include "model/registry.h"

/* One tap's part, seen from the side that the configuration wants. */
VsfNetCounters vsf_domain_net_part(const VsfConfig *config, const VsfTap *tap,
                                   const VsfLinkStats *stats);

/* Counters of a NIC that the kernel has no interface of, as a tap's: rx is what the guest sent.
 * FALSE: not known. */
typedef gboolean (*VsfNicStatsFunc)(const VsfNic *nic, VsfLinkStats *stats, gpointer user_data);
typedef struct {
    VsfNicStatsFunc func; /* or NULL */
    gpointer user_data;
} VsfNicStats;

/* @table: ifindex -> VsfLinkStats, NULL if they could not be read; each NIC's part is
 * put into @detail. @ended: the sum of @n_ended taps that are gone. Unknown if
 * there is a NIC that was not read, by its tap or by @others: less than all would be a lie. */
VsfNetCounters vsf_domain_net_sum(const VsfConfig *config, const VsfDomain *domain,
                                  GHashTable *table, const VsfNicStats *others,
                                  const VsfNetCounters *ended, guint n_ended,
                                  VsfDomainDetail *detail);
