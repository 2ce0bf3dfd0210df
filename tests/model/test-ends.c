/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who a frame is from and who gets it. */
#include "ends-fixture.h"

#include <string.h>

static void
test_both_ends_on_one_bridge_are_known(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    assert_two_meet(&fixture);
    ASSERT_ENDS(&fixture, NOW_US, 12, 11, 12, TRUE, 2, 1);
    ASSERT_ENDS(&fixture, NOW_US, 12, 11, 11, FALSE, 2, 1);
    fixture_clear(&fixture);
}

static void
test_the_outside_is_unknown(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, OUTSIDE);
    ASSERT_ENDS(&fixture, NOW_US, 0, 11, 11, FALSE, OUTSIDE, 1);
    fixture_clear(&fixture);
}

static void
test_what_is_for_many_has_no_destination(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, MANY);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 12, FALSE, 1, MANY);
    ASSERT_ENDS(&fixture, NOW_US, 0, 0, 12, FALSE, OUTSIDE, MANY);
    fixture_clear(&fixture);
}

static void
test_a_cut_header_tells_no_address(void)
{
    static const guint8 header[11] = {0x52, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0};
    Fixture fixture;
    VsfTap *tap;
    VsfEnds ends;

    two_on_a_bridge(&fixture);
    tap = vsf_registry_tap(fixture.registry, 11);
    for (gsize length = 0; length <= sizeof(header); length++) {
        g_autofree guint8 *cut = g_memdup2(header, length);

        ends = vsf_ends_of(fixture.registry, tap, TRUE, NOW_US * 1000, cut, length);
        g_assert_true(ends.from == tap && ends.to == NULL);
        ends = vsf_ends_of(fixture.registry, tap, FALSE, NOW_US * 1000, cut, length);
        g_assert_true(ends.from == NULL && ends.to == NULL);
    }
    fixture_clear(&fixture);
}

static void
test_a_forged_source_is_known_by_its_tap(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    see_link(&fixture, port_link(13, "vnet3", 3, BRIDGE), 10);
    SEE_VM(&fixture, 3, 3, 20, TAP_NIC("vnet3", 3));
    ASSERT_ENDS(&fixture, NOW_US, 13, 12, 13, TRUE, 1, 2);
    /* From then on nobody knows whose a frame with that address is, or where it goes. */
    ASSERT_ENDS(&fixture, NOW_US, 0, 12, 12, FALSE, 1, 2);
    ASSERT_ENDS(&fixture, NOW_US, 12, 0, 12, TRUE, 2, 1);
    /* The victim's own tap still tells, and other addresses are as before. */
    ASSERT_ENDS(&fixture, NOW_US, 11, 12, 11, TRUE, 1, 2);
    ASSERT_ENDS(&fixture, NOW_US, 13, 12, 12, FALSE, 3, 2);
    ASSERT_ENDS(&fixture, NOW_US + VSF_DOUBTFUL_US - 1, 12, 0, 12, TRUE, 2, 1);
    ASSERT_ENDS(&fixture, NOW_US + VSF_DOUBTFUL_US, 12, 11, 12, TRUE, 2, 1);
    fixture_clear(&fixture);
}

/* Nor is it forged if its owner came after it. */
static void
test_a_mac_may_pass_to_another_vm(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    see_link(&fixture, port_link(13, "vnet3", 3, BRIDGE), NOW_US);
    SEE_VM(&fixture, 3, 3, NOW_US, TAP_NIC("vnet3", 3));
    ASSERT_ENDS(&fixture, NOW_US - 1, 11, 12, 11, TRUE, 3, 2);
    ASSERT_ENDS(&fixture, NOW_US + 1, 13, 12, 12, FALSE, 3, 2);
    fixture_clear(&fixture);
}

/* Both are filed under the bytes that they share. */
static void
test_macs_that_differ_in_the_first_byte_are_two(void)
{
    const guint8 header[14] = {0x56, 0x54, 0, 0, 0, 2, 0x52, 0x54, 0, 0, 0, 1};
    Fixture fixture;
    VsfEnds ends;

    two_on_a_bridge(&fixture);
    ends = vsf_ends_of(fixture.registry, vsf_registry_tap(fixture.registry, 11), TRUE,
                       NOW_US * 1000, header, sizeof(header));
    g_assert_null(ends.to);
    fixture_clear(&fixture);
}

/* The sender is outside, so that no tap of ours sees it come. */
static void
test_a_frame_that_its_owner_gets_is_forged(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    ASSERT_ENDS(&fixture, NOW_US, 0, 0, 11, FALSE, 1, MANY);
    ASSERT_ENDS(&fixture, NOW_US, 0, 12, 12, FALSE, 1, 2);
    ASSERT_ENDS(&fixture, NOW_US, 12, 0, 12, TRUE, 2, 1);
    fixture_clear(&fixture);
}

static void
test_one_on_another_bridge_is_no_end(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    see_link(&fixture, port_link(13, "vnet3", 3, OTHER_BRIDGE), 10);
    SEE_VM(&fixture, 3, 3, 20, TAP_NIC("vnet3", 3));
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 3);
    ASSERT_ENDS(&fixture, NOW_US, 0, 11, 11, FALSE, 3, 1);
    /* Forged there, it is not doubtful here. */
    ASSERT_ENDS(&fixture, NOW_US, 13, 0, 13, TRUE, 1, 2);
    assert_two_meet(&fixture);
    fixture_clear(&fixture);
}

