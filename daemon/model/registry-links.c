/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry's links and taps: what exists, what is sampled, and until when
 * without a VM. */
#include "glob.h"
#include "registry-private.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

static void
tap_free(gpointer data)
{
    VsfRegistryTap *tap = data;

    g_free(tap->device);
    g_free(tap);
}

void
vsf_registry_links_init(VsfRegistry *registry)
{
    registry->links = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    registry->links_by_name = g_hash_table_new(g_str_hash, g_str_equal);
    registry->taps = g_hash_table_new_full(NULL, NULL, NULL, tap_free);
    registry->taps_by_mac = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                                  (GDestroyNotify)g_ptr_array_unref);
}

static gboolean
matches_any(const VsfRegistry *registry, const char *name)
{
    for (char **pattern = registry->patterns; *pattern != NULL; pattern++)
        if (vsf_glob_matches(*pattern, name))
            return TRUE;
    return FALSE;
}

/* Kernels that tell no kind: then only a NIC that claims it makes it a tap. */
static gboolean
may_be_tap(const VsfLink *link)
{
    return vsf_link_is_ethernet(link) &&
           (strcmp(link->kind, "tun") == 0 || strcmp(link->kind, "macvtap") == 0 ||
            link->kind[0] == '\0');
}

static VsfNicKind
kind_of(const VsfLink *link, const VsfNic *nic)
{
    if (strcmp(link->kind, "macvtap") == 0)
        return VSF_NIC_MACVTAP;
    return link->kind[0] == '\0' && nic != NULL ? nic->kind : VSF_NIC_TAP;
}

static gint64
mac_key(const guint8 mac[6])
{
    gint64 key = 0;

    memcpy(&key, mac, 6);
    return key;
}

void
vsf_registry_file_mac(VsfRegistry *registry, VsfTap *tap)
{
    gint64 key = mac_key(tap->nic->mac);
    GPtrArray *taps = g_hash_table_lookup(registry->taps_by_mac, &key);

    if (key == 0)
        return;
    if (taps == NULL) {
        taps = g_ptr_array_new();
        g_hash_table_insert(registry->taps_by_mac, g_memdup2(&key, sizeof(key)), taps);
    }
    g_ptr_array_add(taps, tap);
}

void
vsf_registry_unfile_mac(VsfRegistry *registry, VsfTap *tap)
{
    gint64 key = mac_key(tap->nic->mac);
    GPtrArray *taps = g_hash_table_lookup(registry->taps_by_mac, &key);

    if (taps == NULL)
        return;
    g_ptr_array_remove(taps, tap);
    if (taps->len == 0)
        g_hash_table_remove(registry->taps_by_mac, &key);
}

static gint
by_nic_order(gconstpointer a, gconstpointer b, gpointer user_data)
{
    const VsfDomainDef *def = user_data;
    guint one = 0, other = 0;

    g_ptr_array_find(def->nics, (*(VsfTap *const *)a)->nic, &one);
    g_ptr_array_find(def->nics, (*(VsfTap *const *)b)->nic, &other);
    return (one > other) - (one < other);
}

void
vsf_registry_sort_taps(VsfDomain *domain)
{
    g_ptr_array_sort_with_data(domain->taps, by_nic_order, domain->def);
}

void
vsf_registry_remove_tap(VsfRegistry *registry, VsfRegistryTap *tap)
{
    int ifindex = tap->tap.link.ifindex;
    VsfRegistryLink *link = g_hash_table_lookup(registry->links, GINT_TO_POINTER(ifindex));

    g_hash_table_steal(registry->taps, GINT_TO_POINTER(ifindex));
    if (link != NULL)
        link->tap = NULL;
    if (tap->tap.domain != NULL) {
        vsf_registry_unfile_mac(registry, &tap->tap);
        g_ptr_array_remove(tap->tap.domain->taps, &tap->tap);
    } else if (tap->tap.role == VSF_TAP_PROVISIONAL) {
        registry->n_provisional--;
    }
    VSF_CALL(registry, tap_removed, &tap->tap);
    tap_free(tap);
}

void
vsf_registry_release(VsfRegistry *registry, VsfRegistryTap *tap)
{
    VsfRegistryLink *link = g_hash_table_lookup(registry->links,
                                                GINT_TO_POINTER(tap->tap.link.ifindex));

    link->was_bound = TRUE;
    link->provisional_until_us = 0;
    vsf_registry_remove_tap(registry, tap);
}

