/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which VMs and which interfaces flow samples name; what decides it is tested with
 * model/ends. The registry and the exporter are real, the kernel is fake-net.c. */
#include "flows-fixture.h"

#include <string.h>

#define BRIDGE 3

static const guint8 mac_a[6] = {0x52, 0x54, 0, 0, 0, 1};
static const guint8 mac_b[6] = {0x52, 0x54, 0, 0, 0, 2};
static const guint8 mac_outside[6] = {0x02, 0, 0, 0, 0, 9};

static void
see_tap(Fixture *fixture, int ifindex, const char *name, const guint8 guest_mac[6])
{
    VsfLink link = {.ifindex = ifindex,
                    .kind = "tun",
                    .type = 1,
                    .flags = IFF_UP,
                    .carrier = 1,
                    .master = BRIDGE};

    g_strlcpy(link.name, name, sizeof(link.name));
    memcpy(link.mac, guest_mac, 6);
    link.mac[0] = 0xfe;
    vsf_registry_link_seen(fixture->registry, &link, 1000);
}

/* VM a, 3:200001, has the tap 17, and b, 3:200002, the tap 18 of one bridge; both were
 * there after 1 ms. */
static void
set_up(Fixture *fixture, gconstpointer user_data)
{
    VsfLink bridge = {.ifindex = BRIDGE, .name = "br0", .kind = "bridge", .type = 1};

    flows_fixture_set_up(fixture, NULL);
    fixture->config->direction = (VsfDirection)GPOINTER_TO_INT(user_data);
    vsf_registry_link_seen(fixture->registry, &bridge, 1000);
    see_tap(fixture, 17, "vnet0", mac_a);
    see_tap(fixture, 18, "vnet1", mac_b);
    flows_fixture_see_vm(fixture, "vnet0", "vnet0", mac_a, VSF_MONITOR_UNSET);
    flows_fixture_see_vm(fixture, "vnet1", "vnet1", mac_b, VSF_MONITOR_UNSET);
    fake_capture_opened(17);
    fake_capture_opened(18);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 2);
}

/* Of the only sample of the newest datagram: "input>output source>destination", the VMs by
 * their index, 0 if unknown. */
static void
assert_ends(Fixture *fixture, const char *expected)
{
    static const char *const members[] = {
        "input",
        "output",
        "records.extended_entities.src_index",
        "records.extended_entities.dst_index",
        "records.extended_entities.src_class",
        "records.extended_entities.dst_class",
    };
    GBytes *bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    g_autoptr(GHashTable)
        table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    const char *values[G_N_ELEMENTS(members)];
    g_autofree char *got = NULL;

    assert_decoded(table, "samples.1.source", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        g_autofree char *path = g_strdup_printf("samples.0.%s", members[i]);

        values[i] = decoded_get(table, path);
        g_assert_nonnull(values[i]);
    }
    got = g_strdup_printf("%s>%s %s>%s", values[0], values[1], values[2], values[3]);
    g_assert_cmpstr(got, ==, expected);
    g_assert_cmpstr(values[4], ==, strcmp(values[2], "0") == 0 ? "0" : "3");
    g_assert_cmpstr(values[5], ==, strcmp(values[3], "0") == 0 ? "0" : "3");
}

/* One frame, and the sample of it. */
static void
pick(Fixture *fixture, int ifindex, gboolean from_vm, const guint8 destination[6],
     const guint8 source[6], gint64 time_ns, const char *expected)
{
    fake_capture_packet_to(ifindex, from_vm, destination, source, time_ns);
    while (fake_link_stats_answer(time_ns + MS) == 0)
        g_main_context_iteration(NULL, TRUE);
    assert_ends(fixture, expected);
}

static void
test_a_frame_between_two_vms_has_both_ends(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    pick(fixture, 17, TRUE, mac_b, mac_a, 100 * MS, "17>18 200001>200002");
    pick(fixture, 18, FALSE, mac_b, mac_a, 200 * MS, "17>18 200001>200002");
    pick(fixture, 18, TRUE, mac_a, mac_b, 300 * MS, "18>17 200002>200001");
    pick(fixture, 17, FALSE, mac_a, mac_b, 400 * MS, "18>17 200002>200001");
}

static void
test_the_outside_has_no_interface_and_no_vm(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const guint8 all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    pick(fixture, 17, TRUE, mac_outside, mac_a, 100 * MS, "17>0 200001>0");
    pick(fixture, 17, TRUE, all, mac_a, 200 * MS, "17>0 200001>0");
    pick(fixture, 17, FALSE, mac_a, mac_outside, 300 * MS, "0>17 0>200001");
    pick(fixture, 17, FALSE, all, mac_outside, 400 * MS, "0>17 0>0");
}

static void
test_a_forged_source_is_not_believed(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    pick(fixture, 18, TRUE, mac_outside, mac_a, 100 * MS, "18>0 200002>0");
    pick(fixture, 18, FALSE, mac_b, mac_a, 200 * MS, "0>18 0>200002");
    pick(fixture, 18, TRUE, mac_a, mac_b, 300 * MS, "18>0 200002>0");
}

static void
test_a_vm_that_came_after_a_frame_did_not_get_it(Fixture *fixture,
                                                 gconstpointer user_data G_GNUC_UNUSED)
{
    pick(fixture, 17, TRUE, mac_b, mac_a, MS / 2, "17>0 200001>0");
}

