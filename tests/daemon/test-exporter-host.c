/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's own sample from values to bytes, read back by the decoder. */
#include "../../daemon/exporter.h"
#include "decoded.h"

#include <net/if.h>
#include <string.h>

#define RECORDS "samples.0.records."

typedef struct {
    VsfConfig *config;
    VsfExporter *exporter;
    GPtrArray *datagrams; /* GBytes */
    VsfHostCounters *counters;
} Fixture;

static VsfNode node = {
    .hostname = (char *)"kvm1", .arch = "x86_64", .os_release = "6.1", .cpus = 2, .mhz = 2000};

static void
add_adapter(VsfHostCounters *counters, int ifindex, gboolean has_mac)
{
    VsfHostInterface adapter = {
        .ifindex = ifindex, .has_mac = has_mac, .mac = {2, 0, 0, 0, 0, (guint8)ifindex}};

    g_array_append_val(counters->interfaces, adapter);
}

/* Every number is another: 1, 2, 3 ... in the order of the structures. */
static VsfHostCounters *
numbered_counters(void)
{
    VsfHostCounters *counters = vsf_host_counters_new();
    guint64 n = 0;

#define NUMBER(member)                                                     \
    for (gsize i = 0; i < sizeof(counters->member) / sizeof(guint64); i++) \
    ((guint64 *)&counters->member)[i] = ++n
    counters->cpu.load[0] = 0.5;
    NUMBER(memory);
    n--; /* the last one is virt_node's */
    NUMBER(disk);
    NUMBER(space);
    NUMBER(mib);
    NUMBER(net);
#undef NUMBER
    counters->cpu.uptime_s = 77;
    counters->cpu.user_ms = G_GUINT64_CONSTANT(0x100000005);
    counters->cpu.idle_ms = 1000;
    counters->cpu.wio_ms = 500;
    return counters;
}

static void
set_up(Fixture *fixture, gconstpointer datagram_bytes)
{
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};

    fixture->config = vsf_config_new();
    if (datagram_bytes != NULL)
        fixture->config->datagram_bytes = GPOINTER_TO_UINT(datagram_bytes);
    fixture->datagrams = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    fixture->exporter = vsf_exporter_new(fixture->config, &agent, decoded_collect,
                                         fixture->datagrams);
    fixture->counters = numbered_counters();
}

static void
tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_exporter_free(fixture->exporter);
    vsf_config_free(fixture->config);
    g_ptr_array_unref(fixture->datagrams);
    vsf_host_counters_free(fixture->counters);
}

/* One more sample, decoded. */
static GHashTable *
send_host(Fixture *fixture)
{
    GBytes *bytes;
    GHashTable *table;

    vsf_exporter_host(fixture->exporter, &node, 3, fixture->counters);
    vsf_exporter_flush(fixture->exporter);
    bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    g_assert_nonnull(table);
    return table;
}

