/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics of one domain at a time from libvirt: block devices and balloon.
 *
 * virDomainListGetStats of one domain with NOWAIT, groups STATE, BLOCK and
 * BALLOON. It goes through QEMU's monitor, which can hang for ever, and NOWAIT
 * does not protect the caller that gets the job: so at most VSF_STATS_THREADS
 * calls are out at a time, each on a connection of its own, at most one per
 * domain; a call past its deadline keeps its thread and connection. */
#pragma once

#include "../model/counters.h"

#include <gio/gio.h>

#define VSF_STATS_THREADS 4 /* libvirtd has 20 workers that virsh and nova share */

typedef struct {
    char uuid[VSF_UUID_TEXT];
    int state, reason;       /* -1 unknown */
    guint64 balloon_current; /* bytes, VSF_UNKNOWN if not told */
    guint64 balloon_maximum;
    guint64 balloon_available, balloon_usable, balloon_unused, balloon_disk_caches; /* bytes */
    guint64 balloon_last_update_s; /* host's epoch; 0 = the guest has no driver */
    guint64 n_vcpus;               /* VSF_UNKNOWN if not asked this time */
    gboolean has_blocks;           /* FALSE: the domain was busy (or has nothing but empty drives):
                                      no block statistics */
    GArray *blocks;                /* VsfBlockStats, owned by the struct */
} VsfDomainStats;

void vsf_domain_stats_free(VsfDomainStats *stats);

typedef struct VsfStats VsfStats;

/* @stats is NULL with @error set if the call failed (libvirtd away, domain
 * gone). @stats and @error are valid during the call. */
typedef void (*VsfStatsFunc)(const char *uuid, const VsfDomainStats *stats, const GError *error,
                             gpointer user_data);

VsfStats *vsf_stats_new(const char *uri);
/* No callback comes any more; hung calls are left behind. */
void vsf_stats_free(VsfStats *stats);

typedef enum {
    VSF_STATS_ASKED,
    VSF_STATS_IN_FLIGHT, /* a call for this domain is still out */
    VSF_STATS_PAUSED,    /* every thread is held by a call past its deadline */
} VsfStatsAsk;

/* Asks about one domain; @done follows on the main loop if ASKED: with a late
 * answer too, and with G_IO_ERROR_BUSY if the call still waited for a thread
 * when statistics paused. @with_info also asks virDomainGetInfo (no job, no
 * monitor) for the vCPU count. */
VsfStatsAsk vsf_stats_ask(VsfStats *stats, const char *uuid, gboolean with_info, VsfStatsFunc done,
                          gpointer user_data);

/* Monotonic time at which the call for @uuid that is still out was begun, 0 if
 * there is none or it waits for a thread. */
gint64 vsf_stats_outstanding_since(const VsfStats *stats, const char *uuid);

/* Calls out for longer than their deadline (2 s). */
guint vsf_stats_stuck(const VsfStats *stats);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfDomainStats, vsf_domain_stats_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfStats, vsf_stats_free)
