/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which link is whose, on what evidence, and what is sampled meanwhile. */
#include "registry-fixture.h"

#include <net/if.h>
#include <string.h>

#define ETHERNET_NIC(dev, last) ((Nic){.device = (dev), .mac = (last)})
#define DIRECT_NIC(dev, last) ((Nic){.device = (dev), .mac = (last), .kind = VSF_NIC_MACVTAP})

/* vm1's QEMU died, vnet0 is vm2's now, and vm1's STOPPED comes a second later. */
static void
test_a_reused_name_never_goes_to_the_old_vm(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0");
    vsf_registry_link_gone(fixture.registry, 5);
    see_link(&fixture, odd_link(9, "vnet0"), 100); /* made, its MAC not set yet */
    see_link(&fixture, tap_link(9, "vnet0", 2), 101);
    TOLD(&fixture, "r5=vm1 a9");
    SEE_VM(&fixture, 1, 7, 110, TAP_NIC("vnet0", 1)); /* the dying VM's XML still names it */
    TOLD(&fixture, "~vm1");
    SEE_VM(&fixture, 2, 8, 120, TAP_NIC("vnet0", 2));
    TOLD(&fixture, "+vm2 b9=vm2:net0");
    SEE_VM(&fixture, 1, 7, 130, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "~vm1");
    vsf_registry_domain_gone(fixture.registry, uuid_of(1), 1000);
    TOLD(&fixture, "-vm1");
    g_assert_true(vsf_registry_tap(fixture.registry, 9)->domain ==
                  vsf_registry_by_uuid(fixture.registry, uuid_of(2)));
    fixture_clear(&fixture);
}

/* The same when the daemon began in between and never saw vm1's tap. */
static void
test_stale_xml_does_not_get_a_tap_made_for_another(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(9, "vnet0", 2), 100);
    SEE_VM(&fixture, 1, 7, 110, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "a9 +vm1");
    SEE_VM(&fixture, 2, 8, 120, TAP_NIC("vnet0", 2));
    TOLD(&fixture, "+vm2 b9=vm2:net0");
    fixture_clear(&fixture);
}

static void
test_the_mac_outdoes_the_name(void)
{
    Fixture fixture;

    /* type='ethernet': by name, until the one whose MAC it has is known. */
    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(9, "vnet0", 2), 100);
    SEE_VM(&fixture, 1, 7, 110, ETHERNET_NIC("vnet0", 1));
    TOLD(&fixture, "a9 +vm1 b9=vm1:net0");
    SEE_VM(&fixture, 2, 8, 120, TAP_NIC("vnet0", 2));
    TOLD(&fixture, "+vm2 r9=vm1 a9 b9=vm2:net0");
    SEE_VM(&fixture, 1, 7, 130, ETHERNET_NIC("vnet0", 1));
    TOLD(&fixture, "~vm1");
    fixture_clear(&fixture);
}

/* Its XML does not name the interface yet, as in `prepare`. */
static void
test_the_mac_of_another_vm_is_a_reason_against(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(9, "vnet0", 2), 100);
    SEE_VM(&fixture, 1, 7, 110, ETHERNET_NIC("vnet0", 1));
    TOLD(&fixture, "a9 +vm1 b9=vm1:net0");
    SEE_VM(&fixture, 2, 8, 120, TAP_NIC(NULL, 2));
    TOLD(&fixture, "+vm2 r9=vm1 a9");
    fixture_clear(&fixture);

    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 2, 8, 90, TAP_NIC(NULL, 2));
    see_link(&fixture, tap_link(9, "vnet0", 2), 100);
    SEE_VM(&fixture, 1, 7, 110, ETHERNET_NIC("vnet0", 1));
    TOLD(&fixture, "+vm2 a9 +vm1");
    fixture_clear(&fixture);
}

/* Made by os-vif before the VM: its MAC says nothing. */
static void
test_a_tap_made_before_is_bound_by_name(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, odd_link(5, "tapdeadbeef-01"), 10);
    SEE_VM(&fixture, 1, 7, 20, ETHERNET_NIC("tapdeadbeef-01", 1));
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0");
    fixture_clear(&fixture);
}