static void
test_every_record_has_its_values(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    add_adapter(fixture->counters, 2, TRUE);
    add_adapter(fixture->counters, 3, FALSE);
    add_adapter(fixture->counters, 4, TRUE);
    add_adapter(fixture->counters, 5, TRUE);
    g_array_index(fixture->counters->interfaces, VsfHostInterface, 3).is_bridge = TRUE;
    table = send_host(fixture);
    assert_decoded(table, "samples.0.source", "2:1");
    assert_decoded(table, RECORDS "virt_node.num_domains", "3");
    assert_decoded(table, RECORDS "host_cpu.load_one", "0.5");
    assert_decoded(table, RECORDS "host_cpu.load_five", "unknown");
    assert_decoded(table, RECORDS "host_cpu.cpu_speed", "2000");
    assert_decoded(table, RECORDS "host_cpu.uptime", "77");
    assert_decoded(table, RECORDS "host_cpu.cpu_user", "5");
    assert_decoded(table, RECORDS "host_cpu.cpu_steal", "unknown");
    assert_decoded(table, RECORDS "host_memory.mem_total", "1");
    assert_decoded(table, RECORDS "host_memory.mem_cached", "5");
    assert_decoded(table, RECORDS "host_memory.swap_out", "11");
    assert_decoded(table, RECORDS "host_disk_io.reads", "12");
    assert_decoded(table, RECORDS "host_disk_io.bytes_read", "13");
    assert_decoded(table, RECORDS "host_disk_io.write_time", "17");
    assert_decoded(table, RECORDS "host_disk_io.disk_total", "18");
    assert_decoded(table, RECORDS "host_disk_io.disk_free", "19");
    assert_decoded(table, RECORDS "host_disk_io.part_max_used", "20");
    assert_decoded(table, RECORDS "mib2_ip.ipForwarding", "21");
    assert_decoded(table, RECORDS "mib2_icmp.icmpInMsgs", "40");
    assert_decoded(table, RECORDS "mib2_tcp.tcpRtoAlgorithm", "65");
    assert_decoded(table, RECORDS "mib2_udp.udpInDatagrams", "80");
    assert_decoded(table, RECORDS "mib2_udp.udpInCsumErrors", "86");
    assert_decoded(table, RECORDS "host_net_io.bytes_in", "87");
    assert_decoded(table, RECORDS "host_net_io.drops_out", "94");
    assert_decoded(table, RECORDS "host_adapters.adapters.0.ifIndex", "2");
    assert_decoded(table, RECORDS "host_adapters.adapters.1.ifIndex", "4");
    assert_decoded(table, RECORDS "host_adapters.adapters.1.macs.0", "02:00:00:00:00:04");
    assert_decoded(table, RECORDS "host_adapters.adapters.2.ifIndex", NULL);
    g_assert_cmpuint(vsf_exporter_totals(fixture->exporter).truncated, ==, 0);
}

static void
test_a_disk_that_goes_restarts_the_sequence(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const char *const sequences[] = {"1", "2", "1", "2"};

    for (guint i = 0; i < G_N_ELEMENTS(sequences); i++) {
        g_autoptr(GHashTable) table = NULL;

        fixture->counters->disk.reads = i < 2 ? 12 : 7;
        table = send_host(fixture);
        assert_decoded(table, "samples.0.sequence", sequences[i]);
    }
}

/* Nothing follows the host's counters in their datagram. */
static void
test_the_sample_is_the_last_of_its_datagram(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfHostInterface interface = {
        .ifindex = 2, .name = "eth0", .mac_counters = vsf_mac_counters_unknown()};
    g_autoptr(GHashTable) first = send_host(fixture);
    g_autoptr(GHashTable) table = NULL;
    GBytes *bytes;

    assert_decoded(first, "samples.1.source", NULL);
    vsf_exporter_interface(fixture->exporter, &interface);
    vsf_exporter_flush(fixture->exporter);
    g_ptr_array_set_size(fixture->datagrams, 0);

    vsf_exporter_interface(fixture->exporter, &interface);
    vsf_exporter_host(fixture->exporter, &node, 3, fixture->counters);
    g_assert_cmpuint(fixture->datagrams->len, ==, 1);
    vsf_exporter_interface(fixture->exporter, &interface);
    bytes = fixture->datagrams->pdata[0];
    table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    assert_decoded(table, "samples.0.source", "0:2");
    assert_decoded(table, "samples.1.source", "2:1");
    assert_decoded(table, "samples.2.source", NULL);
}

static void
test_idle_times_do_not_go_back(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) first = send_host(fixture);
    g_autoptr(GHashTable) second = NULL;

    assert_decoded(first, RECORDS "host_cpu.cpu_idle", "1000");
    fixture->counters->cpu.idle_ms = 990;
    fixture->counters->cpu.wio_ms = 499;
    second = send_host(fixture);
    assert_decoded(second, "samples.0.sequence", "2");
    assert_decoded(second, RECORDS "host_cpu.cpu_idle", "1000");
    assert_decoded(second, RECORDS "host_cpu.cpu_wio", "500");
}

static void
test_without_counters_it_says_who_it_is(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    g_clear_pointer(&fixture->counters, vsf_host_counters_free);
    table = send_host(fixture);
    assert_decoded(table, RECORDS "host_descr.hostname", "kvm1");
    assert_decoded(table, RECORDS "virt_node.cpus", "2");
    assert_decoded(table, RECORDS "host_cpu.cpu_num", NULL);
    assert_decoded(table, RECORDS "host_adapters.adapters.0.ifIndex", NULL);
}

