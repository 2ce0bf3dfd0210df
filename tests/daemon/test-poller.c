/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When each source has its turn. */
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

#include <string.h>

/* The kernel was silent for longer than an interval: each turn asks anew. */
static void
test_readings_are_asked_again_after_a_hang(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    fake_time_advance(60000);
    fake_link_stats_answer(0);
    if (fake_stats_asked > 0)
        poller_answer_stats(7);
    vsf_exporter_flush(fixture->exporter);
    g_ptr_array_set_size(fixture->datagrams, 0);
    for (int i = 0; i < 160; i++) {
        fake_time_advance(250);
        fake_link_stats_answer(0);
    }
    g_assert_cmpuint(poller_n_samples(fixture), >=, 1);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "1000");
}

/* So many questions wait that one is refused: it is answered before those. */
static void
test_an_answer_is_its_own_questions(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *other;

    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    poller_answer_stats(7);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);

    other = poller_see_domain(fixture, 2, 6, 0, VSF_STATE_RUNNING);
    vsf_poller_domain_now(fixture->poller, other, VSF_POLL_FIRST);
    fake_time_advance(0);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING,
                          "interface counters: as the test said*");
    fake_link_stats_refuse();
    g_test_assert_expected_messages();
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);

    g_assert_cmpuint(fake_link_stats_answer(0), >=, 1);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "1000");
}

static void
test_polling_off_sends_nothing(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    poller_begin_turn(fixture, VSF_POLL_LAST);
    fake_time_advance(400000);
    vsf_exporter_flush(fixture->exporter);
    g_assert_cmpuint(fake_stats_asked, ==, 0);
    g_assert_cmpuint(fixture->datagrams->len, ==, 0);
}

static guint
slots_used(gint64 from_us, gint64 until_us)
{
    g_autoptr(GHashTable) slots = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < fake_stats_times->len; i++) {
        gint64 time_us = g_array_index(fake_stats_times, gint64, i);

        if (time_us >= from_us && time_us < until_us)
            g_hash_table_add(slots, GINT_TO_POINTER((int)(time_us / G_USEC_PER_SEC)));
    }
    return g_hash_table_size(slots);
}

static void
answer_all(void)
{
    for (int i = 1; i <= POLLER_MANY; i++) {
        guint8 bytes[16];
        char uuid[VSF_UUID_TEXT];

        memset(bytes, i, sizeof(bytes));
        vsf_uuid_format(bytes, uuid);
        fake_stats_answer(uuid, NULL);
    }
}

static void
test_phases_spread_over_the_interval(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_many(fixture);
    fake_time_advance(22000);
    g_assert_cmpuint(fake_stats_asked, ==, POLLER_MANY);
    g_assert_cmpuint(slots_used(0, 22 * G_USEC_PER_SEC), >=, 8);
}

/* Most of what a turn costs is shared by those that come together. */
static void
test_few_vms_meet_in_few_slots(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) times = g_hash_table_new(g_int64_hash, g_int64_equal);

    for (guint8 i = 1; i <= 40; i++)
        poller_see_domain(fixture, i, i, 0, VSF_STATE_RUNNING);
    fake_time_advance(20000);
    g_assert_cmpuint(fake_stats_asked, ==, 40);
    for (guint i = 0; i < fake_stats_times->len; i++)
        g_hash_table_add(times, &g_array_index(fake_stats_times, gint64, i));
    g_assert_cmpuint(g_hash_table_size(times), ==, 3);
}

static guint
n_tap_samples(Fixture *fixture)
{
    g_autofree char *value = NULL;

    return poller_count_samples(fixture, "0:17", "if_counters.ifInOctets", &value);
}

/* A VM's turn and its tap's are one, and leave as soon as all is there that belongs to it. */
static void
test_a_tap_has_its_turn_with_its_vm(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    vsf_exporter_flush(fixture->exporter);
    for (guint n = 0; n < 3; n++) {
        g_ptr_array_set_size(fixture->datagrams, 0);
        for (gint64 ms = 0; ms < 21000 && fake_link_stats_answer(0) == 0; ms += 100)
            fake_time_advance(100);
        g_assert_cmpuint(n_tap_samples(fixture), ==, 0);
        poller_answer_stats(8);
        g_assert_cmpuint(n_tap_samples(fixture), ==, 1);
        g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    }
}