static void
test_a_link_younger_than_the_xml_needs_newer_xml(void)
{
    Fixture fixture;
    gint64 next;

    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 1, 7, 10, ETHERNET_NIC("tap0", 1));
    see_link(&fixture, odd_link(5, "tap0"), 20);
    TOLD(&fixture, "+vm1 a5");
    next = vsf_registry_expire(fixture.registry, 30);
    g_assert_cmpint(next, ==, 20 + VSF_XML_WANTED_US);
    TOLD(&fixture, "");
    g_assert_cmpint(vsf_registry_expire(fixture.registry, next), ==, 20 + VSF_PROVISIONAL_US);
    TOLD(&fixture, "?vm1");
    vsf_registry_expire(fixture.registry, next + 1);
    TOLD(&fixture, ""); /* asked once */
    SEE_VM(&fixture, 1, 7, next + 2, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "~vm1 b5=vm1:net0");
    g_assert_cmpint(vsf_registry_expire(fixture.registry, next + 3), ==, -1);
    fixture_clear(&fixture);
}

static void
test_newer_xml_that_comes_by_itself_is_not_asked_for(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    SEE_VM(&fixture, 1, 7, 10, ETHERNET_NIC("tap0", 1));
    see_link(&fixture, odd_link(5, "tap0"), 20);
    SEE_VM(&fixture, 1, 7, 30, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "+vm1 a5 ~vm1 b5=vm1:net0");
    g_assert_cmpint(vsf_registry_expire(fixture.registry, 10 * SECOND), ==, -1);
    TOLD(&fixture, "");
    fixture_clear(&fixture);
}

/* Bound by name in the moment before libvirt set the MAC. */
static void
test_evidence_that_turns_out_wrong_is_taken_back(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, odd_link(9, "vnet0"), 100);
    SEE_VM(&fixture, 1, 7, 110, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "a9 +vm1 b9=vm1:net0");
    see_link(&fixture, tap_link(9, "vnet0", 2), 111);
    TOLD(&fixture, "r9=vm1 a9");
    fixture_clear(&fixture);
}

static void
test_a_tap_bound_by_its_mac_may_change_it(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, macvtap_link(5, "macvtap0", 1), 10);
    SEE_VM(&fixture, 1, 7, 20, DIRECT_NIC("macvtap0", 1));
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0");
    see_link(&fixture, macvtap_link(5, "macvtap0", 99), 30); /* the guest set it */
    see_link(&fixture, tap_link(6, "vnet0", 2), 30);
    SEE_VM(&fixture, 2, 8, 40, TAP_NIC("vnet0", 2), TAP_NIC(NULL, 99));
    TOLD(&fixture, "a6 +vm2 b6=vm2:net0");
    g_assert_nonnull(vsf_registry_tap(fixture.registry, 5)->domain);
    fixture_clear(&fixture);
}

static void
test_a_renamed_tap_stays_bound(void)
{
    Fixture fixture;
    VsfTap *tap;

    fixture_init(&fixture, NULL);
    see_link(&fixture, odd_link(5, "tap0"), 10);
    SEE_VM(&fixture, 1, 7, 20, ETHERNET_NIC("tap0", 1));
    tap = vsf_registry_tap(fixture.registry, 5);
    see_link(&fixture, odd_link(5, "renamed"), 30);
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 c5");
    SEE_VM(&fixture, 1, 7, 40, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "~vm1");
    g_assert_true(vsf_registry_tap(fixture.registry, 5) == tap);
    g_assert_cmpstr(tap->link.name, ==, "renamed");
    /* Who has the name now is not the same NIC's. */
    see_link(&fixture, odd_link(6, "tap0"), 50);
    SEE_VM(&fixture, 1, 7, 60, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "a6 ~vm1");
    fixture_clear(&fixture);
}

