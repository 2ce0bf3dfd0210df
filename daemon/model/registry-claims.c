/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which NIC claims which link, and on what evidence. The rule stands in
 * registry.h; here it is one function per question. */
#include "registry-private.h"

#include <string.h>

static gboolean
has_tap(const VsfNic *nic)
{
    return nic->kind == VSF_NIC_TAP || nic->kind == VSF_NIC_MACVTAP;
}

/* libvirt gives its taps the guest's MAC but for the first byte. */
static gint64
tail(const guint8 mac[6])
{
    gint64 value = 0;

    for (guint i = 1; i < 6; i++)
        value = value << 8 | mac[i];
    return value;
}

static gboolean
is_zero(const guint8 mac[6])
{
    static const guint8 zero[6];

    return memcmp(mac, zero, sizeof(zero)) == 0;
}

void
vsf_registry_claims_init(VsfRegistry *registry)
{
    registry->claims_by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                     (GDestroyNotify)g_array_unref);
    registry->claims_by_tail = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                                     (GDestroyNotify)g_array_unref);
}

void
vsf_registry_claims_clear(VsfRegistry *registry)
{
    g_hash_table_unref(registry->claims_by_name);
    g_hash_table_unref(registry->claims_by_tail);
}

/* Takes @key. */
static void
append(GHashTable *table, gpointer key, const VsfClaim *claim)
{
    GArray *claims = g_hash_table_lookup(table, key);

    if (claims == NULL) {
        claims = g_array_new(FALSE, FALSE, sizeof(VsfClaim));
        g_hash_table_insert(table, key, claims);
    } else {
        g_free(key);
    }
    g_array_append_vals(claims, claim, 1);
}

static void
drop(GHashTable *table, gconstpointer key, const VsfRegistryDomain *domain)
{
    GArray *claims = g_hash_table_lookup(table, key);

    for (guint i = claims != NULL ? claims->len : 0; i > 0; i--)
        if (g_array_index(claims, VsfClaim, i - 1).domain == domain)
            g_array_remove_index(claims, i - 1);
    if (claims != NULL && claims->len == 0)
        g_hash_table_remove(table, key);
}

void
vsf_registry_claims_add(VsfRegistry *registry, VsfRegistryDomain *domain)
{
    const GPtrArray *nics = domain->domain.def->nics;

    for (guint i = 0; i < nics->len; i++) {
        VsfClaim claim = {domain, g_ptr_array_index(nics, i)};
        gint64 key = tail(claim.nic->mac);

        if (!has_tap(claim.nic))
            continue;
        if (claim.nic->device != NULL)
            append(registry->claims_by_name, g_strdup(claim.nic->device), &claim);
        if (!is_zero(claim.nic->mac))
            append(registry->claims_by_tail, g_memdup2(&key, sizeof(key)), &claim);
    }
}

void
vsf_registry_claims_remove(VsfRegistry *registry, VsfRegistryDomain *domain)
{
    const GPtrArray *nics = domain->domain.def->nics;

    for (guint i = 0; i < nics->len; i++) {
        const VsfNic *nic = g_ptr_array_index(nics, i);
        gint64 key = tail(nic->mac);

        if (nic->device != NULL)
            drop(registry->claims_by_name, nic->device, domain);
        drop(registry->claims_by_tail, &key, domain);
    }
}

static VsfTap *
tap_of(const VsfClaim *claim)
{
    const GPtrArray *taps = claim->domain->domain.taps;

    for (guint i = 0; i < taps->len; i++) {
        VsfTap *tap = g_ptr_array_index(taps, i);

        if (tap->nic == claim->nic)
            return tap;
    }
    return NULL;
}

static gboolean
is_plain_bridge(const VsfLink *link)
{
    return link != NULL && strcmp(link->kind, "bridge") == 0 && !link->vlan_filtering;
}