/* No gap is longer than the interval, though its phase becomes the VM's. */
static void
test_a_taps_phase_changes_without_a_gap(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint before;
    gint64 last_us;

    poller_start_vm(fixture, 1);
    poller_pass(30000);
    before = n_tap_samples(fixture);
    last_us = g_get_monotonic_time();
    for (guint i = 0; i < 1200; i++) {
        /* Each turn at the end or the start of a run begins the phase anew. */
        if (i % 77 == 0)
            poller_begin_turn(fixture, VSF_POLL_FIRST);
        poller_pass(100);
        if (vsf_calls_outstanding_since(NULL, UUID_1) != 0)
            fake_stats_answer(UUID_1, NULL);
        vsf_exporter_flush(fixture->exporter);
        if (n_tap_samples(fixture) > before) {
            before = n_tap_samples(fixture);
            last_us = g_get_monotonic_time();
        }
        g_assert_cmpint(g_get_monotonic_time() - last_us, <=, 20500 * 1000);
    }
}

/* Stopped for three intervals: no burst, and the phases stay apart. */
static void
test_a_late_loop_skips_turns(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_many(fixture);
    fake_time_advance(22000);
    answer_all();
    fake_time_stall(65000);
    fake_time_advance(0);
    g_assert_cmpuint(fake_stats_asked, ==, POLLER_MANY);
    fake_time_advance(20000);
    g_assert_cmpuint(fake_stats_asked, ==, 2 * POLLER_MANY);
    g_assert_cmpuint(slots_used(87 * G_USEC_PER_SEC, 108 * G_USEC_PER_SEC), >=, 8);
}

/* A host that slept, on a clock that went on meanwhile. */
static void
test_an_hour_asleep_is_no_burst(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_many(fixture);
    fake_time_advance(22000);
    answer_all();
    fake_time_stall(G_GINT64_CONSTANT(3600) * 1000 + 5000);
    fake_time_advance(0);
    g_assert_cmpuint(fake_stats_asked, ==, POLLER_MANY);
    fake_time_advance(20000);
    g_assert_cmpuint(fake_stats_asked, ==, 2 * POLLER_MANY);
    answer_all();
    fake_time_advance(20000);
    g_assert_cmpuint(fake_stats_asked, ==, 3 * POLLER_MANY);
}

static guint
n_host_samples(Fixture *fixture)
{
    g_autofree char *value = NULL;

    return poller_count_samples(fixture, "2:1", "virt_node.cpus", &value);
}

static void
test_the_host_comes_at_a_phase(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint seconds = 0;

    for (; n_host_samples(fixture) == 0; seconds++)
        fake_time_advance(1000);
    g_assert_cmpuint(seconds, <=, 23);
    fake_time_advance(61000); /* a datagram waits for company up to half a second */
    g_assert_cmpuint(n_host_samples(fixture), ==, 4);
}

