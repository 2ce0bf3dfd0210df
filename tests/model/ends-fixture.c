/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ends-fixture.h"

#include <string.h>

void
ends_set_mac(guint8 mac[6], guint8 last)
{
    static const guint8 base[6] = {0x52, 0x54, 0, 0, 0, 0};

    memcpy(mac, base, sizeof(base));
    mac[5] = last;
    if (last == MANY)
        memset(mac, 0xff, 6);
}

static int
index_of(const VsfTap *tap)
{
    return tap == NULL ? 0 : tap->link.ifindex;
}

Ends
ends_at(const Fixture *fixture, Frame frame, gint64 time_us)
{
    guint8 header[14] = {0};
    VsfEnds ends;

    ends_set_mac(header, frame.to);
    ends_set_mac(header + 6, frame.from);
    ends = vsf_ends_of(fixture->registry, vsf_registry_tap(fixture->registry, frame.ifindex),
                       frame.from_vm, time_us * 1000, header, sizeof(header));
    return (Ends){index_of(ends.from), index_of(ends.to)};
}

VsfLink
bridge_link(int ifindex, const char *kind)
{
    VsfLink link = odd_link(ifindex, ifindex == BRIDGE ? "br0" : "br1");

    link.mac[5] = (guint8)ifindex;
    g_strlcpy(link.kind, kind, sizeof(link.kind));
    return link;
}

VsfLink
port_link(int ifindex, const char *name, guint8 mac, int master)
{
    VsfLink link = tap_link(ifindex, name, mac);

    link.master = master;
    return link;
}

void
two_on_a_bridge(Fixture *fixture)
{
    fixture_init(fixture, NULL);
    see_link(fixture, bridge_link(BRIDGE, "bridge"), 10);
    see_link(fixture, bridge_link(OTHER_BRIDGE, "bridge"), 10);
    see_link(fixture, port_link(11, "vnet1", 1, BRIDGE), 10);
    see_link(fixture, port_link(12, "vnet2", 2, BRIDGE), 10);
    SEE_VM(fixture, 1, 1, 20, TAP_NIC("vnet1", 1));
    SEE_VM(fixture, 2, 2, 20, TAP_NIC("vnet2", 2));
}

void
change_two(Fixture *fixture, gint64 time_us, void (*change)(VsfLink *link))
{
    VsfLink link = *vsf_registry_link(fixture->registry, 12);

    change(&link);
    see_link(fixture, link, time_us);
}

void
assert_two_are_apart(const Fixture *fixture)
{
    ASSERT_ENDS(fixture, NOW_US, 11, 0, 11, TRUE, 1, 2);
    ASSERT_ENDS(fixture, NOW_US, 0, 12, 12, FALSE, 1, 2);
}

void
assert_two_meet(const Fixture *fixture)
{
    ASSERT_ENDS(fixture, NOW_US, 11, 12, 11, TRUE, 1, 2);
    ASSERT_ENDS(fixture, NOW_US, 11, 12, 12, FALSE, 1, 2);
}
