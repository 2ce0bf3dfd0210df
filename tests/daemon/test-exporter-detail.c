/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain's detail on the wire, judged by the decoder. */
#include "../../daemon/exporter.h"
#include "decoded.h"

#include <string.h>

#define UUID "11223344-5566-7788-99aa-bbccddeeff00"

typedef struct {
    VsfConfig *config;
    VsfExporter *exporter;
    GPtrArray *datagrams; /* GBytes */
    VsfDomain domain;
    VsfDomainDetail detail;
    VsfGuestFacts *facts;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer datagram_bytes)
{
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};
    VsfDomainDef *def = vsf_domain_def_new();

    fixture->config = vsf_config_new();
    if (datagram_bytes != NULL)
        fixture->config->datagram_bytes = GPOINTER_TO_UINT(datagram_bytes);
    fixture->datagrams = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    fixture->exporter = vsf_exporter_new(fixture->config, &agent, decoded_collect,
                                         fixture->datagrams);
    g_strlcpy(def->uuid, UUID, sizeof(def->uuid));
    fixture->domain = (VsfDomain){.def = def, .index = 200017};
    vsf_domain_detail_init(&fixture->detail);
    fixture->facts = vsf_guest_facts_new();
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_exporter_free(fixture->exporter);
    vsf_config_free(fixture->config);
    g_ptr_array_unref(fixture->datagrams);
    vsf_domain_def_free(fixture->domain.def);
    vsf_domain_detail_clear(&fixture->detail);
    vsf_guest_facts_free(fixture->facts);
}

/* Everything that left: name -> value. Each name stands there once. */
static GHashTable *
sent(Fixture *fixture, const VsfGuestFacts *facts)
{
    GHashTable *metrics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    g_ptr_array_set_size(fixture->datagrams, 0);
    vsf_exporter_detail(fixture->exporter, &fixture->domain, &fixture->detail, facts);
    vsf_exporter_flush(fixture->exporter);
    decoded_metrics(fixture->datagrams, metrics, UUID);
    return metrics;
}

#define assert_metric(metrics, name, value) \
    g_assert_cmpstr(g_hash_table_lookup((metrics), (name)), ==, (value))

static void
know(Fixture *fixture, VsfQgaPart part, gint64 age_s, gboolean fresh)
{
    fixture->facts->state[part] = VSF_QGA_STATE_KNOWN;
    fixture->facts->known_us[part] = 1;
    fixture->detail.part_age_s[part] = age_s;
    fixture->detail.part_fresh[part] = fresh;
}

static void
add_filesystem(Fixture *fixture, const char *key, const char *mount_point)
{
    VsfGuestFilesystem *filesystem = g_new0(VsfGuestFilesystem, 1);

    g_strlcpy(filesystem->key, key, sizeof(filesystem->key));
    filesystem->mount_point = g_strdup(mount_point);
    filesystem->device = g_strdup("vda1");
    filesystem->total = 1000;
    filesystem->used = 400;
    g_ptr_array_add(fixture->facts->filesystems, filesystem);
}

static void
test_what_is_not_known_is_left_out(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) metrics = sent(fixture, NULL);

    assert_metric(metrics, "memory_why", "waiting");
    assert_metric(metrics, "available_why", "waiting");
    assert_metric(metrics, "stuck_s", "0");
    assert_metric(metrics, "stale_s", "0");
    g_assert_cmpuint(g_hash_table_size(metrics), ==, 4);
}

