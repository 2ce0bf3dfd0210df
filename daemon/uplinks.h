/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interface samples of the host's physical interfaces and of the bridges above them, told with the
 * host's own counters. What is gone is forgotten, so that whoever has its index next begins
 * anew. Main thread only. */
#pragma once

#include "exporter.h"

typedef struct VsfUplinks VsfUplinks;

VsfUplinks *vsf_uplinks_new(VsfExporter *exporter);
/* Who knows of an interface that another agent under our address sends its counters: it has no
 * sample of ours then. */
typedef gboolean (*VsfElsewhereFunc)(const char *name, int ifindex, gpointer user_data);
void vsf_uplinks_set_elsewhere(VsfUplinks *uplinks, VsfElsewhereFunc func, gpointer user_data);

/* Takes NULL. */
void vsf_uplinks_free(VsfUplinks *uplinks);

/* One sample of each of @counters; @counters NULL: not known this time, nothing leaves. */
void vsf_uplinks_tell(VsfUplinks *uplinks, const VsfHostCounters *counters);

/* No more of them: they begin anew if they are told again. */
void vsf_uplinks_stop(VsfUplinks *uplinks);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfUplinks, vsf_uplinks_free)
