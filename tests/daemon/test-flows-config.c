/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another configuration: samplers that it does not want otherwise are not touched, and what
 * collectors were told goes on. */
#include "flows-fixture.h"

#include <string.h>

/* The fixture's configuration with @text in the place of what that says. */
static void
put(Fixture *fixture, const char *text)
{
    g_autofree char *all = g_strdup_printf("[sflow]\nsampling = 64\n%s", text);
    g_autoptr(GError) error = NULL;
    VsfConfig *config = vsf_config_parse("f", all, strlen(all), &error);

    g_assert_no_error(error);
    vsf_flows_set_config(fixture->flows, config);
    vsf_exporter_set_config(fixture->exporter, config,
                            &(VsfSflowAddress){.family = 1, .bytes = {192, 0, 2, 1}});
    vsf_config_free(fixture->config);
    fixture->config = config;
}

static guint
rate_of(int ifindex)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(fake_samplers, GINT_TO_POINTER(ifindex)));
}

static void
test_what_concerns_others_touches_nothing(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    put(fixture, "polling = 7\n[vm other]\nsampling = 3\n[interface vnet1]\ndirection = in\n"
                 "[guest]\nagent = off\n");
    g_assert_cmpuint(fake_capture_opens, ==, 1);
    g_assert_cmpuint(rate_of(IFINDEX), ==, 64);
    put(fixture, "");
    g_assert_cmpuint(fake_capture_opens, ==, 1);
}

static void
test_another_rate_needs_no_other_sampler(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = NULL, after = NULL;

    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    before = flows_fixture_sample_at(fixture, 100, 1000 * MS);
    assert_decoded(before, "samples.0.sequence", "1");
    put(fixture, "[vm a]\nsampling = 8\n");
    g_assert_cmpuint(fake_capture_opens, ==, 1);
    after = flows_fixture_sample_at(fixture, 150, 2000 * MS);
    assert_decoded(after, "samples.0.sequence", "2");
    assert_decoded(after, "samples.0.sampling_rate", "8");
    assert_decoded(after, "samples.0.sample_pool", "150");
    /* Its metadata go before rules. */
    fixture->tap->domain->def->monitor.sampling = 5;
    put(fixture, "[vm a]\nsampling = 9\n[interface vnet0]\nsampling = 10\n");
    g_assert_cmpuint(rate_of(IFINDEX), ==, 5);
    fixture->tap->domain->def->monitor.sampling = VSF_MONITOR_UNSET;
    put(fixture, "[vm a]\nsampling = 9\n[interface vnet0]\nsampling = 10\n");
    g_assert_cmpuint(rate_of(IFINDEX), ==, 10);
    g_assert_cmpuint(fake_capture_opens, ==, 1);
}

static void
test_off_closes_it_and_on_opens_it(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    put(fixture, "[interface vnet*]\nsampling = 0\n");
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
    put(fixture, "");
    g_assert_cmpuint(rate_of(IFINDEX), ==, 64);
    g_assert_cmpuint(fake_capture_opens, ==, 2);
}

/* A frame in the ring was cut to the old length, which tells its direction. */
static void
test_other_header_bytes_open_it_anew_when_the_ring_is_empty(Fixture *fixture,
                                                            gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = NULL, after = NULL;

    flows_fixture_start(fixture);
    g_assert_cmpuint(fake_capture_header_bytes, ==, 128);
    flows_fixture_open_at(0, 0);
    fake_capture_set_drops(3);
    before = flows_fixture_sample_at(fixture, 100, 1000 * MS);
    fake_capture_leave_in_ring(IFINDEX, TRUE, flows_fixture_mac, 1001 * MS);
    put(fixture, "header-bytes = 200\n");
    g_assert_cmpuint(vsf_exporter_totals(fixture->exporter).flow_samples, ==, 2);
    g_assert_cmpuint(fake_capture_opens, ==, 2);
    g_assert_cmpuint(fake_capture_header_bytes, ==, 200);
    flows_fixture_open_at(200, 2000 * MS);
    after = flows_fixture_sample_at(fixture, 300, 3000 * MS);
    assert_decoded(after, "samples.0.sequence", "3");
    /* Those of the handle before, and of this one. */
    assert_decoded(after, "samples.0.drops", "6");
}

