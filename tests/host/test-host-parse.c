/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is no number, or half of one, is unknown: each parser by itself. */
#include "../../daemon/host/parse.h"

#include <string.h>

static void
test_loads_are_decimals(void)
{
    static const struct {
        const char *text;
        double load;
    } cases[] = {
        {"0.25 0 0 1/2 3\n", 0.25},
        {"12345.50 0 0 1/2 3\n", 12345.5},
        {"1 0 0 1/2 3\n", -1.0},
        {"-1.00 0 0 1/2 3\n", -1.0},
        {"nan 0 0 1/2 3\n", -1.0},
        {"1e300 0 0 1/2 3\n", -1.0},
        {"1.2.3 0 0 1/2 3\n", -1.0},
        {"1. 0 0 1/2 3\n", -1.0},
        {"0x1.0 0 0 1/2 3\n", -1.0},
        {"1,50 0 0 1/2 3\n", -1.0},
        {"0.25 0 0 1/2 3", -1.0},
        {"", -1.0},
        {"9999999999999999999999999999.99999 0 0 1/2 3\n", -1.0},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfHostCounters) counters = vsf_host_counters_new();

        g_test_message("%s", cases[i].text);
        vsf_host_parse_loadavg(cases[i].text, strlen(cases[i].text), &counters->cpu);
        g_assert_cmpfloat(counters->cpu.load[0], ==, cases[i].load);
    }
}

static void
test_threads_are_two_numbers(void)
{
    static const struct {
        const char *text;
        guint64 run, total;
    } cases[] = {
        {"1/2", 1, 2},
        {"1/", 1, VSF_UNKNOWN},
        {"/2", VSF_UNKNOWN, 2},
        {"12", VSF_UNKNOWN, VSF_UNKNOWN},
        {"1/2/3", 1, VSF_UNKNOWN},
        {"1x/2", VSF_UNKNOWN, 2},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfHostCounters) counters = vsf_host_counters_new();
        g_autofree char *text = g_strdup_printf("0.1 0.1 0.1 %s 9\n", cases[i].text);

        g_test_message("%s", text);
        vsf_host_parse_loadavg(text, strlen(text), &counters->cpu);
        g_assert_cmpuint(counters->cpu.proc_run, ==, cases[i].run);
        g_assert_cmpuint(counters->cpu.proc_total, ==, cases[i].total);
    }
}

#define SDA "8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"
#define SDB "8 16 sdb 10 2 30 40 50 6 70 80 9 10 11\n"

static void
test_disks_are_all_or_unknown(void)
{
    static const struct {
        const char *text;
        guint64 reads;
    } cases[] = {
        {SDA SDB, 11},
        {SDA, 1}, /* it has done nothing yet */
        {SDA "8 16 sdb 10 2 30 40 50 6 70 80\n", 11},
        {SDA "8 16 sdb 10 2 30 40 50 6 70\n", VSF_UNKNOWN},
        {SDA "8 16 sdb 10 2 30 40 50 6 70 80", VSF_UNKNOWN}, /* cut */
        {SDA "8 16 sdb1", VSF_UNKNOWN},                      /* cut in another's line */
        {SDA "8 16 sdb 10x 2 30 40 50 6 70 80\n", VSF_UNKNOWN},
        {SDA "8 16 sdb -1 2 30 40 50 6 70 80\n", VSF_UNKNOWN},
        {SDA "8 16 sdb 18446744073709551614 2 3 4 5 6 7 8\n", VSF_UNKNOWN},
        {SDA "8 16 sdb 1 2 36028797018963968 4 5 6 7 8\n", VSF_UNKNOWN},
        {SDA "8 16 sdbx 100 2 3 4 5 6 7 8\n" SDB, 11},
        {SDA "rubbish\n\n" SDB, 11},
        {"", 0},
    };
    g_autoptr(GHashTable) disks = g_hash_table_new(g_str_hash, g_str_equal);

    g_hash_table_add(disks, (gpointer) "sda");
    g_hash_table_add(disks, (gpointer) "sdb");
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        VsfHostDisk disk = vsf_host_parse_diskstats(cases[i].text, strlen(cases[i].text), disks);

        g_test_message("%s", cases[i].text);
        g_assert_cmpuint(disk.reads, ==, cases[i].reads);
        if (cases[i].reads == VSF_UNKNOWN)
            g_assert_cmpuint(disk.write_ms, ==, VSF_UNKNOWN);
    }
}

