/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which sampled packets become flow samples, and with which numbers. The
 * registry and the exporter are real, the kernel is fake-net.c. */
#include "flows-fixture.h"

#include <string.h>

static const guint8 mac_a[6] = {0x52, 0x54, 0, 0, 0, 1};
static const guint8 mac_b[6] = {0x52, 0x54, 0, 0, 0, 2};
static const guint8 mac_outside[6] = {0x02, 0, 0, 0, 0, 9};

static void
set_up(Fixture *fixture, gconstpointer user_data)
{
    flows_fixture_set_up(fixture, NULL);
    fixture->config->direction = (VsfDirection)GPOINTER_TO_INT(user_data);
    fixture->config->sampling = 10;
}

static void
see_link(Fixture *fixture, int ifindex, const char *name, const guint8 guest_mac[6], guint32 flags)
{
    VsfLink link = {.ifindex = ifindex, .kind = "tun", .type = 1, .flags = flags, .master = 3};

    g_strlcpy(link.name, name, sizeof(link.name));
    memcpy(link.mac, guest_mac, 6);
    link.mac[0] = 0xfe;
    vsf_registry_link_seen(fixture->registry, &link, 1000);
}

static void
see_domain(Fixture *fixture, const char *name, const char *device, const guint8 mac[6])
{
    flows_fixture_see_vm(fixture, name, device, mac, VSF_MONITOR_UNSET);
}

/* A VM whose sampler is open and whose pool begins at 0 at time 0. */
static void
start_vm(Fixture *fixture, const char *name, int ifindex, const char *device, const guint8 mac[6])
{
    VsfLinkStats zero = {0};

    see_link(fixture, ifindex, device, mac, IFF_UP);
    see_domain(fixture, name, device, mac);
    fake_link_stats_set(ifindex, &zero);
    fake_capture_opened(ifindex);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 1);
}

/* Runs the loop until the waiting packets have asked for their reading. */
static void
answer_question(gint64 read_ns)
{
    while (fake_link_stats_answer(read_ns) == 0)
        g_main_context_iteration(NULL, TRUE);
}

static GHashTable *
decode_newest(Fixture *fixture)
{
    GBytes *bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];

    return decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void
test_direction_gives_input_or_output(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLinkStats stats = {.rx_packets = 100, .tx_packets = 40, .tx_dropped = 10};
    g_autoptr(GHashTable) table = NULL;

    start_vm(fixture, "a", 17, "vnet0", mac_a);
    fake_capture_set_drops(4);
    fake_link_stats_set(17, &stats);
    fake_capture_packet(17, TRUE, mac_a, 500 * MS);
    fake_capture_packet(17, FALSE, mac_outside, 1000 * MS);
    answer_question(1000 * MS);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.0.source", "0:17");
    assert_decoded(table, "samples.0.input", "17");
    assert_decoded(table, "samples.0.output", "0");
    assert_decoded(table, "samples.0.sampling_rate", "10");
    assert_decoded(table, "samples.0.drops", "4");
    /* The first of two sampled among 100 + 40 + 10 candidates. */
    assert_decoded(table, "samples.0.sample_pool", "50");
    assert_decoded(table, "samples.1.input", "0");
    assert_decoded(table, "samples.1.output", "17");
    assert_decoded(table, "samples.1.sample_pool", "150");
}

/* "FROM>TO BITS" each, of the span that is over; indexes of VMs are those of their taps. */
static void
assert_talks(Fixture *fixture, const char *wanted)
{
    g_autoptr(GString) text = g_string_new(NULL);
    VsfTalk talks[8];
    guint n;

    flows_fixture_pass(10000);
    n = vsf_flows_talks(fixture->flows, talks, G_N_ELEMENTS(talks));
    for (guint i = 0; i < n; i++) {
        const char *ends[2] = {"outside", "outside"};
        const guint32 indexes[2] = {talks[i].from, talks[i].to};

        for (guint end = 0; end < 2; end++)
            for (int ifindex = 17; ifindex <= 18; ifindex++)
                if (vsf_registry_tap(fixture->registry, ifindex)->domain->index == indexes[end])
                    ends[end] = vsf_registry_tap(fixture->registry, ifindex)->domain->name;
        g_string_append_printf(text, "%s>%s %.0f ", ends[0], ends[1], talks[i].bits_per_second);
    }
    g_assert_cmpstr(text->str, ==, wanted);
}