static void
test_another_direction_opens_it_anew(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    flows_fixture_start(fixture);
    g_assert_cmpint(fake_capture_direction, ==, VSF_DIRECTION_ONCE);
    flows_fixture_open_at(0, 0);
    /* A frame to the VM that counts no more. */
    fake_capture_packet(IFINDEX, FALSE, flows_fixture_mac, 1000 * MS);
    fake_capture_packet(IFINDEX, TRUE, flows_fixture_mac, 1000 * MS);
    put(fixture, "[vm a]\ndirection = in\n");
    g_assert_cmpuint(fake_capture_opens, ==, 2);
    g_assert_cmpint(fake_capture_direction, ==, VSF_DIRECTION_IN);
    g_assert_true(vsf_flows_status(fixture->flows, IFINDEX, &status));
    g_assert_cmpint(status.direction, ==, VSF_DIRECTION_IN);
    g_assert_cmpuint(status.samples, ==, 1);
    g_assert_cmpuint(status.left_out, ==, 0);
    g_assert_cmpuint(rate_of(IFINDEX), ==, 64);
    put(fixture, "[vm a]\ndirection = in\nsampling = 3\n");
    g_assert_cmpuint(fake_capture_opens, ==, 2);
}

static void
test_the_pool_of_another_direction_counts_its_frames(Fixture *fixture,
                                                     gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLinkStats stats = {.rx_packets = 200, .tx_packets = 900};
    g_autoptr(GHashTable) before = NULL;
    VsfFlowStatus status;

    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    before = flows_fixture_sample_at(fixture, 100, 1000 * MS);
    assert_decoded(before, "samples.0.sample_pool", "100");
    put(fixture, "[capture]\ndirection = out\n");
    fake_link_stats_set(IFINDEX, &stats);
    fake_capture_opened(IFINDEX);
    g_assert_cmpuint(fake_link_stats_answer(2000 * MS), ==, 1);
    stats.rx_packets += 1000;
    stats.tx_packets += 7;
    fake_link_stats_set(IFINDEX, &stats);
    fake_capture_packet(IFINDEX, FALSE, flows_fixture_mac, 3000 * MS);
    while (fake_link_stats_answer(3000 * MS) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(vsf_flows_status(fixture->flows, IFINDEX, &status));
    g_assert_cmpuint(status.samples, ==, 2);
    g_assert_cmpuint(status.pool, ==, 107);
}

/* An interface's rule counts before its VM is known, its VM's from then on. */
static void
test_a_tap_that_comes_has_what_its_rules_say(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    put(fixture, "[vm a]\nsampling = 8\ndirection = both\n");
    flows_fixture_start(fixture);
    g_assert_cmpuint(rate_of(IFINDEX), ==, 8);
    g_assert_cmpint(fake_capture_direction, ==, VSF_DIRECTION_BOTH);
}

/* Whatever its VM's own metadata want. */
static void
test_what_its_switch_samples_has_no_sampler(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    fixture->tap->domain->def->monitor.sampling = 5;
    fixture->tap->switch_samples = TRUE;
    vsf_flows_tap_changed(fixture->flows, fixture->tap);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
    fixture->tap->switch_samples = FALSE;
    vsf_flows_tap_changed(fixture->flows, fixture->tap);
    flows_fixture_open_at(0, 0);
    g_assert_cmpuint(rate_of(IFINDEX), ==, 5);
}

#define ADD(name, func)                                                          \
    g_test_add("/flows-config/" name, Fixture, NULL, flows_fixture_set_up, func, \
               flows_fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-concerns-others-touches-nothing", test_what_concerns_others_touches_nothing);
    ADD("another-rate-needs-no-other-sampler", test_another_rate_needs_no_other_sampler);
    ADD("off-closes-it-and-on-opens-it", test_off_closes_it_and_on_opens_it);
    ADD("what-its-switch-samples-has-no-sampler", test_what_its_switch_samples_has_no_sampler);
    ADD("other-header-bytes-open-it-anew-when-the-ring-is-empty",
        test_other_header_bytes_open_it_anew_when_the_ring_is_empty);
    ADD("another-direction-opens-it-anew", test_another_direction_opens_it_anew);
    ADD("the-pool-of-another-direction-counts-its-frames",
        test_the_pool_of_another_direction_counts_its_frames);
    ADD("a-tap-that-comes-has-what-its-rules-say", test_a_tap_that_comes_has_what_its_rules_say);
    return g_test_run();
}
