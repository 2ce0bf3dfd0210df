/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /proc and /sys as several kernels and machines have them, read as if they were this machine's.
 * The numbers here were added up by hand from the trees. */
#include "../../daemon/host/host-read.h"
#include "../../daemon/host/interfaces.h"
#include "told.h"
#include "tree.h"

#include <unistd.h>

#define VALUES_MAX 80

typedef struct {
    const char *tree;
    const char *values[VALUES_MAX]; /* name, value, name, value, ... */
} Case;

/* Ticks are of 10 ms and pages of 4 KiB in all of them. */
static const Case cases[] = {
    {"linux-3.10",
     {"load", "3.08 12.50 0.75", "proc_run", "4", "proc_total", "1811", "uptime_s", "8640123",
      "cpus", "2", "user_ms", "1234567890", "idle_ms", "9876543210", "wio_ms", "456780", "intr_ms",
      "0", "sintr_ms", "567890", "steal_ms", "0", "guest_ms", "987654320", "guest_nice_ms", "0",
      "interrupts", "9876543210", "contexts", "18446744073",
      /* Cached and SReclaimable */
      "mem.total", "67444260864", "mem.shared", "536870912", "mem.cached", "22045261824",
      "swap.free", "8192000000", "page_in", "1000", "page_out", "2000", "swap_in", "17", "swap_out",
      "19",
      /* sda and sdb, not their partitions, the array, the mappings, the drives */
      "disk.reads", "3000", "disk.bytes_read", "30720000", "disk.read_ms", "900", "disk.writes",
      "1000", "disk.bytes_written", "8192000", "disk.write_ms", "1800",
      /* em1 and em2 */
      "net.bytes_in", "101000", "net.packets_in", "1010", "net.errors_in", "11", "net.drops_in",
      "77", "net.bytes_out", "202000", "net.drops_out", "44", "adapters",
      "2 em1 24:6e:96:00:00:01, 3 em2 24:6e:96:00:00:02",
      /* the bridge over the VLAN over the bond over both; not libvirt's own, which has no uplink */
      "ports",
      "2 em1 physical 10000 full 1903 up, 3 em2 physical 0 ? 1002 down, "
      "6 br100 bridge 0 ? 1003 up"}},
    {"linux-4.18",
     {"cpus", "1", "guest_nice_ms", "70", "steal_ms", "50", "mem.available", "512000", "mem.cached",
      "235520",
      /* the paths sda to sdd and cciss/c0d0, not what multipath makes of them */
      "disk.reads", "101111", "disk.bytes_read", "414150656", "disk.read_ms", "76", "disk.writes",
      "202222", "disk.write_ms", "92",
      /* the uplink and InfiniBand, not a virtual function or its other end */
      "net.bytes_in", "5000", "net.bytes_out", "10000", "adapters",
      "2 ens1f0 b8:59:9f:00:00:10, 3 ib0 ?",
      /* -1 is "no limit" */
      "tcp.3", "?", "tcp.4", "204"}},
    {"linux-5.10",
     {"cpus", "3", "disk.reads", "1001", "disk.bytes_read", "4100096", "disk.writes", "2002",
      /* eth0 counts what its virtual function does */
      "net.bytes_in", "1000", "adapters", "2 eth0 00:0d:3a:00:00:01"}},
    {"linux-6.1",
     {"load",
      "1024.00 999.99 0.00",
      "proc_total",
      "5000000000",
      "user_ms",
      "?",
      "nice_ms",
      "18446744073709551610",
      "system_ms",
      "?",
      "idle_ms",
      "400",
      "interrupts",
      "?",
      "contexts",
      "18446744073709551614",
      "mem.total",
      "18446744073709550592",
      "mem.free",
      "?",
      "mem.buffers",
      "?",
      "mem.cached",
      "?",
      "mem.shared",
      "?",
      "swap.total",
      "?",
      "swap.free",
      "?",
      "page_in",
      "4611686018427387903",
      "page_out",
      "?",
      "swap_in",
      "?",
      "swap_out",
      "?",
      "disk.reads",
      "18446744073709551614",
      "disk.read_ms",
      "8589934592",
      "disk.bytes_read",
      "18446744073709551104",
      "net.bytes_in",
      "18446744073709551614",
      "net.packets_in",
      "8589934597",
      "net.bytes_out",
      "9223372036854775808",
      "ip.0",
      "?",
      "ip.1",
      "?",
      "ip.2",
      "?",
      "ip.8",
      "18446744073709551614",
      "ip.9",
      "?",
      "ip.3",
      "?",
      "icmp.0",
      "?",
      "tcp.0",
      "?",
      "udp.0",
      "300"}},
    {"linux-6.18-arm64",
     {"cpus",
      "4",
      "guest_nice_ms",
      "1000",
      "mem.cached",
      "216064",
      "swap.total",
      "0",
      "disk.reads",
      "101",
      "disk.writes",
      "200",
      "net.bytes_in",
      "1110",
      "net.drops_in",
      "11",
      "adapters",
      "2 end0 dc:a6:32:00:00:01, 3 enxdca632000002 dc:a6:32:00:00:02, "
      "4 wlan0 dc:a6:32:00:00:03",
      "ports",
      "2 end0 physical 0 ? 0 down, 3 enxdca632000002 physical 0 ? 0 down, "
      "4 wlan0 physical 0 half 0 down"}},
    {"truncated", {"load",           "0.10 0.20 -1.00",
                   "proc_run",       "?",
                   "uptime_s",       "?",
                   "user_ms",        "100",
                   "idle_ms",        "400",
                   "wio_ms",         "?",
                   "guest_ms",       "?",
                   "cpus",           "1",
                   "interrupts",     "?",
                   "contexts",       "?",
                   "mem.total",      "4096000",
                   "mem.free",       "?",
                   "mem.cached",     "?",
                   "swap.total",     "?",
                   "page_in",        "?",
                   "disk.reads",     "?",
                   "disk.write_ms",  "?",
                   "ip.0",           "1",
                   "ip.1",           "64",
                   "ip.2",           "?",
                   "icmp.0",         "?",
                   "tcp.0",          "?",
                   "udp.0",          "?",
                   "net.bytes_in",   "?",
                   "net.packets_in", "0",
                   "adapters",       "2 eth0 ?"}},
};

