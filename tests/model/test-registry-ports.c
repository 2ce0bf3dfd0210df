/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical ports of the host that are sampled beside the VMs' taps. */
#include "registry-fixture.h"

#include <string.h>

#define GBIT G_GUINT64_CONSTANT(1000000000)

static const char *const all[] = {"*", NULL}, *const none[] = {NULL}, *const eth[] = {"eth?", NULL};

/* As the kernel tells a device's link: it has no kind. */
static VsfLink
device_link(int ifindex, const char *name)
{
    VsfLink link = odd_link(ifindex, name);

    link.kind[0] = '\0';
    return link;
}

static void
set_ports(Fixture *fixture, guint n, const VsfPort *ports)
{
    vsf_registry_set_ports(fixture->registry, ports, n, 20);
}

#define SET_PORTS(fixture, ...)                                        \
    set_ports(fixture, G_N_ELEMENTS(((const VsfPort[]){__VA_ARGS__})), \
              (const VsfPort[]){__VA_ARGS__})

static void
test_none_is_sampled_unasked(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    see_link(&fixture, device_link(2, "eth0"), 10);
    SET_PORTS(&fixture, {2, GBIT});
    TOLD(&fixture, "");
    fixture_clear(&fixture);
}

static void
test_a_port_is_known_by_its_device_and_its_link(void)
{
    Fixture fixture;
    const VsfTap *tap;

    fixture_init(&fixture, NULL);
    vsf_registry_set_port_patterns(fixture.registry, all, 10);
    see_link(&fixture, device_link(2, "eth0"), 10);
    see_link(&fixture, device_link(4, "dummy0"), 10);
    TOLD(&fixture, "");
    /* 3 is hot-plugged: its device is found before its link is seen. */
    SET_PORTS(&fixture, {2, GBIT}, {3, 0});
    TOLD(&fixture, "a2");
    see_link(&fixture, device_link(3, "eth1"), 30);
    TOLD(&fixture, "a3");
    tap = vsf_registry_tap(fixture.registry, 2);
    g_assert_cmpint(tap->role, ==, VSF_TAP_PORT);
    g_assert_cmpuint(tap->speed_bps, ==, GBIT);
    g_assert_true(vsf_tap_is_settled(tap));
    g_assert_null(tap->domain);
    /* It is for as long as it is there. */
    g_assert_cmpint(vsf_registry_expire(fixture.registry, 100 * SECOND), ==, -1);
    TOLD(&fixture, "");
    vsf_registry_link_gone(fixture.registry, 3);
    TOLD(&fixture, "r3");
    SET_PORTS(&fixture, {3, 0});
    TOLD(&fixture, "r2");
    fixture_clear(&fixture);
}

static void
test_another_speed_is_told(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    vsf_registry_set_port_patterns(fixture.registry, all, 10);
    see_link(&fixture, device_link(2, "eth0"), 10);
    SET_PORTS(&fixture, {2, GBIT});
    SET_PORTS(&fixture, {2, GBIT});
    TOLD(&fixture, "a2");
    SET_PORTS(&fixture, {2, 10 * GBIT});
    TOLD(&fixture, "c2");
    g_assert_cmpuint(vsf_registry_tap(fixture.registry, 2)->speed_bps, ==, 10 * GBIT);
    fixture_clear(&fixture);
}

static void
test_patterns_choose_among_ports(void)
{
    Fixture fixture;
    VsfLink infiniband = device_link(5, "ib0");

    infiniband.type = 32;
    fixture_init(&fixture, NULL);
    see_link(&fixture, device_link(2, "eth0"), 10);
    see_link(&fixture, device_link(3, "mgmt"), 10);
    see_link(&fixture, infiniband, 10);
    SET_PORTS(&fixture, {2, GBIT}, {3, GBIT}, {5, GBIT});
    vsf_registry_set_port_patterns(fixture.registry, eth, 20);
    TOLD(&fixture, "a2");
    vsf_registry_set_port_patterns(fixture.registry, all, 20);
    TOLD(&fixture, "a3");
    vsf_registry_set_port_patterns(fixture.registry, eth, 20);
    TOLD(&fixture, "r3");
    /* A name that passes on. */
    see_link(&fixture, device_link(2, "old"), 30);
    see_link(&fixture, device_link(3, "eth0"), 30);
    TOLD(&fixture, "c2 r2 a3");
    vsf_registry_set_port_patterns(fixture.registry, none, 40);
    TOLD(&fixture, "r3");
    fixture_clear(&fixture);
}