static void
test_what_nova_says_is_sent(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    VsfDomainDef *def = fixture->domain.def;
    VsfNetCounters net = vsf_net_counters_zero();
    VsfNic *nic = g_new0(VsfNic, 1);
    VsfDisk *disk = g_new0(VsfDisk, 1);
    VsfDiskDetail detailed = {.target = "vda"};
    g_autoptr(GHashTable) metrics = NULL;

    nic->port = g_strdup("2d7b1d4e-9f00-4a3c-b6de-c3a1c6c6e001");
    g_ptr_array_add(def->nics, nic);
    vsf_domain_detail_nic(&fixture->detail, 0, 17, &net);
    vsf_domain_detail_nic(&fixture->detail, 1, 18, &net); /* its XML has it no longer */
    g_array_append_val(fixture->detail.disks, detailed);
    disk->target = g_strdup("vda");
    disk->serial = g_strdup("c1dec0de-0000-4000-8000-000000000050");
    g_ptr_array_add(def->disks, disk);
    def->nova = vsf_nova_new();
    def->nova->name = vsf_nova_text("web\n1");
    def->nova->created_s = 1709287872;
    def->nova->flavor.name = g_strdup("m1.small");
    def->nova->flavor.vcpus = 2;
    def->nova->flavor.memory = 1 << 20;
    def->nova->flavor.disk = 0;
    def->nova->project.id = g_strdup("7b1c");
    def->nova->project.name = g_strdup("shop");
    def->nova->user.id = g_strdup("3a0d");
    metrics = sent(fixture, NULL);

    assert_metric(metrics, "nova_name", "web 1");
    assert_metric(metrics, "nova_created_s", "1709287872");
    assert_metric(metrics, "nova_flavor", "m1.small");
    assert_metric(metrics, "nova_flavor_vcpus", "2");
    assert_metric(metrics, "nova_flavor_memory_bytes", "1048576");
    assert_metric(metrics, "nova_flavor_disk_bytes", "0");
    assert_metric(metrics, "nova_project_id", "7b1c");
    assert_metric(metrics, "nova_project_name", "shop");
    assert_metric(metrics, "nova_user_id", "3a0d");
    assert_metric(metrics, "nova_user_name", NULL);
    assert_metric(metrics, "nova_image", NULL);
    assert_metric(metrics, "nic0_port", "2d7b1d4e-9f00-4a3c-b6de-c3a1c6c6e001");
    assert_metric(metrics, "nic1_port", NULL);
    assert_metric(metrics, "disk_vda_volume", "c1dec0de-0000-4000-8000-000000000050");
}

static const VsfNetCounters *
counters_of(const char *pci, gpointer user_data)
{
    return strcmp(pci, "0000:81:00.2") == 0 ? user_data : NULL;
}

static void
test_what_a_card_counts_is_sent(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    static const char *const pcis[] = {"", "0000:81:00.2", "0000:82:00.0"};
    VsfNetCounters net = vsf_net_counters_unknown();
    g_autoptr(GHashTable) metrics = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(pcis); i++) {
        VsfNic *nic = g_new0(VsfNic, 1);

        g_strlcpy(nic->pci, pcis[i], sizeof(nic->pci));
        g_ptr_array_add(fixture->domain.def->nics, nic);
    }
    net.bytes_in = 7;
    net.drops_out = 8;
    vsf_exporter_set_hostdevs(fixture->exporter, counters_of, &net);
    metrics = sent(fixture, NULL);
    assert_metric(metrics, "nic0_pci", NULL);
    assert_metric(metrics, "nic1_pci", "0000:81:00.2");
    assert_metric(metrics, "nic1_bytes_in", "7");
    assert_metric(metrics, "nic1_bytes_out", NULL);
    assert_metric(metrics, "nic1_drops_out", "8");
    assert_metric(metrics, "nic2_pci", "0000:82:00.0");
    assert_metric(metrics, "nic2_bytes_in", NULL);
    vsf_exporter_set_hostdevs(fixture->exporter, NULL, NULL);
    g_hash_table_unref(metrics);
    metrics = sent(fixture, NULL);
    assert_metric(metrics, "nic1_pci", NULL);
}

