/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interface samples of the host's physical interfaces and of the bridges above them, each at its
 * own interval. What is gone is forgotten, so that whoever has its index next begins anew. Main
 * thread only. */
#pragma once

#include "exporter.h"

typedef struct VsfUplinks VsfUplinks;

/* One that there was at the last reading. */
typedef struct {
    int ifindex;
    char name[VSF_LINK_NAME_MAX];
    gboolean is_bridge;
    gboolean elsewhere; /* another agent under our address tells of it */
    gboolean has_kinds; /* its MAC tells multicast or broadcast frames */
} VsfUplink;

VsfUplinks *vsf_uplinks_new(VsfExporter *exporter);
/* Who knows of an interface that another agent under our address sends its counters: it has no
 * sample of ours then. */
typedef gboolean (*VsfElsewhereFunc)(const char *name, int ifindex, gpointer user_data);
void vsf_uplinks_set_elsewhere(VsfUplinks *uplinks, VsfElsewhereFunc func, gpointer user_data);

/* Takes NULL. */
void vsf_uplinks_free(VsfUplinks *uplinks);

/* Seconds between two samples of an interface of the host's own; 0: it has none. */
guint vsf_uplinks_polling_s(const VsfConfig *config, const char *name);

/* One sample of each of @counters that is polled at @interval_s, by @config; @counters, NULL where
 * they are not known this time (then nothing leaves), are all that there are. */
void vsf_uplinks_tell(VsfUplinks *uplinks, const VsfHostCounters *counters, const VsfConfig *config,
                      guint interval_s);

/* TRUE if one that there was is polled at @interval_s. */
gboolean vsf_uplinks_have(const VsfUplinks *uplinks, const VsfConfig *config, guint interval_s);

/* VsfUplink, by ifindex, until the next call of another function here. */
const GArray *vsf_uplinks_known(const VsfUplinks *uplinks);

/* No more of them: they begin anew if they are told again. */
void vsf_uplinks_stop(VsfUplinks *uplinks);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfUplinks, vsf_uplinks_free)