/* A port's frames are its bond's, if it is of one. Those with a VLAN's tag go elsewhere: through
 * interfaces that are no master of it. */
static gboolean
port_reaches(const VsfRegistry *registry, const VsfTap *port, const VsfTap *tap)
{
    const VsfLink *master = vsf_registry_link(registry, port->link.master);
    gboolean is_bonded = master != NULL && strcmp(master->kind, "bridge") != 0;

    if (tap->kind == VSF_NIC_MACVTAP)
        return tap->link.lower != 0 && (tap->link.lower == port->link.ifindex ||
                                        (is_bonded && tap->link.lower == master->ifindex));
    if (is_bonded)
        master = vsf_registry_link(registry, master->master);
    return is_plain_bridge(master) && tap->link.master == master->ifindex;
}

static gboolean
reach_each_other(const VsfRegistry *registry, const VsfTap *one, const VsfTap *other)
{
    if (one == other)
        return TRUE;
    if (one->role == VSF_TAP_PORT)
        return port_reaches(registry, one, other);
    if (one->kind != other->kind || one->link.master != other->link.master)
        return FALSE;
    if (one->kind == VSF_NIC_MACVTAP)
        return one->link.master == 0 && one->link.lower != 0 &&
               one->link.lower == other->link.lower && one->link.macvlan_bridge &&
               other->link.macvlan_bridge;
    return is_plain_bridge(vsf_registry_link(registry, one->link.master));
}

guint
vsf_registry_holders(const VsfRegistry *registry, const VsfTap *tap, const guint8 mac[6],
                     VsfTap **holder)
{
    gint64 key = tail(mac);
    const GArray *claims = g_hash_table_lookup(registry->claims_by_tail, &key);
    guint n = 0;

    *holder = NULL;
    for (guint i = 0; claims != NULL && i < claims->len; i++) {
        const VsfClaim *claim = &g_array_index(claims, VsfClaim, i);
        VsfTap *its = tap_of(claim);

        if (memcmp(claim->nic->mac, mac, sizeof(claim->nic->mac)) != 0 ||
            (its != NULL && !reach_each_other(registry, tap, its)))
            continue;
        *holder = n++ == 0 ? its : NULL;
    }
    return n;
}

VsfNic *
vsf_registry_find_nic(const VsfDomainDef *def, const char *device)
{
    for (guint i = 0; i < def->nics->len; i++) {
        VsfNic *nic = g_ptr_array_index(def->nics, i);

        if (has_tap(nic) && g_strcmp0(nic->device, device) == 0)
            return nic;
    }
    return NULL;
}

/* A tap has the guest's MAC but for the first byte, a macvtap has it whole. */
static gboolean
mac_fits(const VsfLink *link, const VsfNic *nic)
{
    if (is_zero(nic->mac))
        return FALSE;
    if (strcmp(link->kind, "macvtap") == 0)
        return memcmp(link->mac, nic->mac, sizeof(link->mac)) == 0;
    return tail(link->mac) == tail(nic->mac);
}

static gboolean
is_anothers_mac(const VsfRegistry *registry, const VsfLink *link, const VsfRegistryDomain *domain)
{
    gint64 key = tail(link->mac);
    const GArray *claims = g_hash_table_lookup(registry->claims_by_tail, &key);

    for (guint i = 0; claims != NULL && i < claims->len; i++)
        if (g_array_index(claims, VsfClaim, i).domain != domain)
            return TRUE;
    return FALSE;
}

/* 0xfe, or 0xfa for a guest whose own MAC begins with 0xfe. */
static gboolean
is_made_by_libvirt(const guint8 mac[6])
{
    return mac[0] == 0xfe || mac[0] == 0xfa;
}

/* @lost: of the tap that the NIC had, NULL if it lost none. */
static gboolean
is_back(const VsfLink *link, const guint8 *lost)
{
    return lost != NULL && !is_zero(lost) && memcmp(link->mac, lost, sizeof(link->mac)) == 0;
}