static void
test_what_is_known_is_sent(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    VsfDiskDetail disk = {.target = "vda",
                          .rd_req = 7,
                          .fl_req = 3,
                          .rd_latency_ns = 2500,
                          .wr_latency_ns = VSF_UNKNOWN,
                          .fl_latency_ns = VSF_UNKNOWN};
    VsfNetCounters net = vsf_net_counters_zero();
    g_autoptr(GHashTable) metrics = NULL;

    fixture->detail.memory = (VsfTruth){5, VSF_SOURCE_AGENT, 4, VSF_WHY_OK};
    fixture->detail.agent = "answers";
    fixture->detail.agent_latency_ms = 12;
    fixture->detail.vcpu_wait_ns = 3999999;
    fixture->detail.stuck_s = 61;
    fixture->detail.stale_s = 63;
    g_array_append_val(fixture->detail.disks, disk);
    net.bytes_in = 99;
    vsf_domain_detail_nic(&fixture->detail, 2, 17, &net);
    know(fixture, VSF_QGA_PART_FILESYSTEMS, 8, TRUE);
    add_filesystem(fixture, "var_lib_9c1e", "/var/lib");
    know(fixture, VSF_QGA_PART_MEMORY, 8, TRUE);
    fixture->facts->memory = (VsfQgaMemory){.cached = 77, .swap_total = 50, .swap_free = 20};
    know(fixture, VSF_QGA_PART_LOAD, 8, TRUE);
    fixture->facts->load = (VsfQgaLoad){0.5, 0, VSF_QGA_UNKNOWN_LOAD};
    fixture->facts->state[VSF_QGA_PART_CPU_STATS] = VSF_QGA_STATE_DISABLED;
    metrics = sent(fixture, fixture->facts);

    assert_metric(metrics, "memory_source", "agent");
    assert_metric(metrics, "memory_age_s", "4");
    assert_metric(metrics, "memory_why", "ok");
    assert_metric(metrics, "agent_state", "answers");
    assert_metric(metrics, "agent_latency_ms", "12");
    assert_metric(metrics, "vcpu_wait_ms", "3");
    assert_metric(metrics, "stuck_s", "61");
    assert_metric(metrics, "stale_s", "63");
    assert_metric(metrics, "disk_vda_reads", "7");
    assert_metric(metrics, "disk_vda_flushes", "3");
    assert_metric(metrics, "disk_vda_read_latency_us", "2");
    assert_metric(metrics, "disk_vda_write_latency_us", NULL);
    assert_metric(metrics, "nic2_ifindex", "17");
    assert_metric(metrics, "nic2_bytes_in", "99");
    assert_metric(metrics, "fs_var_lib_9c1e_total_bytes", "1000");
    assert_metric(metrics, "fs_var_lib_9c1e_used_bytes", "400");
    assert_metric(metrics, "fs_var_lib_9c1e_mount", "/var/lib");
    assert_metric(metrics, "fs_var_lib_9c1e_device", "vda1");
    assert_metric(metrics, "fs_var_lib_9c1e_type", NULL);
    assert_metric(metrics, "fs_agent_age_s", "8");
    assert_metric(metrics, "page_cache_bytes", "77");
    assert_metric(metrics, "swap_total_bytes", "50");
    assert_metric(metrics, "swap_used_bytes", "30");
    assert_metric(metrics, "load_1m", "0.5");
    assert_metric(metrics, "load_5m", "0");
    assert_metric(metrics, "load_15m", NULL);
    assert_metric(metrics, "cpu_steal_ms", NULL);
    assert_metric(metrics, "cpu_agent_state", "disabled");
}

static void
test_what_is_stale_is_left_out_with_its_age(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) metrics = NULL;

    know(fixture, VSF_QGA_PART_FILESYSTEMS, 500, FALSE);
    add_filesystem(fixture, "root_1234", "/");
    metrics = sent(fixture, fixture->facts);
    assert_metric(metrics, "fs_agent_age_s", "500");
    assert_metric(metrics, "fs_root_1234_total_bytes", NULL);
}

static void
assert_page_cache(Fixture *fixture, VsfSource source, const VsfGuestFacts *facts,
                  const char *expected)
{
    g_autoptr(GHashTable) metrics = NULL;

    fixture->detail.memory.source = source;
    metrics = sent(fixture, facts);
    assert_metric(metrics, "page_cache_bytes", expected);
}

static void
test_the_page_cache_is_from_where_memory_is(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->detail.page_cache = 88; /* the balloon's */
    fixture->facts->memory.cached = 77;
    know(fixture, VSF_QGA_PART_MEMORY, 8, TRUE);
    assert_page_cache(fixture, VSF_SOURCE_BALLOON, fixture->facts, "88");
    assert_page_cache(fixture, VSF_SOURCE_BALLOON, NULL, "88");
    assert_page_cache(fixture, VSF_SOURCE_AGENT, fixture->facts, "77");
    assert_page_cache(fixture, VSF_SOURCE_AGENT, NULL, NULL);
    assert_page_cache(fixture, VSF_SOURCE_HOST, fixture->facts, NULL);
    assert_page_cache(fixture, VSF_SOURCE_UNDECIDED, fixture->facts, NULL);
    know(fixture, VSF_QGA_PART_MEMORY, 500, FALSE);
    assert_page_cache(fixture, VSF_SOURCE_AGENT, fixture->facts, NULL);
    fixture->detail.page_cache = VSF_UNKNOWN;
    know(fixture, VSF_QGA_PART_MEMORY, 8, TRUE);
    assert_page_cache(fixture, VSF_SOURCE_BALLOON, fixture->facts, NULL);
}