VsfRegistryTap *
vsf_registry_new_tap(VsfRegistry *registry, VsfRegistryLink *link)
{
    VsfRegistryTap *tap = g_new0(VsfRegistryTap, 1);

    tap->tap.link = link->link;
    tap->tap.kind = kind_of(&link->link, NULL);
    tap->tap.since_us = link->placed_us;
    link->tap = tap;
    g_hash_table_insert(registry->taps, GINT_TO_POINTER(link->link.ifindex), tap);
    return tap;
}

static void
bind_tap(VsfRegistry *registry, VsfRegistryLink *link, const VsfChoice *choice)
{
    gboolean is_new = link->tap == NULL;
    VsfRegistryTap *tap = is_new ? vsf_registry_new_tap(registry, link) : link->tap;
    VsfDomain *domain = &choice->claim.domain->domain;

    if (!is_new)
        registry->n_provisional--;
    tap->tap.role = VSF_TAP_OF_VM;
    tap->tap.domain = domain;
    tap->tap.nic = choice->claim.nic;
    tap->tap.kind = kind_of(&link->link, tap->tap.nic);
    tap->tap.provisional_until_us = 0;
    tap->device = g_strdup(tap->tap.nic->device);
    vsf_registry_file_mac(registry, &tap->tap);
    g_ptr_array_add(domain->taps, &tap->tap);
    vsf_registry_sort_taps(domain);
    if (is_new)
        VSF_CALL(registry, tap_added, &tap->tap);
    VSF_CALL(registry, tap_bound, &tap->tap);
}

/* A VM's tap is claimed within a second or two of its coming; of too many the one
 * that waits longest is nobody's, most likely. It is let go for good. */
static void
let_go_oldest(VsfRegistry *registry)
{
    VsfRegistryTap *oldest = NULL;
    VsfRegistryLink *link;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, registry->taps);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        VsfRegistryTap *tap = value;

        if (tap->tap.role == VSF_TAP_PROVISIONAL &&
            (oldest == NULL || tap->tap.provisional_until_us < oldest->tap.provisional_until_us ||
             (tap->tap.provisional_until_us == oldest->tap.provisional_until_us &&
              tap->tap.link.ifindex < oldest->tap.link.ifindex)))
            oldest = tap;
    }
    g_assert(oldest != NULL);
    link = g_hash_table_lookup(registry->links, GINT_TO_POINTER(oldest->tap.link.ifindex));
    if (link != NULL)
        link->provisional_until_us = 0;
    vsf_registry_remove_tap(registry, oldest);
}

static void
begin_provisional(VsfRegistry *registry, VsfRegistryLink *link, gint64 now_us)
{
    VsfRegistryTap *tap;

    if (link->link.kind[0] == '\0' || now_us >= link->provisional_until_us ||
        !matches_any(registry, link->link.name))
        return;
    if (registry->n_provisional >= VSF_PROVISIONAL_MAX)
        let_go_oldest(registry);
    registry->n_provisional++;
    tap = vsf_registry_new_tap(registry, link);
    tap->tap.provisional_until_us = link->provisional_until_us;
    VSF_CALL(registry, tap_added, &tap->tap);
}

void
vsf_registry_resolve(VsfRegistry *registry, VsfRegistryLink *link, gint64 now_us)
{
    gboolean bound = link->tap != NULL && link->tap->tap.domain != NULL;
    VsfChoice choice;

    if (vsf_registry_resolve_port(registry, link) || !may_be_tap(&link->link))
        return;
    choice = vsf_registry_choose(registry, link);
    if (choice.evidence != VSF_EVIDENCE_STALE)
        link->xml_wanted_us = 0;
    else if (link->xml_wanted_us == 0 && matches_any(registry, link->link.name))
        link->xml_wanted_us = now_us + VSF_XML_WANTED_US;

    if (choice.evidence < VSF_EVIDENCE_NAME) {
        /* Without its evidence a tap is nobody's again, not gone. */
        if (bound)
            vsf_registry_remove_tap(registry, link->tap);
        if (link->tap == NULL)
            begin_provisional(registry, link, now_us);
        return;
    }
    if (bound && link->tap->tap.domain != &choice.claim.domain->domain)
        vsf_registry_remove_tap(registry, link->tap);
    else if (!bound && link->tap == NULL && !matches_any(registry, link->link.name))
        return;
    if (!bound || link->tap == NULL)
        bind_tap(registry, link, &choice);
    link->tap->by_mac = choice.evidence >= VSF_EVIDENCE_MAC_AGAIN;
}

