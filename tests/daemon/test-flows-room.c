/* SPDX-License-Identifier: GPL-2.0-or-later */
/* More interfaces than there is room for: some are sampled, the others wait, and
 * have their turn when room comes back. */
#include "flows-fixture.h"

#define TAPS 4

typedef struct {
    Fixture base;
    VsfDomain domain;
    VsfTap taps[TAPS]; /* their ifindexes are 1 and so on */
} Room;

static void
set_up(Room *room, gconstpointer user_data)
{
    flows_fixture_set_up(&room->base, user_data);
    room->domain = (VsfDomain){.def = vsf_domain_def_new()};
    room->domain.def->monitor.sampling = VSF_MONITOR_UNSET;
    for (int i = 0; i < TAPS; i++) {
        VsfLink *link = &room->taps[i].link;

        room->taps[i] = (VsfTap){
            .role = VSF_TAP_OF_VM, .kind = VSF_NIC_TAP, .domain = &room->domain};
        link->ifindex = i + 1;
        link->flags = IFF_UP;
        g_snprintf(link->name, sizeof(link->name), "vnet%d", i);
    }
}

static void
tear_down(Room *room, gconstpointer user_data)
{
    for (guint i = 0; i < TAPS; i++)
        vsf_flows_tap_removed(room->base.flows, &room->taps[i]);
    flows_fixture_tear_down(&room->base, user_data);
    vsf_domain_def_free(room->domain.def);
}

static void
expect_warning(const char *pattern)
{
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, pattern);
}

static void
add_all(Room *fixture)
{
    for (guint i = 0; i < TAPS; i++)
        vsf_flows_tap_added(fixture->base.flows, &fixture->taps[i]);
}

static guint
waiting(const Room *fixture)
{
    VsfFlowsRoom room;

    vsf_flows_room(fixture->base.flows, &room);
    return room.waiting;
}

static gboolean
is_sampled(int ifindex)
{
    return g_hash_table_contains(fake_samplers, GINT_TO_POINTER(ifindex));
}

static void
test_who_finds_no_room_says_so_and_waits(Room *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    fake_capture_set_room(2);
    /* Once, not for each. */
    expect_warning("vnet2: cannot sample: no room: * open files allow 2 samplers;*LimitNOFILE*");
    add_all(fixture);
    g_test_assert_expected_messages();
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 2);
    g_assert_cmpuint(waiting(fixture), ==, 2);
    g_assert_true(vsf_flows_status(fixture->base.flows, 4, &status));
    g_assert_true(g_str_has_prefix(status.state, "no room: "));
    /* News of it change nothing while there is none. */
    vsf_flows_tap_changed(fixture->base.flows, &fixture->taps[3]);
    g_assert_cmpuint(waiting(fixture), ==, 2);
}

static void
test_room_is_taken_by_who_waits(Room *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    fake_capture_set_room(2);
    fixture->taps[2].role = VSF_TAP_PROVISIONAL; /* may not be a VM's */
    expect_warning("*no room*");
    add_all(fixture);
    vsf_flows_tap_removed(fixture->base.flows, &fixture->taps[0]);
    fake_capture_room_came();
    g_assert_true(is_sampled(4));
    g_assert_false(is_sampled(3));
    fake_capture_opened(4);
    g_assert_true(vsf_flows_status(fixture->base.flows, 4, &status));
    g_assert_cmpstr(status.state, ==, "sampling");

    fake_capture_set_room(3);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE,
                          "*room for a sampler on every interface*");
    fake_capture_room_came();
    g_test_assert_expected_messages();
    g_assert_true(is_sampled(3));
    g_assert_cmpuint(waiting(fixture), ==, 0);
}

static void
test_who_goes_waits_no_more(Room *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_capture_set_room(2);
    expect_warning("*no room*");
    add_all(fixture);
    vsf_flows_tap_removed(fixture->base.flows, &fixture->taps[2]);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*every interface*");
    fixture->domain.def->monitor.sampling = 0;
    vsf_flows_tap_changed(fixture->base.flows, &fixture->taps[3]);
    g_test_assert_expected_messages();
    g_assert_cmpuint(waiting(fixture), ==, 0);
    vsf_flows_tap_changed(fixture->base.flows, &fixture->taps[0]); /* off as well */
    fake_capture_room_came();
    g_assert_cmpuint(g_hash_table_size(fake_samplers), ==, 1);
}

/* Room comes, and of that nothing is logged: it would not be what is expected. */
static void
let_room_come_silently(void)
{
    expect_warning("nothing else");
    fake_capture_room_came();
    g_warning("nothing else");
    g_test_assert_expected_messages();
}

/* Hooks, and it has other terms than eBPF's. It is tried once, not without end, and nobody hears
 * that there is room for all. */
