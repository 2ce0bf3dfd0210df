/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vsf_stats calls on its threads: one connection to libvirt and the
 * question about one domain, behind a seam so that tests can let a call hang. */
#pragma once

#include "stats.h"

/* All but now_us run on worker threads, one at a time for each link. */
typedef struct {
    gpointer (*open)(const char *uri, GError **error);
    VsfDomainStats *(*ask)(gpointer link, const char *uuid, gboolean with_info, GError **error);
    gboolean (*is_alive)(gpointer link); /* does not block */
    void (*close)(gpointer link);
    gint64 (*now_us)(void); /* monotonic; main thread */
    gint64 deadline_us;
} VsfStatsOps;

/* The real thing. */
extern const VsfStatsOps vsf_stats_libvirt;

/* @ops is static. vsf_stats_new() is this with vsf_stats_libvirt. */
VsfStats *vsf_stats_new_with(const VsfStatsOps *ops, const char *uri);
