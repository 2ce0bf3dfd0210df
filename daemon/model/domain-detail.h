/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of one domain has no standard field: waiting vCPUs, each disk, each NIC,
 * and where the guest's numbers come from. Pure. */
#pragma once

#include "counters.h"
#include "guest-truth.h"

#define VSF_DETAIL_DISKS_MAX 16
#define VSF_DETAIL_NICS_MAX 16

typedef struct {
    char target[32];
    guint64 rd_req, rd_bytes, wr_req, wr_bytes, fl_req; /* since QEMU's start */
    /* Mean time of an operation since the turn before; VSF_UNKNOWN without one. */
    guint64 rd_latency_ns, wr_latency_ns, fl_latency_ns;
    guint64 capacity, physical; /* bytes */
} VsfDiskDetail;

typedef struct {
    guint number;       /* of the NIC in the domain's XML, from 0 */
    guint32 ifindex;    /* 0: the kernel has no interface of it */
    VsfNetCounters net; /* in the view that virt_net_io has */
} VsfNicDetail;

typedef struct {
    guint64 vcpu_wait_ns; /* VSF_UNKNOWN */
    guint64 stuck_s;      /* for how long libvirt or QEMU does not answer, 0: it does */
    guint64 stale_s;      /* how long ago libvirt told its part last, 0: this time */
    GArray *disks;        /* VsfDiskDetail, the first ones */
    guint n_disks_rest;   /* those beyond, and their sums */
    VsfDiskDetail disks_rest;
    GArray *nics; /* VsfNicDetail, the first ones with an interface that was read */
    guint n_nics_rest;
    VsfNetCounters nics_rest;
    VsfTruth memory, available;
    /* Of the guest's facts: seconds since the part was known, -1 never; and whether
     * that is recent enough to be sent. */
    gint64 part_age_s[VSF_QGA_N_PARTS];
    gboolean part_fresh[VSF_QGA_N_PARTS];
    guint64 page_cache;       /* bytes, by the balloon; VSF_UNKNOWN */
    const char *agent;        /* its state, static; NULL: not known */
    guint64 agent_latency_ms; /* of its last answer, VSF_UNKNOWN */
    guint64 agent_age_s;      /* since then, VSF_UNKNOWN */
} VsfDomainDetail;

void vsf_domain_detail_init(VsfDomainDetail *detail);
void vsf_domain_detail_clear(VsfDomainDetail *detail);

/* The disks that have counters. @last: target -> VsfBlockStats of the turn before,
 * and of this one afterwards: vsf_block_history_new(). A device that is gone, or
 * whose counters went back, begins anew. */
void vsf_domain_detail_blocks(VsfDomainDetail *detail, const GArray *blocks, GHashTable *last);
GHashTable *vsf_block_history_new(void);

void vsf_domain_detail_nic(VsfDomainDetail *detail, guint number, guint32 ifindex,
                           const VsfNetCounters *net);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VsfDomainDetail, vsf_domain_detail_clear)
