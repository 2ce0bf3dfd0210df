/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's metadata turn sampling off and on again: what a collector was told of
 * the tap goes on where it was. */
#include "../../daemon/flows.h"
#include "decoded.h"
#include "fake-net.h"

#include <net/if.h>

#define MS G_GINT64_CONSTANT(1000000) /* in nanoseconds */
#define IFINDEX 17

typedef struct {
    VsfConfig *config;
    VsfExporter *exporter;
    VsfLinkStatsReader *reader;
    VsfRegistry *registry;
    VsfFlows *flows;
    VsfDomain domain;
    VsfTap tap;
    GPtrArray *datagrams;
} Fixture;

static const guint8 mac[6] = {0x52, 0x54, 0, 0, 0, 1};

static void
collect(const guint8 *data, gsize size, gpointer user_data)
{
    g_ptr_array_add(user_data, g_bytes_new(data, size));
}

static void
set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const char *const patterns[] = {"vnet*", NULL};
    static const VsfRegistryCallbacks callbacks = {0};
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};

    fake_net_reset();
    fixture->config = vsf_config_new();
    fixture->config->sampling = 64;
    fixture->datagrams = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    fixture->exporter = vsf_exporter_new(fixture->config, &agent, collect, fixture->datagrams);
    fixture->reader = vsf_link_stats_new(NULL);
    fixture->registry = vsf_registry_new(patterns, &callbacks, NULL);
    fixture->flows = vsf_flows_new(fixture->config, fixture->registry, fixture->exporter,
                                   fixture->reader, NULL);
    fixture->domain = (VsfDomain){.def = vsf_domain_def_new()};
    fixture->domain.def->monitor.sampling = VSF_MONITOR_UNSET;
    fixture->tap = (VsfTap){.kind = VSF_NIC_TAP, .domain = &fixture->domain};
    fixture->tap.link.ifindex = IFINDEX;
    fixture->tap.link.flags = IFF_UP;
    g_strlcpy(fixture->tap.link.name, "vnet0", sizeof(fixture->tap.link.name));
}

static void
tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_flows_tap_removed(fixture->flows, &fixture->tap);
    vsf_registry_free(fixture->registry);
    vsf_flows_free(fixture->flows);
    vsf_exporter_free(fixture->exporter);
    vsf_link_stats_free(fixture->reader);
    vsf_domain_def_free(fixture->domain.def);
    vsf_config_free(fixture->config);
    g_ptr_array_unref(fixture->datagrams);
}

static void
want(Fixture *fixture, guint32 sampling)
{
    fixture->domain.def->monitor.sampling = sampling;
    vsf_flows_tap_changed(fixture->flows, &fixture->tap);
}

/* The sampler opens, when the tap has received @frames. */
static void
open_at(guint64 frames, gint64 read_ns)
{
    VsfLinkStats stats = {.rx_packets = frames};

    fake_link_stats_set(IFINDEX, &stats);
    fake_capture_opened(IFINDEX);
    g_assert_cmpuint(fake_link_stats_answer(read_ns), ==, 1);
}

/* A frame is picked, read when the tap has received @frames. */
static GHashTable *
sample_at(Fixture *fixture, guint64 frames, gint64 read_ns)
{
    VsfLinkStats stats = {.rx_packets = frames};
    GBytes *bytes;

    fake_link_stats_set(IFINDEX, &stats);
    fake_capture_packet(IFINDEX, TRUE, mac, read_ns);
    while (fake_link_stats_answer(read_ns) == 0)
        g_main_context_iteration(NULL, TRUE);
    bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    return decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void
test_pool_and_drops_go_on_after_sampling_was_off(Fixture *fixture,
                                                 gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = NULL, after = NULL;
    VsfFlowStatus status;

    vsf_flows_tap_added(fixture->flows, &fixture->tap);
    open_at(0, 0);
    fake_capture_set_drops(4);
    before = sample_at(fixture, 100, 1000 * MS);
    assert_decoded(before, "samples.0.sequence", "1");
    assert_decoded(before, "samples.0.sample_pool", "100");
    assert_decoded(before, "samples.0.drops", "4");

    want(fixture, 0);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
    g_assert_false(vsf_flows_status(fixture->flows, IFINDEX, &status));
    /* Neither a link message nor a reading for others wakes it up. */
    vsf_flows_tap_changed(fixture->flows, &fixture->tap);
    vsf_flows_reading(fixture->flows, IFINDEX, &(VsfLinkStats){.rx_packets = 5000}, 2000 * MS);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);

    want(fixture, 32);
    fake_capture_set_drops(0);
    open_at(9000, 3000 * MS);
    fake_capture_set_drops(1);
    after = sample_at(fixture, 9050, 4000 * MS);
    assert_decoded(after, "samples.0.sequence", "2");
    assert_decoded(after, "samples.0.sampling_rate", "32");
    /* What passed while it was off could not have been sampled. */
    assert_decoded(after, "samples.0.sample_pool", "150");
    assert_decoded(after, "samples.0.drops", "5");
    g_assert_true(vsf_flows_status(fixture->flows, IFINDEX, &status));
    g_assert_cmpuint(status.samples, ==, 2);
}

static void
test_a_tap_may_go_while_sampling_is_off(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    vsf_flows_tap_added(fixture->flows, &fixture->tap);
    open_at(0, 0);
    fake_capture_packet(IFINDEX, TRUE, mac, 1000 * MS);
    want(fixture, 0);
    vsf_flows_tap_removed(fixture->flows, &fixture->tap);
    vsf_exporter_flush(fixture->exporter);
    g_assert_cmpuint(fixture->datagrams->len, ==, 0);
    g_assert_false(vsf_flows_status(fixture->flows, IFINDEX, &status));
}

#define ADD(name, func) g_test_add("/flows-off/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("pool-and-drops-go-on-after-sampling-was-off",
        test_pool_and_drops_go_on_after_sampling_was_off);
    ADD("a-tap-may-go-while-sampling-is-off", test_a_tap_may_go_while_sampling_is_off);
    return g_test_run();
}