static void
test_no_disks_are_unknown(void)
{
    g_autoptr(GHashTable) none = g_hash_table_new(g_str_hash, g_str_equal);

    g_assert_cmpuint(vsf_host_parse_diskstats(SDA, strlen(SDA), none).reads, ==, VSF_UNKNOWN);
}

static void
test_derived_disks_are_told_by_their_names(void)
{
    static const char *const derived[] = {"loop0", "ram15",     "zram0",      "dm-255",  "md127",
                                          "md_d0", "drbd1",     "zd16",       "bcache0", "sr0",
                                          "fd0",   "nvme0c1n1", "nvme12c33n4"};
    static const char *const own[] = {"sda",  "vdb",   "xvda", "nvme0n1",   "mmcblk0boot0", "rbd0",
                                      "nbd0", "dasda", "sdmd", "pmem0",     "md",           "loop",
                                      "hda",  "fda",   "srv",  "cciss!c0d0"};

    for (gsize i = 0; i < G_N_ELEMENTS(derived); i++)
        g_assert_true(vsf_host_is_derived_disk(derived[i]));
    for (gsize i = 0; i < G_N_ELEMENTS(own); i++)
        g_assert_false(vsf_host_is_derived_disk(own[i]));
}

static void
test_pages_of_any_size(void)
{
    static const char text[] = "pgpgin 100\npgpgout 7\npswpin 3\n";
    static const struct {
        guint64 page_size, in, out;
    } cases[] = {{4096, 25, 1},
                 {65536, 1, 0},
                 {1024, 100, 7},
                 {512, 200, 14},
                 {0, VSF_UNKNOWN, VSF_UNKNOWN}};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfHostCounters) counters = vsf_host_counters_new();

        vsf_host_parse_vmstat(text, strlen(text), cases[i].page_size, &counters->memory);
        g_assert_cmpuint(counters->memory.page_in, ==, cases[i].in);
        g_assert_cmpuint(counters->memory.page_out, ==, cases[i].out);
        g_assert_cmpuint(counters->memory.swap_in, ==, 3);
        g_assert_cmpuint(counters->memory.swap_out, ==, VSF_UNKNOWN);
    }
}

static void
test_ticks_of_any_length(void)
{
    static const char text[] = "cpu 1024 100 99\ncpu0 1\n";
    static const struct {
        guint64 ticks_per_s, user, nice, system;
    } cases[] = {{100, 10240, 1000, 990}, {1024, 1000, 97, 96}, {1000, 1024, 100, 99}};

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VsfHostCounters) counters = vsf_host_counters_new();

        vsf_host_parse_stat(text, strlen(text), cases[i].ticks_per_s, &counters->cpu);
        g_assert_cmpuint(counters->cpu.user_ms, ==, cases[i].user);
        g_assert_cmpuint(counters->cpu.nice_ms, ==, cases[i].nice);
        g_assert_cmpuint(counters->cpu.system_ms, ==, cases[i].system);
        g_assert_cmpuint(counters->cpu.idle_ms, ==, VSF_UNKNOWN);
    }
}

static void
test_groups_come_in_any_order(void)
{
    static const char text[] = "UdpLite: InDatagrams\nUdpLite: 9\nUdp: NoPorts InDatagrams\n"
                               "Udp: 5 6 7\nIp: InReceives\nTcp: 1\nIp: Forwarding\nIp: 2\n";
    g_autoptr(VsfHostCounters) counters = vsf_host_counters_new();

    vsf_host_parse_snmp(text, strlen(text), &counters->mib);
    g_assert_cmpuint(counters->mib.udp[0], ==, 6);
    g_assert_cmpuint(counters->mib.udp[1], ==, 5);
    g_assert_cmpuint(counters->mib.udp[2], ==, VSF_UNKNOWN);
    g_assert_cmpuint(counters->mib.ip[0], ==, 2);
    g_assert_cmpuint(counters->mib.ip[2], ==, VSF_UNKNOWN);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/host/parse/" name, func)
    ADD("loads-are-decimals", test_loads_are_decimals);
    ADD("threads-are-two-numbers", test_threads_are_two_numbers);
    ADD("disks-are-all-or-unknown", test_disks_are_all_or_unknown);
    ADD("no-disks-are-unknown", test_no_disks_are_unknown);
    ADD("derived-disks-are-told-by-their-names", test_derived_disks_are_told_by_their_names);
    ADD("pages-of-any-size", test_pages_of_any_size);
    ADD("ticks-of-any-length", test_ticks_of_any_length);
    ADD("groups-come-in-any-order", test_groups_come_in_any_order);
    return g_test_run();
}