static void
test_the_last_frames_of_a_vm_are_still_its_own(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    fake_capture_packet_to(17, TRUE, mac_b, mac_a, 100 * MS);
    vsf_registry_link_gone(fixture->registry, 17);
    assert_ends(fixture, "17>18 200001>200002");
    /* Of one that is gone nobody knows whose it was. */
    pick(fixture, 18, FALSE, mac_b, mac_a, 200 * MS, "0>18 0>200002");
}

/* The kernel left out what came in by its taps: what it picked came by none of them. */
static void
test_what_the_kernel_did_not_leave_out_came_from_outside(Fixture *fixture,
                                                         gconstpointer user_data G_GNUC_UNUSED)
{
    VsfCaptureTap tap = {.backend = "ebpf", .has_gaps = TRUE};
    guint n = fixture->datagrams->len;

    fake_capture_set_tap(tap, 0);
    fake_capture_opened(17);
    fake_capture_opened(18);
    fake_capture_set_decided(TRUE);
    fake_capture_packet_to(18, FALSE, mac_b, mac_a, 100 * MS);
    while (fixture->datagrams->len == n)
        g_main_context_iteration(NULL, TRUE);
    assert_ends(fixture, "0>18 0>200002");
    fake_capture_packet_to(17, TRUE, mac_b, mac_a, 200 * MS);
    while (fixture->datagrams->len == n + 1)
        g_main_context_iteration(NULL, TRUE);
    assert_ends(fixture, "17>18 200001>200002");
}

static void
assert_vlans(const Fixture *fixture, const char *source, const char *destination)
{
    GBytes *bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    g_autoptr(GHashTable)
        table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));

    assert_decoded(table, "samples.0.records.extended_switch.src_vlan", source);
    assert_decoded(table, "samples.0.records.extended_switch.dst_vlan", destination);
}

/* Where a switch keeps them apart, frames have no tag that would tell it. */
static void
test_vlans_are_those_of_the_ports(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_registry_tap(fixture->registry, 17)->port_vlan = 7;
    pick(fixture, 17, TRUE, mac_outside, mac_a, 100 * MS, "17>0 200001>0");
    assert_vlans(fixture, "7", "unknown");
    pick(fixture, 18, FALSE, mac_b, mac_a, 200 * MS, "17>18 200001>200002");
    assert_vlans(fixture, "7", "unknown");
    vsf_registry_tap(fixture->registry, 18)->port_vlan = 9;
    pick(fixture, 18, FALSE, mac_b, mac_a, 300 * MS, "17>18 200001>200002");
    assert_vlans(fixture, "7", "9");
    vsf_registry_tap(fixture->registry, 17)->port_vlan = 0;
    pick(fixture, 17, FALSE, mac_a, mac_outside, 400 * MS, "0>17 0>200001");
    assert_vlans(fixture, NULL, NULL);
}

static void
test_talks_are_between_the_ends(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfTalk talks[4];

    /* The span in which they fall begins now. */
    flows_fixture_pass((VSF_TALKERS_SPAN_US - g_get_monotonic_time() % VSF_TALKERS_SPAN_US) / 1000 +
                       1);
    pick(fixture, 18, FALSE, mac_b, mac_a, 100 * MS, "17>18 200001>200002");
    pick(fixture, 17, FALSE, mac_a, mac_outside, 200 * MS, "0>17 0>200001");
    pick(fixture, 17, FALSE, mac_a, mac_outside, 300 * MS, "0>17 0>200001");
    flows_fixture_pass(10000);
    g_assert_cmpuint(vsf_flows_talks(fixture->flows, talks, G_N_ELEMENTS(talks)), ==, 2);
    g_assert_cmpuint(talks[0].from, ==, VSF_TALKERS_OUTSIDE);
    g_assert_cmpuint(talks[0].to, ==, 200001);
    g_assert_cmpuint(talks[1].from, ==, 200001);
    g_assert_cmpuint(talks[1].to, ==, 200002);
    g_assert_cmpfloat(talks[0].bits_per_second, ==, 2 * talks[1].bits_per_second);
}

#define ADD(name, direction, func)                                                     \
    g_test_add("/flows/ends/" name, Fixture, GINT_TO_POINTER(direction), set_up, func, \
               flows_fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-frame-between-two-vms-has-both-ends", VSF_DIRECTION_BOTH,
        test_a_frame_between_two_vms_has_both_ends);
    ADD("the-outside-has-no-interface-and-no-vm", VSF_DIRECTION_BOTH,
        test_the_outside_has_no_interface_and_no_vm);
    ADD("a-forged-source-is-not-believed", VSF_DIRECTION_BOTH,
        test_a_forged_source_is_not_believed);
    ADD("a-vm-that-came-after-a-frame-did-not-get-it", VSF_DIRECTION_ONCE,
        test_a_vm_that_came_after_a_frame_did_not_get_it);
    ADD("the-last-frames-of-a-vm-are-still-its-own", VSF_DIRECTION_BOTH,
        test_the_last_frames_of_a_vm_are_still_its_own);
    ADD("what-the-kernel-did-not-leave-out-came-from-outside", VSF_DIRECTION_ONCE,
        test_what_the_kernel_did_not_leave_out_came_from_outside);
    ADD("vlans-are-those-of-the-ports", VSF_DIRECTION_BOTH, test_vlans_are_those_of_the_ports);
    ADD("talks-are-between-the-ends", VSF_DIRECTION_OUT, test_talks_are_between_the_ends);
    return g_test_run();
}