static void
test_equal_macs_on_two_bridges_are_told_apart(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    see_link(&fixture, port_link(13, "vnet3", 2, OTHER_BRIDGE), 10);
    see_link(&fixture, port_link(14, "vnet4", 4, OTHER_BRIDGE), 10);
    SEE_VM(&fixture, 3, 3, 20, TAP_NIC("vnet3", 2));
    SEE_VM(&fixture, 4, 4, 20, TAP_NIC("vnet4", 4));
    ASSERT_ENDS(&fixture, NOW_US, 11, 12, 11, TRUE, 1, 2);
    ASSERT_ENDS(&fixture, NOW_US, 14, 13, 14, TRUE, 4, 2);
    ASSERT_ENDS(&fixture, NOW_US, 13, 14, 14, FALSE, 2, 4);
    fixture_clear(&fixture);
}

static void
test_equal_macs_on_one_bridge_are_nobodys(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    see_link(&fixture, port_link(13, "vnet3", 2, BRIDGE), 10);
    SEE_VM(&fixture, 3, 3, 20, TAP_NIC("vnet3", 2));
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 2);
    ASSERT_ENDS(&fixture, NOW_US, 0, 11, 11, FALSE, 2, 1);
    /* Their own taps tell. */
    ASSERT_ENDS(&fixture, NOW_US, 13, 11, 13, TRUE, 2, 1);
    ASSERT_ENDS(&fixture, NOW_US, 11, 13, 13, FALSE, 1, 2);
    vsf_registry_domain_gone(fixture.registry, uuid_of(3), 30);
    assert_two_meet(&fixture);
    fixture_clear(&fixture);
}

static void
test_a_mac_whose_other_holder_has_no_tap_is_nobodys(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    SEE_VM(&fixture, 3, 3, 20, TAP_NIC("vnet3", 2));
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 2);
    ASSERT_ENDS(&fixture, NOW_US, 11, 12, 12, FALSE, 1, 2);
    fixture_clear(&fixture);
}

static void
test_a_tap_that_no_vm_claims_is_no_end(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    see_link(&fixture, port_link(13, "vnet3", 3, BRIDGE), 10);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 3);
    ASSERT_ENDS(&fixture, NOW_US, 0, 11, 11, FALSE, 3, 1);
    fixture_clear(&fixture);
}

static void
test_the_bridges_own_mac_is_the_hosts(void)
{
    Fixture fixture;
    VsfLink bridge = bridge_link(BRIDGE, "bridge");

    two_on_a_bridge(&fixture);
    ends_set_mac(bridge.mac, 2);
    see_link(&fixture, bridge, 30);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 2);
    ASSERT_ENDS(&fixture, NOW_US, 0, 11, 11, FALSE, 2, 1);
    fixture_clear(&fixture);
}

static void
test_a_flooded_frame_is_for_the_one_whose_address_it_has(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    ASSERT_ENDS(&fixture, NOW_US, 0, 0, 12, FALSE, OUTSIDE, 1);
    /* Of a guest in the guest, or a MAC that the guest gave itself. */
    ASSERT_ENDS(&fixture, NOW_US, 0, 12, 12, FALSE, OUTSIDE, 77);
    fixture_clear(&fixture);
}

/* The bridge drops it. */
static void
test_what_a_vm_sends_to_itself_reaches_nobody(void)
{
    Fixture fixture;

    two_on_a_bridge(&fixture);
    ASSERT_ENDS(&fixture, NOW_US, 11, 0, 11, TRUE, 1, 1);
    fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/model/ends/" name, func)
    ADD("both-ends-on-one-bridge-are-known", test_both_ends_on_one_bridge_are_known);
    ADD("the-outside-is-unknown", test_the_outside_is_unknown);
    ADD("what-is-for-many-has-no-destination", test_what_is_for_many_has_no_destination);
    ADD("a-cut-header-tells-no-address", test_a_cut_header_tells_no_address);
    ADD("a-forged-source-is-known-by-its-tap", test_a_forged_source_is_known_by_its_tap);
    ADD("a-mac-may-pass-to-another-vm", test_a_mac_may_pass_to_another_vm);
    ADD("macs-that-differ-in-the-first-byte-are-two",
        test_macs_that_differ_in_the_first_byte_are_two);
    ADD("a-frame-that-its-owner-gets-is-forged", test_a_frame_that_its_owner_gets_is_forged);
    ADD("one-on-another-bridge-is-no-end", test_one_on_another_bridge_is_no_end);
    ADD("equal-macs-on-two-bridges-are-told-apart", test_equal_macs_on_two_bridges_are_told_apart);
    ADD("equal-macs-on-one-bridge-are-nobodys", test_equal_macs_on_one_bridge_are_nobodys);
    ADD("a-mac-whose-other-holder-has-no-tap-is-nobodys",
        test_a_mac_whose_other_holder_has_no_tap_is_nobodys);
    ADD("a-tap-that-no-vm-claims-is-no-end", test_a_tap_that_no_vm_claims_is_no_end);
    ADD("the-bridges-own-mac-is-the-hosts", test_the_bridges_own_mac_is_the_hosts);
    ADD("a-flooded-frame-is-for-the-one-whose-address-it-has",
        test_a_flooded_frame_is_for_the_one_whose_address_it_has);
    ADD("what-a-vm-sends-to-itself-reaches-nobody", test_what_a_vm_sends_to_itself_reaches_nobody);
    return g_test_run();
}