/* A VM that starts does not wait for the host's turn. */
static void
test_the_host_comes_before_any_vm(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    g_assert_cmpuint(n_host_samples(fixture), ==, 1);
    g_assert_cmpuint(fixture->datagrams->len, ==, 1);
    fake_time_advance(1000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
}

#define N_DAEMONS 100

/* Waits for the first datagram, to the tenth of a second. */
static guint
first_after_tenths(Fixture *fixture)
{
    guint tenths = 0;

    for (; fixture->datagrams->len == 0; tenths++)
        fake_time_advance(100);
    return tenths;
}

/* Whoever else tells of the host may ask for it; it is told once. */
static void
test_the_host_comes_first_once(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_poller_host_first(fixture->poller);
    g_assert_cmpuint(n_host_samples(fixture), ==, 1);
    vsf_poller_host_first(fixture->poller);
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    vsf_exporter_flush(fixture->exporter);
    g_assert_cmpuint(n_host_samples(fixture), ==, 1);
}

/* Their clocks stand at the same time, so neither the phase of the host nor the
 * slots may hang on it: no tenth of a second, and none of a slot, has many. */
static void
test_daemons_started_at_once_send_apart(Fixture *fixture, gconstpointer user_data)
{
    guint tenths[230] = {0}, of_slot[20] = {0};

    for (guint i = 0; i < N_DAEMONS; i++) {
        guint tenth;

        poller_tear_down(fixture, NULL);
        fixture->seed = i;
        poller_set_up(fixture, user_data);
        tenth = first_after_tenths(fixture);
        g_assert_cmpuint(tenth, <, G_N_ELEMENTS(tenths));
        g_assert_cmpuint(++tenths[tenth], <=, 10);
        g_assert_cmpuint(++of_slot[tenth % G_N_ELEMENTS(of_slot)], <=, 25);
    }
}

/* Since the poller began: when VM 1 and its tap first have their turn, which is one. */
static gint64
first_turn_us(Fixture *fixture)
{
    while (fake_stats_asked == 0)
        fake_time_advance(1);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 1);
    fake_stats_answer(UUID_1, NULL);
    vsf_exporter_flush(fixture->exporter);
    g_assert_cmpuint(n_tap_samples(fixture), ==, 1);
    return g_array_index(fake_stats_times, gint64, 0);
}

/* Another process on the same clock, which sees the VM later. */
static void
test_a_restart_keeps_the_phases(Fixture *fixture, gconstpointer user_data)
{
    g_autoptr(GHashTable) phases = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < 20; i++) {
        gint64 before_us;

        poller_tear_down(fixture, NULL);
        fixture->seed = i;
        poller_set_up(fixture, user_data);
        poller_start_vm(fixture, 1);
        before_us = first_turn_us(fixture);
        poller_tear_down(fixture, NULL);
        poller_set_up(fixture, user_data);
        fake_time_stall(1000 * i + 300);
        poller_start_vm(fixture, 1);
        g_assert_cmpint((first_turn_us(fixture) - before_us) / 1000 % 20000, ==, 0);
        g_hash_table_add(phases, GINT_TO_POINTER((int)(before_us / 1000)));
    }
    g_assert_cmpuint(g_hash_table_size(phases), >, 15);
}

#define ADD_AT(polling, name, func)                                                      \
    g_test_add("/poller/" name, Fixture, GUINT_TO_POINTER(polling), poller_set_up, func, \
               poller_tear_down)
#define ADD(name, func) ADD_AT(20, name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("readings-are-asked-again-after-a-hang", test_readings_are_asked_again_after_a_hang);
    ADD("an-answer-is-its-own-questions", test_an_answer_is_its_own_questions);
    ADD_AT(0, "polling-off-sends-nothing", test_polling_off_sends_nothing);
    ADD("phases-spread-over-the-interval", test_phases_spread_over_the_interval);
    ADD("few-vms-meet-in-few-slots", test_few_vms_meet_in_few_slots);
    ADD("a-tap-has-its-turn-with-its-vm", test_a_tap_has_its_turn_with_its_vm);
    ADD("a-taps-phase-changes-without-a-gap", test_a_taps_phase_changes_without_a_gap);
    ADD("a-late-loop-skips-turns", test_a_late_loop_skips_turns);
    ADD("an-hour-asleep-is-no-burst", test_an_hour_asleep_is_no_burst);
    ADD("the-host-comes-at-a-phase", test_the_host_comes_at_a_phase);
    ADD("the-host-comes-before-any-vm", test_the_host_comes_before_any_vm);
    ADD("a-restart-keeps-the-phases", test_a_restart_keeps_the_phases);
    ADD("the-host-comes-first-once", test_the_host_comes_first_once);
    ADD("daemons-started-at-once-send-apart", test_daemons_started_at_once_send_apart);
    return g_test_run();
}
