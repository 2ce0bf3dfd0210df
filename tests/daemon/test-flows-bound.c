/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bound on the samples of all taps that is set while they are sampled. */
#include "flows-fixture.h"

static guint32
rate(void)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(fake_samplers, GINT_TO_POINTER(IFINDEX)));
}

/* Some ten thousand a second, until the tap is sampled more coarsely or @most were. */
static void
pick(guint most)
{
    guint32 before = rate();

    for (guint n = 0; n < most && rate() == before; n++) {
        fake_capture_packet(IFINDEX, TRUE, flows_fixture_mac, n * MS);
        if (n % 16 == 0)
            g_usleep(1000);
    }
}

static void
expect_warning(const char *why)
{
    g_autofree char *pattern = g_strdup_printf("vnet0: more samples than %s*", why);

    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, pattern);
}

static void
test_a_bound_cuts_who_has_more(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    fixture->config->max_samples_per_second = 0;
    fixture->config->max_host_samples_per_second = 0;
    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    pick(4000);
    g_assert_cmpuint(rate(), ==, 64);
    vsf_flows_set_bound(fixture->flows, 100);
    expect_warning("[daemon] cpu-limit leaves room for");
    pick(4000);
    g_test_assert_expected_messages();
    g_assert_true(vsf_flows_status(fixture->flows, IFINDEX, &status));
    g_assert_cmpuint(status.factor, >, 1);
    g_assert_cmpuint(rate(), ==, 64 * status.factor);
}

static void
test_a_tighter_configuration_counts(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fixture->config->max_samples_per_second = 0;
    fixture->config->max_host_samples_per_second = 100;
    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    vsf_flows_set_bound(fixture->flows, 1000000);
    expect_warning("*");
    pick(8000);
    g_test_assert_expected_messages();
}

static void
test_a_bound_that_goes_leaves_the_rate_alone(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    fixture->config->max_samples_per_second = 0;
    fixture->config->max_host_samples_per_second = 0;
    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    vsf_flows_set_bound(fixture->flows, 50);
    vsf_flows_set_bound(fixture->flows, 0);
    pick(4000);
    g_assert_cmpuint(rate(), ==, 64);
    g_assert_cmpuint(vsf_flows_picked(fixture->flows), ==, 4000);
}

#define ADD(name, func)                                                         \
    g_test_add("/flows-bound/" name, Fixture, NULL, flows_fixture_set_up, func, \
               flows_fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* Warnings are part of what is tested here, not failures. */
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    ADD("a-bound-cuts-who-has-more", test_a_bound_cuts_who_has_more);
    ADD("a-tighter-configuration-counts", test_a_tighter_configuration_counts);
    ADD("a-bound-that-goes-leaves-the-rate-alone", test_a_bound_that_goes_leaves_the_rate_alone);
    return g_test_run();
}