static GHashTable *
read_tree(const char *name)
{
    char *root = tree_unpack(name);
    g_autoptr(VsfHostCounters) counters = vsf_host_read(root);

    tree_remove(root);
    return told_counters(counters);
}

static void
test_tree(gconstpointer data)
{
    const Case *one = data;
    g_autoptr(GHashTable) told = read_tree(one->tree);

    g_assert_cmpint(sysconf(_SC_CLK_TCK), ==, 100);
    g_assert_cmpint(sysconf(_SC_PAGESIZE), ==, 4096);
    for (guint i = 0; i < VALUES_MAX && one->values[i] != NULL; i += 2) {
        g_test_message("%s", one->values[i]);
        g_assert_cmpstr(g_hash_table_lookup(told, one->values[i]), ==, one->values[i + 1]);
    }
}

/* The trees number their columns: ip from 1, icmp from 100, tcp from 200, udp from 300. */
static void
assert_numbered(GHashTable *told, const char *group, guint n, guint first, int left_out)
{
    for (guint i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("%s.%u", group, i);
        g_autofree char *value = g_strdup_printf("%u", first + i);

        if ((int)i == left_out)
            continue;
        g_test_message("%s", name);
        g_assert_cmpstr(g_hash_table_lookup(told, name), ==, value);
    }
}

/* icmp: InCsumErrors and InTimestampReps are no part of sFlow's group. */
static void
assert_icmp(GHashTable *told, guint between)
{
    static const guint offsets[] = {0,  1,  3,  4,  5,  6,  7,  8,  9,  10, 12, 13, 14,
                                    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26};

    for (guint i = 0; i < G_N_ELEMENTS(offsets); i++) {
        g_autofree char *name = g_strdup_printf("icmp.%u", i);
        guint number = offsets[i] + (offsets[i] >= 16 ? between : 0);
        g_autofree char *value = g_strdup_printf("%u", 100 + number);

        g_test_message("%s", name);
        g_assert_cmpstr(g_hash_table_lookup(told, name), ==, value);
    }
}

static void
test_columns_go_by_their_names(void)
{
    static const struct {
        const char *tree;
        guint between;   /* OutErrors and OutDestUnreachs, how many columns are */
        guint udp_words; /* the rest is unknown */
        int tcp_left_out;
    } kernels[] = {{"linux-3.10", 0, 6, -1},
                   {"linux-4.18", 0, 7, 3},
                   {"linux-5.10", 0, 7, -1},
                   {"linux-6.18-arm64", 2, 7, -1}};

    for (guint i = 0; i < G_N_ELEMENTS(kernels); i++) {
        g_autoptr(GHashTable) told = read_tree(kernels[i].tree);

        g_test_message("%s", kernels[i].tree);
        assert_numbered(told, "ip", 19, 1, -1);
        assert_icmp(told, kernels[i].between);
        assert_numbered(told, "tcp", 15, 200, kernels[i].tcp_left_out);
        assert_numbered(told, "udp", kernels[i].udp_words, 300, -1);
        if (kernels[i].udp_words < 7)
            g_assert_cmpstr(g_hash_table_lookup(told, "udp.6"), ==, "?");
    }
}

