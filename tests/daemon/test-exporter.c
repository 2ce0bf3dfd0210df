/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exporter from model values to bytes, read back by the decoder. */
#include "../../daemon/exporter.h"
#include "decoded.h"

#include <net/if.h>
#include <string.h>

typedef struct {
    VsfConfig *config;
    VsfExporter *exporter;
    GPtrArray *datagrams; /* GBytes */
    VsfDomain domain;
    VsfTap tap;
} Fixture;

static void
collect(const guint8 *data, gsize size, gpointer user_data)
{
    g_ptr_array_add(user_data, g_bytes_new(data, size));
}

static void
add_nic(VsfDomainDef *def, guint8 last)
{
    VsfNic *nic = g_new0(VsfNic, 1);

    nic->kind = VSF_NIC_TAP;
    memcpy(nic->mac, ((const guint8[]){0x52, 0x54, 0, 0, 1, last}), 6);
    nic->bandwidth_bps = 8000000;
    g_ptr_array_add(def->nics, nic);
}

static void
set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};
    VsfDomainDef *def = vsf_domain_def_new();

    fixture->config = vsf_config_new();
    fixture->datagrams = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    fixture->exporter = vsf_exporter_new(fixture->config, &agent, collect, fixture->datagrams);
    g_assert_true(vsf_uuid_parse("11223344-5566-7788-99aa-bbccddeeff00", def->uuid_bytes));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->name = g_strdup("web01");
    def->arch = g_strdup("x86_64");
    add_nic(def, 1);
    fixture->domain = (VsfDomain){
        .def = def,
        .index = 200017,
        .name = g_strdup("web01"),
        .state = VSF_STATE_RUNNING,
        .taps = g_ptr_array_new(),
    };
    fixture->tap = (VsfTap){
        .link = {.ifindex = 17, .name = "vnet0", .flags = IFF_UP, .carrier = 1},
        .role = VSF_TAP_OF_VM,
        .domain = &fixture->domain,
        .nic = g_ptr_array_index(def->nics, 0),
        .kind = VSF_NIC_TAP,
    };
    g_ptr_array_add(fixture->domain.taps, &fixture->tap);
}

static void
tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_exporter_free(fixture->exporter);
    vsf_config_free(fixture->config);
    g_ptr_array_unref(fixture->datagrams);
    vsf_domain_def_free(fixture->domain.def);
    g_free(fixture->domain.name);
    g_ptr_array_unref(fixture->domain.taps);
}

/* The newest datagram, decoded. */
static GHashTable *
flush_and_decode(Fixture *fixture)
{
    GBytes *bytes;
    GHashTable *table;

    vsf_exporter_flush(fixture->exporter);
    g_assert_cmpuint(fixture->datagrams->len, >, 0);
    bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    g_assert_nonnull(table);
    return table;
}

static VsfDomainCounters
some_counters(void)
{
    VsfDomainCounters counters = {
        .state = VSF_STATE_RUNNING,
        .cpu_time_ns = 1500 * G_GUINT64_CONSTANT(1000000),
        .n_vcpus = 2,
        .memory = 1 << 29,
        .max_memory = 1 << 30,
        .disk = {.capacity = 1000, .allocation = 400, .available = 600, .rd_req = 7},
        .net = {.bytes_in = 11, .packets_in = 12, .bytes_out = 13, .packets_out = 14},
    };

    return counters;
}

