/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/host/node.h"

#include <string.h>

#define NO_MHZ 0xffffffffu

static const struct {
    const char *name, *text;
    gboolean good;
    guint64 total, available;
} meminfo_cases[] = {
    {"plain",
     "MemTotal:       16384000 kB\nMemFree:         1000 kB\nMemAvailable:    8000000 kB\n"
     "Buffers:  1 kB\n",
     TRUE, G_GUINT64_CONSTANT(16777216000), G_GUINT64_CONSTANT(8192000000)},
    {"old-kernel-has-no-available", "MemTotal: 2000 kB\nMemFree: 500 kB\n", TRUE, 2048000, 512000},
    {"available-above-total", "MemTotal: 2 kB\nMemAvailable: 3 kB\n", TRUE, 2048, 2048},
    {"longer-key-is-another", "MemTotalX: 9 kB\nMemTotal: 1 kB\nMemFree: 0 kB\n", TRUE, 1024, 0},
    {"cut-line-is-not-believed", "MemTotal: 2000 kB\nMemFree: 5", TRUE, 2048000, 0},
    {"total-missing", "MemFree: 5 kB\n", FALSE, 0, 0},
    {"total-overflows", "MemTotal: 18446744073709551615 kB\n", FALSE, 0, 0},
    {"not-a-number", "MemTotal: lots\n", FALSE, 0, 0},
    {"empty", "", FALSE, 0, 0},
};

static void
test_meminfo(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(meminfo_cases); i++) {
        const char *text = meminfo_cases[i].text;
        guint64 total = 7, available = 7;
        gboolean good = vsf_node_parse_meminfo(text, strlen(text), &total, &available);

        g_test_message("%s", meminfo_cases[i].name);
        g_assert_cmpint(good, ==, meminfo_cases[i].good);
        g_assert_cmpuint(total, ==, good ? meminfo_cases[i].total : 7);
        g_assert_cmpuint(available, ==, good ? meminfo_cases[i].available : 7);
    }
}

static const struct {
    const char *name, *text;
    guint32 mhz;
} cpuinfo_cases[] = {
    {"x86-highest",
     "processor\t: 0\ncpu MHz\t\t: 2400.000\nprocessor\t: 1\ncpu MHz\t\t: 3100.987\n", 3100},
    {"s390", "cpu number      : 0\ncpu MHz dynamic : 5208\ncpu MHz static  : 5200\n", 5200},
    {"power", "processor\t: 0\ncpu\t\t: POWER9\nclock\t\t: 3800.000000MHz\n", 3800},
    {"arm-has-none", "processor\t: 0\nBogoMIPS\t: 50.00\n", NO_MHZ},
    {"zero-is-unknown", "cpu MHz\t: 0.000\n", NO_MHZ},
    {"huge-is-unknown", "cpu MHz\t: 99999999999\n", NO_MHZ},
    {"not-a-number", "cpu MHz\t: unknown\n", NO_MHZ},
    {"cut-line-is-not-believed", "cpu MHz\t: 24", NO_MHZ},
    {"empty", "", NO_MHZ},
};

static void
test_mhz(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cpuinfo_cases); i++) {
        const char *text = cpuinfo_cases[i].text;

        g_test_message("%s", cpuinfo_cases[i].name);
        g_assert_cmpuint(vsf_node_parse_mhz(text, strlen(text)), ==, cpuinfo_cases[i].mhz);
    }
}

static void
test_uuid(void)
{
    static const char *const bad[] = {
        "",
        "Not Settable",
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "4c4c4544-0042-3510-8052-b4c04f4a3532aa",
        "4c4c4544-0042-3510-8052-b4c04f4a35",
        "4c4c4544004235108052b4c04f4a353x",
    };
    guint8 dmi[16] = {0}, machine[16] = {0}, kept[16] = {7};

    g_assert_true(vsf_node_parse_uuid("4C4C4544-0042-3510-8052-b4c04f4a3532\n", dmi));
    g_assert_true(vsf_node_parse_uuid("4c4c4544004235108052b4c04f4a3532\n", machine));
    g_assert_cmpmem(dmi, 16, machine, 16);
    g_assert_cmpuint(dmi[0], ==, 0x4c);
    g_assert_cmpuint(dmi[15], ==, 0x32);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(vsf_node_parse_uuid(bad[i], kept));
        g_assert_cmpuint(kept[0], ==, 7);
    }
}

static void
test_hostname_is_plain_short_and_never_empty(void)
{
    g_autofree char *plain = vsf_node_sanitise_hostname("hv-01.example_net");
    g_autofree char *wild = vsf_node_sanitise_hostname("a b<\"\xc3\xa9\n");
    g_autofree char *empty = vsf_node_sanitise_hostname("");
    g_autofree char *hundred = g_strnfill(100, 'x');
    g_autofree char *cut = vsf_node_sanitise_hostname(hundred);

    g_assert_cmpstr(plain, ==, "hv-01.example_net");
    g_assert_cmpstr(wild, ==, "a_b_____");
    g_assert_cmpstr(empty, ==, "localhost");
    g_assert_cmpuint(strlen(cut), ==, 63);
}

static void
test_this_machine_is_read(void)
{
    g_autoptr(VsfNode) node = vsf_node_read();

    g_assert_cmpstr(node->hostname, !=, "");
    g_assert_cmpstr(node->arch, !=, "");
    g_assert_cmpstr(node->os_release, !=, "");
    g_assert_cmpuint(node->cpus, >, 0);
    g_assert_cmpuint(node->mhz, >, 0);
    g_assert_cmpuint(node->memory, >, node->memory_free);
    node->memory_free = 0;
    vsf_node_refresh(node, NULL);
    g_assert_cmpuint(node->memory_free, >, 0);
}

static void
test_what_the_counters_know_is_not_read(void)
{
    g_autoptr(VsfNode) node = vsf_node_read();
    g_autoptr(VsfHostCounters) counters = vsf_host_counters_new();
    guint32 cpus = node->cpus;

    vsf_node_refresh(node, counters);
    g_assert_cmpuint(node->cpus, ==, cpus);
    g_assert_cmpuint(node->memory, >, 4096);
    counters->cpu.cpus = cpus + 1;
    counters->memory.total = 4096;
    vsf_node_refresh(node, counters);
    g_assert_cmpuint(node->cpus, ==, cpus + 1);
    g_assert_cmpuint(node->memory, >, 4096);
    counters->memory.available = 8192; /* as in a container whose files do not agree */
    vsf_node_refresh(node, counters);
    g_assert_cmpuint(node->memory, ==, 4096);
    g_assert_cmpuint(node->memory_free, ==, 4096);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/node/meminfo", test_meminfo);
    g_test_add_func("/host/node/mhz", test_mhz);
    g_test_add_func("/host/node/uuid-is-whole-or-refused", test_uuid);
    g_test_add_func("/host/node/hostname-is-plain-short-and-never-empty",
                    test_hostname_is_plain_short_and_never_empty);
    g_test_add_func("/host/node/this-machine-is-read", test_this_machine_is_read);
    g_test_add_func("/host/node/what-the-counters-know-is-not-read",
                    test_what_the_counters_know_is_not_read);
    return g_test_run();
}
