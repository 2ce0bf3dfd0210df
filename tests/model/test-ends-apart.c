/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What keeps two taps apart: a time, a state, a bridge. */
#include "ends-fixture.h"

#include <net/if.h>
#include <string.h>

static void
test_a_nic_that_comes_or_goes_counts_from_then_on(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    see_link(&fixture, port_link(13, "vnet3", 3, BRIDGE), NOW_US);
    SEE_VM(&fixture, 2, 2, NOW_US, TAP_NIC("vnet2", 2), TAP_NIC("vnet3", 3));
    ASSERT_ENDS(&fixture, NOW_US - 1, 11, 0, 11, TRUE, 1, 3);
    ASSERT_ENDS(&fixture, NOW_US, 11, 13, 11, TRUE, 1, 3);
    SEE_VM(&fixture, 2, 2, NOW_US + 1, TAP_NIC("vnet2", 2));
    ASSERT_ENDS(&fixture, NOW_US + 2, 11, 0, 11, TRUE, 1, 3);
    fixture_clear(&fixture);
}

static void
test_a_new_mac_counts_from_then_on(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    SEE_VM(&fixture, 2, 2, NOW_US, TAP_NIC("vnet2", 5));
    ASSERT_ENDS(&fixture, NOW_US - 1, 11, 0, 11, TRUE, 1, 5);
    ASSERT_ENDS(&fixture, NOW_US, 11, 12, 11, TRUE, 1, 5);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 2);
    /* The same MAC told again changes nothing. */
    SEE_VM(&fixture, 2, 2, NOW_US + 9, TAP_NIC("vnet2", 5));
    ASSERT_ENDS(&fixture, NOW_US, 11, 12, 11, TRUE, 1, 5);
    fixture_clear(&fixture);
}

static void
leave(VsfLink *link)
{
    link->master = OTHER_BRIDGE;
}

static void
come(VsfLink *link)
{
    link->master = BRIDGE;
}

static void
test_a_tap_that_moves_counts_from_then_on(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    change_two(&fixture, 30, leave);
    assert_two_are_apart(&fixture);
    change_two(&fixture, NOW_US + 1, come);
    assert_two_are_apart(&fixture);
    ASSERT_ENDS(&fixture, NOW_US + 1, 11, 12, 11, TRUE, 1, 2);
    ASSERT_ENDS(&fixture, NOW_US + 1, 11, 12, 12, FALSE, 1, 2);
    fixture_clear(&fixture);
}

/* That of a VM that is being migrated in is still elsewhere. */
static void
test_a_vm_that_does_not_run_is_no_end(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    vsf_registry_domain_state(fixture.registry, uuid_of(2), VSF_STATE_PAUSED, 0, NOW_US);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 2);
    ASSERT_ENDS(&fixture, NOW_US, 0, 11, 11, FALSE, 2, 1);
    vsf_registry_domain_state(fixture.registry, uuid_of(2), VSF_STATE_RUNNING, 0, NOW_US);
    assert_two_meet(&fixture);
    fixture_clear(&fixture);
}

static void
set_down(VsfLink *link)
{
    link->flags = 0;
}

static void
lose_carrier(VsfLink *link)
{
    link->carrier = 0;
}

static void
test_a_tap_that_is_down_is_no_end(void)
{
    static void (*const ways[])(VsfLink * link) = {set_down, lose_carrier};
    Fixture fixture;

    for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
        two_on_a_bridge(&fixture);
        change_two(&fixture, 30, ways[i]);
        ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 2);
        fixture_clear(&fixture);
    }
}

static void
test_isolated_ports_do_not_reach_each_other(void)
{
    Fixture fixture;
    VsfLink one, other;

    two_on_a_bridge(&fixture);
    one = port_link(11, "vnet1", 1, BRIDGE);
    other = port_link(12, "vnet2", 2, BRIDGE);
    one.isolated = TRUE;
    see_link(&fixture, one, 30);
    assert_two_meet(&fixture);
    other.isolated = TRUE;
    see_link(&fixture, other, 30);
    assert_two_are_apart(&fixture);
    /* A message that leaves the kind out says nothing of it. */
    other.kind[0] = '\0';
    other.isolated = FALSE;
    see_link(&fixture, other, 30);
    assert_two_are_apart(&fixture);
    fixture_clear(&fixture);
}

