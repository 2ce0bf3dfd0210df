/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry's domains: runs that begin, change and end. Links and taps are
 * in registry-links.c, physical ports in registry-ports.c, and who claims which link in
 * registry-claims.c. */
#include "registry.h"

#include "lifecycle.h"
#include "registry-private.h"

#include <string.h>

/* No question to libvirt is answered after that and still delivered. */
#define ENDED_KEPT_US (10 * 60 * G_USEC_PER_SEC)

static void
domain_free(gpointer data)
{
    VsfRegistryDomain *domain = data;

    vsf_domain_def_free(domain->domain.def);
    g_free(domain->domain.name);
    g_ptr_array_unref(domain->domain.taps);
    g_hash_table_unref(domain->lost);
    g_free(domain);
}

VsfRegistry *
vsf_registry_new(const char *const *patterns, const VsfRegistryCallbacks *callbacks,
                 gpointer user_data)
{
    VsfRegistry *registry = g_new0(VsfRegistry, 1);

    registry->callbacks = callbacks;
    registry->user_data = user_data;
    registry->patterns = g_strdupv((GStrv)patterns);
    registry->domains = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, domain_free);
    registry->ended = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    vsf_registry_links_init(registry);
    vsf_registry_ports_init(registry);
    vsf_registry_claims_init(registry);
    return registry;
}

static void
note_ended(VsfRegistry *registry, const char *uuid, gint64 time_us)
{
    gint64 *known = g_hash_table_lookup(registry->ended, uuid);

    if (known == NULL)
        g_hash_table_insert(registry->ended, g_strdup(uuid), g_memdup2(&time_us, sizeof(time_us)));
    else
        *known = MAX(*known, time_us);
}

void
vsf_registry_forget_ended(VsfRegistry *registry, gint64 now_us)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, registry->ended);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (*(gint64 *)value < now_us - ENDED_KEPT_US)
            g_hash_table_iter_remove(&iter);
}

/* Lets go of taps, NULL @keep: all of them; else those without a NIC in @keep.
 * Another domain may have a claim on what is let go: the links are returned. */
static GArray *
release_taps(VsfRegistry *registry, VsfDomain *domain, const VsfDomainDef *keep)
{
    GArray *released = g_array_new(FALSE, FALSE, sizeof(int));

    for (guint i = domain->taps->len; i > 0; i--) {
        VsfRegistryTap *tap = g_ptr_array_index(domain->taps, i - 1);
        int ifindex = tap->tap.link.ifindex;

        if (keep != NULL && vsf_registry_find_nic(keep, tap->device) != NULL)
            continue;
        vsf_registry_release(registry, tap);
        g_array_append_val(released, ifindex);
    }
    return released;
}

static void
resolve_indexes(VsfRegistry *registry, const GArray *ifindexes, gint64 now_us)
{
    for (guint i = 0; i < ifindexes->len; i++) {
        int ifindex = g_array_index(ifindexes, int, i);

        vsf_registry_resolve(
            registry, g_hash_table_lookup(registry->links, GINT_TO_POINTER(ifindex)), now_us);
    }
}

static void
remove_domain(VsfRegistry *registry, VsfRegistryDomain *domain, gint64 now_us)
{
    g_autoptr(GArray) released = release_taps(registry, &domain->domain, NULL);

    vsf_registry_claims_remove(registry, domain);
    g_hash_table_steal(registry->domains, domain->domain.def->uuid);
    VSF_CALL(registry, domain_removed, &domain->domain);
    domain_free(domain);
    resolve_indexes(registry, released, now_us);
}

static void
set_name(VsfRegistry *registry, VsfDomain *domain)
{
    const VsfRegistryCallbacks *callbacks = registry->callbacks;

    g_free(domain->name);
    domain->name = callbacks->name_for != NULL
                       ? callbacks->name_for(domain->def, registry->user_data)
                       : g_strdup(domain->def->name);
}

/* The links that the NICs of @domain name, and the taps that others have by
 * name alone: this domain's MACs may say whose they are. */
static void
resolve_around(VsfRegistry *registry, const VsfRegistryDomain *domain, gint64 now_us)
{
    const GPtrArray *nics = domain->domain.def->nics;
    g_autoptr(GArray) doubtful = g_array_new(FALSE, FALSE, sizeof(int));
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, registry->taps);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const VsfRegistryTap *tap = value;

        if (tap->tap.domain != NULL && !tap->by_mac)
            g_array_append_val(doubtful, tap->tap.link.ifindex);
    }
    resolve_indexes(registry, doubtful, now_us);
    for (guint i = 0; i < nics->len; i++) {
        const VsfNic *nic = g_ptr_array_index(nics, i);
        VsfRegistryLink *link = nic->device != NULL
                                    ? g_hash_table_lookup(registry->links_by_name, nic->device)
                                    : NULL;

        if (link != NULL)
            vsf_registry_resolve(registry, link, now_us);
    }
}