static void
test_vm_sample_has_every_standard_record(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomainCounters counters = some_counters();
    g_autoptr(GHashTable) table = NULL;

    vsf_exporter_domain(fixture->exporter, &fixture->domain, &counters, NULL);
    table = flush_and_decode(fixture);
    assert_decoded(table, "samples.0.source", "3:200017");
    assert_decoded(table, "samples.0.sequence", "1");
    assert_decoded(table, "samples.0.records.host_descr.hostname", "web01");
    assert_decoded(table, "samples.0.records.host_descr.machine_type", "3");
    assert_decoded(table, "samples.0.records.host_parent.class", "2");
    assert_decoded(table, "samples.0.records.host_parent.index", "1");
    assert_decoded(table, "samples.0.records.virt_cpu.cpuTime", "1500");
    assert_decoded(table, "samples.0.records.virt_cpu.nrVirtCpu", "2");
    assert_decoded(table, "samples.0.records.virt_memory.maxMemory", "1073741824");
    assert_decoded(table, "samples.0.records.virt_disk_io.available", "600");
    assert_decoded(table, "samples.0.records.virt_disk_io.errs", "unknown");
    assert_decoded(table, "samples.0.records.virt_net_io.bytes_in", "11");
    assert_decoded(table, "samples.0.records.virt_net_io.bytes_out", "13");
    assert_decoded(table, "samples.0.records.host_adapters.adapters.0.ifIndex", "17");
}

static void
test_unknown_leaves_as_unknown(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomainCounters counters = some_counters();
    g_autoptr(GHashTable) table = NULL;

    counters.state = VSF_STATE_UNKNOWN;
    counters.cpu_time_ns = VSF_UNKNOWN;
    counters.memory = VSF_UNKNOWN;
    counters.disk = vsf_disk_counters_unknown();
    counters.net = vsf_net_counters_unknown();
    vsf_exporter_domain(fixture->exporter, &fixture->domain, &counters, NULL);
    table = flush_and_decode(fixture);
    assert_decoded(table, "samples.0.records.virt_cpu.state", "unknown");
    assert_decoded(table, "samples.0.records.virt_cpu.cpuTime", "unknown");
    assert_decoded(table, "samples.0.records.virt_memory.memory", "unknown");
    assert_decoded(table, "samples.0.records.virt_disk_io.rd_req", "unknown");
    assert_decoded(table, "samples.0.records.virt_net_io.pkts_in", "unknown");
}

static void
test_suspended_by_power_management_is_paused(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomainCounters counters = some_counters();
    g_autoptr(GHashTable) table = NULL;

    counters.state = VSF_STATE_PMSUSPENDED;
    vsf_exporter_domain(fixture->exporter, &fixture->domain, &counters, NULL);
    table = flush_and_decode(fixture);
    assert_decoded(table, "samples.0.records.virt_cpu.state", "3");
}

static void
test_sequence_restarts_when_a_counter_goes_back(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    static const char *const expected[] = {"1", "2", "3", "1", "2"};
    VsfDomainCounters counters = some_counters();

    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autoptr(GHashTable) table = NULL;

        if (i == 2) /* unknown is no step back */
            counters.net = vsf_net_counters_unknown();
        if (i == 3) { /* this is: the network sum is below the last known one */
            counters.net = vsf_net_counters_zero();
            counters.net.bytes_in = 10;
        }
        vsf_exporter_domain(fixture->exporter, &fixture->domain, &counters, NULL);
        table = flush_and_decode(fixture);
        assert_decoded(table, "samples.0.sequence", expected[i]);
    }
}

