/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's own numbers on the wire, judged by the decoder. */
#include "../../daemon/exporter.h"
#include "decoded.h"

#include <string.h>

#define SOURCE "virt-sflowd-node7"
#define SMALLEST_DATAGRAM 512

/* name -> value of all metrics that leave; each name stands there once. *@n_samples: how
 * many samples they took. */
static GHashTable *
sent(VsfConfig *config, const VsfVitalSigns *signs, const char *source, guint *n_samples)
{
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};
    g_autoptr(GPtrArray) datagrams = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    VsfExporter *exporter;
    GHashTable *metrics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    exporter = vsf_exporter_new(config, &agent, decoded_collect, datagrams);
    vsf_exporter_vital_signs(exporter, source, signs);
    vsf_exporter_free(exporter);
    *n_samples = decoded_metrics(datagrams, metrics, source);
    return metrics;
}

#define assert_metric(metrics, name, value) \
    g_assert_cmpstr(g_hash_table_lookup((metrics), (name)), ==, (value))

/* Each number has a value of its own: 1000, 1001, ... in the table's order. */
static VsfVitalSigns
distinct_signs(void)
{
    VsfVitalSigns signs = {
        .version = "1.2.3", .backend = "pcap", .config_hash = "0123456789abcdef"};
    guint n;
    const VsfVitalSign *numbers = vsf_vital_signs_numbers(&n);

    for (guint i = 0; i < n; i++)
        G_STRUCT_MEMBER(guint64, &signs, numbers[i].offset) = 1000 + i;
    return signs;
}

static void
test_every_number_is_sent_once(void)
{
    static const guint sizes[] = {SMALLEST_DATAGRAM, 1400};
    VsfVitalSigns signs = distinct_signs();
    guint n, n_samples;
    const VsfVitalSign *numbers = vsf_vital_signs_numbers(&n);

    /* All of the struct stands in the table. */
    g_assert_cmpuint(n * sizeof(guint64), ==,
                     sizeof(signs) - G_STRUCT_OFFSET(VsfVitalSigns, uptime_s));
    for (guint size = 0; size < G_N_ELEMENTS(sizes); size++) {
        g_autoptr(VsfConfig) config = vsf_config_new();
        g_autoptr(GHashTable) metrics = NULL;

        config->datagram_bytes = sizes[size];
        metrics = sent(config, &signs, SOURCE, &n_samples);
        g_assert_cmpuint(n_samples, >=, 1);
        g_assert_cmpuint(g_hash_table_size(metrics), ==, n + 3);
        assert_metric(metrics, "version", "1.2.3");
        assert_metric(metrics, "backend", "pcap");
        assert_metric(metrics, "config_hash", "0123456789abcdef");
        for (guint i = 0; i < n; i++) {
            g_autofree char *value = g_strdup_printf("%u", 1000 + i);

            assert_metric(metrics, numbers[i].name, value);
        }
    }
}

static void
test_what_is_not_known_is_left_out(void)
{
    g_autoptr(VsfConfig) config = vsf_config_new();
    VsfVitalSigns signs = distinct_signs();
    g_autoptr(GHashTable) metrics = NULL;
    guint n_samples;

    signs.lateness_p99_us = VSF_UNKNOWN;
    signs.vms_stuck = 0;
    metrics = sent(config, &signs, SOURCE, &n_samples);
    assert_metric(metrics, "lateness_p99_us", NULL);
    assert_metric(metrics, "vms_stuck", "0");
}

static void
test_a_long_host_name_is_cut(void)
{
    g_autoptr(VsfConfig) config = vsf_config_new();
    VsfVitalSigns signs = distinct_signs();
    g_autoptr(GHashTable) metrics = NULL;
    g_autofree char *host = g_strnfill(80, 'h'), *cut = g_strndup(host, 63);
    g_autoptr(GPtrArray) datagrams = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    VsfSflowAddress agent = {.family = 1, .bytes = {192, 0, 2, 1}};
    VsfExporter *exporter = vsf_exporter_new(config, &agent, decoded_collect, datagrams);

    vsf_exporter_vital_signs(exporter, host, &signs);
    vsf_exporter_free(exporter);
    metrics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_assert_cmpuint(decoded_metrics(datagrams, metrics, cut), >=, 1);
}

static void
test_no_detail_means_none(void)
{
    g_autoptr(VsfConfig) config = vsf_config_new();
    VsfVitalSigns signs = distinct_signs();
    g_autoptr(GHashTable) metrics = NULL;
    guint n_samples;

    config->detail = VSF_DETAIL_NONE;
    metrics = sent(config, &signs, SOURCE, &n_samples);
    g_assert_cmpuint(n_samples, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vital-signs/every-number-is-sent-once", test_every_number_is_sent_once);
    g_test_add_func("/vital-signs/what-is-not-known-is-left-out",
                    test_what_is_not_known_is_left_out);
    g_test_add_func("/vital-signs/a-long-host-name-is-cut", test_a_long_host_name_is_cut);
    g_test_add_func("/vital-signs/no-detail-means-none", test_no_detail_means_none);
    return g_test_run();
}