static void
test_talks_are_counted_once(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start_vm(fixture, "a", 17, "vnet0", mac_a);
    start_vm(fixture, "b", 18, "vnet1", mac_b);
    fake_capture_packet(17, TRUE, mac_a, 500 * MS);
    fake_capture_packet(17, TRUE, mac_a, 500 * MS);
    fake_capture_packet(18, FALSE, mac_a, 500 * MS); /* one of these, seen again */
    fake_capture_packet(18, FALSE, mac_outside, 500 * MS);
    answer_question(1000 * MS);
    /* 60 bytes, 1 in 10, in 10 s. */
    assert_talks(fixture, "a>outside 960 outside>b 480 ");
}

static guint32
rate_of(int ifindex)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(fake_samplers, GINT_TO_POINTER(ifindex)));
}

/* As the app does when a domain's XML is another. */
static void
set_monitor(Fixture *fixture, guint32 sampling)
{
    const VsfDomain *domain;

    flows_fixture_see_vm(fixture, "a", "vnet0", mac_a, sampling);
    domain = vsf_registry_tap(fixture->registry, 17)->domain;
    for (guint i = 0; i < domain->taps->len; i++)
        vsf_flows_tap_changed(fixture->flows, domain->taps->pdata[i]);
}

static void
test_a_vms_metadata_set_its_rate(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    start_vm(fixture, "a", 17, "vnet0", mac_a);
    g_assert_cmpuint(rate_of(17), ==, 10);
    set_monitor(fixture, 64);
    g_assert_cmpuint(rate_of(17), ==, 64);
    g_assert_true(vsf_flows_status(fixture->flows, 17, &status));
    g_assert_cmpuint(status.sampling, ==, 64);
    g_assert_cmpstr(status.state, ==, "sampling");
    /* Off, and on again. */
    set_monitor(fixture, 0);
    g_assert_cmpuint(rate_of(17), ==, 0);
    g_assert_false(vsf_flows_status(fixture->flows, 17, &status));
    set_monitor(fixture, VSF_MONITOR_UNSET);
    g_assert_cmpuint(rate_of(17), ==, 10);
}

static void
test_a_vm_may_be_sampled_where_others_are_not(Fixture *fixture,
                                              gconstpointer user_data G_GNUC_UNUSED)
{
    fixture->config->sampling = 0;
    see_link(fixture, 17, "vnet0", mac_a, IFF_UP);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
    flows_fixture_see_vm(fixture, "a", "vnet0", mac_a, 7);
    g_assert_cmpuint(rate_of(17), ==, 7);
}

static void
test_what_was_picked_before_a_vm_that_wants_none_is_dropped(Fixture *fixture,
                                                            gconstpointer user_data G_GNUC_UNUSED)
{
    see_link(fixture, 17, "vnet0", mac_a, IFF_UP);
    fake_capture_opened(17);
    fake_capture_packet(17, TRUE, mac_a, 10 * MS);
    flows_fixture_see_vm(fixture, "a", "vnet0", mac_a, 0);
    vsf_exporter_flush(fixture->exporter);
    g_assert_cmpuint(vsf_exporter_totals(fixture->exporter).flow_samples, ==, 0);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
}