/* Takes @def. */
static VsfRegistryDomain *
add_domain(VsfRegistry *registry, VsfDomainDef *def, gint64 read_us, gint64 now_us)
{
    VsfRegistryDomain *domain = g_new0(VsfRegistryDomain, 1);
    const VsfRegistryCallbacks *callbacks = registry->callbacks;

    domain->domain.def = def;
    domain->domain.state = VSF_STATE_UNKNOWN;
    domain->domain.here = TRUE;
    domain->domain.since_us = now_us;
    domain->domain.taps = g_ptr_array_new();
    domain->read_us = read_us;
    domain->lost = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (callbacks->index_for != NULL)
        domain->domain.index = callbacks->index_for(def, registry->user_data);
    set_name(registry, &domain->domain);
    g_hash_table_insert(registry->domains, def->uuid, domain);
    vsf_registry_claims_add(registry, domain);
    return domain;
}

static gboolean
has_no_nic(gpointer device, gpointer value G_GNUC_UNUSED, gpointer def)
{
    return vsf_registry_find_nic(def, device) == NULL;
}

/* Takes @def: the same run's newer XML. Taps whose NIC is in it stay. */
static void
update_domain(VsfRegistry *registry, VsfRegistryDomain *domain, VsfDomainDef *def, gint64 read_us,
              gint64 now_us)
{
    VsfDomain *public = &domain->domain;
    g_autoptr(VsfDomainDef) old = public->def;
    g_autoptr(GArray) released = release_taps(registry, public, def);

    for (guint i = 0; i < public->taps->len; i++)
        vsf_registry_unfile_mac(registry, g_ptr_array_index(public->taps, i));
    vsf_registry_claims_remove(registry, domain);
    /* The key is part of the definition. */
    g_hash_table_steal(registry->domains, old->uuid);
    public->def = def;
    domain->read_us = read_us;
    g_hash_table_insert(registry->domains, def->uuid, domain);
    vsf_registry_claims_add(registry, domain);
    g_hash_table_foreach_remove(domain->lost, has_no_nic, def);
    for (guint i = 0; i < public->taps->len; i++) {
        VsfRegistryTap *tap = g_ptr_array_index(public->taps, i);
        const VsfNic *nic = vsf_registry_find_nic(def, tap->device);

        if (memcmp(nic->mac, tap->tap.nic->mac, sizeof(nic->mac)) != 0)
            tap->tap.since_us = now_us;
        tap->tap.nic = nic;
        vsf_registry_file_mac(registry, &tap->tap);
    }
    vsf_registry_sort_taps(public);
    set_name(registry, public);
    VSF_CALL(registry, domain_changed, public);
    resolve_indexes(registry, released, now_us);
}

static gboolean
is_out_of_date(const VsfRegistry *registry, const VsfRegistryDomain *known, const char *uuid,
               gint64 read_us)
{
    const gint64 *ended = g_hash_table_lookup(registry->ended, uuid);

    return (known != NULL && read_us < known->read_us) || (ended != NULL && read_us < *ended);
}

static void
set_state(VsfDomain *domain, int state, int reason)
{
    domain->here = vsf_lifecycle_is_here(state, reason, domain->here, domain->state);
    domain->state = state;
    domain->reason = domain->here ? vsf_lifecycle_reason_here(state, reason) : reason;
}

VsfDomain *
vsf_registry_domain_seen(VsfRegistry *registry, VsfDomainDef *taken, int state, int reason,
                         gint64 read_us, gint64 now_us)
{
    g_autoptr(VsfDomainDef) def = taken;
    VsfRegistryDomain *domain = g_hash_table_lookup(registry->domains, def->uuid);
    gboolean replaced = FALSE;
    gboolean is_new;

    if (is_out_of_date(registry, domain, def->uuid, read_us))
        return domain != NULL ? &domain->domain : NULL;
    if (domain != NULL && domain->domain.def->id != def->id) {
        replaced = def->id >= 0;
        remove_domain(registry, g_steal_pointer(&domain), now_us);
    }
    if (def->id < 0) {
        note_ended(registry, def->uuid, read_us);
        return NULL;
    }
    is_new = domain == NULL;
    if (is_new)
        domain = add_domain(registry, g_steal_pointer(&def), read_us, now_us);
    domain->replaced = domain->replaced || replaced;
    /* A new one's may be unknown, which says that it is not here yet. */
    if (is_new || (state != VSF_STATE_UNKNOWN && read_us >= domain->state_us))
        set_state(&domain->domain, state, reason);
    if (is_new)
        VSF_CALL(registry, domain_added, &domain->domain);
    else
        update_domain(registry, domain, g_steal_pointer(&def), read_us, now_us);
    resolve_around(registry, domain, now_us);
    return &domain->domain;
}