static void
test_where_segments_are_not_known_nobody_meets(void)
{
    Fixture fixture;
    VsfLink bridge = bridge_link(BRIDGE, "bridge");

    two_on_a_bridge(&fixture);
    bridge.vlan_filtering = TRUE;
    see_link(&fixture, bridge, 30);
    assert_two_are_apart(&fixture);
    bridge.vlan_filtering = FALSE;
    see_link(&fixture, bridge, 30);
    assert_two_meet(&fixture);
    /* All of Open vSwitch's ports have one master, whatever their VLANs are. */
    see_link(&fixture, bridge_link(BRIDGE, "openvswitch"), 30);
    assert_two_are_apart(&fixture);
    vsf_registry_link_gone(fixture.registry, BRIDGE);
    assert_two_are_apart(&fixture);
    see_link(&fixture, port_link(11, "vnet1", 1, 0), 30);
    see_link(&fixture, port_link(12, "vnet2", 2, 0), 30);
    assert_two_are_apart(&fixture);
    fixture_clear(&fixture);
}

typedef struct {
    int lower, other_lower;
    gboolean bridge, other_bridge;
    gboolean meet;
} Macvtaps;

static void
test_macvtaps_of_one_interface_meet_in_bridge_mode(void)
{
    static const Macvtaps cases[] = {
        {2, 2, TRUE, TRUE, TRUE},    {2, 2, TRUE, FALSE, FALSE}, {2, 2, FALSE, TRUE, FALSE},
        {2, 2, FALSE, FALSE, FALSE}, {2, 3, TRUE, TRUE, FALSE},  {0, 0, TRUE, TRUE, FALSE},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfLink one = macvtap_link(11, "macvtap1", 1), other = macvtap_link(12, "macvtap2", 2);
        const Nic nics[] = {{.device = "macvtap1", .mac = 1, .kind = VSF_NIC_MACVTAP},
                            {.device = "macvtap2", .mac = 2, .kind = VSF_NIC_MACVTAP}};
        Fixture fixture;

        one.lower = cases[i].lower;
        one.macvlan_bridge = cases[i].bridge;
        other.lower = cases[i].other_lower;
        other.macvlan_bridge = cases[i].other_bridge;
        fixture_init(&fixture, NULL);
        see_link(&fixture, one, 10);
        see_link(&fixture, other, 10);
        see_vm(&fixture, 1, 1, 20, &nics[0], 1);
        see_vm(&fixture, 2, 2, 20, &nics[1], 1);
        if (cases[i].meet)
            assert_two_meet(&fixture);
        else
            assert_two_are_apart(&fixture);
        fixture_clear(&fixture);
    }
}

/* A macvtap over the bridge is not one of its ports. */
static void
test_a_tap_and_a_macvtap_do_not_meet(void)
{
    VsfLink macvtap = macvtap_link(13, "macvtap3", 3);
    const Nic nic = {.device = "macvtap3", .mac = 3, .kind = VSF_NIC_MACVTAP};
    Fixture fixture;

    two_on_a_bridge(&fixture);
    macvtap.macvlan_bridge = TRUE;
    macvtap.lower = BRIDGE;
    see_link(&fixture, macvtap, 10);
    see_vm(&fixture, 3, 3, 20, &nic, 1);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 3);
    ASSERT_ENDS(&fixture, NOW_US, 13, 0, 13, TRUE, 3, 1);
    /* What a guest sends on one that is a port as well does not pass the bridge. */
    macvtap.master = BRIDGE;
    see_link(&fixture, macvtap, 30);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 3);
    ASSERT_ENDS(&fixture, NOW_US, 13, 0, 13, TRUE, 3, 1);
    fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/model/ends-apart/" name, func)
    ADD("a-nic-that-comes-or-goes-counts-from-then-on",
        test_a_nic_that_comes_or_goes_counts_from_then_on);
    ADD("a-new-mac-counts-from-then-on", test_a_new_mac_counts_from_then_on);
    ADD("a-tap-that-moves-counts-from-then-on", test_a_tap_that_moves_counts_from_then_on);
    ADD("a-vm-that-does-not-run-is-no-end", test_a_vm_that_does_not_run_is_no_end);
    ADD("a-tap-that-is-down-is-no-end", test_a_tap_that_is_down_is_no_end);
    ADD("isolated-ports-do-not-reach-each-other", test_isolated_ports_do_not_reach_each_other);
    ADD("where-segments-are-not-known-nobody-meets",
        test_where_segments_are_not_known_nobody_meets);
    ADD("macvtaps-of-one-interface-meet-in-bridge-mode",
        test_macvtaps_of_one_interface_meet_in_bridge_mode);
    ADD("a-tap-and-a-macvtap-do-not-meet", test_a_tap_and_a_macvtap_do_not_meet);
    return g_test_run();
}