static void
test_room_that_is_not_for_who_waits_is_left(Room *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_capture_set_room(TAPS - 1);
    expect_warning("*no room*");
    add_all(fixture);
    g_test_assert_expected_messages();
    fake_capture_set_room(TAPS);
    fake_capture_refuse(TRUE);
    let_room_come_silently();
    g_assert_cmpuint(fake_capture_refusals, ==, 1);
    g_assert_cmpuint(waiting(fixture), ==, 1);
}

/* Many that are opened anew have their room back in a moment. */
static void
test_room_that_comes_back_at_once_is_no_lack(Room *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_capture_set_room(2);
    fake_capture_set_ending(2);
    add_all(fixture);
    g_assert_cmpuint(waiting(fixture), ==, 2);
    let_room_come_silently();
    for (guint i = 1; i <= 2; i++) {
        fake_capture_set_ending(2 - i);
        fake_capture_set_room(2 + i);
        let_room_come_silently();
    }
    g_assert_cmpuint(waiting(fixture), ==, 0);
}

/* And if it does not, or not enough, that is said. */
static void
test_room_that_does_not_come_back_is_lack(Room *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_capture_set_room(2);
    fake_capture_set_ending(2);
    add_all(fixture);
    fake_capture_set_ending(1);
    expect_warning("vnet?: cannot sample: no room*");
    fake_capture_room_came();
    g_test_assert_expected_messages();
    g_assert_cmpuint(waiting(fixture), ==, 2);
}

static void
test_one_trouble_of_many_is_told_once(Room *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfFlowStatus status;

    add_all(fixture);
    expect_warning("vnet0: cannot sample: as the test said; its counters go on;*CAP_NET_RAW");
    for (int i = 1; i <= TAPS; i++)
        fake_capture_failed(i, VSF_CAPTURE_ERROR_PERMISSION);
    g_test_assert_expected_messages();
    g_assert_true(vsf_flows_status(fixture->base.flows, TAPS, &status));
    g_assert_cmpstr(status.state, ==, "as the test said");
}

static void
fail(int ifindex, const char *message)
{
    fake_capture_failed_with(ifindex, VSF_CAPTURE_ERROR_FAILED, message);
}

static void
test_troubles_that_alternate_are_told_once(Room *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const char *const messages[] = {"no memory", "no buffers"};

    add_all(fixture);
    expect_warning("vnet0: cannot sample: no memory; its counters go on");
    for (guint i = 0; i < 40; i++)
        fail(1 + (int)(i % TAPS), messages[(i + i / TAPS) % 2]);
    g_test_assert_expected_messages();
    flows_fixture_pass(61000);
    expect_warning("vnet0, and 39 more before it: cannot sample: no memory; their counters go on");
    fail(1, messages[0]);
    g_test_assert_expected_messages();
}

static void
test_another_trouble_waits_for_seconds_only(Room *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    add_all(fixture);
    expect_warning("vnet0: cannot sample: no memory; its counters go on");
    fail(1, "no memory");
    flows_fixture_pass(4000);
    fail(2, "no buffers");
    flows_fixture_pass(2000);
    fail(3, "no memory");
    g_test_assert_expected_messages();
    expect_warning("vnet3, and 2 more before it: cannot sample: no buffers; their counters go on");
    fail(4, "no buffers");
    g_test_assert_expected_messages();
}

static void
test_descriptors_are_left_for_everything_else(void)
{
    g_assert_cmpuint(vsf_flows_samplers_max(256), ==, 160);
    g_assert_cmpuint(vsf_flows_samplers_max(65536), ==, 65440 - 4096);
    g_assert_cmpuint(vsf_flows_samplers_max(100), ==, 25);
    g_assert_cmpuint(vsf_flows_samplers_max(0), ==, 1);
}

#define ADD(name, func) g_test_add("/flows-room/" name, Room, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("who-finds-no-room-says-so-and-waits", test_who_finds_no_room_says_so_and_waits);
    ADD("room-is-taken-by-who-waits", test_room_is_taken_by_who_waits);
    ADD("who-goes-waits-no-more", test_who_goes_waits_no_more);
    ADD("room-that-is-not-for-who-waits-is-left", test_room_that_is_not_for_who_waits_is_left);
    ADD("room-that-comes-back-at-once-is-no-lack", test_room_that_comes_back_at_once_is_no_lack);
    ADD("room-that-does-not-come-back-is-lack", test_room_that_does_not_come_back_is_lack);
    ADD("one-trouble-of-many-is-told-once", test_one_trouble_of_many_is_told_once);
    ADD("troubles-that-alternate-are-told-once", test_troubles_that_alternate_are_told_once);
    ADD("another-trouble-waits-for-seconds-only", test_another_trouble_waits_for_seconds_only);
    g_test_add_func("/flows-room/descriptors-are-left-for-everything-else",
                    test_descriptors_are_left_for_everything_else);
    return g_test_run();
}
