/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taps that are libpcap's for lack of room move to eBPF when there is some: one by one, none
 * twice, and what collectors are told goes on. */
#include "flows-fixture.h"

#include <string.h>

#define PEER 18
#define LONGER_THAN_A_PACE_MS 600

static const VsfCaptureTap for_room = {"pcap", FALSE, "eBPF serves no more", TRUE};
static const guint8 peer_mac[6] = {0x52, 0x54, 0, 0, 0, 2};

static void
set_up(Fixture *fixture, gconstpointer user_data)
{
    flows_fixture_set_up(fixture, user_data);
    fake_capture_set_tap(for_room, 0);
    flows_fixture_start(fixture);
    flows_fixture_open_at(1000, 100 * MS);
}

static void
see_peer(Fixture *fixture)
{
    VsfDomainDef *def = vsf_domain_def_new();
    VsfNic *nic = g_new0(VsfNic, 1);

    memset(def->uuid_bytes, 2, sizeof(def->uuid_bytes));
    vsf_uuid_format(def->uuid_bytes, def->uuid);
    def->id = 2;
    def->name = g_strdup("b");
    nic->kind = VSF_NIC_TAP;
    nic->device = g_strdup("vnet1");
    memcpy(nic->mac, peer_mac, sizeof(nic->mac));
    g_ptr_array_add(def->nics, nic);
    vsf_registry_domain_seen(fixture->registry, def, VSF_STATE_RUNNING, 1, 2000, 2000);
}

/* Tap vnet1 of another VM on the same bridge. */
static void
add_peer(Fixture *fixture)
{
    VsfLink link = {.ifindex = PEER, .kind = "tun", .type = 1, .flags = IFF_UP, .name = "vnet1"};

    vsf_registry_link_seen(fixture->registry, &link, 1000);
    fake_link_stats_set(PEER, &(VsfLinkStats){0});
    see_peer(fixture);
    for (int ifindex = IFINDEX; ifindex <= PEER; ifindex++)
        vsf_registry_tap(fixture->registry, ifindex)->link.master = 3;
    fake_capture_opened(PEER);
    fake_link_stats_answer(100 * MS);
}

static gboolean
is_due(gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
    return G_SOURCE_REMOVE;
}

static void
loop_for(guint ms)
{
    gboolean due = FALSE;

    g_timeout_add(ms, is_due, &due);
    while (!due)
        g_main_context_iteration(NULL, TRUE);
}

/* eBPF has room for @n more, and what it asks before a move is answered. */
static void
let_one_move(guint n, guint64 frames, gint64 read_ns)
{
    VsfLinkStats stats = {.rx_packets = frames};

    fake_link_stats_set(IFINDEX, &stats);
    fake_capture_set_hooks(n);
    fake_capture_room_came();
    while (fake_link_stats_answer(read_ns) == 0)
        g_main_context_iteration(NULL, TRUE);
}

static VsfFlowStatus
status_of(Fixture *fixture, int ifindex)
{
    VsfFlowStatus status;

    g_assert_true(vsf_flows_status(fixture->flows, ifindex, &status));
    return status;
}

static GHashTable *
decode_newest(const Fixture *fixture, guint n)
{
    GBytes *bytes;

    while (fixture->datagrams->len < n)
        g_main_context_iteration(NULL, TRUE);
    bytes = fixture->datagrams->pdata[fixture->datagrams->len - 1];
    return decoded_new(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
}

static void
test_a_tap_moves_when_there_is_room(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = flows_fixture_sample_at(fixture, 1050, 200 * MS);
    g_autoptr(GHashTable) table = NULL;

    assert_decoded(before, "samples.0.sample_pool", "50");
    fake_capture_set_drops(3);
    /* 150 more passed before the move, and 1,000 while it had no sampler. */
    let_one_move(1, 1200, 300 * MS);
    g_assert_cmpuint(fake_capture_opens, ==, 2);
    fake_capture_set_drops(0);
    vsf_flows_reading(fixture->flows, IFINDEX, &(VsfLinkStats){.rx_packets = 1300}, 310 * MS);
    vsf_flows_reading(fixture->flows, IFINDEX, &(VsfLinkStats){.rx_packets = 2200}, 350 * MS);
    fake_capture_opened(IFINDEX);
    g_assert_cmpstr(status_of(fixture, IFINDEX).backend, ==, "ebpf");
    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, 400 * MS, 30, TRUE);
    table = decode_newest(fixture, 2);
    assert_decoded(table, "samples.0.sample_pool", "230");
    assert_decoded(table, "samples.0.sequence", "2");
    assert_decoded(table, "samples.0.drops", "3");
    /* And stays there. */
    fake_capture_set_hooks(1);
    fake_capture_room_came();
    loop_for(LONGER_THAN_A_PACE_MS);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 0);
    g_assert_cmpuint(fake_capture_opens, ==, 2);
}