static VsfEvidence
evidence(const VsfRegistry *registry, const VsfRegistryLink *link, const VsfClaim *claim)
{
    const VsfRegistryDomain *domain = claim->domain;
    gboolean newer = domain->read_us >= link->named_us;
    const guint8 *lost = g_hash_table_lookup(domain->lost, claim->nic->device);

    /* A MACVTAP NIC never has a tap; the other way round is type='ethernet'
     * over a macvtap that somebody else made. */
    if (claim->nic->kind == VSF_NIC_MACVTAP && strcmp(link->link.kind, "tun") == 0)
        return VSF_EVIDENCE_NONE;
    if (mac_fits(&link->link, claim->nic) || is_back(&link->link, lost)) {
        if (lost != NULL)
            return newer ? VSF_EVIDENCE_MAC_AGAIN : VSF_EVIDENCE_STALE;
        return VSF_EVIDENCE_MAC;
    }
    if (lost != NULL || (claim->nic->bridge != NULL && is_made_by_libvirt(link->link.mac)) ||
        is_anothers_mac(registry, &link->link, domain))
        return VSF_EVIDENCE_NONE;
    return newer ? VSF_EVIDENCE_NAME : VSF_EVIDENCE_STALE;
}

/* One NIC has one tap: while its tap lives under another name, what now has
 * the old name is not it. */
static gboolean
has_other_tap(const VsfClaim *claim, const VsfRegistryLink *link)
{
    const GPtrArray *taps = claim->domain->domain.taps;

    for (guint i = 0; i < taps->len; i++) {
        const VsfTap *tap = g_ptr_array_index(taps, i);

        if (tap->nic == claim->nic && tap->link.ifindex != link->link.ifindex)
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_better(const VsfChoice *a, const VsfChoice *b)
{
    const VsfDomain *one, *other;

    if (a->evidence != b->evidence || b->claim.domain == NULL)
        return a->evidence > b->evidence;
    one = &a->claim.domain->domain;
    other = &b->claim.domain->domain;
    if (one->since_us != other->since_us)
        return one->since_us > other->since_us;
    return one->def->id > other->def->id;
}

/* What keeps a bound tap where it is. */
static VsfChoice
incumbent(const VsfRegistry *registry, const VsfRegistryLink *link)
{
    VsfRegistryDomain *domain = (VsfRegistryDomain *)link->tap->tap.domain;
    VsfChoice choice = {
        .claim = {domain, vsf_registry_find_nic(domain->domain.def, link->tap->device)}};

    if (choice.claim.nic == NULL)
        return (VsfChoice){0};
    choice.evidence = link->tap->by_mac ? VSF_EVIDENCE_MAC
                                        : evidence(registry, link, &choice.claim);
    /* A rename does not make the XML older. */
    if (choice.evidence == VSF_EVIDENCE_STALE)
        choice.evidence = VSF_EVIDENCE_NAME;
    return choice;
}

VsfChoice
vsf_registry_choose(const VsfRegistry *registry, const VsfRegistryLink *link)
{
    const GArray *claims = g_hash_table_lookup(registry->claims_by_name, link->link.name);
    gboolean bound = link->tap != NULL && link->tap->tap.domain != NULL;
    VsfChoice best = {0};

    if (bound)
        best = incumbent(registry, link);
    for (guint i = 0; claims != NULL && i < claims->len; i++) {
        VsfChoice choice = {.claim = g_array_index(claims, VsfClaim, i)};

        if ((bound && &choice.claim.domain->domain == link->tap->tap.domain) ||
            has_other_tap(&choice.claim, link))
            continue;
        choice.evidence = evidence(registry, link, &choice.claim);
        if (is_better(&choice, &best))
            best = choice;
    }
    if (best.evidence == VSF_EVIDENCE_NONE)
        return (VsfChoice){0};
    return best;
}