static void
test_a_lost_tap_comes_back_only_by_mac_and_newer_xml(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    vsf_registry_link_gone(fixture.registry, 5);
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 r5=vm1");
    /* Unplugged and plugged again, or another VM with its MAC: newer XML tells. */
    see_link(&fixture, tap_link(6, "vnet0", 1), 30);
    TOLD(&fixture, "a6");
    vsf_registry_expire(fixture.registry, 30 + VSF_XML_WANTED_US);
    TOLD(&fixture, "?vm1");
    SEE_VM(&fixture, 1, 7, 2 * SECOND, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "~vm1 b6=vm1:net0");
    /* A VM with the same MAC that has not lost it has the better claim. */
    SEE_VM(&fixture, 2, 8, 3 * SECOND, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "+vm2 r6=vm1 a6 b6=vm2:net0");
    fixture_clear(&fixture);
}

static void
test_hotplug_and_unplug(void)
{
    Fixture fixture;
    VsfDomain *domain;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    domain = SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    see_link(&fixture, tap_link(6, "vnet1", 2), 30);
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 a6");
    SEE_VM(&fixture, 1, 7, 40, TAP_NIC("vnet1", 2), TAP_NIC("vnet0", 1));
    TOLD(&fixture, "~vm1 b6=vm1:net0");
    /* In the order of the NICs, whatever came first. */
    g_assert_cmpint(((VsfTap *)domain->taps->pdata[0])->link.ifindex, ==, 6);
    g_assert_cmpint(((VsfTap *)domain->taps->pdata[1])->link.ifindex, ==, 5);
    SEE_VM(&fixture, 1, 7, 50, TAP_NIC("vnet1", 2));
    TOLD(&fixture, "r5=vm1 ~vm1");
    vsf_registry_link_gone(fixture.registry, 5);
    TOLD(&fixture, "");
    g_assert_cmpuint(domain->taps->len, ==, 1);
    fixture_clear(&fixture);
}

static void
test_sixty_four_nics(void)
{
    Fixture fixture;
    Nic nics[64];
    char names[64][16];
    VsfDomain *domain;

    fixture_init(&fixture, NULL);
    for (guint i = 0; i < 64; i++) {
        g_snprintf(names[i], sizeof(names[i]), "vnet%u", i);
        nics[i] = TAP_NIC(names[i], (guint8)(i + 1));
        see_link(&fixture, tap_link(1000 - (int)i, names[i], (guint8)(i + 1)), 10);
    }
    domain = see_vm(&fixture, 1, 7, 20, nics, 64);
    g_assert_cmpuint(domain->taps->len, ==, 64);
    for (guint i = 0; i < 64; i++)
        g_assert_true(((VsfTap *)domain->taps->pdata[i])->nic == domain->def->nics->pdata[i]);
    fixture_clear(&fixture);
}

static void
test_down_up_and_bridge_are_told(void)
{
    Fixture fixture;
    VsfLink link = tap_link(5, "vnet0", 1);

    fixture_init(&fixture, NULL);
    see_link(&fixture, link, 10);
    TOLD(&fixture, "a5");
    link.mtu = 9000; /* nothing that a sampler has to know */
    see_link(&fixture, link, 11);
    TOLD(&fixture, "");
    g_assert_cmpuint(vsf_registry_tap(fixture.registry, 5)->link.mtu, ==, 9000);
    link.flags &= ~(guint32)IFF_UP;
    see_link(&fixture, link, 12);
    link.flags |= IFF_UP;
    see_link(&fixture, link, 13);
    link.master = 3;
    see_link(&fixture, link, 14);
    TOLD(&fixture, "c5 c5 c5");
    fixture_clear(&fixture);
}

static void
test_a_tap_deleted_under_the_sampler(void)
{
    Fixture fixture;
    VsfDomain *domain;

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    domain = SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    vsf_registry_link_gone(fixture.registry, 5);
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 r5=vm1");
    g_assert_cmpuint(domain->taps->len, ==, 0);
    g_assert_null(vsf_registry_link(fixture.registry, 5));
    vsf_registry_domain_gone(fixture.registry, uuid_of(1), 30);
    TOLD(&fixture, "-vm1");
    fixture_clear(&fixture);
}