static void
test_what_libpcap_had_picked_leaves_before(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) table = NULL, after = NULL;

    fake_capture_leave_in_ring(IFINDEX, TRUE, flows_fixture_mac, 250 * MS);
    let_one_move(1, 1200, 300 * MS);
    table = decode_newest(fixture, 1);
    /* Between the readings, as any of libpcap's. */
    assert_decoded(table, "samples.0.sample_pool", "100");
    fake_capture_opened(IFINDEX);
    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, 400 * MS, 30, TRUE);
    after = decode_newest(fixture, 2);
    assert_decoded(after, "samples.0.sample_pool", "230");
}

/* Room that came while it was being opened counts as well. */
static void
test_a_tap_that_opens_late_moves_too(Fixture *fixture G_GNUC_UNUSED,
                                     gconstpointer user_data G_GNUC_UNUSED)
{
    fake_capture_set_hooks(1);
    fake_capture_opened(IFINDEX);
    fake_link_stats_answer(200 * MS);
    while (fake_link_stats_answer(300 * MS) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fake_capture_opens, ==, 2);
}

/* Nor is room wasted on what may be no VM's. */
static void
test_a_tap_moves_when_its_vm_is_known(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLink link = {.ifindex = PEER, .kind = "tun", .type = 1, .flags = IFF_UP, .name = "vnet1"};

    let_one_move(1, 1200, 300 * MS);
    vsf_registry_link_seen(fixture->registry, &link, 1000);
    fake_link_stats_set(PEER, &(VsfLinkStats){0});
    fake_capture_opened(PEER);
    fake_link_stats_answer(350 * MS);
    fake_capture_set_hooks(1);
    fake_capture_room_came();
    loop_for(LONGER_THAN_A_PACE_MS);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 0);
    see_peer(fixture);
    while (fake_link_stats_answer(400 * MS) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(status_of(fixture, PEER).backend, ==, "ebpf");
}

static void
test_what_ebpf_cannot_serve_stays(Fixture *fixture G_GNUC_UNUSED,
                                  gconstpointer user_data G_GNUC_UNUSED)
{
    fake_capture_set_tap((VsfCaptureTap){"pcap", FALSE, "eBPF cannot serve it", FALSE}, 0);
    fake_capture_set_hooks(1);
    fake_capture_room_came();
    loop_for(LONGER_THAN_A_PACE_MS);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 0);
    g_assert_cmpuint(fake_capture_opens, ==, 1);
}

static void
test_taps_move_one_by_one(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    add_peer(fixture);
    fake_capture_set_hooks(5);
    fake_capture_room_came();
    /* Nothing is asked for a second time while the kernel is busy. */
    loop_for(2 * LONGER_THAN_A_PACE_MS);
    g_assert_cmpuint(fake_link_stats_asked_for(), ==, 1);
    g_assert_cmpuint(fake_link_stats_answer(300 * MS), ==, 1);
    g_assert_cmpuint(fake_capture_opens, ==, 3);
    while (fake_link_stats_answer(400 * MS) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fake_capture_opens, ==, 4);
    g_assert_cmpstr(status_of(fixture, IFINDEX).backend, ==, "ebpf");
    g_assert_cmpstr(status_of(fixture, PEER).backend, ==, "ebpf");
}

/* Of who found no room at all it is first. */
static void
test_who_has_no_sampler_goes_before(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "vnet0: cannot sample: no room*");
    fake_capture_failed(IFINDEX, VSF_CAPTURE_ERROR_NO_ROOM);
    add_peer(fixture);
    fake_capture_set_hooks(1);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*room for a sampler*");
    fake_capture_room_came();
    g_test_assert_expected_messages();
    fake_capture_opened(IFINDEX);
    loop_for(LONGER_THAN_A_PACE_MS);
    g_assert_cmpstr(status_of(fixture, IFINDEX).backend, ==, "ebpf");
    g_assert_cmpstr(status_of(fixture, PEER).backend, ==, "pcap");
}

/* The kernel picks on the receiver's tap what it sent while its sampler was libpcap's, which the
 * kernel does not know: it was a candidate there, whatever its sampler is when that is read. */