/* Patterns of taps are not for it, and no VM has it, whatever its XML says. */
static void
test_a_port_is_no_vms(void)
{
    static const char *const other[] = {"x*", NULL};
    Fixture fixture;

    fixture_init(&fixture, all);
    vsf_registry_set_port_patterns(fixture.registry, all, 10);
    see_link(&fixture, device_link(2, "eth0"), 10);
    SEE_VM(&fixture, 1, 7, 15, (Nic){.device = "eth0", .mac = 1});
    TOLD(&fixture, "+vm1 a2 b2=vm1:net0");
    SET_PORTS(&fixture, {2, GBIT});
    TOLD(&fixture, "r2=vm1 a2");
    SEE_VM(&fixture, 1, 7, 30, (Nic){.device = "eth0", .mac = 1});
    see_link(&fixture, device_link(2, "eth0"), 40);
    vsf_registry_set_patterns(fixture.registry, other, 40);
    TOLD(&fixture, "~vm1");
    g_assert_cmpint(vsf_registry_tap(fixture.registry, 2)->role, ==, VSF_TAP_PORT);
    fixture_clear(&fixture);
}

/* Numbers are given again: what a port had may be a tap's before the devices are looked at, or
 * for good where nobody looks any more. */
static void
test_a_tap_with_a_ports_number_is_a_vms(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    vsf_registry_set_port_patterns(fixture.registry, all, 10);
    see_link(&fixture, device_link(2, "eth0"), 10);
    SET_PORTS(&fixture, {2, GBIT}, {3, GBIT});
    TOLD(&fixture, "a2");
    vsf_registry_link_gone(fixture.registry, 2);
    TOLD(&fixture, "r2");
    SEE_VM(&fixture, 1, 7, 15, TAP_NIC("vnet0", 1), (Nic){.device = "macvtap0", .mac = 2});
    see_link(&fixture, tap_link(2, "vnet0", 1), 20);
    see_link(&fixture, macvtap_link(3, "macvtap0", 2), 20);
    TOLD(&fixture, "+vm1 a2 b2=vm1:net0 a3 b3=vm1:net1");
    SET_PORTS(&fixture, {2, 10 * GBIT});
    vsf_registry_set_port_patterns(fixture.registry, none, 30);
    TOLD(&fixture, "");
    fixture_clear(&fixture);
}

/* The place of a provisional tap is not counted for a port that comes or goes. */
static void
test_ports_take_no_room_from_taps(void)
{
    Fixture fixture;

    fixture_init(&fixture, NULL);
    vsf_registry_set_port_patterns(fixture.registry, all, 10);
    for (int i = 0; i < 3; i++) {
        see_link(&fixture, device_link(2, "eth0"), 10);
        SET_PORTS(&fixture, {2, GBIT});
        vsf_registry_link_gone(fixture.registry, 2);
    }
    see_link(&fixture, device_link(2, "eth0"), 10);
    g_string_truncate(fixture.told, 0);
    for (int i = 0; i < VSF_PROVISIONAL_MAX; i++) {
        g_autofree char *name = g_strdup_printf("vnet%d", i);

        see_link(&fixture, tap_link(100 + i, name, 1), 10 + i);
    }
    g_assert_null(strstr(fixture.told->str, "r"));
    see_link(&fixture, tap_link(99, "vnet999", 1), 9999);
    g_assert_nonnull(strstr(fixture.told->str, " r100"));
    g_assert_nonnull(vsf_registry_tap(fixture.registry, 2));
    fixture_clear(&fixture);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func) g_test_add_func("/model/registry-ports/" name, func)
    CASE("none-is-sampled-unasked", test_none_is_sampled_unasked);
    CASE("a-port-is-known-by-its-device-and-its-link",
         test_a_port_is_known_by_its_device_and_its_link);
    CASE("another-speed-is-told", test_another_speed_is_told);
    CASE("patterns-choose-among-ports", test_patterns_choose_among_ports);
    CASE("a-port-is-no-vms", test_a_port_is_no_vms);
    CASE("a-tap-with-a-ports-number-is-a-vms", test_a_tap_with_a_ports_number_is_a_vms);
    CASE("ports-take-no-room-from-taps", test_ports_take_no_room_from_taps);
    return g_test_run();
}
