/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ends.h"

#include <net/if.h>
#include <string.h>

#define MAC_SIZE 6
#define IS_FOR_MANY 0x01 /* in the first byte of a MAC */

static gboolean
runs(const VsfDomain *domain)
{
    return domain->state == VSF_STATE_RUNNING || domain->state == VSF_STATE_BLOCKED;
}

/* What has its own address is for the host. */
static gboolean
has_the_bridges_mac(const VsfRegistry *registry, const VsfTap *tap)
{
    const VsfLink *bridge = vsf_registry_link(registry, tap->link.master);

    return bridge != NULL && memcmp(bridge->mac, tap->nic->mac, MAC_SIZE) == 0;
}

/* @peer, which may be NULL, alone has the address of a frame's other end. */
static gboolean
is_other_end(const VsfRegistry *registry, const VsfTap *tap, const VsfTap *peer, gint64 time_us)
{
    return peer != NULL && peer != tap && runs(peer->domain) && (peer->link.flags & IFF_UP) &&
           peer->link.carrier && !(tap->link.isolated && peer->link.isolated) &&
           tap->since_us <= time_us && peer->since_us <= time_us &&
           peer->doubtful_until_us <= time_us && !has_the_bridges_mac(registry, peer);
}

VsfEnds
vsf_ends_of(const VsfRegistry *registry, const VsfTap *tap, gboolean from_vm, gint64 time_ns,
            const guint8 *header, gsize header_length)
{
    gint64 time_us = time_ns / 1000;
    VsfEnds ends = {.from = from_vm ? tap : NULL};
    VsfTap *holder;
    guint n;

    if (header_length < 2 * MAC_SIZE)
        return ends;
    vsf_registry_holders(registry, tap, header + MAC_SIZE, &holder);
    /* A bridge never gives a frame back to the port that it came from. */
    if (tap->role != VSF_TAP_PORT && holder != NULL && (holder == tap) != from_vm &&
        holder->since_us <= time_us)
        holder->doubtful_until_us = MAX(holder->doubtful_until_us, time_us + VSF_DOUBTFUL_US);
    if (!from_vm && is_other_end(registry, tap, holder, time_us))
        ends.from = holder;
    if (header[0] & IS_FOR_MANY)
        return ends;
    n = vsf_registry_holders(registry, tap, header, &holder);
    if (from_vm)
        ends.to = is_other_end(registry, tap, holder, time_us) ? holder : NULL;
    /* Flooded to all, it is for the one whose address it has. */
    else if (tap->role == VSF_TAP_PORT || n == 0 || memcmp(header, tap->nic->mac, MAC_SIZE) == 0)
        ends.to = tap;
    return ends;
}