static void
test_a_full_dump_removes_links(void)
{
    Fixture fixture;
    const int present[] = {6, 77};

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    see_link(&fixture, tap_link(6, "vnet1", 2), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "a5 a6 +vm1 b5=vm1:net0");
    vsf_registry_links_reconcile(fixture.registry, present, 2);
    TOLD(&fixture, "r5=vm1");
    vsf_registry_links_reconcile(fixture.registry, NULL, 0);
    TOLD(&fixture, "r6");
    g_assert_cmpuint(g_hash_table_size(vsf_registry_links(fixture.registry)), ==, 0);
    fixture_clear(&fixture);
}

static void
test_kind_decides_the_sense(void)
{
    Fixture fixture;
    VsfLink old_kernel = macvtap_link(7, "tap7", 3);

    fixture_init(&fixture, NULL);
    see_link(&fixture, macvtap_link(5, "macvtap0", 1), 10);
    g_assert_cmpint(vsf_registry_tap(fixture.registry, 5)->kind, ==, VSF_NIC_MACVTAP);
    see_link(&fixture, tap_link(6, "vnet0", 2), 10);
    g_assert_cmpint(vsf_registry_tap(fixture.registry, 6)->kind, ==, VSF_NIC_TAP);
    old_kernel.kind[0] = '\0';
    see_link(&fixture, old_kernel, 10);
    TOLD(&fixture, "a5 a6"); /* no kind: nobody's until a NIC claims it */
    /* type='ethernet' over a macvtap: the link's kind counts. */
    SEE_VM(&fixture, 1, 7, 20, ETHERNET_NIC("macvtap0", 1), DIRECT_NIC("vnet0", 2),
           DIRECT_NIC("tap7", 3));
    TOLD(&fixture, "+vm1 b5=vm1:net0 a7 b7=vm1:net2");
    g_assert_cmpint(vsf_registry_tap(fixture.registry, 5)->kind, ==, VSF_NIC_MACVTAP);
    g_assert_cmpint(vsf_registry_tap(fixture.registry, 7)->kind, ==, VSF_NIC_MACVTAP);
    fixture_clear(&fixture);
}

static void
test_what_is_no_tap_is_never_sampled(void)
{
    Fixture fixture;
    VsfLink l3 = odd_link(5, "tap0"), veth = odd_link(6, "tap1"), other = odd_link(7, "tap2");

    fixture_init(&fixture, NULL);
    l3.tun_l3 = TRUE;
    g_strlcpy(veth.kind, "veth", sizeof(veth.kind));
    other.type = 65534;
    see_link(&fixture, l3, 10);
    see_link(&fixture, veth, 10);
    see_link(&fixture, other, 10);
    SEE_VM(&fixture, 1, 7, 20, ETHERNET_NIC("tap0", 1), ETHERNET_NIC("tap1", 2),
           ETHERNET_NIC("tap2", 3));
    TOLD(&fixture, "+vm1");
    fixture_clear(&fixture);
}

static void
test_taps_are_found_by_the_guests_mac(void)
{
    Fixture fixture;
    guint8 mac[6] = {0x52, 0x54, 0, 0, 0, 1};

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    see_link(&fixture, tap_link(6, "vnet1", 1), 10);
    g_assert_null(vsf_registry_tap_by_mac(fixture.registry, mac)); /* provisional */
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    g_assert_cmpint(vsf_registry_tap_by_mac(fixture.registry, mac)->link.ifindex, ==, 5);
    /* The same MAC on another bridge. */
    SEE_VM(&fixture, 2, 8, 20, TAP_NIC("vnet1", 1));
    TOLD(&fixture, "a5 a6 +vm1 b5=vm1:net0 +vm2 b6=vm2:net0");
    g_assert_cmpuint(vsf_registry_taps_by_mac(fixture.registry, mac)->len, ==, 2);
    vsf_registry_domain_gone(fixture.registry, uuid_of(1), 30);
    g_assert_cmpint(vsf_registry_tap_by_mac(fixture.registry, mac)->link.ifindex, ==, 6);
    vsf_registry_link_gone(fixture.registry, 6);
    g_assert_null(vsf_registry_tap_by_mac(fixture.registry, mac));
    g_assert_null(vsf_registry_taps_by_mac(fixture.registry, mac));
    fixture_clear(&fixture);
}