static void
test_a_flood_is_sampled_more_coarsely(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    start_vm(fixture, "a", 17, "vnet0", mac_a);
    start_vm(fixture, "b", 18, "vnet1", mac_b);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "vnet0: more samples than*");
    for (guint i = 0; i < 4000; i++)
        fake_capture_packet(17, TRUE, mac_a, i * MS);
    g_test_assert_expected_messages();
    g_assert_true(vsf_flows_status(fixture->flows, 17, &status));
    g_assert_cmpuint(status.factor, >, 1);
    g_assert_cmpuint(rate_of(17), ==, 10 * status.factor);
    g_assert_cmpuint(status.sampling, ==, rate_of(17));
    /* The other tap is not touched. */
    g_assert_cmpuint(rate_of(18), ==, 10);
}

static void
test_what_the_ring_lost_counts_for_the_bound(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    start_vm(fixture, "a", 17, "vnet0", mac_a);
    fake_capture_packet(17, TRUE, mac_a, 1 * MS);
    g_test_expect_message("virt-sflow", G_LOG_LEVEL_WARNING, "vnet0: more samples than*");
    for (guint i = 0; i < 200; i++) {
        fake_capture_set_drops(100 * i);
        fake_capture_packet(17, TRUE, mac_a, i * MS);
    }
    g_test_assert_expected_messages();
    g_assert_cmpuint(rate_of(17), >, 10);
}

static void
test_once_leaves_out_frames_of_a_local_vm(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLinkStats stats = {.tx_packets = 100};
    g_autoptr(GHashTable) table = NULL;
    VsfFlowStatus status;

    start_vm(fixture, "a", 17, "vnet0", mac_a);
    start_vm(fixture, "b", 18, "vnet1", mac_b);
    fake_link_stats_set(18, &stats);
    for (int i = 0; i < 10; i++)
        fake_capture_packet(18, FALSE, i % 2 == 0 ? mac_a : mac_outside, (100 + i) * MS);
    answer_question(200 * MS);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.4.source", "0:18");
    assert_decoded(table, "samples.5.source", NULL);
    g_assert_true(vsf_flows_status(fixture->flows, 18, &status));
    g_assert_cmpuint(status.samples, ==, 5);
    g_assert_cmpuint(status.left_out, ==, 5);
}

static void
test_once_keeps_frames_of_a_vm_whose_tap_is_not_sampled(Fixture *fixture,
                                                        gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    start_vm(fixture, "b", 18, "vnet1", mac_b);
    see_link(fixture, 17, "vnet0", mac_a, IFF_UP);
    see_domain(fixture, "a", "vnet0", mac_a);
    fake_capture_failed(17, VSF_CAPTURE_ERROR_PERMISSION);
    fake_capture_packet(18, FALSE, mac_a, 100 * MS);
    answer_question(200 * MS);
    g_assert_true(vsf_flows_status(fixture->flows, 18, &status));
    g_assert_cmpuint(status.samples, ==, 1);
    g_assert_true(vsf_flows_status(fixture->flows, 17, &status));
    g_assert_cmpstr(status.state, ==, "as the test said");
}

/* What one VM sends counts nowhere then but on the other one's tap. */
static void
test_once_keeps_frames_of_a_vm_of_whom_only_the_other_way_counts(
    Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const char text[] = "[sflow]\nsampling = 10\n[vm b]\ndirection = out\n";
    VsfConfig *config = vsf_config_parse("f", text, sizeof(text) - 1, NULL);
    VsfFlowStatus status;

    g_assert_nonnull(config);
    start_vm(fixture, "a", 17, "vnet0", mac_a);
    start_vm(fixture, "b", 18, "vnet1", mac_b);
    vsf_flows_set_config(fixture->flows, config);
    vsf_exporter_set_config(fixture->exporter, config,
                            &(VsfSflowAddress){.family = 1, .bytes = {192, 0, 2, 1}});
    vsf_config_free(fixture->config);
    fixture->config = config;
    fake_capture_opened(18);
    fake_link_stats_answer(0);
    fake_capture_packet(17, FALSE, mac_b, 500 * MS);
    answer_question(1000 * MS);
    g_assert_true(vsf_flows_status(fixture->flows, 17, &status));
    g_assert_cmpuint(status.samples, ==, 1);
    g_assert_cmpuint(status.left_out, ==, 0);
}

