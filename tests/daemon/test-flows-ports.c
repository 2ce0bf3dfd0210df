/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical ports beside the VMs' taps: their rates, what counts, and what their samples say. */
#include "flows-fixture.h"

#include <string.h>

#define PORT 2
#define BRIDGE 3
#define MBIT G_GUINT64_CONSTANT(1000000)

static const guint8 outside[6] = {0x52, 0x54, 0, 0, 0, 0x99};

static guint
rate_of(int ifindex)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(fake_samplers, GINT_TO_POINTER(ifindex)));
}

static void
put_with(Fixture *fixture, guint sampling, const char *text)
{
    g_autofree char *all = g_strdup_printf("[sflow]\nsampling = %u\n%s", sampling, text);
    g_autoptr(GError) error = NULL;
    VsfConfig *config = vsf_config_parse("f", all, strlen(all), &error);

    g_assert_no_error(error);
    vsf_flows_set_config(fixture->flows, config);
    vsf_exporter_set_config(fixture->exporter, config,
                            &(VsfSflowAddress){.family = 1, .bytes = {192, 0, 2, 1}});
    vsf_config_free(fixture->config);
    fixture->config = config;
}

static void
put(Fixture *fixture, const char *text)
{
    put_with(fixture, 64, text);
}

static void
have_speed(Fixture *fixture, guint64 mbit)
{
    VsfPort port = {PORT, mbit * MBIT};

    vsf_registry_set_ports(fixture->registry, &port, 1, 3000);
}

static void
see(Fixture *fixture, int ifindex, const char *name, const char *kind, int master)
{
    VsfLink link = {.ifindex = ifindex, .type = 1, .flags = IFF_UP, .carrier = 1, .master = master};

    g_strlcpy(link.name, name, sizeof(link.name));
    g_strlcpy(link.kind, kind, sizeof(link.kind));
    if (ifindex == IFINDEX) {
        memcpy(link.mac, flows_fixture_mac, sizeof(link.mac));
        link.mac[0] = 0xfe;
    }
    vsf_registry_link_seen(fixture->registry, &link, 2500);
}

/* The VM's tap and the port eth0 of this speed, on one bridge. */
static void
start(Fixture *fixture, guint64 mbit)
{
    static const char *const all[] = {"*", NULL};

    flows_fixture_start(fixture);
    see(fixture, BRIDGE, "br0", "bridge", 0);
    see(fixture, IFINDEX, "vnet0", "tun", BRIDGE);
    see(fixture, PORT, "eth0", "", BRIDGE);
    vsf_registry_set_port_patterns(fixture->registry, all, 2500);
    have_speed(fixture, mbit);
}

