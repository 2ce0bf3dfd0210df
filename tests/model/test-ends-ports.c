/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a frame of a physical port is from and who gets it. */
#include "ends-fixture.h"

#define PORT 2
#define BOND 5

static VsfLink
device_link(int ifindex, const char *name, int master)
{
    VsfLink link = odd_link(ifindex, name);

    link.kind[0] = '\0';
    link.master = master;
    return link;
}

/* Two VMs on a bridge, and the port 2, which belongs to @master. */
static void
with_port(Fixture *fixture, int master)
{
    static const char *const all[] = {"*", NULL};
    static const VsfPort ports[] = {{PORT, 0}};

    two_on_a_bridge(fixture);
    vsf_registry_set_port_patterns(fixture->registry, all, 20);
    vsf_registry_set_ports(fixture->registry, ports, G_N_ELEMENTS(ports), 20);
    see_link(fixture, device_link(PORT, "eth0", master), 20);
}

static void
assert_reaches_the_vms(const Fixture *fixture)
{
    ASSERT_ENDS(fixture, NOW_US, PORT, 11, PORT, TRUE, OUTSIDE, 1);
    ASSERT_ENDS(fixture, NOW_US, 12, PORT, PORT, FALSE, 2, OUTSIDE);
}

static void
assert_knows_no_vm(const Fixture *fixture)
{
    ASSERT_ENDS(fixture, NOW_US, PORT, 0, PORT, TRUE, OUTSIDE, 1);
    ASSERT_ENDS(fixture, NOW_US, 0, PORT, PORT, FALSE, 2, OUTSIDE);
}

static void
test_a_port_of_the_bridge_reaches_its_vms(void)
{
    Fixture fixture;

    with_port(&fixture, BRIDGE);
    assert_reaches_the_vms(&fixture);
    ASSERT_ENDS(&fixture, NOW_US, PORT, 0, PORT, TRUE, OUTSIDE, MANY);
    ASSERT_ENDS(&fixture, NOW_US, 12, 0, PORT, FALSE, 2, MANY);
    /* Flooded to it, a frame for a VM goes out all the same. */
    ASSERT_ENDS(&fixture, NOW_US, 12, PORT, PORT, FALSE, 2, 1);
    fixture_clear(&fixture);
}

static void
test_a_port_of_a_bond_is_where_the_bond_is(void)
{
    Fixture fixture;
    VsfLink bond = odd_link(BOND, "bond0");

    g_strlcpy(bond.kind, "bond", sizeof(bond.kind));
    with_port(&fixture, BOND);
    assert_knows_no_vm(&fixture);
    see_link(&fixture, bond, 30);
    assert_knows_no_vm(&fixture);
    bond.master = BRIDGE;
    see_link(&fixture, bond, 30);
    assert_reaches_the_vms(&fixture);
    bond.master = OTHER_BRIDGE;
    see_link(&fixture, bond, 30);
    assert_knows_no_vm(&fixture);
    fixture_clear(&fixture);
}

static void
test_elsewhere_or_unclear_it_knows_no_vm(void)
{
    Fixture fixture;
    VsfLink bridge = bridge_link(BRIDGE, "bridge");

    with_port(&fixture, 0);
    assert_knows_no_vm(&fixture);
    fixture_clear(&fixture);

    with_port(&fixture, OTHER_BRIDGE);
    assert_knows_no_vm(&fixture);
    fixture_clear(&fixture);

    with_port(&fixture, BRIDGE);
    bridge.vlan_filtering = TRUE;
    see_link(&fixture, bridge, 30);
    assert_knows_no_vm(&fixture);
    fixture_clear(&fixture);
}

static void
test_a_macvtap_above_it_is_reached_in_any_mode(void)
{
    Fixture fixture;
    VsfLink link = macvtap_link(13, "macvtap3", 3);

    with_port(&fixture, 0);
    link.lower = PORT;
    see_link(&fixture, link, 10);
    SEE_VM(&fixture, 3, 3, 20, {.device = "macvtap3", .mac = 3, .kind = VSF_NIC_MACVTAP});
    ASSERT_ENDS(&fixture, NOW_US, PORT, 13, PORT, TRUE, OUTSIDE, 3);
    ASSERT_ENDS(&fixture, NOW_US, 13, PORT, PORT, FALSE, 3, OUTSIDE);
    link.lower = 99;
    see_link(&fixture, link, 30);
    ASSERT_ENDS(&fixture, NOW_US, PORT, 0, PORT, TRUE, OUTSIDE, 3);
    fixture_clear(&fixture);
}

/* Switches send what is for many back to the other port of a bond that they do not know of. */
static void
test_what_a_switch_gives_back_makes_nobody_doubtful(void)
{
    Fixture fixture;

    with_port(&fixture, BRIDGE);
    ASSERT_ENDS(&fixture, NOW_US, PORT, 0, PORT, TRUE, 1, MANY);
    assert_two_meet(&fixture);
    assert_reaches_the_vms(&fixture);
    fixture_clear(&fixture);
}

/* VMs' frames are as they were without a port. */
static void
test_a_port_is_no_end_of_a_taps_frames(void)
{
    Fixture fixture;

    with_port(&fixture, BRIDGE);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, OUTSIDE);
    ASSERT_ENDS(&fixture, NOW_US, 0, 11, 11, FALSE, OUTSIDE, 1);
    assert_two_meet(&fixture);
    fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func) g_test_add_func("/model/ends-ports/" name, func)
    CASE("a-port-of-the-bridge-reaches-its-vms", test_a_port_of_the_bridge_reaches_its_vms);
    CASE("a-port-of-a-bond-is-where-the-bond-is", test_a_port_of_a_bond_is_where_the_bond_is);
    CASE("elsewhere-or-unclear-it-knows-no-vm", test_elsewhere_or_unclear_it_knows_no_vm);
    CASE("a-macvtap-above-it-is-reached-in-any-mode",
         test_a_macvtap_above_it_is_reached_in_any_mode);
    CASE("what-a-switch-gives-back-makes-nobody-doubtful",
         test_what_a_switch_gives_back_makes_nobody_doubtful);
    CASE("a-port-is-no-end-of-a-taps-frames", test_a_port_is_no_end_of_a_taps_frames);
    return g_test_run();
}
