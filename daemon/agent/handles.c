/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "handles.h"

struct VsfAgentHandles {
    GHashTable *guests; /* UUID -> GArray of gint64, oldest first, never empty */
};

VsfAgentHandles *
vsf_agent_handles_new(void)
{
    VsfAgentHandles *handles = g_new0(VsfAgentHandles, 1);

    handles->guests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            (GDestroyNotify)g_array_unref);
    return handles;
}

void
vsf_agent_handles_free(VsfAgentHandles *handles)
{
    if (handles == NULL)
        return;
    g_hash_table_unref(handles->guests);
    g_free(handles);
}

/* -1: it is not there. */
static gint
index_of(const GArray *list, gint64 handle)
{
    for (guint i = 0; list != NULL && i < list->len; i++)
        if (g_array_index(list, gint64, i) == handle)
            return (gint)i;
    return -1;
}

gboolean
vsf_agent_handles_has(const VsfAgentHandles *handles, const char *uuid, gint64 handle)
{
    return index_of(g_hash_table_lookup(handles->guests, uuid), handle) >= 0;
}

void
vsf_agent_handles_remove(VsfAgentHandles *handles, const char *uuid, gint64 handle)
{
    GArray *list = g_hash_table_lookup(handles->guests, uuid);
    gint index = index_of(list, handle);

    if (index < 0)
        return;
    g_array_remove_index(list, (guint)index);
    if (list->len == 0)
        g_hash_table_remove(handles->guests, uuid);
}

void
vsf_agent_handles_add(VsfAgentHandles *handles, const char *uuid, gint64 handle)
{
    GArray *list;

    vsf_agent_handles_remove(handles, uuid, handle);
    list = g_hash_table_lookup(handles->guests, uuid);
    if (list == NULL) {
        if (g_hash_table_size(handles->guests) >= VSF_AGENT_HANDLES_GUESTS_MAX)
            g_hash_table_remove_all(handles->guests);
        list = g_array_new(FALSE, FALSE, sizeof(gint64));
        g_hash_table_insert(handles->guests, g_strdup(uuid), list);
    }
    if (list->len >= VSF_AGENT_HANDLES_MAX)
        g_array_remove_index(list, 0);
    g_array_append_val(list, handle);
}

guint
vsf_agent_handles_guests(const VsfAgentHandles *handles)
{
    return g_hash_table_size(handles->guests);
}
