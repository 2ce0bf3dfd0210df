/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's metadata turn sampling off and on again: what a collector was told of
 * the tap goes on where it was. */
#include "flows-fixture.h"

static void
want(Fixture *fixture, guint32 sampling)
{
    fixture->domain.def->monitor.sampling = sampling;
    vsf_flows_tap_changed(fixture->flows, &fixture->tap);
}

static void
test_pool_and_drops_go_on_after_sampling_was_off(Fixture *fixture,
                                                 gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = NULL, after = NULL;
    VsfFlowStatus status;

    vsf_flows_tap_added(fixture->flows, &fixture->tap);
    flows_fixture_open_at(0, 0);
    fake_capture_set_drops(4);
    before = flows_fixture_sample_at(fixture, 100, 1000 * MS);
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
    flows_fixture_open_at(9000, 3000 * MS);
    fake_capture_set_drops(1);
    after = flows_fixture_sample_at(fixture, 9050, 4000 * MS);
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
    flows_fixture_open_at(0, 0);
    fake_capture_packet(IFINDEX, TRUE, flows_fixture_mac, 1000 * MS);
    want(fixture, 0);
    vsf_flows_tap_removed(fixture->flows, &fixture->tap);
    vsf_exporter_flush(fixture->exporter);
    g_assert_cmpuint(fixture->datagrams->len, ==, 0);
    g_assert_false(vsf_flows_status(fixture->flows, IFINDEX, &status));
}

static void
test_totals_count_what_is_wanted_and_keep_drops(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowTotals totals = vsf_flows_totals(fixture->flows);

    g_assert_cmpuint(totals.wanted, ==, 0);
    g_assert_cmpuint(totals.factor, ==, 1);
    vsf_flows_tap_added(fixture->flows, &fixture->tap);
    totals = vsf_flows_totals(fixture->flows);
    g_assert_cmpuint(totals.wanted, ==, 1);
    g_assert_cmpuint(totals.sampled, ==, 0);
    flows_fixture_open_at(0, 0);
    fake_capture_set_drops(4);
    totals = vsf_flows_totals(fixture->flows);
    g_assert_cmpuint(totals.sampled, ==, 1);
    g_assert_cmpuint(totals.drops, ==, 4);
    /* A tap that no VM claims is not one that anybody wants sampled. */
    fixture->tap.domain = NULL;
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).wanted, ==, 0);
    fixture->tap.domain = &fixture->domain;
    want(fixture, 0);
    totals = vsf_flows_totals(fixture->flows);
    g_assert_cmpuint(totals.wanted, ==, 0);
    g_assert_cmpuint(totals.drops, ==, 4);
    vsf_flows_tap_removed(fixture->flows, &fixture->tap);
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).drops, ==, 4);
}

#define ADD(name, func)                                                       \
    g_test_add("/flows-off/" name, Fixture, NULL, flows_fixture_set_up, func, \
               flows_fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("pool-and-drops-go-on-after-sampling-was-off",
        test_pool_and_drops_go_on_after_sampling_was_off);
    ADD("a-tap-may-go-while-sampling-is-off", test_a_tap_may_go_while_sampling_is_off);
    ADD("totals-count-what-is-wanted-and-keep-drops",
        test_totals_count_what_is_wanted_and_keep_drops);
    return g_test_run();
}