gboolean
vsf_registry_domain_state(VsfRegistry *registry, const char *uuid, int state, int reason,
                          gint64 now_us)
{
    VsfRegistryDomain *domain = g_hash_table_lookup(registry->domains, uuid);

    if (domain == NULL)
        return FALSE;
    domain->state_us = now_us;
    if (domain->domain.state == state && domain->domain.reason == reason)
        return TRUE;
    set_state(&domain->domain, state, reason);
    VSF_CALL(registry, domain_changed, &domain->domain);
    return TRUE;
}

void
vsf_registry_domain_began(VsfRegistry *registry, VsfDomain *domain)
{
    if (domain->here)
        return;
    domain->here = TRUE;
    domain->reason = vsf_lifecycle_reason_here(domain->state, domain->reason);
    VSF_CALL(registry, domain_changed, domain);
}

void
vsf_registry_domain_runs(VsfRegistry *registry, VsfDomain *domain, gint64 now_us)
{
    if (domain->state == VSF_STATE_UNKNOWN && now_us - domain->since_us >= VSF_WORD_US)
        vsf_registry_domain_began(registry, domain);
}

void
vsf_registry_domain_renamed(VsfRegistry *registry, VsfDomain *domain)
{
    set_name(registry, domain);
    VSF_CALL(registry, domain_changed, domain);
}

gboolean
vsf_registry_domain_gone(VsfRegistry *registry, const char *uuid, gint64 now_us)
{
    VsfRegistryDomain *domain = g_hash_table_lookup(registry->domains, uuid);

    if (domain != NULL && domain->replaced) {
        domain->replaced = FALSE;
        return FALSE;
    }
    note_ended(registry, uuid, now_us);
    if (domain != NULL)
        remove_domain(registry, domain, now_us);
    return TRUE;
}

void
vsf_registry_domain_not_running(VsfRegistry *registry, const char *uuid, gint64 asked_us)
{
    VsfRegistryDomain *domain = g_hash_table_lookup(registry->domains, uuid);

    if (domain != NULL && domain->read_us > asked_us)
        return;
    note_ended(registry, uuid, asked_us);
    if (domain != NULL)
        remove_domain(registry, domain, asked_us);
}

void
vsf_registry_reconcile(VsfRegistry *registry, const char *const *uuids, gint64 asked_us)
{
    g_autoptr(GHashTable) listed = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GList) domains = g_hash_table_get_values(registry->domains);

    for (; uuids != NULL && *uuids != NULL; uuids++)
        g_hash_table_add(listed, (gpointer)*uuids);
    for (const GList *at = domains; at != NULL; at = at->next) {
        VsfRegistryDomain *domain = at->data;
        const char *uuid = domain->domain.def->uuid;

        if (g_hash_table_contains(listed, uuid) || domain->read_us > asked_us)
            continue;
        note_ended(registry, uuid, asked_us);
        remove_domain(registry, domain, asked_us);
    }
}

void
vsf_registry_free(VsfRegistry *registry)
{
    g_autoptr(GList) domains = NULL;

    if (registry == NULL)
        return;
    domains = g_hash_table_get_values(registry->domains);
    for (const GList *at = domains; at != NULL; at = at->next) {
        VsfRegistryDomain *domain = at->data;

        g_array_unref(release_taps(registry, &domain->domain, NULL));
        VSF_CALL(registry, domain_removed, &domain->domain);
    }
    vsf_registry_links_clear(registry);
    vsf_registry_claims_clear(registry);
    vsf_registry_ports_clear(registry);
    g_hash_table_unref(registry->domains);
    g_hash_table_unref(registry->ended);
    g_strfreev(registry->patterns);
    g_free(registry);
}

VsfDomain *
vsf_registry_by_uuid(const VsfRegistry *registry, const char *uuid)
{
    return g_hash_table_lookup(registry->domains, uuid);
}

guint
vsf_registry_n_here(const VsfRegistry *registry)
{
    GHashTableIter iter;
    gpointer value;
    guint n = 0;

    g_hash_table_iter_init(&iter, registry->domains);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        n += ((const VsfRegistryDomain *)value)->domain.here ? 1 : 0;
    return n;
}

GHashTable *
vsf_registry_domains(const VsfRegistry *registry)
{
    return registry->domains;
}