static void
drop_name(VsfRegistry *registry, VsfRegistryLink *link)
{
    if (g_hash_table_lookup(registry->links_by_name, link->link.name) == link)
        g_hash_table_remove(registry->links_by_name, link->link.name);
}

/* What a sampler has to know of. */
static gboolean
differs(const VsfLink *a, const VsfLink *b)
{
    const guint32 flags = IFF_UP | IFF_RUNNING;

    return (a->flags & flags) != (b->flags & flags) || a->carrier != b->carrier ||
           a->master != b->master || strcmp(a->name, b->name) != 0;
}

static void
update_link(VsfRegistry *registry, VsfRegistryLink *known, const VsfLink *link, gint64 now_us)
{
    gboolean tell = known->tap != NULL && differs(&known->link, link);

    if (strcmp(known->link.name, link->name) != 0) {
        drop_name(registry, known);
        known->named_us = now_us;
        known->xml_wanted_us = 0;
    }
    if (known->link.master != link->master) {
        known->placed_us = now_us;
        if (known->tap != NULL)
            known->tap->tap.since_us = now_us;
    }
    known->link = *link;
    if (known->was_bound && known->tap == NULL)
        known->provisional_until_us = now_us + VSF_PROVISIONAL_US;
    if (known->tap != NULL)
        known->tap->tap.link = *link;
    if (tell)
        VSF_CALL(registry, tap_changed, &known->tap->tap);
}

void
vsf_registry_link_seen(VsfRegistry *registry, const VsfLink *message, gint64 now_us)
{
    VsfLink link = *message;
    VsfRegistryLink *known = g_hash_table_lookup(registry->links, GINT_TO_POINTER(link.ifindex));

    link.name[sizeof(link.name) - 1] = '\0';
    link.kind[sizeof(link.kind) - 1] = '\0';
    /* Some messages leave the kind out. */
    if (known != NULL && link.kind[0] == '\0') {
        memcpy(link.kind, known->link.kind, sizeof(link.kind));
        link.vlan_filtering = known->link.vlan_filtering;
        link.isolated = known->link.isolated;
        link.macvlan_bridge = known->link.macvlan_bridge;
    }
    /* An index is seldom given again, but a tap never becomes a bridge. */
    if (known != NULL && strcmp(known->link.kind, link.kind) != 0) {
        vsf_registry_link_gone(registry, link.ifindex);
        known = NULL;
    }
    if (known == NULL) {
        known = g_new0(VsfRegistryLink, 1);
        known->link = link;
        known->named_us = known->placed_us = now_us;
        known->provisional_until_us = now_us + VSF_PROVISIONAL_US;
        g_hash_table_insert(registry->links, GINT_TO_POINTER(link.ifindex), known);
    } else {
        update_link(registry, known, &link, now_us);
    }
    /* Replace, not insert: the key is part of the value. */
    g_hash_table_replace(registry->links_by_name, known->link.name, known);
    vsf_registry_resolve(registry, known, now_us);
}

void
vsf_registry_link_gone(VsfRegistry *registry, int ifindex)
{
    VsfRegistryLink *link = g_hash_table_lookup(registry->links, GINT_TO_POINTER(ifindex));
    g_autofree char *device = NULL;

    if (link == NULL)
        return;
    if (link->tap != NULL) {
        VsfRegistryDomain *domain = (VsfRegistryDomain *)link->tap->tap.domain;

        if (domain != NULL) {
            device = g_strdup(link->tap->device);
            g_hash_table_replace(domain->lost, g_strdup(device),
                                 g_memdup2(link->link.mac, sizeof(link->link.mac)));
        }
        vsf_registry_remove_tap(registry, link->tap);
    }
    drop_name(registry, link);
    g_hash_table_remove(registry->links, GINT_TO_POINTER(ifindex));
    /* Another link may have the name already, if messages were lost. */
    link = device != NULL ? g_hash_table_lookup(registry->links_by_name, device) : NULL;
    if (link != NULL)
        vsf_registry_resolve(registry, link, link->named_us);
}

