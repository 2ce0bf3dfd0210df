/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of interfaces by RTM_GETSTATS (64 bits, no strings, Linux 4.7).
 * The kernel's rtnl lock can be held for long, so the questions are asked on a
 * worker of their own. */
#pragma once

#include "../model/counters.h"

#include <gio/gio.h>

typedef struct VsfLinkStatsReader VsfLinkStatsReader;

/* @table: GINT_TO_POINTER(ifindex) -> VsfLinkStats *, valid during the call; of
 * the interfaces asked for, those that are gone are not in it. @read_ns: monotonic time at which
 * the answer was there: the kernel may have taken long, and a frame that it counted passed
 * before that. NULL @table with @error set if netlink failed. */
typedef void (*VsfLinkStatsFunc)(GHashTable *table, gint64 read_ns, const GError *error,
                                 gpointer user_data);

VsfLinkStatsReader *vsf_link_stats_new(GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Callbacks of questions in flight are not called any more. Takes NULL. */
void vsf_link_stats_free(VsfLinkStatsReader *reader);

/* Asks for these interfaces, each once; for more than 32 by one dump of all.
 * @done runs on the main loop, never inside this call. While a thousand questions wait for a
 * kernel that does not answer, it comes at once with an error, before theirs. */
void vsf_link_stats_ask(VsfLinkStatsReader *reader, const int *ifindexes, guint n_ifindexes,
                        VsfLinkStatsFunc done, gpointer user_data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfLinkStatsReader, vsf_link_stats_free)
