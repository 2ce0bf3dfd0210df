/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplinks.h"

struct VsfUplinks {
    VsfExporter *exporter;
    GHashTable *told;           /* set of ifindexes that have a source */
    VsfElsewhereFunc elsewhere; /* or NULL */
    gpointer user_data;
};

VsfUplinks *
vsf_uplinks_new(VsfExporter *exporter)
{
    VsfUplinks *uplinks = g_new0(VsfUplinks, 1);

    uplinks->exporter = exporter;
    uplinks->told = g_hash_table_new(NULL, NULL);
    return uplinks;
}

void
vsf_uplinks_set_elsewhere(VsfUplinks *uplinks, VsfElsewhereFunc func, gpointer user_data)
{
    uplinks->elsewhere = func;
    uplinks->user_data = user_data;
}

void
vsf_uplinks_free(VsfUplinks *uplinks)
{
    if (uplinks == NULL)
        return;
    g_hash_table_unref(uplinks->told);
    g_free(uplinks);
}

/* @now: NULL for none. */
static void
forget_others(VsfUplinks *uplinks, GHashTable *now)
{
    GHashTableIter iter;
    gpointer ifindex;

    g_hash_table_iter_init(&iter, uplinks->told);
    while (g_hash_table_iter_next(&iter, &ifindex, NULL)) {
        if (now == NULL || !g_hash_table_contains(now, ifindex))
            vsf_exporter_forget_counters(uplinks->exporter, GPOINTER_TO_INT(ifindex));
    }
}

void
vsf_uplinks_tell(VsfUplinks *uplinks, const VsfHostCounters *counters)
{
    g_autoptr(GHashTable) now = NULL;

    if (counters == NULL)
        return;
    now = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < counters->interfaces->len; i++) {
        const VsfHostInterface *one = &g_array_index(counters->interfaces, VsfHostInterface, i);

        if (uplinks->elsewhere != NULL &&
            uplinks->elsewhere(one->name, one->ifindex, uplinks->user_data))
            continue;
        g_hash_table_add(now, GINT_TO_POINTER(one->ifindex));
        vsf_exporter_interface(uplinks->exporter, one);
    }
    forget_others(uplinks, now);
    g_hash_table_unref(uplinks->told);
    uplinks->told = g_steal_pointer(&now);
}

void
vsf_uplinks_stop(VsfUplinks *uplinks)
{
    forget_others(uplinks, NULL);
    g_hash_table_remove_all(uplinks->told);
}
