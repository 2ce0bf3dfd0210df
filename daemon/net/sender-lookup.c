/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sender-lookup.h"

/* Outlives its lookup if that is freed while the resolver works. */
typedef struct {
    VsfLookup *lookup; /* NULL: nobody waits */
    GCancellable *cancel;
} Request;

struct VsfLookup {
    GResolver *resolver;
    char *host;
    VsfLookupDone done;
    gpointer user_data;
    Request *request; /* under way, or NULL */
    guint timer_id;
    gint64 planned_us;
};

static void
on_found(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Request *request = user_data;
    VsfLookup *lookup = request->lookup;
    g_autoptr(GError) error = NULL;
    GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);

    g_object_unref(request->cancel);
    g_free(request);
    if (lookup == NULL) {
        g_resolver_free_addresses(found);
        return;
    }
    lookup->request = NULL;
    if (found == NULL && error == NULL)
        g_set_error_literal(&error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND,
                            "its name has no address");
    lookup->done(found, error, lookup->user_data);
}

void
vsf_lookup_start(VsfLookup *lookup)
{
    g_clear_handle_id(&lookup->timer_id, g_source_remove);
    if (lookup->request != NULL)
        return;
    lookup->request = g_new0(Request, 1);
    lookup->request->lookup = lookup;
    lookup->request->cancel = g_cancellable_new();
    g_resolver_lookup_by_name_async(lookup->resolver, lookup->host, lookup->request->cancel,
                                    on_found, lookup->request);
}

static gboolean
on_timer(gpointer user_data)
{
    VsfLookup *lookup = user_data;

    lookup->timer_id = 0;
    vsf_lookup_start(lookup);
    return G_SOURCE_REMOVE;
}

void
vsf_lookup_plan(VsfLookup *lookup, guint wait_s)
{
    gint64 wanted_us = g_get_monotonic_time() + wait_s * G_USEC_PER_SEC;

    if (lookup->request != NULL || (lookup->timer_id != 0 && lookup->planned_us <= wanted_us))
        return;
    g_clear_handle_id(&lookup->timer_id, g_source_remove);
    lookup->planned_us = wanted_us;
    lookup->timer_id = g_timeout_add_seconds(wait_s, on_timer, lookup);
}

gboolean
vsf_lookup_is_planned(const VsfLookup *lookup)
{
    return lookup->timer_id != 0;
}

VsfLookup *
vsf_lookup_new(GResolver *resolver, const char *host, VsfLookupDone done, gpointer user_data)
{
    VsfLookup *lookup = g_new0(VsfLookup, 1);

    lookup->resolver = g_object_ref(resolver);
    lookup->host = g_strdup(host);
    lookup->done = done;
    lookup->user_data = user_data;
    return lookup;
}

void
vsf_lookup_free(VsfLookup *lookup)
{
    if (lookup == NULL)
        return;
    if (lookup->request != NULL) {
        lookup->request->lookup = NULL;
        g_cancellable_cancel(lookup->request->cancel);
    }
    g_clear_handle_id(&lookup->timer_id, g_source_remove);
    g_clear_object(&lookup->resolver);
    g_free(lookup->host);
    g_free(lookup);
}