/* The sample stays whole: it has fewer records. */
static void
test_a_small_datagram_has_the_first_records(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    add_adapter(fixture->counters, 2, TRUE);
    table = send_host(fixture);
    assert_decoded(table, RECORDS "host_descr.hostname", "kvm1");
    assert_decoded(table, RECORDS "host_cpu.uptime", "77");
    assert_decoded(table, RECORDS "host_disk_io.write_time", "17");
    assert_decoded(table, RECORDS "mib2_ip.ipForwarding", NULL);
    assert_decoded(table, RECORDS "host_adapters.adapters.0.ifIndex", NULL);
    g_assert_cmpuint(vsf_exporter_totals(fixture->exporter).truncated, ==, 1);
}

static void
test_many_adapters_are_cut(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    for (int i = 1; i <= 200; i++)
        add_adapter(fixture->counters, i, TRUE);
    table = send_host(fixture);
    assert_decoded(table, RECORDS "mib2_udp.udpInCsumErrors", "86");
    assert_decoded(table, RECORDS "host_adapters.adapters.20.ifIndex", "21");
    assert_decoded(table, RECORDS "host_adapters.adapters.100.ifIndex", NULL);
    g_assert_cmpuint(vsf_exporter_totals(fixture->exporter).truncated, ==, 1);
}