static void
test_a_nics_new_mac_is_found(void)
{
    Fixture fixture;
    guint8 mac[6] = {0x52, 0x54, 0, 0, 0, 1};

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    SEE_VM(&fixture, 1, 7, 30, TAP_NIC("vnet0", 2));
    g_assert_null(vsf_registry_tap_by_mac(fixture.registry, mac));
    mac[5] = 2;
    g_assert_nonnull(vsf_registry_tap_by_mac(fixture.registry, mac));
    fixture_clear(&fixture);
}

/* DELLINK was lost; the dump that follows puts it right. */
static void
test_a_lost_dellink_heals(void)
{
    Fixture fixture;
    const int present[] = {9};

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1));
    see_link(&fixture, tap_link(9, "vnet0", 2), 30);
    SEE_VM(&fixture, 2, 8, 40, TAP_NIC("vnet0", 2));
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 a9 +vm2 b9=vm2:net0");
    vsf_registry_links_reconcile(fixture.registry, present, 1);
    TOLD(&fixture, "r5=vm1");
    fixture_clear(&fixture);
}

#define TEST(path, function) g_test_add_func("/model/registry/taps/" path, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("a-reused-name-never-goes-to-the-old-vm", test_a_reused_name_never_goes_to_the_old_vm);
    TEST("stale-xml-does-not-get-a-tap-made-for-another",
         test_stale_xml_does_not_get_a_tap_made_for_another);
    TEST("the-mac-outdoes-the-name", test_the_mac_outdoes_the_name);
    TEST("the-mac-of-another-vm-is-a-reason-against",
         test_the_mac_of_another_vm_is_a_reason_against);
    TEST("a-tap-made-before-is-bound-by-name", test_a_tap_made_before_is_bound_by_name);
    TEST("a-link-younger-than-the-xml-needs-newer-xml",
         test_a_link_younger_than_the_xml_needs_newer_xml);
    TEST("newer-xml-that-comes-by-itself-is-not-asked-for",
         test_newer_xml_that_comes_by_itself_is_not_asked_for);
    TEST("evidence-that-turns-out-wrong-is-taken-back",
         test_evidence_that_turns_out_wrong_is_taken_back);
    TEST("a-tap-bound-by-its-mac-may-change-it", test_a_tap_bound_by_its_mac_may_change_it);
    TEST("a-renamed-tap-stays-bound", test_a_renamed_tap_stays_bound);
    TEST("a-lost-tap-comes-back-only-by-mac-and-newer-xml",
         test_a_lost_tap_comes_back_only_by_mac_and_newer_xml);
    TEST("hotplug-and-unplug", test_hotplug_and_unplug);
    TEST("sixty-four-nics", test_sixty_four_nics);
    TEST("down-up-and-bridge-are-told", test_down_up_and_bridge_are_told);
    TEST("a-tap-deleted-under-the-sampler", test_a_tap_deleted_under_the_sampler);
    TEST("a-full-dump-removes-links", test_a_full_dump_removes_links);
    TEST("kind-decides-the-sense", test_kind_decides_the_sense);
    TEST("what-is-no-tap-is-never-sampled", test_what_is_no_tap_is_never_sampled);
    TEST("taps-are-found-by-the-guests-mac", test_taps_are_found_by_the_guests_mac);
    TEST("a-nics-new-mac-is-found", test_a_nics_new_mac_is_found);
    TEST("a-lost-dellink-heals", test_a_lost_dellink_heals);
    return g_test_run();
}
