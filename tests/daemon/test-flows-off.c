/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM's metadata, or an operator, turn sampling off and on again: what a collector was told
 * of the tap goes on where it was. */
#include "flows-fixture.h"

static void
want(Fixture *fixture, guint32 sampling)
{
    fixture->tap->domain->def->monitor.sampling = sampling;
    vsf_flows_tap_changed(fixture->flows, fixture->tap);
}

static void
test_pool_and_drops_go_on_after_sampling_was_off(Fixture *fixture,
                                                 gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = NULL, after = NULL;
    VsfFlowStatus status;

    flows_fixture_start(fixture);
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
    vsf_flows_tap_changed(fixture->flows, fixture->tap);
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

    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    fake_capture_packet(IFINDEX, TRUE, flows_fixture_mac, 1000 * MS);
    want(fixture, 0);
    vsf_registry_link_gone(fixture->registry, IFINDEX);
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
    flows_fixture_start(fixture);
    totals = vsf_flows_totals(fixture->flows);
    g_assert_cmpuint(totals.wanted, ==, 1);
    g_assert_cmpuint(totals.sampled, ==, 0);
    flows_fixture_open_at(0, 0);
    fake_capture_set_drops(4);
    totals = vsf_flows_totals(fixture->flows);
    g_assert_cmpuint(totals.sampled, ==, 1);
    g_assert_cmpuint(totals.drops, ==, 4);
    /* A tap that no VM claims is not one that anybody wants sampled. */
    fixture->tap->role = VSF_TAP_PROVISIONAL;
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).wanted, ==, 0);
    fixture->tap->role = VSF_TAP_OF_VM;
    want(fixture, 0);
    totals = vsf_flows_totals(fixture->flows);
    g_assert_cmpuint(totals.wanted, ==, 0);
    g_assert_cmpuint(totals.drops, ==, 4);
    vsf_registry_link_gone(fixture->registry, IFINDEX);
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).drops, ==, 4);
}

static void
test_a_pause_closes_the_samplers_and_their_story_goes_on(Fixture *fixture,
                                                         gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = NULL, after = NULL;
    VsfFlowStatus status;

    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    before = flows_fixture_sample_at(fixture, 100, 1000 * MS);
    assert_decoded(before, "samples.0.sequence", "1");
    vsf_flows_pause(fixture->flows, TRUE);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
    g_assert_true(vsf_flows_status(fixture->flows, IFINDEX, &status));
    g_assert_cmpstr(status.state, ==, "paused");
    g_assert_cmpuint(status.sampling, ==, 0);
    g_assert_cmpuint(status.samples, ==, 1);
    g_assert_cmpuint(status.pool, ==, 100);
    /* Neither a link message nor its VM's metadata wakes it up. */
    want(fixture, 16);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
    want(fixture, 0);
    g_assert_false(vsf_flows_status(fixture->flows, IFINDEX, &status));
    want(fixture, 32);
    vsf_flows_pause(fixture->flows, FALSE);
    flows_fixture_open_at(9000, 3000 * MS);
    after = flows_fixture_sample_at(fixture, 9050, 4000 * MS);
    assert_decoded(after, "samples.0.sequence", "2");
    assert_decoded(after, "samples.0.sampling_rate", "32");
    assert_decoded(after, "samples.0.sample_pool", "150");
    g_assert_true(vsf_flows_status(fixture->flows, IFINDEX, &status));
    g_assert_cmpstr(status.state, ==, "sampling");
}

static void
test_what_was_picked_before_a_pause_leaves(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    flows_fixture_start(fixture);
    flows_fixture_open_at(0, 0);
    fake_capture_packet(IFINDEX, TRUE, flows_fixture_mac, 1000 * MS);
    fake_capture_leave_in_ring(IFINDEX, TRUE, flows_fixture_mac, 1001 * MS);
    vsf_flows_pause(fixture->flows, TRUE);
    g_assert_cmpuint(vsf_exporter_totals(fixture->exporter).flow_samples, ==, 2);
    g_assert_cmpuint(fixture->datagrams->len, ==, 1);
}

static void
test_a_tap_that_comes_in_a_pause_waits_for_its_end(Fixture *fixture,
                                                   gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    vsf_flows_pause(fixture->flows, TRUE);
    flows_fixture_start(fixture);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
    g_assert_true(vsf_flows_status(fixture->flows, IFINDEX, &status));
    g_assert_cmpstr(status.state, ==, "paused");
    vsf_flows_pause(fixture->flows, FALSE);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 1);
    /* Twice is once. */
    vsf_flows_pause(fixture->flows, FALSE);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 1);
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
    ADD("a-pause-closes-the-samplers-and-their-story-goes-on",
        test_a_pause_closes_the_samplers_and_their_story_goes_on);
    ADD("what-was-picked-before-a-pause-leaves", test_what_was_picked_before_a_pause_leaves);
    ADD("a-tap-that-comes-in-a-pause-waits-for-its-end",
        test_a_tap_that_comes_in_a_pause_waits_for_its_end);
    return g_test_run();
}