static void
make(const char *root, const char *path, const char *text)
{
    g_autofree char *file = g_build_filename(root, path, NULL);
    g_autofree char *folder = g_path_get_dirname(file);

    g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

static void
test_who_joins_makes_another_set(void)
{
    char *root = tree_unpack("linux-6.1");
    g_autoptr(VsfHostCounters) before = vsf_host_read(root), same = vsf_host_read(root);
    g_autoptr(VsfHostCounters) disk = NULL, interface = NULL;

    make(root, "sys/block/vdz/hidden", "0\n");
    disk = vsf_host_read(root);
    make(root, "sys/class/net/eth9/type", "1\n");
    make(root, "sys/class/net/eth9/ifindex", "9\n");
    make(root, "sys/class/net/eth9/device/vendor", "\n");
    interface = vsf_host_read(root);
    tree_remove(root);
    g_assert_cmpuint(before->disk_set, !=, VSF_UNKNOWN);
    g_assert_cmpuint(before->net_set, !=, VSF_UNKNOWN);
    g_assert_cmpuint(same->disk_set, ==, before->disk_set);
    g_assert_cmpuint(same->net_set, ==, before->net_set);
    g_assert_cmpuint(disk->disk_set, !=, before->disk_set);
    g_assert_cmpuint(disk->net_set, ==, before->net_set);
    g_assert_cmpuint(interface->disk_set, ==, disk->disk_set);
    g_assert_cmpuint(interface->net_set, !=, before->net_set);
    g_assert_cmpuint(interface->net_set, !=, VSF_UNKNOWN);
}

static gint
by_ifindex(gconstpointer a, gconstpointer b)
{
    return ((const VsfPort *)a)->ifindex - ((const VsfPort *)b)->ifindex;
}

/* "2:10000 3:0": ifindex and Mbit/s. */
static char *
ports_text(const char *root)
{
    g_autoptr(GArray) ports = vsf_interfaces_ports(root);
    GString *text = g_string_new(NULL);

    g_array_sort(ports, by_ifindex);
    for (guint i = 0; i < ports->len; i++) {
        const VsfPort *port = &g_array_index(ports, VsfPort, i);

        g_string_append_printf(text, "%s%d:%" G_GUINT64_FORMAT, i > 0 ? " " : "", port->ifindex,
                               port->speed_bps / 1000000);
    }
    return g_string_free(text, FALSE);
}

/* Those of a bond and not the bond, nor the VLAN and the bridge above it; no virtual function, and
 * no representor of one. */
static void
test_ports_are_the_physical_ones(void)
{
    static const struct {
        const char *tree, *ports;
    } expected[] = {
        {"linux-3.10", "2:10000 3:0"}, {"linux-4.18", "2:0 3:0"}, {"linux-5.10", "2:0"}};
    char *root;

    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autofree char *ports = NULL;

        root = tree_unpack(expected[i].tree);
        ports = ports_text(root);
        tree_remove(root);
        g_test_message("%s", expected[i].tree);
        g_assert_cmpstr(ports, ==, expected[i].ports);
    }
}

static void
test_a_speed_may_be_anything(void)
{
    static const struct {
        const char *text, *ports;
    } speeds[] = {{"25000\n", "9:25000"},  {"-1\n", "9:0"},
                  {"4294967295\n", "9:0"}, {"\n", "9:0"},
                  {"fast\n", "9:0"},       {"10000000\n", "9:10000000"},
                  {"65535\n", "9:65535"},  {"18446744073709551615\n", "9:0"}};

    for (guint i = 0; i < G_N_ELEMENTS(speeds); i++) {
        char *root = g_dir_make_tmp("vsf-ports-XXXXXX", NULL);
        g_autofree char *ports = NULL;

        make(root, "sys/class/net/eth9/type", "1\n");
        make(root, "sys/class/net/eth9/ifindex", "9\n");
        make(root, "sys/class/net/eth9/device/vendor", "\n");
        make(root, "sys/class/net/eth9/speed", speeds[i].text);
        ports = ports_text(root);
        tree_remove(root);
        g_assert_cmpstr(ports, ==, speeds[i].ports);
    }
}

static void
test_nothing_there_is_all_unknown(void)
{
    g_autoptr(VsfHostCounters) counters = vsf_host_read("/nonexistent");
    g_autoptr(GHashTable) told = told_counters(counters);
    GHashTableIter iter;
    gpointer name, value;
    guint n = 0;

    g_hash_table_iter_init(&iter, told);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        g_test_message("%s", (char *)name);
        if (g_str_equal(name, "load"))
            g_assert_cmpstr(value, ==, "-1.00 -1.00 -1.00");
        else if (g_str_equal(name, "adapters") || g_str_equal(name, "ports"))
            g_assert_cmpstr(value, ==, "");
        else
            g_assert_cmpstr(value, ==, "?");
        n++;
    }
    g_assert_cmpuint(n, >, 100);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/host/trees/", cases[i].tree, NULL);

        g_test_add_data_func(path, &cases[i], test_tree);
    }
    g_test_add_func("/host/trees/ports-are-the-physical-ones", test_ports_are_the_physical_ones);
    g_test_add_func("/host/trees/a-speed-may-be-anything", test_a_speed_may_be_anything);
    g_test_add_func("/host/trees/columns-go-by-their-names", test_columns_go_by_their_names);
    g_test_add_func("/host/trees/who-joins-makes-another-set", test_who_joins_makes_another_set);
    g_test_add_func("/host/trees/nothing-there-is-all-unknown", test_nothing_there_is_all_unknown);
    return g_test_run();
}