/* One more sample of an interface, decoded. */
static GHashTable *
send_interface(Fixture *fixture, const VsfHostInterface *interface)
{
    GBytes *bytes;

    vsf_exporter_interface(fixture->exporter, interface);
    vsf_exporter_flush(fixture->exporter);
    bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    return decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void
test_an_interface_says_what_it_is(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfHostInterface interface = {.ifindex = 2,
                                  .name = "eth0",
                                  .flags = IFF_UP | IFF_PROMISC,
                                  .carrier = TRUE,
                                  .speed_bps = G_GUINT64_CONSTANT(100000000000),
                                  .duplex = VSF_DUPLEX_HALF,
                                  .mac_counters = vsf_mac_counters_unknown(),
                                  .net = {.bytes_in = 1000,
                                          .packets_in = 10,
                                          .multicast_in = 3,
                                          .errors_in = 4,
                                          .drops_in = 5,
                                          .bytes_out = 2000,
                                          .packets_out = 20,
                                          .errors_out = 6,
                                          .drops_out = 7}};
    g_autoptr(GHashTable) table = send_interface(fixture, &interface);

    assert_decoded(table, "samples.0.source", "0:2");
    assert_decoded(table, RECORDS "if_counters.ifType", "6");
    assert_decoded(table, RECORDS "if_counters.ifSpeed", "100000000000");
    assert_decoded(table, RECORDS "if_counters.ifDirection", "2");
    assert_decoded(table, RECORDS "if_counters.ifStatus", "3");
    assert_decoded(table, RECORDS "if_counters.ifInOctets", "1000");
    assert_decoded(table, RECORDS "if_counters.ifInUcastPkts", "7");
    assert_decoded(table, RECORDS "if_counters.ifInMulticastPkts", "3");
    assert_decoded(table, RECORDS "if_counters.ifInBroadcastPkts", "unknown");
    assert_decoded(table, RECORDS "if_counters.ifInErrors", "4");
    assert_decoded(table, RECORDS "if_counters.ifInDiscards", "5");
    assert_decoded(table, RECORDS "if_counters.ifOutOctets", "2000");
    assert_decoded(table, RECORDS "if_counters.ifOutUcastPkts", "20");
    assert_decoded(table, RECORDS "if_counters.ifOutMulticastPkts", "unknown");
    assert_decoded(table, RECORDS "if_counters.ifOutBroadcastPkts", "unknown");
    assert_decoded(table, RECORDS "if_counters.ifOutErrors", "6");
    assert_decoded(table, RECORDS "if_counters.ifOutDiscards", "7");
    assert_decoded(table, RECORDS "if_counters.ifPromiscuousMode", "1");
    assert_decoded(table, RECORDS "port_name.name", "eth0");
}

/* A driver that does not count multicast leaves it at 0. */
static void
test_a_bridge_that_knows_little(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfHostInterface bridge = {.ifindex = 6,
                               .name = "br0",
                               .is_bridge = TRUE,
                               .flags = IFF_UP,
                               .net = {.packets_in = 10},
                               .mac_counters = vsf_mac_counters_unknown()};
    g_autoptr(GHashTable) table = send_interface(fixture, &bridge);
    g_autoptr(GHashTable) second = NULL;

    assert_decoded(table, RECORDS "if_counters.ifType", "209");
    assert_decoded(table, RECORDS "if_counters.ifSpeed", "0");
    assert_decoded(table, RECORDS "if_counters.ifDirection", "0");
    assert_decoded(table, RECORDS "if_counters.ifStatus", "1");
    assert_decoded(table, RECORDS "if_counters.ifInUcastPkts", "10");
    assert_decoded(table, RECORDS "if_counters.ifInMulticastPkts", "unknown");
    assert_decoded(table, RECORDS "if_counters.ifPromiscuousMode", "2");

    bridge.net.packets_in = 9;
    second = send_interface(fixture, &bridge);
    assert_decoded(second, "samples.0.sequence", "1");
}

static void
test_a_mac_tells_broadcasts(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfHostInterface interface = {
        .ifindex = 2,
        .name = "eth0",
        .net = {.packets_in = 90, .multicast_in = 9, .packets_out = 190},
        .mac_counters = {.in = {100, 30, 20}, .out = {G_GUINT64_CONSTANT(0x100000200), 60, 50}}};
    g_autoptr(GHashTable) table = send_interface(fixture, &interface);
    g_autoptr(GHashTable) second = NULL;
    g_autoptr(GHashTable) third = NULL;

    assert_decoded(table, RECORDS "if_counters.ifInUcastPkts", "50");
    assert_decoded(table, RECORDS "if_counters.ifInMulticastPkts", "30");
    assert_decoded(table, RECORDS "if_counters.ifInBroadcastPkts", "20");
    assert_decoded(table, RECORDS "if_counters.ifOutUcastPkts", "402"); /* modulo 2^32 */
    assert_decoded(table, RECORDS "if_counters.ifOutMulticastPkts", "60");
    assert_decoded(table, RECORDS "if_counters.ifOutBroadcastPkts", "50");
    assert_decoded(table, "samples.0.sequence", "1");

    interface.mac_counters = vsf_mac_counters_unknown();
    second = send_interface(fixture, &interface);
    assert_decoded(second, RECORDS "if_counters.ifInUcastPkts", "unknown");
    assert_decoded(second, RECORDS "if_counters.ifOutBroadcastPkts", "unknown");
    assert_decoded(second, "samples.0.sequence", "2");

    interface.mac_counters.in = (VsfMacFrames){1, 1, 0};
    interface.mac_counters.out = (VsfMacFrames){G_GUINT64_CONSTANT(0x100000200), 60, 50};
    third = send_interface(fixture, &interface);
    assert_decoded(third, RECORDS "if_counters.ifInUcastPkts", "0");
    assert_decoded(third, "samples.0.sequence", "1");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, bytes, func)                                                                \
    g_test_add("/daemon/exporter-host/" name, Fixture, GUINT_TO_POINTER(bytes), set_up, func, \
               tear_down)
    ADD("every-record-has-its-values", 0, test_every_record_has_its_values);
    ADD("a-disk-that-goes-restarts-the-sequence", 0, test_a_disk_that_goes_restarts_the_sequence);
    ADD("the-sample-is-the-last-of-its-datagram", 0, test_the_sample_is_the_last_of_its_datagram);
    ADD("idle-times-do-not-go-back", 0, test_idle_times_do_not_go_back);
    ADD("without-counters-it-says-who-it-is", 0, test_without_counters_it_says_who_it_is);
    ADD("a-small-datagram-has-the-first-records", 512, test_a_small_datagram_has_the_first_records);
    ADD("many-adapters-are-cut", 0, test_many_adapters_are_cut);
    ADD("an-interface-says-what-it-is", 0, test_an_interface_says_what_it_is);
    ADD("a-mac-tells-broadcasts", 0, test_a_mac_tells_broadcasts);
    ADD("a-bridge-that-knows-little", 0, test_a_bridge_that_knows_little);
    return g_test_run();
}