static void
test_both_sends_every_frame(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    start_vm(fixture, "a", 17, "vnet0", mac_a);
    start_vm(fixture, "b", 18, "vnet1", mac_b);
    fake_capture_packet(17, TRUE, mac_a, 100 * MS);
    fake_capture_packet(18, FALSE, mac_a, 100 * MS);
    answer_question(200 * MS);
    g_assert_true(vsf_flows_status(fixture->flows, 17, &status));
    g_assert_cmpuint(status.samples, ==, 1);
    g_assert_true(vsf_flows_status(fixture->flows, 18, &status));
    g_assert_cmpuint(status.samples, ==, 1);
}

static void
test_packets_of_an_unknown_tap_wait_for_its_vm(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    see_link(fixture, 17, "vnet0", mac_a, IFF_UP);
    fake_capture_opened(17);
    fake_link_stats_answer(0);
    fake_capture_packet(17, TRUE, mac_a, 100 * MS);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(fixture->datagrams->len, ==, 0);

    see_domain(fixture, "a", "vnet0", mac_a);
    answer_question(200 * MS);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.0.source", "0:17");
}

static void
test_packets_of_a_tap_that_no_vm_claims_are_dropped(Fixture *fixture,
                                                    gconstpointer user_data G_GNUC_UNUSED)
{
    see_link(fixture, 17, "vnet0", mac_a, IFF_UP);
    fake_capture_opened(17);
    for (int i = 0; i < 2000; i++) /* more than may wait */
        fake_capture_packet(17, TRUE, mac_a, i * MS);
    vsf_registry_expire(fixture->registry, 1000 + VSF_PROVISIONAL_US + 1);
    vsf_exporter_flush(fixture->exporter);
    g_assert_cmpuint(fixture->datagrams->len, ==, 0);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
}

static void
test_a_tap_that_is_down_is_opened_when_it_is_up(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    see_link(fixture, 17, "vnet0", mac_a, 0);
    see_domain(fixture, "a", "vnet0", mac_a);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
    see_link(fixture, 17, "vnet0", mac_a, IFF_UP);
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 1);
}

static void
test_last_packets_leave_when_the_vm_ends(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    start_vm(fixture, "a", 17, "vnet0", mac_a);
    fake_capture_packet(17, TRUE, mac_a, 100 * MS);
    vsf_registry_link_gone(fixture->registry, 17);
    g_assert_cmpuint(fixture->datagrams->len, ==, 1);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.0.source", "0:17");
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 0);
}

static void
test_frames_in_the_ring_leave_when_the_vm_ends(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    start_vm(fixture, "a", 17, "vnet0", mac_a);
    fake_capture_leave_in_ring(17, TRUE, mac_a, 100 * MS);
    vsf_registry_link_gone(fixture->registry, 17);
    g_assert_cmpuint(fixture->datagrams->len, ==, 1);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.0.source", "0:17");
}

static void
test_drops_do_not_go_back_when_a_tap_was_down(Fixture *fixture,
                                              gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    start_vm(fixture, "a", 17, "vnet0", mac_a);
    fake_capture_set_drops(4);
    fake_capture_packet(17, TRUE, mac_a, 100 * MS);
    answer_question(200 * MS);
    fake_capture_failed(17, VSF_CAPTURE_ERROR_DOWN);
    see_link(fixture, 17, "vnet0", mac_a, 0);
    see_link(fixture, 17, "vnet0", mac_a, IFF_UP);
    fake_capture_opened(17);
    fake_capture_set_drops(1);
    fake_link_stats_answer(300 * MS);
    fake_capture_packet(17, TRUE, mac_a, 400 * MS);
    answer_question(500 * MS);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.0.drops", "5");
}

