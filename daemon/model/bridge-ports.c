/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bridge-ports.h"

#include <string.h>

static gint
by_ifindex(gconstpointer a, gconstpointer b)
{
    const VsfLink *one = *(const VsfLink *const *)a, *other = *(const VsfLink *const *)b;

    return (one->ifindex > other->ifindex) - (one->ifindex < other->ifindex);
}

GHashTable *
vsf_bridge_ports(GHashTable *links)
{
    GHashTable *bridges = g_hash_table_new_full(NULL, NULL, NULL,
                                                (GDestroyNotify)g_ptr_array_unref);
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, links);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const VsfLink *link = value;
        gpointer key = GINT_TO_POINTER(link->master);
        const VsfLink *bridge = g_hash_table_lookup(links, key);
        GPtrArray *ports;

        if (bridge == NULL || strcmp(bridge->kind, "bridge") != 0 ||
            strcmp(link->kind, "tun") == 0 || strcmp(link->kind, "macvtap") == 0)
            continue;
        ports = g_hash_table_lookup(bridges, key);
        if (ports == NULL) {
            ports = g_ptr_array_new();
            g_hash_table_insert(bridges, key, ports);
        }
        g_ptr_array_add(ports, (gpointer)link);
    }
    g_hash_table_iter_init(&iter, bridges);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_sort(value, by_ifindex);
    return bridges;
}