static GHashTable *
send_and_decode(Fixture *fixture, int ifindex, guint64 frames, gint64 read_ns)
{
    VsfLinkStats stats = {.rx_packets = frames};
    guint before = fixture->datagrams->len;
    GBytes *bytes;

    fake_link_stats_set(ifindex, &stats);
    while (fixture->datagrams->len == before)
        if (fake_link_stats_answer(read_ns) == 0)
            g_main_context_iteration(NULL, TRUE);
    bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    return decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void
test_a_ports_rate_is_by_its_speed(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start(fixture, 10000);
    g_assert_cmpuint(rate_of(PORT), ==, 10000);
    g_assert_cmpint(fake_capture_side, ==, VSF_SIDE_PORT);
    g_assert_cmpuint(rate_of(IFINDEX), ==, 64);
    put(fixture, "sampling.10G = 2000\n");
    g_assert_cmpuint(rate_of(PORT), ==, 2000);
    put(fixture, "sampling.10G = 2000\n[interface eth*]\nsampling = 7\n");
    g_assert_cmpuint(rate_of(PORT), ==, 7);
    put(fixture, "sampling.10G = 2000\n[interface vnet*]\nsampling = 7\n[vm *]\nsampling = 8\n");
    g_assert_cmpuint(rate_of(PORT), ==, 2000);
    g_assert_cmpuint(rate_of(IFINDEX), ==, 7);
    put(fixture, "sampling.10G = 0\n");
    g_assert_cmpuint(rate_of(PORT), ==, 0);
    put(fixture, "");
    g_assert_cmpuint(rate_of(PORT), ==, 10000);
    g_assert_cmpuint(rate_of(IFINDEX), ==, 64);
}

static void
test_another_speed_is_another_rate_of_the_same_sampler(Fixture *fixture,
                                                       gconstpointer user_data G_GNUC_UNUSED)
{
    start(fixture, 1000);
    fake_capture_opened(PORT);
    g_assert_cmpuint(rate_of(PORT), ==, 1000);
    have_speed(fixture, 25000);
    g_assert_cmpuint(rate_of(PORT), ==, 25000);
    have_speed(fixture, 0);
    g_assert_cmpuint(rate_of(PORT), ==, 64);
    g_assert_cmpuint(fake_capture_opens, ==, 2); /* the tap's and the port's */
}

/* A cable is drawn and put in again: without a speed, sampling counts, which is off. What was told
 * goes on where it was. */
static void
test_a_port_without_a_speed_may_be_off(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = NULL, after = NULL;
    const VsfLinkStats none = {0};
    guint64 pool;

    start(fixture, 10000);
    put_with(fixture, 0, "sampling.10G = 2000\n");
    g_assert_cmpuint(rate_of(PORT), ==, 2000);
    fake_link_stats_set(PORT, &none);
    fake_capture_opened(PORT);
    fake_link_stats_answer(50 * MS);
    fake_capture_packet_to(PORT, TRUE, flows_fixture_mac, outside, 100 * MS);
    before = send_and_decode(fixture, PORT, 5000, 200 * MS);
    pool = g_ascii_strtoull(decoded_get(before, "samples.0.sample_pool"), NULL, 10);
    g_assert_cmpuint(pool, >, 100);
    for (guint i = 0; i < 5; i++) {
        have_speed(fixture, 0);
        g_assert_cmpuint(rate_of(PORT), ==, 0);
        have_speed(fixture, 10000);
        g_assert_cmpuint(rate_of(PORT), ==, 2000);
    }
    fake_capture_opened(PORT);
    fake_link_stats_answer(250 * MS);
    fake_capture_packet_to(PORT, TRUE, flows_fixture_mac, outside, 300 * MS);
    after = send_and_decode(fixture, PORT, 5100, 400 * MS);
    assert_decoded(after, "samples.0.sequence", "2");
    assert_decoded(after, "samples.0.sampling_rate", "2000");
    g_assert_cmpuint(g_ascii_strtoull(decoded_get(after, "samples.0.sample_pool"), NULL, 10), >=,
                     pool);
}

static void
test_a_port_comes_and_goes(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    start(fixture, 1000);
    fake_capture_opened(PORT);
    g_assert_true(vsf_flows_status(fixture->flows, PORT, &status));
    g_assert_cmpstr(status.state, ==, "sampling");
    g_assert_cmpint(status.direction, ==, VSF_DIRECTION_BOTH);
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).wanted, ==, 2);
    vsf_registry_link_gone(fixture->registry, PORT);
    g_assert_cmpuint(rate_of(PORT), ==, 0);
    g_assert_false(vsf_flows_status(fixture->flows, PORT, &status));
    see(fixture, PORT, "eth0", "", BRIDGE);
    g_assert_cmpuint(rate_of(PORT), ==, 1000);
    vsf_flows_pause(fixture->flows, TRUE);
    g_assert_cmpuint(rate_of(PORT), ==, 0);
    g_assert_true(vsf_flows_status(fixture->flows, PORT, &status));
    g_assert_cmpstr(status.state, ==, "paused");
    g_assert_cmpint(status.direction, ==, VSF_DIRECTION_BOTH);
    vsf_flows_pause(fixture->flows, FALSE);
    g_assert_cmpuint(rate_of(PORT), ==, 1000);
}

static void
set_flags(Fixture *fixture, int ifindex, const char *name, guint32 flags)
{
    VsfLink link = vsf_registry_tap(fixture->registry, ifindex)->link;

    g_assert_cmpstr(link.name, ==, name);
    link.flags = flags;
    vsf_registry_link_seen(fixture->registry, &link, 3000);
}

/* A card has more ports than cables; a VM that is cut off is a lack. */
static void
test_a_port_that_is_left_down_is_not_wanted(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start(fixture, 1000);
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).wanted, ==, 2);
    set_flags(fixture, PORT, "eth0", 0);
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).wanted, ==, 1);
    set_flags(fixture, IFINDEX, "vnet0", 0);
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).wanted, ==, 1);
    set_flags(fixture, PORT, "eth0", IFF_UP);
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).wanted, ==, 2);
}

static void
test_a_frame_from_outside_says_where_it_goes(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) in = NULL, out = NULL;

    start(fixture, 0);
    fake_capture_opened(PORT);
    fake_capture_packet_to(PORT, TRUE, flows_fixture_mac, outside, 100 * MS);
    in = send_and_decode(fixture, PORT, 100, 200 * MS);
    assert_decoded(in, "samples.0.source", "0:2");
    assert_decoded(in, "samples.0.input", "2");
    assert_decoded(in, "samples.0.output", "17");
    fake_capture_packet_to(PORT, FALSE, outside, flows_fixture_mac, 300 * MS);
    out = send_and_decode(fixture, PORT, 200, 400 * MS);
    assert_decoded(out, "samples.0.sequence", "2");
    assert_decoded(out, "samples.0.input", "17");
    assert_decoded(out, "samples.0.output", "2");
}

