/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rare evidence: two claims on one link, renames, MACs that are none, and
 * messages that leave something out. */
#include "registry-fixture.h"

#include <string.h>

#define ETHERNET_NIC(dev, last) ((Nic){.device = (dev), .mac = (last)})

static void
test_a_tap_lost_in_this_run_is_not_found_by_name(void)
{
    Fixture fixture;
    VsfLink other = odd_link(6, "tap0");

    other.mac[5]++;
    fixture_init(&fixture, NULL);
    see_link(&fixture, odd_link(5, "tap0"), 10);
    SEE_VM(&fixture, 1, 7, 20, ETHERNET_NIC("tap0", 1));
    vsf_registry_link_gone(fixture.registry, 5);
    see_link(&fixture, other, 30);
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 r5=vm1 a6");
    SEE_VM(&fixture, 1, 7, 40, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "~vm1");
    /* Unplugged and plugged again it is another NIC. */
    SEE_VM(&fixture, 1, 7, 50, ETHERNET_NIC("tap9", 1));
    SEE_VM(&fixture, 1, 7, 60, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "~vm1 ~vm1 b6=vm1:net0");
    fixture_clear(&fixture);
}

/* Its network namespace was another one for a while. */
static void
test_a_tap_that_comes_back_is_known_by_its_own_mac(void)
{
    Fixture fixture;
    VsfLink other = odd_link(7, "tap0");

    fixture_init(&fixture, NULL);
    see_link(&fixture, odd_link(5, "tap0"), 10);
    SEE_VM(&fixture, 1, 7, 20, ETHERNET_NIC("tap0", 1));
    vsf_registry_link_gone(fixture.registry, 5);
    see_link(&fixture, odd_link(6, "tap0"), 30);
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 r5=vm1 a6");
    vsf_registry_expire(fixture.registry, 30 + VSF_XML_WANTED_US);
    TOLD(&fixture, "?vm1");
    SEE_VM(&fixture, 1, 7, 40 + VSF_XML_WANTED_US, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "~vm1 b6=vm1:net0");
    /* What has its name alone is another's. */
    vsf_registry_link_gone(fixture.registry, 6);
    other.mac[5]++;
    see_link(&fixture, other, 50 + VSF_XML_WANTED_US);
    SEE_VM(&fixture, 1, 7, 60 + VSF_XML_WANTED_US, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "r6=vm1 a7 ~vm1");
    fixture_clear(&fixture);
}

static void
test_of_equal_claims_the_younger_run_has_it(void)
{
    Fixture fixture;

    /* One list call shows both: libvirt's id tells which is younger. */
    for (guint first = 1; first <= 2; first++) {
        fixture_init(&fixture, NULL);
        see_link(&fixture, tap_link(5, "vnet0", 1), 10);
        SEE_VM(&fixture, first, (int)first, 20, TAP_NIC("vnet0", 1));
        SEE_VM(&fixture, 3 - first, 3 - (int)first, 20, TAP_NIC("vnet0", 1));
        g_assert_cmpstr(vsf_registry_tap(fixture.registry, 5)->domain->name, ==, "vm2");
        fixture_clear(&fixture);
    }
    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    SEE_VM(&fixture, 1, 9, 20, TAP_NIC("vnet0", 1));
    SEE_VM(&fixture, 2, 8, 30, TAP_NIC("vnet0", 1));
    g_assert_cmpstr(vsf_registry_tap(fixture.registry, 5)->domain->name, ==, "vm2");
    fixture_clear(&fixture);
}

static void
test_the_other_claim_holds_when_the_first_ends(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, odd_link(5, "tap0"), 10);
    SEE_VM(&fixture, 1, 7, 20, ETHERNET_NIC("tap0", 1));
    SEE_VM(&fixture, 2, 8, 30, ETHERNET_NIC("tap0", 2));
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 +vm2 r5=vm1 a5 b5=vm2:net0");
    SEE_VM(&fixture, 2, 8, 40, ETHERNET_NIC("tap9", 2)); /* unplugged */
    TOLD(&fixture, "r5=vm2 ~vm2 a5 b5=vm1:net0");
    SEE_VM(&fixture, 2, 8, 50, ETHERNET_NIC("tap0", 2));
    vsf_registry_domain_gone(fixture.registry, uuid_of(2), 60);
    TOLD(&fixture, "~vm2 r5=vm1 a5 b5=vm2:net0 r5=vm2 -vm2 a5 b5=vm1:net0");
    fixture_clear(&fixture);
}

static void
test_a_macvtap_has_the_whole_mac(void)
{
    const Nic direct = {.device = "macvtap0", .mac = 1, .kind = VSF_NIC_MACVTAP};
    Fixture fixture;
    VsfLink link = macvtap_link(5, "macvtap0", 1);

    fixture_init(&fixture, NULL);
    see_vm(&fixture, 1, 7, 10, &direct, 1);
    link.mac[0] = 0xfe;
    see_link(&fixture, link, 20);
    TOLD(&fixture, "+vm1 a5");
    link.mac[0] = 0x52;
    see_link(&fixture, link, 30);
    TOLD(&fixture, "b5=vm1:net0");
    fixture_clear(&fixture);
}

static void
test_no_mac_fits_nothing(void)
{
    const Nic nic = TAP_NIC("vnet0", 0);
    VsfDomainDef *def = make_def(1, 7, &nic, 1);
    VsfLink link = tap_link(5, "vnet0", 0);
    Fixture fixture;

    fixture_init(&fixture, NULL);
    memset(((VsfNic *)def->nics->pdata[0])->mac, 0, 6);
    memset(link.mac, 0, sizeof(link.mac));
    vsf_registry_domain_seen(fixture.registry, def, 1, 1, 10, 10);
    see_link(&fixture, link, 20);
    TOLD(&fixture, "+vm1 a5");
    fixture_clear(&fixture);
}

