/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics of domains from libvirt: block devices and balloon.
 *
 * virDomainListGetStats of one domain, or of those whose turn comes together, with NOWAIT,
 * groups STATE, BLOCK and BALLOON. It goes through QEMU's monitor, which can hang for ever, and
 * NOWAIT does not protect the caller that gets the job: hence calls.h. */
#pragma once

#include "../model/counters.h"
#include "calls.h"

#define VSF_STATS_THREADS 4 /* libvirtd has 20 workers that virsh and nova share */

typedef struct {
    char uuid[VSF_UUID_TEXT];
    int state, reason;       /* -1 unknown */
    guint64 balloon_current; /* bytes, VSF_UNKNOWN if not told */
    guint64 balloon_maximum;
    guint64 balloon_available, balloon_usable, balloon_unused, balloon_disk_caches; /* bytes */
    guint64 balloon_last_update_s; /* host's epoch; 0 = the guest has no driver */
    guint64 n_vcpus;               /* VSF_UNKNOWN if not asked this time */
    gboolean asked_qemu;           /* FALSE: another call about the domain was at its QEMU */
    gboolean has_blocks;           /* FALSE: the domain was busy (or has nothing but empty drives):
                                      no block statistics */
    GArray *blocks;                /* VsfBlockStats, owned by the struct */
} VsfDomainStats;

void vsf_domain_stats_free(VsfDomainStats *stats);

/* At most VSF_STATS_THREADS calls are out at a time, on read-only connections; their
 * deadline is 2 s. */
VsfCalls *vsf_stats_new(const char *uri);

typedef enum {
    VSF_STATS_WITH_INFO = 1 << 0,   /* also virDomainGetInfo (no job, no monitor): the vCPU count */
    VSF_STATS_WITH_OTHERS = 1 << 1, /* in one call with others, at vsf_calls_begin_gathered() */
} VsfStatsHow;

/* Asks about one domain; the answer is a VsfDomainStats. */
VsfCallsAsk vsf_stats_ask(VsfCalls *stats, const char *uuid, VsfStatsHow how, VsfCallsFunc done,
                          gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfDomainStats, vsf_domain_stats_free)
