/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/model/bridge-ports.h"

static void
test_a_bridges_ports_that_are_no_taps(void)
{
    static VsfLink all[] = {
        {.ifindex = 2, .name = "eth0", .master = 10},
        {.ifindex = 3, .name = "eth1"},
        {.ifindex = 4, .name = "bond0.7", .kind = "vlan", .lower = 3, .master = 10},
        {.ifindex = 5, .name = "vnet0", .kind = "tun", .master = 10},
        {.ifindex = 6, .name = "macvtap0", .kind = "macvtap", .lower = 2},
        {.ifindex = 7, .name = "vxlan-1", .kind = "vxlan", .master = 11},
        {.ifindex = 8, .name = "eth2", .master = 12},
        {.ifindex = 9, .name = "eth3", .master = 99}, /* of another namespace, or not yet told */
        {.ifindex = 10, .name = "br0", .kind = "bridge"},
        {.ifindex = 11, .name = "brq1", .kind = "bridge"},
        {.ifindex = 12, .name = "ovs-system", .kind = "openvswitch"},
        {.ifindex = 13, .name = "br-none", .kind = "bridge"},
    };
    g_autoptr(GHashTable) links = g_hash_table_new(NULL, NULL);
    g_autoptr(GHashTable) bridges = NULL;
    const GPtrArray *ports;

    for (guint i = 0; i < G_N_ELEMENTS(all); i++)
        g_hash_table_insert(links, GINT_TO_POINTER(all[i].ifindex), &all[i]);
    bridges = vsf_bridge_ports(links);
    g_assert_cmpuint(g_hash_table_size(bridges), ==, 2);
    ports = g_hash_table_lookup(bridges, GINT_TO_POINTER(10));
    g_assert_cmpuint(ports->len, ==, 2);
    g_assert_true(ports->pdata[0] == &all[0]);
    g_assert_true(ports->pdata[1] == &all[2]);
    ports = g_hash_table_lookup(bridges, GINT_TO_POINTER(11));
    g_assert_cmpuint(ports->len, ==, 1);
    g_assert_true(ports->pdata[0] == &all[5]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/bridge-ports/a-bridges-ports-that-are-no-taps",
                    test_a_bridges_ports_that_are_no_taps);
    return g_test_run();
}
