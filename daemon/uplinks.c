/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplinks.h"

struct VsfUplinks {
    VsfExporter *exporter;
    GHashTable *told;           /* set of ifindexes that have a source */
    GArray *known;              /* VsfUplink */
    VsfElsewhereFunc elsewhere; /* or NULL */
    gpointer user_data;
};

VsfUplinks *
vsf_uplinks_new(VsfExporter *exporter)
{
    VsfUplinks *uplinks = g_new0(VsfUplinks, 1);

    uplinks->exporter = exporter;
    uplinks->told = g_hash_table_new(NULL, NULL);
    uplinks->known = g_array_new(FALSE, TRUE, sizeof(VsfUplink));
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
    g_array_unref(uplinks->known);
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

guint
vsf_uplinks_polling_s(const VsfConfig *config, const char *name)
{
    return vsf_config_tap_polling_s(config, NULL, name);
}

/* Those that are told elsewhere are known as well. */
static const VsfUplink *
note(VsfUplinks *uplinks, const VsfHostInterface *one)
{
    VsfUplink uplink = {.ifindex = one->ifindex,
                        .is_bridge = one->is_bridge,
                        .has_kinds = vsf_mac_counters_has_kinds(&one->mac_counters)};

    g_strlcpy(uplink.name, one->name, sizeof(uplink.name));
    uplink.elsewhere = uplinks->elsewhere != NULL &&
                       uplinks->elsewhere(one->name, one->ifindex, uplinks->user_data);
    g_array_append_val(uplinks->known, uplink);
    return &g_array_index(uplinks->known, VsfUplink, uplinks->known->len - 1);
}

void
vsf_uplinks_tell(VsfUplinks *uplinks, const VsfHostCounters *counters, const VsfConfig *config,
                 guint interval_s)
{
    g_autoptr(GHashTable) now = NULL;

    if (counters == NULL)
        return;
    now = g_hash_table_new(NULL, NULL);
    g_array_set_size(uplinks->known, 0);
    for (guint i = 0; i < counters->interfaces->len; i++) {
        const VsfHostInterface *one = &g_array_index(counters->interfaces, VsfHostInterface, i);
        guint polling_s = vsf_uplinks_polling_s(config, one->name);
        gpointer key = GINT_TO_POINTER(one->ifindex);

        if (note(uplinks, one)->elsewhere || polling_s == 0)
            continue;
        if (polling_s == interval_s)
            vsf_exporter_interface(uplinks->exporter, one);
        if (polling_s == interval_s || g_hash_table_contains(uplinks->told, key))
            g_hash_table_add(now, key);
    }
    forget_others(uplinks, now);
    g_hash_table_unref(uplinks->told);
    uplinks->told = g_steal_pointer(&now);
}

gboolean
vsf_uplinks_have(const VsfUplinks *uplinks, const VsfConfig *config, guint interval_s)
{
    for (guint i = 0; i < uplinks->known->len; i++)
        if (vsf_uplinks_polling_s(config, g_array_index(uplinks->known, VsfUplink, i).name) ==
            interval_s)
            return TRUE;
    return FALSE;
}

const GArray *
vsf_uplinks_known(const VsfUplinks *uplinks)
{
    return uplinks->known;
}

void
vsf_uplinks_stop(VsfUplinks *uplinks)
{
    forget_others(uplinks, NULL);
    g_hash_table_remove_all(uplinks->told);
    g_array_set_size(uplinks->known, 0);
}