static void
test_samples_leave_without_a_reading_that_does_not_come(Fixture *fixture,
                                                        gconstpointer user_data G_GNUC_UNUSED)
{
    start_vm(fixture, "a", 17, "vnet0", mac_a);
    fake_capture_packet(17, TRUE, mac_a, 100 * MS);
    while (fixture->datagrams->len == 0)
        g_main_context_iteration(NULL, TRUE);
}

#define ADD(name, direction, func) \
    g_test_add(name, Fixture, GINT_TO_POINTER(direction), set_up, func, flows_fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    /* Warnings are part of what is tested here, not failures. */
    g_log_set_always_fatal(G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
    ADD("/flows/direction-gives-input-or-output", VSF_DIRECTION_BOTH,
        test_direction_gives_input_or_output);
    ADD("/flows/once-leaves-out-frames-of-a-local-vm", VSF_DIRECTION_ONCE,
        test_once_leaves_out_frames_of_a_local_vm);
    ADD("/flows/once-keeps-frames-of-a-vm-of-whom-only-the-other-way-counts", VSF_DIRECTION_ONCE,
        test_once_keeps_frames_of_a_vm_of_whom_only_the_other_way_counts);
    ADD("/flows/once-keeps-frames-of-a-vm-whose-tap-is-not-sampled", VSF_DIRECTION_ONCE,
        test_once_keeps_frames_of_a_vm_whose_tap_is_not_sampled);
    ADD("/flows/talks-are-counted-once", VSF_DIRECTION_BOTH, test_talks_are_counted_once);
    ADD("/flows/both-sends-every-frame", VSF_DIRECTION_BOTH, test_both_sends_every_frame);
    ADD("/flows/packets-of-an-unknown-tap-wait-for-its-vm", VSF_DIRECTION_ONCE,
        test_packets_of_an_unknown_tap_wait_for_its_vm);
    ADD("/flows/packets-of-a-tap-that-no-vm-claims-are-dropped", VSF_DIRECTION_ONCE,
        test_packets_of_a_tap_that_no_vm_claims_are_dropped);
    ADD("/flows/a-tap-that-is-down-is-opened-when-it-is-up", VSF_DIRECTION_ONCE,
        test_a_tap_that_is_down_is_opened_when_it_is_up);
    ADD("/flows/last-packets-leave-when-the-vm-ends", VSF_DIRECTION_ONCE,
        test_last_packets_leave_when_the_vm_ends);
    ADD("/flows/frames-in-the-ring-leave-when-the-vm-ends", VSF_DIRECTION_ONCE,
        test_frames_in_the_ring_leave_when_the_vm_ends);
    ADD("/flows/drops-do-not-go-back-when-a-tap-was-down", VSF_DIRECTION_ONCE,
        test_drops_do_not_go_back_when_a_tap_was_down);
    ADD("/flows/samples-leave-without-a-reading-that-does-not-come", VSF_DIRECTION_ONCE,
        test_samples_leave_without_a_reading_that_does_not_come);
    ADD("/flows/a-vms-metadata-set-its-rate", VSF_DIRECTION_ONCE, test_a_vms_metadata_set_its_rate);
    ADD("/flows/a-vm-may-be-sampled-where-others-are-not", VSF_DIRECTION_ONCE,
        test_a_vm_may_be_sampled_where_others_are_not);
    ADD("/flows/what-was-picked-before-a-vm-that-wants-none-is-dropped", VSF_DIRECTION_ONCE,
        test_what_was_picked_before_a_vm_that_wants_none_is_dropped);
    ADD("/flows/a-flood-is-sampled-more-coarsely", VSF_DIRECTION_ONCE,
        test_a_flood_is_sampled_more_coarsely);
    ADD("/flows/what-the-ring-lost-counts-for-the-bound", VSF_DIRECTION_ONCE,
        test_what_the_ring_lost_counts_for_the_bound);
    return g_test_run();
}
