/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows-fixture.h"

const guint8 flows_fixture_mac[6] = {0x52, 0x54, 0, 0, 0, 1};

static void
collect(const guint8 *data, gsize size, gpointer user_data)
{
    g_ptr_array_add(user_data, g_bytes_new(data, size));
}

void
flows_fixture_set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
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

void
flows_fixture_tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
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

void
flows_fixture_open_at(guint64 frames, gint64 read_ns)
{
    VsfLinkStats stats = {.rx_packets = frames};

    fake_link_stats_set(IFINDEX, &stats);
    fake_capture_opened(IFINDEX);
    g_assert_cmpuint(fake_link_stats_answer(read_ns), ==, 1);
}

GHashTable *
flows_fixture_sample_at(Fixture *fixture, guint64 frames, gint64 read_ns)
{
    VsfLinkStats stats = {.rx_packets = frames};
    GBytes *bytes;

    fake_link_stats_set(IFINDEX, &stats);
    fake_capture_packet(IFINDEX, TRUE, flows_fixture_mac, read_ns);
    while (fake_link_stats_answer(read_ns) == 0)
        g_main_context_iteration(NULL, TRUE);
    bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    return decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}
