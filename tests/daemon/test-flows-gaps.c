/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Samplers that count by themselves: their packets need no reading, and what collectors are told
 * goes on where another sampler of the tap ended. */
#include "flows-fixture.h"

#include <string.h>

static const guint8 outside[6] = {0x02, 0, 0, 0, 0, 9};
static const VsfCaptureTap ebpf = {"ebpf", TRUE, NULL};

static void
set_up(Fixture *fixture, gconstpointer user_data)
{
    flows_fixture_set_up(fixture, user_data);
    fake_capture_set_tap(ebpf, 0);
    flows_fixture_start(fixture);
    fake_capture_opened(IFINDEX);
}

static GHashTable *
decode_newest(const Fixture *fixture)
{
    GBytes *bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];

    return decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void
wait_for_datagrams(const Fixture *fixture, guint n)
{
    while (fixture->datagrams->len < n)
        g_main_context_iteration(NULL, TRUE);
}

static VsfFlowStatus
status_of(Fixture *fixture)
{
    VsfFlowStatus status;

    g_assert_true(vsf_flows_status(fixture->flows, IFINDEX, &status));
    return status;
}

static void
test_packets_leave_together_without_a_reading(Fixture *fixture,
                                              gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, MS, 60, TRUE);
    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, 2 * MS, 7, TRUE);
    g_assert_cmpuint(fixture->datagrams->len, ==, 0);
    wait_for_datagrams(fixture, 1);
    /* Nobody was asked, also not when it was opened. */
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 0);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.0.sample_pool", "60");
    assert_decoded(table, "samples.1.sample_pool", "67");
    g_assert_cmpstr(status_of(fixture).backend, ==, "ebpf");
}

static void
test_a_pool_goes_on_with_libpcap(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, MS, 60, TRUE);
    wait_for_datagrams(fixture, 1);
    /* Polls read the counters anyway. */
    for (guint i = 1; i <= 2; i++)
        vsf_flows_reading(fixture->flows, IFINDEX, &(VsfLinkStats){.rx_packets = i * 3000}, i * MS);
    /* Paused and resumed, and then eBPF does not get it; 9 passed after the last sample. */
    fake_capture_set_tap(ebpf, 9);
    fake_capture_set_drops(4);
    vsf_flows_pause(fixture->flows, TRUE);
    fake_capture_set_tap((VsfCaptureTap){"pcap", FALSE, "eBPF cannot serve it"}, 0);
    fake_capture_set_drops(1);
    vsf_flows_pause(fixture->flows, FALSE);
    flows_fixture_open_at(5000, 100 * MS);
    table = flows_fixture_sample_at(fixture, 5020, 200 * MS);
    assert_decoded(table, "samples.0.sample_pool", "89");
    assert_decoded(table, "samples.0.sequence", "2");
    assert_decoded(table, "samples.0.drops", "5");
    g_assert_cmpstr(status_of(fixture).backend, ==, "pcap");
    g_assert_cmpstr(status_of(fixture).backend_reason, ==, "eBPF cannot serve it");
}

static void
test_a_pool_goes_on_from_libpcap(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = NULL, table = NULL;

    flows_fixture_open_at(1000, 100 * MS);
    before = flows_fixture_sample_at(fixture, 1050, 200 * MS);
    assert_decoded(before, "samples.0.sample_pool", "50");
    /* 150 more passed, of which none was picked. */
    vsf_flows_reading(fixture->flows, IFINDEX, &(VsfLinkStats){.rx_packets = 1200}, 300 * MS);
    vsf_flows_pause(fixture->flows, TRUE);
    fake_capture_set_tap(ebpf, 0);
    vsf_flows_pause(fixture->flows, FALSE);
    fake_capture_opened(IFINDEX);
    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, 400 * MS, 30, TRUE);
    wait_for_datagrams(fixture, 2);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.0.sample_pool", "230");
    assert_decoded(table, "samples.0.sequence", "2");
}

