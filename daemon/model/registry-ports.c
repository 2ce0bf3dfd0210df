/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry's physical ports: which of the host's own interfaces are sampled. That a link is
 * one the devices say, not its messages; that it is there, and up, those say. */
#include "glob.h"
#include "registry-private.h"

#include <string.h>

void
vsf_registry_ports_init(VsfRegistry *registry)
{
    registry->port_patterns = g_new0(char *, 1);
    registry->ports = g_hash_table_new_full(NULL, NULL, NULL, g_free);
}

void
vsf_registry_ports_clear(VsfRegistry *registry)
{
    g_strfreev(registry->port_patterns);
    g_hash_table_unref(registry->ports);
}

static gboolean
is_wanted(const VsfRegistry *registry, const VsfLink *link)
{
    if (!vsf_link_is_ethernet(link))
        return FALSE;
    for (char **pattern = registry->port_patterns; *pattern != NULL; pattern++)
        if (vsf_glob_matches(*pattern, link->name))
            return TRUE;
    return FALSE;
}

static void
begin_port(VsfRegistry *registry, VsfRegistryLink *link, guint64 speed_bps)
{
    VsfRegistryTap *tap = vsf_registry_new_tap(registry, link);

    tap->tap.role = VSF_TAP_PORT;
    tap->tap.speed_bps = speed_bps;
    VSF_CALL(registry, tap_added, &tap->tap);
}

/* NULL: it is no port. What was one may be gone, and a tap have its number, before the devices are
 * looked at again, which is never where no port is wanted. */
static const guint64 *
find_speed(const VsfRegistry *registry, const VsfLink *link)
{
    if (strcmp(link->kind, "tun") == 0 || strcmp(link->kind, "macvtap") == 0)
        return NULL;
    return g_hash_table_lookup(registry->ports, GINT_TO_POINTER(link->ifindex));
}

gboolean
vsf_registry_resolve_port(VsfRegistry *registry, VsfRegistryLink *link)
{
    const guint64 *speed_bps = find_speed(registry, &link->link);
    VsfRegistryTap *tap = link->tap;
    gboolean is_port = tap != NULL && tap->tap.role == VSF_TAP_PORT;
    gboolean wanted = speed_bps != NULL && is_wanted(registry, &link->link);

    /* What it was taken for before it was known is over too. */
    if (tap != NULL && (is_port ? !wanted : speed_bps != NULL)) {
        vsf_registry_remove_tap(registry, tap);
        is_port = FALSE;
    }
    if (speed_bps != NULL)
        link->xml_wanted_us = 0;
    if (wanted && !is_port) {
        begin_port(registry, link, *speed_bps);
    } else if (wanted && tap->tap.speed_bps != *speed_bps) {
        tap->tap.speed_bps = *speed_bps;
        VSF_CALL(registry, tap_changed, &tap->tap);
    }
    return speed_bps != NULL;
}

static void
resolve_all(VsfRegistry *registry, GHashTable *ifindexes, gint64 now_us)
{
    GHashTableIter iter;
    gpointer ifindex;

    g_hash_table_iter_init(&iter, ifindexes);
    while (g_hash_table_iter_next(&iter, &ifindex, NULL)) {
        VsfRegistryLink *link = g_hash_table_lookup(registry->links, ifindex);

        if (link != NULL)
            vsf_registry_resolve(registry, link, now_us);
    }
}

void
vsf_registry_set_ports(VsfRegistry *registry, const VsfPort *ports, guint n_ports, gint64 now_us)
{
    g_autoptr(GHashTable) before = g_steal_pointer(&registry->ports);

    registry->ports = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    for (guint i = 0; i < n_ports; i++)
        g_hash_table_insert(registry->ports, GINT_TO_POINTER(ports[i].ifindex),
                            g_memdup2(&ports[i].speed_bps, sizeof(ports[i].speed_bps)));
    resolve_all(registry, before, now_us);
    resolve_all(registry, registry->ports, now_us);
}

void
vsf_registry_set_port_patterns(VsfRegistry *registry, const char *const *patterns, gint64 now_us)
{
    if (g_strv_equal((const char *const *)registry->port_patterns, patterns))
        return;
    g_strfreev(registry->port_patterns);
    registry->port_patterns = g_strdupv((GStrv)patterns);
    resolve_all(registry, registry->ports, now_us);
}
