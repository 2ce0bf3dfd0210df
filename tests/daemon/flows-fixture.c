/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows-fixture.h"

#include <string.h>

const guint8 flows_fixture_mac[6] = {0x52, 0x54, 0, 0, 0, 1};

static gint64 passed_us;

gint64 __real_g_get_monotonic_time(void);
gint64 __wrap_g_get_monotonic_time(void);

gint64
__wrap_g_get_monotonic_time(void)
{
    return __real_g_get_monotonic_time() + passed_us;
}

void
flows_fixture_pass(gint64 ms)
{
    passed_us += ms * 1000;
}

static void
collect(const guint8 *data, gsize size, gpointer user_data)
{
    g_ptr_array_add(user_data, g_bytes_new(data, size));
}

static void
on_domain(VsfDomain *domain G_GNUC_UNUSED, gpointer user_data G_GNUC_UNUSED)
{
}

static void
on_tap_added(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_added(((Fixture *)user_data)->flows, tap);
}

static void
on_tap_bound(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_bound(((Fixture *)user_data)->flows, tap);
}

static void
on_tap_changed(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_changed(((Fixture *)user_data)->flows, tap);
}

static void
on_tap_removed(VsfTap *tap, gpointer user_data)
{
    vsf_flows_tap_removed(((Fixture *)user_data)->flows, tap);
}

static guint32
index_for(const VsfDomainDef *def, gpointer user_data G_GNUC_UNUSED)
{
    return 200000u + def->uuid_bytes[15];
}

static char *
name_for(const VsfDomainDef *def, gpointer user_data G_GNUC_UNUSED)
{
    return g_strdup(def->name);
}

static const VsfRegistryCallbacks callbacks = {
    .domain_added = on_domain,
    .domain_changed = on_domain,
    .domain_removed = on_domain,
    .tap_added = on_tap_added,
    .tap_bound = on_tap_bound,
    .tap_changed = on_tap_changed,
    .tap_removed = on_tap_removed,
    .index_for = index_for,
    .name_for = name_for,
};

void
flows_fixture_set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const char *const patterns[] = {"vnet*", NULL};
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};

    passed_us = 0;
    fake_net_reset();
    fixture->config = vsf_config_new();
    fixture->config->sampling = 64;
    fixture->datagrams = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    fixture->exporter = vsf_exporter_new(fixture->config, &agent, collect, fixture->datagrams);
    fixture->reader = vsf_link_stats_new(NULL);
    fixture->registry = vsf_registry_new(patterns, &callbacks, fixture);
    fixture->flows = vsf_flows_new(fixture->config, fixture->registry, fixture->exporter,
                                   fixture->reader, NULL, NULL);
}

void
flows_fixture_start(Fixture *fixture)
{
    VsfLink link = {.ifindex = IFINDEX, .kind = "tun", .type = 1, .flags = IFF_UP, .name = "vnet0"};
    VsfDomainDef *def = vsf_domain_def_new();
    VsfNic *nic = g_new0(VsfNic, 1);

    memcpy(link.mac, flows_fixture_mac, sizeof(link.mac));
    link.mac[0] = 0xfe;
    vsf_registry_link_seen(fixture->registry, &link, 1000);
    memset(def->uuid_bytes, 1, sizeof(def->uuid_bytes));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = 1;
    def->name = g_strdup("a");
    nic->kind = VSF_NIC_TAP;
    nic->device = g_strdup(link.name);
    memcpy(nic->mac, flows_fixture_mac, sizeof(nic->mac));
    g_ptr_array_add(def->nics, nic);
    vsf_registry_domain_seen(fixture->registry, def, VSF_STATE_RUNNING, 1, 2000, 2000);
    fixture->tap = vsf_registry_tap(fixture->registry, IFINDEX);
}

void
flows_fixture_tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_registry_free(fixture->registry);
    vsf_flows_free(fixture->flows);
    vsf_exporter_free(fixture->exporter);
    vsf_link_stats_free(fixture->reader);
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

void
flows_fixture_see_vm(Fixture *fixture, const char *name, const char *device, const guint8 mac[6],
                     guint32 sampling)
{
    VsfDomainDef *def = vsf_domain_def_new();
    VsfNic *nic = g_new0(VsfNic, 1);

    def->monitor.sampling = sampling;
    memset(def->uuid_bytes, mac[5], sizeof(def->uuid_bytes));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = mac[5];
    def->name = g_strdup(name);
    nic->kind = VSF_NIC_TAP;
    nic->device = g_strdup(device);
    memcpy(nic->mac, mac, 6);
    g_ptr_array_add(def->nics, nic);
    vsf_registry_domain_seen(fixture->registry, def, VSF_STATE_RUNNING, 1, 2000, 2000);
}