/* Opened anew because of another configuration; 9 passed after the last sample. */
static void
test_what_no_gap_told_of_is_in_the_next_pool(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;
    VsfConfig *config = vsf_config_new();

    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, MS, 60, TRUE);
    wait_for_datagrams(fixture, 1);
    config->sampling = 64;
    config->header_bytes = 64;
    fake_capture_set_tap(ebpf, 9);
    vsf_flows_set_config(fixture->flows, config);
    vsf_exporter_set_config(fixture->exporter, config,
                            &(VsfSflowAddress){.family = 1, .bytes = {192, 0, 2, 1}});
    vsf_config_free(fixture->config);
    fixture->config = config;
    fake_capture_set_tap(ebpf, 0);
    fake_capture_opened(IFINDEX);
    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, 2 * MS, 7, TRUE);
    wait_for_datagrams(fixture, 2);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.0.sample_pool", "76");
}

static void
set_up_pcap(Fixture *fixture, gconstpointer user_data)
{
    flows_fixture_set_up(fixture, user_data);
    flows_fixture_start(fixture);
}

static void
test_what_the_ring_held_is_in_the_last_pool(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL;

    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, MS, 60, TRUE);
    fake_capture_leave_in_ring(IFINDEX, TRUE, flows_fixture_mac, 2 * MS);
    fake_capture_set_gap_in_ring(11);
    vsf_registry_link_gone(fixture->registry, IFINDEX);
    g_assert_cmpuint(fixture->datagrams->len, ==, 1);
    table = decode_newest(fixture);
    assert_decoded(table, "samples.0.sample_pool", "60");
    assert_decoded(table, "samples.1.sample_pool", "71");
}

/* A second VM on the same bridge; the first one's frames on its tap. */
static void
add_peer(Fixture *fixture)
{
    VsfLink link = {.ifindex = 18, .kind = "tun", .type = 1, .flags = IFF_UP, .name = "vnet1"};
    VsfDomainDef *def = vsf_domain_def_new();
    VsfNic *nic = g_new0(VsfNic, 1);

    vsf_registry_link_seen(fixture->registry, &link, 1000);
    memset(def->uuid_bytes, 2, sizeof(def->uuid_bytes));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = 2;
    def->name = g_strdup("b");
    nic->kind = VSF_NIC_TAP;
    nic->device = g_strdup(link.name);
    nic->mac[5] = 2;
    g_ptr_array_add(def->nics, nic);
    vsf_registry_domain_seen(fixture->registry, def, VSF_STATE_RUNNING, 1, 2000, 2000);
    for (int ifindex = IFINDEX; ifindex <= 18; ifindex++)
        vsf_registry_tap(fixture->registry, ifindex)->link.master = 3;
}

static VsfFlowStatus
peer_after(Fixture *fixture, gboolean decided)
{
    VsfFlowStatus status;

    fake_capture_counted(18, FALSE, flows_fixture_mac, MS, 20, decided);
    fake_capture_counted(18, FALSE, outside, 2 * MS, 30, decided);
    wait_for_datagrams(fixture, 1);
    g_assert_true(vsf_flows_status(fixture->flows, 18, &status));
    return status;
}

static void
test_what_the_kernel_decided_stands(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    add_peer(fixture);
    fake_capture_opened(18);
    status = peer_after(fixture, TRUE);
    g_assert_cmpuint(status.samples, ==, 2);
    g_assert_cmpuint(status.pool, ==, 50);
}

/* A macvtap, say. The pool is of what is kept. */
static void
test_what_it_did_not_decide_is_decided_here(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    add_peer(fixture);
    fake_capture_opened(18);
    status = peer_after(fixture, FALSE);
    g_assert_cmpuint(status.samples, ==, 1);
    g_assert_cmpuint(status.left_out, ==, 1);
    g_assert_cmpuint(status.pool, ==, 30);
}

