/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is sampled without a VM: by which names, for how long, how many. */
#include "registry-fixture.h"

#include <string.h>

#define ETHERNET_NIC(dev, last) ((Nic){.device = (dev), .mac = (last)})

static void
test_patterns_hold_for_bound_taps_too(void)
{
    static const char *const patterns[] = {"vn?t*", "*x", NULL};
    Fixture fixture;

    fixture_init(&fixture, patterns);
    see_link(&fixture, tap_link(5, "tap0", 1), 10);
    see_link(&fixture, tap_link(6, "vnet0", 2), 10);
    see_link(&fixture, tap_link(7, "axbx", 3), 10);
    see_link(&fixture, tap_link(8, "axb", 4), 10);
    see_link(&fixture, tap_link(9, "vnt0", 5), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("tap0", 1), TAP_NIC("vnet0", 2));
    TOLD(&fixture, "a6 a7 +vm1 b6=vm1:net1");
    fixture_clear(&fixture);
}

static void
test_names_are_bytes(void)
{
    Fixture fixture;
    VsfLink unterminated = tap_link(6, "vnet6", 9);

    fixture_init(&fixture, NULL);
    see_link(&fixture, tap_link(5, "vnet\xff\xfe\xc3", 1), 10);
    memset(unterminated.name, 'v', sizeof(unterminated.name));
    memset(unterminated.kind, 'k', sizeof(unterminated.kind));
    see_link(&fixture, unterminated, 10);
    TOLD(&fixture, "a5");
    vsf_registry_link_gone(fixture.registry, 5);
    TOLD(&fixture, "r5");
    fixture_clear(&fixture);
}

static void
test_a_foreign_tap_is_let_go_after_ten_seconds(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, odd_link(5, "tap0"), 10);
    g_assert_cmpint(vsf_registry_expire(fixture.registry, 10), ==, 10 + VSF_PROVISIONAL_US);
    TOLD(&fixture, "a5");
    g_assert_cmpint(vsf_registry_expire(fixture.registry, 10 + VSF_PROVISIONAL_US), ==, -1);
    TOLD(&fixture, "r5");
    /* Messages do not bring it back, a VM does. */
    see_link(&fixture, odd_link(5, "tap0"), 11 * SECOND);
    see_link(&fixture, odd_link(5, "tap1"), 12 * SECOND);
    TOLD(&fixture, "");
    SEE_VM(&fixture, 1, 7, 13 * SECOND, ETHERNET_NIC("tap1", 1));
    TOLD(&fixture, "+vm1 a5 b5=vm1:net0");
    fixture_clear(&fixture);
}

/* A tap that outlives its VM: sampled from the next sign of life. */
static void
test_a_released_tap_is_provisional_by_a_new_message(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, odd_link(5, "tap0"), 10);
    SEE_VM(&fixture, 1, 7, 20, ETHERNET_NIC("tap0", 1));
    vsf_registry_domain_gone(fixture.registry, uuid_of(1), 60 * SECOND);
    TOLD(&fixture, "a5 +vm1 b5=vm1:net0 r5=vm1 -vm1");
    see_link(&fixture, odd_link(5, "tap0"), 70 * SECOND);
    TOLD(&fixture, "a5");
    g_assert_cmpint(vsf_registry_expire(fixture.registry, 71 * SECOND), ==,
                    70 * SECOND + VSF_PROVISIONAL_US);
    SEE_VM(&fixture, 1, 8, 72 * SECOND, ETHERNET_NIC("tap0", 1));
    TOLD(&fixture, "+vm1 b5=vm1:net0");
    fixture_clear(&fixture);
}

static void
test_three_hundred_foreign_taps(void)
{
    Fixture fixture;
    char name[16];

    fixture_init(&fixture, NULL);
    for (int i = 0; i < 300; i++) {
        g_snprintf(name, sizeof(name), "tap%d", i);
        see_link(&fixture, odd_link(1000 + i, name), 10);
    }
    g_assert_cmpuint(g_hash_table_size(vsf_registry_taps(fixture.registry)), ==,
                     VSF_PROVISIONAL_MAX);
    g_string_truncate(fixture.told, 0);
    /* A VM's tap is never one of too many: the oldest make room, */
    see_link(&fixture, tap_link(5, "vnet0", 1), 20);
    TOLD(&fixture, "r1044 a5");
    SEE_VM(&fixture, 1, 7, 30, TAP_NIC("vnet0", 1));
    TOLD(&fixture, "+vm1 b5=vm1:net0");
    /* for good, */
    see_link(&fixture, odd_link(1044, "tap44"), 40);
    TOLD(&fixture, "");
    /* unless a VM claims one. */
    SEE_VM(&fixture, 2, 8, 50, TAP_NIC("tap44", 1));
    TOLD(&fixture, "+vm2 a1044 b1044=vm2:net0");
    vsf_registry_expire(fixture.registry, 20 * SECOND);
    g_assert_cmpuint(g_hash_table_size(vsf_registry_taps(fixture.registry)), ==, 2);
    fixture_clear(&fixture);
}

static void
test_other_patterns_let_go_and_find(void)
{
    static const char *const before[] = {"vnet*", NULL}, *const after[] = {"tap*", "mac?tap*",
                                                                           NULL};
    Fixture fixture;

    fixture_init(&fixture, before);
    see_link(&fixture, tap_link(5, "vnet0", 1), 10);
    see_link(&fixture, tap_link(6, "tap0", 2), 10);
    see_link(&fixture, odd_link(7, "vnet7"), 10);
    see_link(&fixture, odd_link(8, "tap8"), 10);
    SEE_VM(&fixture, 1, 7, 20, TAP_NIC("vnet0", 1), TAP_NIC("tap0", 2));
    TOLD(&fixture, "a5 a7 +vm1 b5=vm1:net0");
    /* The same is no news. */
    vsf_registry_set_patterns(fixture.registry, before, 30);
    TOLD(&fixture, "");
    vsf_registry_set_patterns(fixture.registry, after, 30);
    g_assert_null(vsf_registry_tap(fixture.registry, 5));
    g_assert_null(vsf_registry_tap(fixture.registry, 7));
    g_assert_nonnull(vsf_registry_tap(fixture.registry, 6)->domain);
    g_assert_null(vsf_registry_tap(fixture.registry, 8)->domain);
    g_string_truncate(fixture.told, 0);
    /* A message about one that was let go changes nothing. */
    see_link(&fixture, tap_link(5, "vnet0", 1), 40);
    TOLD(&fixture, "");
    vsf_registry_set_patterns(fixture.registry, before, 50);
    g_assert_nonnull(vsf_registry_tap(fixture.registry, 5)->domain);
    g_assert_cmpuint(g_hash_table_size(vsf_registry_taps(fixture.registry)), ==, 2);
    g_string_truncate(fixture.told, 0);
    fixture_clear(&fixture);
}

#define TEST(path, function) g_test_add_func("/model/registry/provisional/" path, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("patterns-hold-for-bound-taps-too", test_patterns_hold_for_bound_taps_too);
    TEST("names-are-bytes", test_names_are_bytes);
    TEST("a-foreign-tap-is-let-go-after-ten-seconds",
         test_a_foreign_tap_is_let_go_after_ten_seconds);
    TEST("a-released-tap-is-provisional-by-a-new-message",
         test_a_released_tap_is_provisional_by_a_new_message);
    TEST("other-patterns-let-go-and-find", test_other_patterns_let_go_and_find);
    TEST("three-hundred-foreign-taps", test_three_hundred_foreign_taps);
    return g_test_run();
}
