/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libvirt told of a domain in one turn. Pure. */
#pragma once

#include "model/domain-detail.h"
#include "model/guest-truth.h"
#include "virt/stats.h"

typedef struct {
    gboolean anything, has_balloon, has_blocks;
    VsfBalloon balloon; /* with has_balloon */
} VsfDomainTold;

/* Puts @stats into @told and what they say into @counters and @detail; what they leave out stays
 * there as it was. @last_blocks: vsf_block_history_new() of the domain. */
void vsf_domain_told_take(VsfDomainTold *told, const VsfDomainStats *stats, const VsfDomainDef *def,
                          GHashTable *last_blocks, VsfDomainCounters *counters,
                          VsfDomainDetail *detail);

/* The disks' part of it alone: VsfBlockStats in @blocks. */
void vsf_domain_told_blocks(VsfDomainTold *told, GArray *blocks, const VsfDomainDef *def,
                            GHashTable *last_blocks, VsfDomainCounters *counters,
                            VsfDomainDetail *detail);