/* Once per host is once per tap: the port tells all of what passes it, and so does the tap. */
static void
test_once_is_a_matter_of_taps(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus of_port, of_tap;

    start(fixture, 0);
    fake_capture_opened(IFINDEX);
    fake_capture_opened(PORT);
    /* Out of the VM and the host, and from outside into the VM. */
    fake_capture_packet_to(IFINDEX, TRUE, outside, flows_fixture_mac, 100 * MS);
    fake_capture_packet_to(PORT, FALSE, outside, flows_fixture_mac, 100 * MS);
    fake_capture_packet_to(PORT, TRUE, flows_fixture_mac, outside, 100 * MS);
    fake_capture_packet_to(IFINDEX, FALSE, flows_fixture_mac, outside, 100 * MS);
    g_hash_table_unref(send_and_decode(fixture, PORT, 10, 200 * MS));
    g_assert_true(vsf_flows_status(fixture->flows, PORT, &of_port));
    g_assert_true(vsf_flows_status(fixture->flows, IFINDEX, &of_tap));
    g_assert_cmpuint(of_port.samples, ==, 2);
    g_assert_cmpuint(of_port.left_out, ==, 0);
    g_assert_cmpuint(of_tap.samples, ==, 2);
    g_assert_cmpuint(of_tap.left_out, ==, 0);
}

/* Nor do ports change who talks to whom. */
static void
test_talks_are_counted_on_taps(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfTalk talk;

    /* The span in which it falls begins now. */
    flows_fixture_pass((VSF_TALKERS_SPAN_US - g_get_monotonic_time() % VSF_TALKERS_SPAN_US) / 1000 +
                       1);
    start(fixture, 0);
    fake_capture_opened(PORT);
    fake_capture_packet_to(PORT, TRUE, flows_fixture_mac, outside, 100 * MS);
    g_hash_table_unref(send_and_decode(fixture, PORT, 10, 200 * MS));
    flows_fixture_pass(10000);
    g_assert_cmpuint(vsf_flows_talks(fixture->flows, &talk, 1), ==, 0);
}

/* Counters of a port are another's business. */
static void
test_packets_and_counters_forget_apart(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfHostInterface interface = {
        .ifindex = PORT, .name = "eth0", .mac_counters = vsf_mac_counters_unknown()};
    g_autoptr(GHashTable) flow = NULL, counters = NULL;
    GBytes *bytes;

    start(fixture, 0);
    fake_capture_opened(PORT);
    interface.net = vsf_net_counters_zero();
    vsf_exporter_interface(fixture->exporter, &interface);
    vsf_exporter_flush(fixture->exporter);
    fake_capture_packet_to(PORT, TRUE, flows_fixture_mac, outside, 100 * MS);
    g_hash_table_unref(send_and_decode(fixture, PORT, 10, 200 * MS));
    vsf_exporter_forget_counters(fixture->exporter, PORT);
    fake_capture_packet_to(PORT, TRUE, flows_fixture_mac, outside, 300 * MS);
    flow = send_and_decode(fixture, PORT, 20, 400 * MS);
    assert_decoded(flow, "samples.0.sequence", "2");
    vsf_exporter_interface(fixture->exporter, &interface); /* 1 again */
    vsf_exporter_flush(fixture->exporter);
    vsf_exporter_forget_flows(fixture->exporter, PORT);
    vsf_exporter_interface(fixture->exporter, &interface);
    vsf_exporter_flush(fixture->exporter);
    bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    counters = decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    assert_decoded(counters, "samples.0.sequence", "2");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define CASE(name, func)                                                               \
    g_test_add("/daemon/flows-ports/" name, Fixture, NULL, flows_fixture_set_up, func, \
               flows_fixture_tear_down)
    CASE("a-ports-rate-is-by-its-speed", test_a_ports_rate_is_by_its_speed);
    CASE("another-speed-is-another-rate-of-the-same-sampler",
         test_another_speed_is_another_rate_of_the_same_sampler);
    CASE("a-port-without-a-speed-may-be-off", test_a_port_without_a_speed_may_be_off);
    CASE("a-port-comes-and-goes", test_a_port_comes_and_goes);
    CASE("a-port-that-is-left-down-is-not-wanted", test_a_port_that_is_left_down_is_not_wanted);
    CASE("a-frame-from-outside-says-where-it-goes", test_a_frame_from_outside_says_where_it_goes);
    CASE("once-is-a-matter-of-taps", test_once_is_a_matter_of_taps);
    CASE("talks-are-counted-on-taps", test_talks_are_counted_on_taps);
    CASE("packets-and-counters-forget-apart", test_packets_and_counters_forget_apart);
    return g_test_run();
}