/* XML from before the link had the name tells nothing of it. */
static void
test_a_new_name_needs_xml_from_after_it(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, odd_link(5, "foreign"), 10);
    SEE_VM(&fixture, 1, 7, 20, ETHERNET_NIC("tap0", 1));
    see_link(&fixture, odd_link(5, "tap0"), 30);
    TOLD(&fixture, "+vm1 a5");
    SEE_VM(&fixture, 1, 7, 40, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "~vm1 b5=vm1:net0");
    fixture_clear(&fixture);
}

static void
test_xml_is_asked_for_once(void)
{
    Fixture fixture;
    VsfLink link = odd_link(5, "tap0");

    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 1, 7, 10, ETHERNET_NIC("tap0", 1));
    see_link(&fixture, link, 20);
    vsf_registry_expire(fixture.registry, 2 * SECOND);
    TOLD(&fixture, "+vm1 a5 ?vm1");
    link.mtu++;
    see_link(&fixture, link, 3 * SECOND);
    vsf_registry_expire(fixture.registry, 5 * SECOND);
    TOLD(&fixture, "");
    fixture_clear(&fixture);
}

static void
test_a_message_without_a_kind_keeps_it(void)
{
    Fixture fixture;
    VsfLink link = tap_link(5, "vnet0", 1);

    fixture_init(&fixture, NULL);
    see_link(&fixture, link, 10);
    link.kind[0] = '\0';
    see_link(&fixture, link, 20);
    TOLD(&fixture, "a5");
    g_assert_cmpstr(vsf_registry_link(fixture.registry, 5)->kind, ==, "tun");
    /* Another kind is another interface. */
    g_strlcpy(link.kind, "bridge", sizeof(link.kind));
    see_link(&fixture, link, 30);
    TOLD(&fixture, "r5");
    fixture_clear(&fixture);
}

static void
test_a_name_without_an_end_gets_one(void)
{
    Fixture fixture;
    VsfLink link = tap_link(5, "vnet0", 1);

    fixture_init(&fixture, NULL);
    memset(link.name, 'v', sizeof(link.name));
    see_link(&fixture, link, 10);
    g_assert_cmpstr(vsf_registry_link(fixture.registry, 5)->name, ==, "vvvvvvvvvvvvvvv");
    fixture_clear(&fixture);
}

/* The old tap's DELLINK was lost, and its NIC seemed to have one. */
static void
test_a_lost_dellink_frees_the_nic(void)
{
    Fixture fixture;
    const int present[] = {9};

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    see_link(&fixture, tap_link(9, "vnet0", 1), 30);
    SEE_VM(&fixture, 1, 7, 40, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 a9 ~vm1");
    vsf_registry_links_reconcile(fixture.registry, present, 1);
    TOLD(&fixture, "r5=vm1 b9=vm1:net0");
    fixture_clear(&fixture);
}

static void
test_bound_taps_take_no_provisional_place(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    for (int i = 0; i < 2 * VSF_PROVISIONAL_MAX; i++) {
        see_link(&fixture, tap_link(5, "vnet0", 1), 10 * i + 1);
        SEE_VM(&fixture, 1, i, 10 * i + 2, TAP_NIC("vnet0", 1));
        vsf_registry_link_gone(fixture.registry, 5);
    }
    g_string_truncate(fixture.told, 0);
    see_link(&fixture, odd_link(6, "tap0"), SECOND);
    TOLD(&fixture, "a6");
    fixture_clear(&fixture);
}

static void
test_an_end_is_remembered_for_ten_minutes(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 1, 7, 10 * SECOND, TAP_NIC("vnet0", 1));
    vsf_registry_domain_gone(fixture.registry, uuid_of(1), 20 * SECOND);
    vsf_registry_expire(fixture.registry, 619 * SECOND);
    g_assert_null(SEE_VM(&fixture, 1, 7, 15 * SECOND, TAP_NIC("vnet0", 1)));
    vsf_registry_expire(fixture.registry, 621 * SECOND);
    g_assert_nonnull(SEE_VM(&fixture, 1, 7, 15 * SECOND, TAP_NIC("vnet0", 1)));
    fixture_clear(&fixture);
}

#define TEST(path, function) g_test_add_func("/model/registry/claims/" path, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-tap-lost-in-this-run-is-not-found-by-name",
         test_a_tap_lost_in_this_run_is_not_found_by_name);
    TEST("a-tap-that-comes-back-is-known-by-its-own-mac",
         test_a_tap_that_comes_back_is_known_by_its_own_mac);
    TEST("of-equal-claims-the-younger-run-has-it", test_of_equal_claims_the_younger_run_has_it);
    TEST("the-other-claim-holds-when-the-first-ends",
         test_the_other_claim_holds_when_the_first_ends);
    TEST("a-macvtap-has-the-whole-mac", test_a_macvtap_has_the_whole_mac);
    TEST("no-mac-fits-nothing", test_no_mac_fits_nothing);
    TEST("a-new-name-needs-xml-from-after-it", test_a_new_name_needs_xml_from_after_it);
    TEST("xml-is-asked-for-once", test_xml_is_asked_for_once);
    TEST("a-message-without-a-kind-keeps-it", test_a_message_without_a_kind_keeps_it);
    TEST("a-name-without-an-end-gets-one", test_a_name_without_an_end_gets_one);
    TEST("a-lost-dellink-frees-the-nic", test_a_lost_dellink_frees_the_nic);
    TEST("bound-taps-take-no-provisional-place", test_bound_taps_take_no_provisional_place);
    TEST("an-end-is-remembered-for-ten-minutes", test_an_end_is_remembered_for_ten_minutes);
    return g_test_run();
}