void
vsf_registry_links_reconcile(VsfRegistry *registry, const int *ifindexes, guint n_ifindexes)
{
    g_autoptr(GHashTable) present = g_hash_table_new(NULL, NULL);
    g_autoptr(GList) known = g_hash_table_get_keys(registry->links);

    for (guint i = 0; i < n_ifindexes; i++)
        g_hash_table_add(present, GINT_TO_POINTER(ifindexes[i]));
    for (const GList *at = known; at != NULL; at = at->next)
        if (!g_hash_table_contains(present, at->data))
            vsf_registry_link_gone(registry, GPOINTER_TO_INT(at->data));
}

static void
ask_for_xml(VsfRegistry *registry, VsfRegistryLink *link)
{
    VsfChoice choice = vsf_registry_choose(registry, link);

    /* Once per link and name: -1 is asked already. */
    link->xml_wanted_us = -1;
    if (choice.evidence == VSF_EVIDENCE_STALE)
        VSF_CALL(registry, xml_wanted, &choice.claim.domain->domain);
}

static void
sooner(gint64 *next, gint64 time_us)
{
    if (*next < 0 || time_us < *next)
        *next = time_us;
}

gint64
vsf_registry_expire(VsfRegistry *registry, gint64 now_us)
{
    GHashTableIter iter;
    gpointer value;
    gint64 next = -1;

    g_hash_table_iter_init(&iter, registry->links);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        VsfRegistryLink *link = value;
        gboolean provisional = link->tap != NULL && link->tap->tap.role == VSF_TAP_PROVISIONAL;

        if (link->xml_wanted_us > 0 && link->xml_wanted_us <= now_us)
            ask_for_xml(registry, link);
        if (link->xml_wanted_us > 0)
            sooner(&next, link->xml_wanted_us);
        if (provisional && link->provisional_until_us <= now_us)
            vsf_registry_remove_tap(registry, link->tap);
        else if (provisional)
            sooner(&next, link->provisional_until_us);
    }
    vsf_registry_forget_ended(registry, now_us);
    return next;
}

/* Bound taps that were renamed to what matches nothing stay otherwise. */
void
vsf_registry_set_patterns(VsfRegistry *registry, const char *const *patterns, gint64 now_us)
{
    g_autoptr(GList) links = g_hash_table_get_values(registry->links);

    if (g_strv_equal((const char *const *)registry->patterns, patterns))
        return;
    g_strfreev(registry->patterns);
    registry->patterns = g_strdupv((GStrv)patterns);
    for (const GList *at = links; at != NULL; at = at->next) {
        VsfRegistryLink *link = at->data;

        if (link->tap != NULL && link->tap->tap.role == VSF_TAP_PORT)
            continue;
        if (link->tap != NULL && !matches_any(registry, link->link.name))
            vsf_registry_remove_tap(registry, link->tap);
        else if (link->tap == NULL)
            vsf_registry_resolve(registry, link, now_us);
    }
}

void
vsf_registry_links_clear(VsfRegistry *registry)
{
    g_autoptr(GList) taps = g_hash_table_get_values(registry->taps);

    for (const GList *at = taps; at != NULL; at = at->next)
        vsf_registry_remove_tap(registry, at->data);
    g_hash_table_unref(registry->taps);
    g_hash_table_unref(registry->taps_by_mac);
    g_hash_table_unref(registry->links_by_name);
    g_hash_table_unref(registry->links);
}

VsfTap *
vsf_registry_tap(const VsfRegistry *registry, int ifindex)
{
    return g_hash_table_lookup(registry->taps, GINT_TO_POINTER(ifindex));
}

const VsfLink *
vsf_registry_link(const VsfRegistry *registry, int ifindex)
{
    return g_hash_table_lookup(registry->links, GINT_TO_POINTER(ifindex));
}

const GPtrArray *
vsf_registry_taps_by_mac(const VsfRegistry *registry, const guint8 mac[6])
{
    gint64 key = mac_key(mac);

    return g_hash_table_lookup(registry->taps_by_mac, &key);
}

VsfTap *
vsf_registry_tap_by_mac(const VsfRegistry *registry, const guint8 mac[6])
{
    const GPtrArray *taps = vsf_registry_taps_by_mac(registry, mac);

    return taps != NULL ? g_ptr_array_index(taps, 0) : NULL;
}

GHashTable *
vsf_registry_taps(const VsfRegistry *registry)
{
    return registry->taps;
}

GHashTable *
vsf_registry_links(const VsfRegistry *registry)
{
    return registry->links;
}