static void
fill(Fixture *fixture)
{
    g_autofree char *wide = g_strnfill(255, 'x');
    VsfDiskDetail disk = {0};
    VsfNetCounters net = vsf_net_counters_zero();

    for (guint i = 0; i < VSF_GUEST_FILESYSTEMS_MAX; i++) {
        g_autofree char *key = g_strdup_printf("%038u_%04x", i, i);

        add_filesystem(fixture, key, wide);
    }
    fixture->facts->n_rest = 5;
    for (guint i = 0; i < VSF_DETAIL_DISKS_MAX; i++) {
        g_snprintf(disk.target, sizeof(disk.target), "v d\"%u", i);
        g_array_append_val(fixture->detail.disks, disk);
    }
    fixture->detail.n_disks_rest = 3;
    for (guint i = 0; i < VSF_DETAIL_NICS_MAX + 4; i++)
        vsf_domain_detail_nic(&fixture->detail, i, i + 1, &net);
    for (guint part = 0; part < VSF_QGA_N_PARTS; part++)
        know(fixture, part, 1, TRUE);
}

static void
test_the_most_that_there_can_be_is_sent_in_datagrams_of_any_size(Fixture *fixture,
                                                                 gconstpointer data)
{
    g_autoptr(GHashTable) metrics = NULL;

    fill(fixture);
    metrics = sent(fixture, fixture->facts);
    for (guint i = 0; i < fixture->datagrams->len; i++)
        g_assert_cmpuint(g_bytes_get_size(fixture->datagrams->pdata[i]), <=,
                         GPOINTER_TO_UINT(data));
    assert_metric(metrics, "fs_rest_count", "5");
    assert_metric(metrics, "disks_rest_count", "3");
    assert_metric(metrics, "nics_rest_count", "4");
    assert_metric(metrics, "disk_v_d_15_reads", "0");
    assert_metric(metrics, "nic15_drops_out", "0");
    /* 4 for each of 32 filesystems, 10 for each of 17 disks, 9 of 16 NICs and 8 of the rest. */
    g_assert_cmpuint(g_hash_table_size(metrics), >=, 32 * 4 + 17 * 10 + 16 * 9 + 8);
    g_assert_cmpuint(vsf_exporter_totals(fixture->exporter).truncated, ==, 0);
}

static void
test_no_detail_is_sent_where_none_is_wanted(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) metrics = NULL;

    fixture->config->detail = VSF_DETAIL_NONE;
    fill(fixture);
    metrics = sent(fixture, fixture->facts);
    g_assert_cmpuint(fixture->datagrams->len, ==, 0);
}

#define ADD(path, func, bytes) \
    g_test_add("/exporter/detail/" path, Fixture, GUINT_TO_POINTER(bytes), set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-is-not-known-is-left-out", test_what_is_not_known_is_left_out, 0);
    ADD("what-a-card-counts-is-sent", test_what_a_card_counts_is_sent, 0);
    ADD("what-nova-says-is-sent", test_what_nova_says_is_sent, 0);
    ADD("what-is-known-is-sent", test_what_is_known_is_sent, 0);
    ADD("what-is-stale-is-left-out-with-its-age", test_what_is_stale_is_left_out_with_its_age, 0);
    ADD("the-page-cache-is-from-where-memory-is", test_the_page_cache_is_from_where_memory_is, 0);
    ADD("the-most-that-there-can-be-is-sent-in-datagrams-of-512-bytes",
        test_the_most_that_there_can_be_is_sent_in_datagrams_of_any_size, 512);
    ADD("the-most-that-there-can-be-is-sent-in-datagrams-of-9000-bytes",
        test_the_most_that_there_can_be_is_sent_in_datagrams_of_any_size, 9000);
    ADD("no-detail-is-sent-where-none-is-wanted", test_no_detail_is_sent_where_none_is_wanted, 0);
    return g_test_run();
}
