/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks one name up, again and again, without ever blocking: GResolver works on
 * threads of its own. What an answer means is the target's. Main thread only. */
#pragma once

#include <gio/gio.h>

typedef struct VsfLookup VsfLookup;

/* @addresses: GInetAddress, at least one, the callee's from here on; or NULL and
 * @error says why there is none. */
typedef void (*VsfLookupDone)(GList *addresses, const GError *error, gpointer user_data);

/* Does nothing by itself. */
VsfLookup *vsf_lookup_new(GResolver *resolver, const char *host, VsfLookupDone done,
                          gpointer user_data);

/* @done is not called any more, also if the resolver still works. */
void vsf_lookup_free(VsfLookup *lookup);

/* Now. At most one is under way at a time. */
void vsf_lookup_start(VsfLookup *lookup);

/* In @wait_s, unless one is planned earlier or under way. */
void vsf_lookup_plan(VsfLookup *lookup, guint wait_s);
gboolean vsf_lookup_is_planned(const VsfLookup *lookup);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VsfLookup, vsf_lookup_free)