/* Injected: no machine of a test lives for the 49 days that a vCPU's milliseconds take. */
static void
test_what_passes_32_bits_wraps_and_goes_on(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const struct {
        gint64 past; /* 2^32 */
        const char *low, *whole, *sequence;
    } cases[] = {
        {-2, "4294967294", "4294967294", "1"},
        {-1, "4294967294", "4294967295", "2"}, /* all ones would be unknown */
        {0, "0", "4294967296", "3"},
        {1, "1", "4294967297", "4"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 value = (guint64)((gint64)G_MAXUINT32 + 1 + cases[i].past);
        VsfDomainCounters counters = some_counters();
        VsfLinkStats stats = {.rx_packets = value, .rx_bytes = value};
        g_autoptr(GHashTable) vm = NULL, tap = NULL;

        counters.cpu_time_ns = value * 1000000;
        counters.net.bytes_in = value;
        vsf_exporter_domain(fixture->exporter, &fixture->domain, &counters, NULL);
        vm = flush_and_decode(fixture);
        assert_decoded(vm, "samples.0.sequence", cases[i].sequence);
        assert_decoded(vm, "samples.0.records.virt_cpu.cpuTime", cases[i].low);
        assert_decoded(vm, "samples.0.records.virt_net_io.bytes_in", cases[i].whole);
        vsf_exporter_tap(fixture->exporter, &fixture->tap, &stats);
        tap = flush_and_decode(fixture);
        assert_decoded(tap, "samples.0.sequence", cases[i].sequence);
        assert_decoded(tap, "samples.0.records.if_counters.ifInUcastPkts", cases[i].low);
        assert_decoded(tap, "samples.0.records.if_counters.ifInOctets", cases[i].whole);
    }
}

static void
test_64_nics_are_one_sample_that_fits(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomainCounters counters = some_counters();
    g_autoptr(GHashTable) table = NULL;
    GBytes *bytes;

    for (guint8 i = 2; i <= 64; i++)
        add_nic(fixture->domain.def, i);
    vsf_exporter_domain(fixture->exporter, &fixture->domain, &counters, NULL);
    table = flush_and_decode(fixture);
    assert_decoded(table, "samples.0.records.virt_cpu.cpuTime", "1500");
    assert_decoded(table, "samples.1.source", NULL);
    bytes = fixture->datagrams->pdata[0];
    g_assert_cmpuint(g_bytes_get_size(bytes), <=, 1400);
    g_assert_nonnull(decoded_get(table, "samples.0.records.host_adapters.adapters.60.ifIndex"));
    g_assert_cmpuint(vsf_exporter_totals(fixture->exporter).truncated, <=, 1);
}

static void
test_tap_counters_are_the_switch_ports(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLinkStats stats = {.rx_packets = 3, .rx_bytes = 300, .tx_packets = 5, .tx_bytes = 500};
    g_autoptr(GHashTable) table = NULL;

    vsf_exporter_tap(fixture->exporter, &fixture->tap, &stats);
    table = flush_and_decode(fixture);
    assert_decoded(table, "samples.0.source", "0:17");
    assert_decoded(table, "samples.0.records.if_counters.ifInOctets", "300");
    assert_decoded(table, "samples.0.records.if_counters.ifOutOctets", "500");
    assert_decoded(table, "samples.0.records.if_counters.ifStatus", "3");
    assert_decoded(table, "samples.0.records.if_counters.ifSpeed", "8000000");
    assert_decoded(table, "samples.0.records.port_name.name", "vnet0");
}

static void
test_host_sample_leaves_first_and_alone(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfNode node = {
        .hostname = (char *)"kvm1", .arch = "x86_64", .os_release = "6.1", .cpus = 2, .mhz = 2000};
    GBytes *bytes;
    g_autoptr(GHashTable) table = NULL;

    vsf_exporter_host(fixture->exporter, &node, 3, NULL);
    g_assert_cmpuint(fixture->datagrams->len, ==, 1);
    bytes = fixture->datagrams->pdata[0];
    table = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    assert_decoded(table, "samples.0.source", "2:1");
    assert_decoded(table, "samples.0.records.host_descr.hostname", "kvm1");
    assert_decoded(table, "samples.0.records.virt_node.num_domains", "3");
}

static void
test_flow_sample_carries_its_own_sequence(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const guint8 header[60] = {1, 2, 3};
    VsfSflowFlow flow = {.sampling_rate = 512,
                         .sample_pool = 1024,
                         .input = 17,
                         .frame_length = 60,
                         .header = header,
                         .header_length = sizeof(header)};
    VsfLinkStats stats = {0};
    g_autoptr(GHashTable) table = NULL;

    vsf_exporter_tap(fixture->exporter, &fixture->tap, &stats);
    vsf_exporter_flow(fixture->exporter, 17, &flow);
    vsf_exporter_flow(fixture->exporter, 17, &flow);
    table = flush_and_decode(fixture);
    /* The tap's first counter sample keeps to a datagram of its own. */
    g_assert_cmpuint(fixture->datagrams->len, ==, 2);
    assert_decoded(table, "samples.0.sequence", "1");
    assert_decoded(table, "samples.1.sequence", "2");
    assert_decoded(table, "samples.0.input", "17");
    assert_decoded(table, "samples.0.output", "0");
    assert_decoded(table, "samples.0.records.sampled_header.frame_length", "64");
    assert_decoded(table, "samples.0.records.sampled_header.stripped", "4");
}

/* Numbers go on where they were, under another name as well. */
static void
test_another_configuration_goes_on_with_the_numbers(Fixture *fixture,
                                                    gconstpointer user_data G_GNUC_UNUSED)
{
    VsfSflowAddress other = {.family = 1, .bytes = {198, 51, 100, 7}};
    VsfDomainCounters counters = some_counters();
    g_autoptr(VsfConfig) config = vsf_config_new();
    g_autoptr(GHashTable) before = NULL, after = NULL;
    guint n_before;

    vsf_exporter_domain(fixture->exporter, &fixture->domain, &counters, NULL);
    before = flush_and_decode(fixture);
    assert_decoded(before, "samples.0.sequence", "1");
    vsf_exporter_domain(fixture->exporter, &fixture->domain, &counters, NULL);
    n_before = fixture->datagrams->len;
    config->sub_agent_id = 77;
    config->datagram_bytes = 9000;
    vsf_exporter_set_config(fixture->exporter, config, &other);
    /* What was collected left as it was made. */
    g_assert_cmpuint(fixture->datagrams->len, ==, n_before + 1);
    vsf_exporter_domain(fixture->exporter, &fixture->domain, &counters, NULL);
    after = flush_and_decode(fixture);
    assert_decoded(after, "samples.0.sequence", "3");
    assert_decoded(after, "sub_agent_id", "77");
    assert_decoded(after, "agent", "198.51.100.7");
    assert_decoded(after, "sequence", "3");
    vsf_exporter_set_config(fixture->exporter, fixture->config, &other);
}

static void
test_times_are_left_out_where_nobody_wants_them(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    static const guint8 header[60] = {1, 2, 3};
    static const char off[] = "[sflow]\ntimestamps = off\n";
    g_autoptr(VsfConfig) config = vsf_config_parse("f.conf", off, strlen(off), NULL);
    VsfSflowFlow flow = {.header = header, .header_length = sizeof(header), .time_ns = 77};
    g_autoptr(GHashTable) table = NULL;

    vsf_exporter_flow(fixture->exporter, 17, &flow);
    fixture->config->timestamps = config->timestamps;
    vsf_exporter_flow(fixture->exporter, 17, &flow);
    table = flush_and_decode(fixture);
    assert_decoded(table, "samples.0.records.timestamp.ns", "77");
    assert_decoded(table, "samples.1.records.timestamp.ns", NULL);
}

#define ADD(name, func) g_test_add(name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/exporter/vm-sample-has-every-standard-record", test_vm_sample_has_every_standard_record);
    ADD("/exporter/unknown-leaves-as-unknown", test_unknown_leaves_as_unknown);
    ADD("/exporter/suspended-by-power-management-is-paused",
        test_suspended_by_power_management_is_paused);
    ADD("/exporter/sequence-restarts-when-a-counter-goes-back",
        test_sequence_restarts_when_a_counter_goes_back);
    ADD("/exporter/what-passes-32-bits-wraps-and-goes-on",
        test_what_passes_32_bits_wraps_and_goes_on);
    ADD("/exporter/64-nics-are-one-sample-that-fits", test_64_nics_are_one_sample_that_fits);
    ADD("/exporter/tap-counters-are-the-switch-ports", test_tap_counters_are_the_switch_ports);
    ADD("/exporter/host-sample-leaves-first-and-alone", test_host_sample_leaves_first_and_alone);
    ADD("/exporter/another-configuration-goes-on-with-the-numbers",
        test_another_configuration_goes_on_with_the_numbers);
    ADD("/exporter/flow-sample-carries-its-own-sequence",
        test_flow_sample_carries_its_own_sequence);
    ADD("/exporter/times-are-left-out-where-nobody-wants-them",
        test_times_are_left_out_where_nobody_wants_them);
    return g_test_run();
}