/* The kernel does not know of libpcap's samplers. */
static void
test_what_a_sampler_of_libpcap_had_is_left_out(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    fake_capture_failed(IFINDEX, VSF_CAPTURE_ERROR_DOWN);
    fake_capture_set_tap((VsfCaptureTap){"pcap", FALSE, "eBPF cannot serve it"}, 0);
    vsf_flows_tap_changed(fixture->flows, fixture->tap);
    fake_capture_opened(IFINDEX);
    fake_capture_set_tap(ebpf, 0);
    add_peer(fixture);
    fake_capture_opened(18);
    status = peer_after(fixture, TRUE);
    g_assert_cmpuint(status.samples, ==, 1);
    g_assert_cmpuint(status.pool, ==, 30);
}

/* More than may wait while nobody claims the tap. */
static void
test_what_is_lost_here_was_a_candidate(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLink link = {.ifindex = 18, .kind = "tun", .type = 1, .flags = IFF_UP, .name = "vnet1"};
    VsfFlowStatus status;
    guint n = 600;

    vsf_registry_link_seen(fixture->registry, &link, 1000);
    fake_capture_opened(18);
    for (guint i = 0; i < n; i++)
        fake_capture_counted(18, TRUE, outside, i * MS, 3, TRUE);
    add_peer(fixture);
    wait_for_datagrams(fixture, 1);
    g_assert_true(vsf_flows_status(fixture->flows, 18, &status));
    g_assert_cmpuint(status.drops, >, 0);
    g_assert_cmpuint(status.samples + status.drops, ==, n);
    g_assert_cmpuint(status.pool, ==, 3 * n);
}

/* It stays on an interface that is down, and there is nothing to sample there. */
static void
test_a_tap_that_is_down_is_not_sampled(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).sampled, ==, 1);
    fixture->tap->link.flags = 0;
    vsf_flows_tap_changed(fixture->flows, fixture->tap);
    g_assert_cmpstr(status_of(fixture).state, ==, "the interface is down");
    g_assert_cmpuint(vsf_flows_totals(fixture->flows).sampled, ==, 0);
    fixture->tap->link.flags = IFF_UP;
    vsf_flows_tap_changed(fixture->flows, fixture->tap);
    g_assert_cmpstr(status_of(fixture).state, ==, "sampling");
}

static void
test_who_finds_no_room_with_either_waits(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowsRoom room;

    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "vnet0: cannot sample: no room*");
    fake_capture_failed(IFINDEX, VSF_CAPTURE_ERROR_NO_ROOM);
    g_test_assert_expected_messages();
    vsf_flows_room(fixture->flows, &room);
    g_assert_cmpuint(room.waiting, ==, 1);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*room for a sampler*");
    fake_capture_room_came();
    g_test_assert_expected_messages();
    g_assert_true(g_hash_table_contains(fake_samplers, GINT_TO_POINTER(IFINDEX)));
}

#define ADD(name, func) \
    g_test_add("/flows-gaps/" name, Fixture, NULL, set_up, func, flows_fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("packets-leave-together-without-a-reading", test_packets_leave_together_without_a_reading);
    ADD("a-pool-goes-on-with-libpcap", test_a_pool_goes_on_with_libpcap);
    g_test_add("/flows-gaps/a-pool-goes-on-from-libpcap", Fixture, NULL, set_up_pcap,
               test_a_pool_goes_on_from_libpcap, flows_fixture_tear_down);
    ADD("what-no-gap-told-of-is-in-the-next-pool", test_what_no_gap_told_of_is_in_the_next_pool);
    ADD("what-the-ring-held-is-in-the-last-pool", test_what_the_ring_held_is_in_the_last_pool);
    ADD("what-the-kernel-decided-stands", test_what_the_kernel_decided_stands);
    ADD("what-it-did-not-decide-is-decided-here", test_what_it_did_not_decide_is_decided_here);
    ADD("what-a-sampler-of-libpcap-had-is-left-out",
        test_what_a_sampler_of_libpcap_had_is_left_out);
    ADD("what-is-lost-here-was-a-candidate", test_what_is_lost_here_was_a_candidate);
    ADD("a-tap-that-is-down-is-not-sampled", test_a_tap_that_is_down_is_not_sampled);
    ADD("who-finds-no-room-with-either-waits", test_who_finds_no_room_with_either_waits);
    return g_test_run();
}