static void
test_no_frame_counts_on_two_taps(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    gint64 before_ns, after_ns;

    fake_capture_set_hooks(1);
    add_peer(fixture);
    g_assert_cmpstr(status_of(fixture, PEER).backend, ==, "ebpf");
    before_ns = g_get_monotonic_time() * 1000;
    g_usleep(1000);
    let_one_move(1, 1200, 300 * MS);
    fake_capture_counted(PEER, FALSE, flows_fixture_mac, before_ns, 20, TRUE);
    fake_link_stats_answer(before_ns);
    loop_for(LONGER_THAN_A_PACE_MS);
    g_assert_cmpuint(status_of(fixture, PEER).left_out, ==, 1);
    fake_capture_opened(IFINDEX);
    g_assert_cmpstr(status_of(fixture, IFINDEX).backend, ==, "ebpf");
    fake_capture_counted(PEER, FALSE, flows_fixture_mac, before_ns, 20, TRUE);
    after_ns = g_get_monotonic_time() * 1000;
    fake_capture_counted(PEER, FALSE, flows_fixture_mac, after_ns, 20, TRUE);
    loop_for(LONGER_THAN_A_PACE_MS);
    g_assert_cmpuint(status_of(fixture, PEER).left_out, ==, 2);
    g_assert_cmpuint(status_of(fixture, PEER).samples, ==, 1);
}

/* Its pool would lack for good what passed since the last reading. */
static void
test_without_a_reading_it_moves_later(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) before = flows_fixture_sample_at(fixture, 1050, 200 * MS);
    g_autoptr(GHashTable) table = NULL;

    g_assert_nonnull(before);
    fake_link_stats_set(IFINDEX, &(VsfLinkStats){.rx_packets = 1200});
    fake_capture_set_hooks(1);
    fake_capture_room_came();
    loop_for(LONGER_THAN_A_PACE_MS);
    fake_link_stats_refuse();
    g_assert_cmpuint(fake_capture_opens, ==, 1);
    /* 150 more passed before the move. */
    while (fake_link_stats_answer(300 * MS) == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fake_capture_opens, ==, 2);
    fake_capture_opened(IFINDEX);
    fake_capture_counted(IFINDEX, TRUE, flows_fixture_mac, 400 * MS, 30, TRUE);
    table = decode_newest(fixture, 2);
    assert_decoded(table, "samples.0.sample_pool", "230");
}

/* What passed while it had no sampler, neither libpcap's nor eBPF's, was a candidate on the
 * receiver's tap alone. */
static void
test_a_frame_between_two_samplers_counts_on_the_other_tap(Fixture *fixture,
                                                          gconstpointer user_data G_GNUC_UNUSED)
{
    static const struct {
        const char *when;
        guint left_out;
    } cases[] = {{"before", 1}, {"between", 1}, {"after", 2}};
    gint64 at_ns[G_N_ELEMENTS(cases)];

    at_ns[0] = g_get_monotonic_time() * 1000;
    g_usleep(1000);
    let_one_move(1, 1200, 300 * MS);
    add_peer(fixture);
    g_assert_cmpstr(status_of(fixture, PEER).backend, ==, "pcap");
    at_ns[1] = g_get_monotonic_time() * 1000;
    g_usleep(1000);
    fake_capture_opened(IFINDEX);
    at_ns[2] = g_get_monotonic_time() * 1000;
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].when);
        fake_capture_packet(PEER, FALSE, flows_fixture_mac, at_ns[i]);
        loop_for(LONGER_THAN_A_PACE_MS);
        fake_link_stats_answer(at_ns[i]);
        g_assert_cmpuint(status_of(fixture, PEER).left_out, ==, cases[i].left_out);
    }
    g_assert_cmpuint(status_of(fixture, PEER).samples, ==, 1);
}

#define ADD(name, func) \
    g_test_add("/flows-move/" name, Fixture, NULL, set_up, func, flows_fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-tap-moves-when-there-is-room", test_a_tap_moves_when_there_is_room);
    ADD("what-libpcap-had-picked-leaves-before", test_what_libpcap_had_picked_leaves_before);
    ADD("a-tap-that-opens-late-moves-too", test_a_tap_that_opens_late_moves_too);
    ADD("a-tap-moves-when-its-vm-is-known", test_a_tap_moves_when_its_vm_is_known);
    ADD("what-ebpf-cannot-serve-stays", test_what_ebpf_cannot_serve_stays);
    ADD("taps-move-one-by-one", test_taps_move_one_by_one);
    ADD("who-has-no-sampler-goes-before", test_who_has_no_sampler_goes_before);
    ADD("no-frame-counts-on-two-taps", test_no_frame_counts_on_two_taps);
    ADD("without-a-reading-it-moves-later", test_without_a_reading_it_moves_later);
    ADD("a-frame-between-two-samplers-counts-on-the-other-tap",
        test_a_frame_between_two_samplers_counts_on_the_other_tap);
    return g_test_run();
}
