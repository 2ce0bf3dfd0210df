/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What turns tell of themselves: how late they were, whether any stands still, and since
 * when a VM's numbers from libvirt are missing. */
#include "decoded.h"
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

#define STATS_MS 200 /* libvirt's answer takes that long */

static VsfPollStatus
status_of(Fixture *fixture, const VsfDomain *domain)
{
    VsfPollStatus status;

    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    return status;
}

/* Once VM 1's own turn has been: the next is an interval away, at whatever phase it lies. */
static void
pass_its_own_turn(void)
{
    guint asked = fake_stats_asked;

    for (guint i = 0; i < 500 && fake_stats_asked == asked; i++)
        fake_time_advance(50);
    g_assert_cmpuint(fake_stats_asked, ==, asked + 1);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
}

/* What the VM's newest sample says of itself; the older ones are forgotten. */
static void
assert_stale_s(Fixture *fixture, const char *expected)
{
    g_autoptr(GHashTable) metrics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    vsf_exporter_flush(fixture->exporter);
    decoded_metrics(fixture->datagrams, metrics, UUID_1);
    g_assert_cmpstr(g_hash_table_lookup(metrics, "stale_s"), ==, expected);
    g_ptr_array_set_size(fixture->datagrams, 0);
}

static void
test_a_vm_is_stale_until_libvirt_tells_again(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);
    gint64 told_us;
    guint asked;

    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    told_us = g_get_monotonic_time();
    g_assert_cmpint(status_of(fixture, domain).stale_since_us, ==, 0);

    vsf_poller_connected(fixture->poller, FALSE);
    fake_time_advance(5000);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    g_assert_cmpint(status_of(fixture, domain).stale_since_us, ==, told_us);
    g_assert_cmpint(status_of(fixture, domain).stuck_since_us, ==, 0);

    asked = fake_stats_asked;
    vsf_poller_connected(fixture->poller, TRUE);
    for (guint i = 0; i < 100 && fake_stats_asked == asked; i++)
        fake_time_advance(50);
    fake_link_stats_answer(0);
    poller_answer_stats(8);
    g_assert_cmpint(status_of(fixture, domain).stale_since_us, ==, 0);
}

static void
test_a_first_sample_in_a_hurry_is_not_stale(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);

    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    fake_time_advance(300);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    g_assert_cmpint(status_of(fixture, domain).stale_since_us, ==, 0);
    /* The sample itself does not say that it has what it lacks. */
    assert_stale_s(fixture, "1");
}

static void
test_a_last_sample_says_since_when_libvirts_part_is_missing(Fixture *fixture,
                                                            gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    assert_stale_s(fixture, "0");
    fake_time_advance(4500);
    poller_begin_turn(fixture, VSF_POLL_LAST);
    fake_link_stats_answer(0);
    fake_time_advance(50);
    assert_stale_s(fixture, "5");
}

/* A turn of which libvirt says each time, busy with another client's question, what it knows
 * without QEMU. */
static void
busy_turn_of(Fixture *fixture, VsfPollUrgency urgency)
{
    poller_begin_turn(fixture, urgency);
    fake_link_stats_answer(0);
    for (guint asked = 0; asked != fake_stats_asked;) {
        asked = fake_stats_asked;
        poller_answer_busy();
        fake_time_advance(100);
    }
}

static void
busy_turn(Fixture *fixture)
{
    busy_turn_of(fixture, VSF_POLL_REGULAR);
}

static void
test_a_qemu_that_hangs_for_another_client_is_stuck(Fixture *fixture,
                                                   gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);
    gint64 told_us, busy_us;

    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    told_us = g_get_monotonic_time();
    assert_stale_s(fixture, "0");
    fake_time_advance(5000);
    busy_turn(fixture);
    busy_us = g_get_monotonic_time() - 100 * G_TIME_SPAN_MILLISECOND;
    /* Disk and balloon are missing; once may be a short question. */
    g_assert_cmpint(status_of(fixture, domain).stale_since_us, ==, told_us);
    g_assert_cmpint(status_of(fixture, domain).stuck_since_us, ==, 0);
    assert_stale_s(fixture, "6");

    fake_time_advance(5000);
    busy_turn(fixture);
    g_assert_cmpint(status_of(fixture, domain).stuck_since_us, ==, busy_us);
    g_assert_cmpint(status_of(fixture, domain).stale_since_us, ==, told_us);

    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(8);
    g_assert_cmpint(status_of(fixture, domain).stuck_since_us, ==, 0);
    g_assert_cmpint(status_of(fixture, domain).stale_since_us, ==, 0);
    busy_turn(fixture);
    g_assert_cmpint(status_of(fixture, domain).stuck_since_us, ==, 0);
}

/* Nobody knows what was meanwhile. */
static void
test_one_that_was_busy_before_libvirt_was_away_is_not_stuck(Fixture *fixture,
                                                            gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);

    busy_turn(fixture);
    vsf_poller_connected(fixture->poller, FALSE);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(5000);
    vsf_poller_connected(fixture->poller, TRUE);
    busy_turn(fixture);
    g_assert_cmpint(status_of(fixture, domain).stuck_since_us, ==, 0);
    fake_time_advance(5000);
    busy_turn(fixture);
    g_assert_cmpint(status_of(fixture, domain).stuck_since_us, !=, 0);
}

/* libvirt itself is busy with a VM that it starts. */
static void
test_one_that_was_busy_at_its_start_is_not_stuck(Fixture *fixture,
                                                 gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);

    busy_turn_of(fixture, VSF_POLL_FIRST);
    fake_time_advance(5000);
    busy_turn(fixture);
    g_assert_cmpint(status_of(fixture, domain).stuck_since_us, ==, 0);
    fake_time_advance(5000);
    busy_turn(fixture);
    g_assert_cmpint(status_of(fixture, domain).stuck_since_us, !=, 0);
}

static void
test_a_qemu_that_tells_of_no_disk_is_not_stuck(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);
    g_autoptr(GArray) none = g_array_new(FALSE, TRUE, sizeof(VsfBlockStats));
    VsfDomainStats stats = {.uuid = UUID_1,
                            .state = VSF_STATE_RUNNING,
                            .balloon_current = 1000,
                            .n_vcpus = VSF_UNKNOWN,
                            .asked_qemu = TRUE,
                            .blocks = none};

    for (guint i = 0; i < 3; i++) {
        poller_begin_turn(fixture, VSF_POLL_REGULAR);
        fake_link_stats_answer(0);
        fake_stats_answer(UUID_1, &stats);
        fake_time_advance(100);
        fake_stats_answer(UUID_1, &stats);
        g_assert_cmpint(status_of(fixture, domain).stuck_since_us, ==, 0);
        g_assert_cmpint(status_of(fixture, domain).stale_since_us, !=, 0);
    }
}

static void
test_lateness_is_from_due_to_sample(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfQuantiles lateness;

    poller_start_vm(fixture, 0);
    vsf_poller_take_lateness(fixture->poller);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(STATS_MS);
    poller_answer_stats(7);
    lateness = vsf_poller_take_lateness(fixture->poller);
    g_assert_cmpuint(lateness.n, >=, 1);
    g_assert_cmpuint(vsf_quantiles_at(&lateness, 1000), >=, STATS_MS * 1000);
    g_assert_cmpuint(vsf_quantiles_at(&lateness, 1000), <=, STATS_MS * 1100);
    g_assert_cmpuint(vsf_poller_take_lateness(fixture->poller).n, ==, 0);
}

static void
test_a_late_loop_shows_in_lateness(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfQuantiles lateness;

    fake_time_advance(45000); /* the host's own turns, in time */
    lateness = vsf_poller_take_lateness(fixture->poller);
    g_assert_cmpuint(vsf_quantiles_at(&lateness, 1000), <, 10000);
    for (guint i = 0; i < 10; i++) {
        fake_time_stall(15000);
        fake_time_advance(1);
    }
    lateness = vsf_poller_take_lateness(fixture->poller);
    g_assert_cmpuint(vsf_quantiles_at(&lateness, 1000), >, 1000000);
}

static void
test_turns_are_counted_and_one_that_waits_is_due(Fixture *fixture,
                                                 gconstpointer user_data G_GNUC_UNUSED)
{
    VsfPollerTurns before, after;

    fake_time_advance(22000); /* the host's first */
    before = vsf_poller_turns(fixture->poller);
    g_assert_cmpuint(before.taken, >=, 1);
    g_assert_false(before.due);
    fake_time_stall(45000); /* nothing runs */
    after = vsf_poller_turns(fixture->poller);
    g_assert_cmpuint(after.taken + after.missed, ==, before.taken);
    g_assert_true(after.due);
    fake_time_advance(1);
    after = vsf_poller_turns(fixture->poller);
    g_assert_cmpuint(after.taken + after.missed, >, before.taken);
    g_assert_false(after.due);
}

static void
test_without_polling_no_turn_is_due(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_time_advance(400000);
    g_assert_cmpuint(vsf_poller_turns(fixture->poller).taken, ==, 0);
    g_assert_false(vsf_poller_turns(fixture->poller).due);
}

#define ADD_AT(polling, name, func)                                                           \
    g_test_add("/poll-health/" name, Fixture, GUINT_TO_POINTER(polling), poller_set_up, func, \
               poller_tear_down)

/* The turn that asks says nothing yet of VM 1's call. */
static void
assert_stuck_by_the_next_turn(Fixture *fixture, VsfPollUrgency first, gboolean waits)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);
    VsfPollStatus status;

    pass_its_own_turn();
    fake_stats_wait = waits;
    poller_begin_turn(fixture, first);
    fake_link_stats_answer(0);
    fake_time_advance(1000);
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.stuck_since_us, ==, 0);
    fake_stats_wait = FALSE;
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(1000);
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.stuck_since_us, !=, 0);
}

static void
test_a_call_that_hung_from_the_start_is_stuck(Fixture *fixture,
                                              gconstpointer user_data G_GNUC_UNUSED)
{
    assert_stuck_by_the_next_turn(fixture, VSF_POLL_FIRST, FALSE);
}

static void
test_a_call_that_waited_and_then_hung_is_stuck(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    assert_stuck_by_the_next_turn(fixture, VSF_POLL_REGULAR, TRUE);
}

/* Its connection is away, as after a keepalive that timed out: nobody can be asked yet. */
static void
test_a_late_answer_while_libvirt_is_away_makes_no_turn(Fixture *fixture,
                                                       gconstpointer user_data G_GNUC_UNUSED)
{
    guint n_samples;

    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(1000);
    vsf_poller_connected(fixture->poller, FALSE);
    fake_time_advance(3000);
    n_samples = poller_n_samples(fixture);
    poller_answer_stats(7);
    fake_time_advance(2000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, n_samples);
}

/* Its turns go on, and what was given to workers is done within a second. */
static void
pass_with_workers(guint seconds)
{
    for (guint i = 0; i < seconds; i++) {
        fake_time_advance(1000);
        fake_worker_run();
        fake_link_stats_answer(0);
    }
}

static void
test_all_processes_are_read_more_and_more_seldom(Fixture *fixture,
                                                 gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_see_domain(fixture, 1, 5, 0, VSF_STATE_RUNNING);
    guint walks;

    fake_worker_run();
    g_assert_cmpuint(fake_process_walks, ==, 1);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_worker_run();
    g_assert_cmpuint(fake_process_walks, ==, 1);
    pass_with_workers(3600);
    walks = fake_process_walks;
    g_assert_cmpuint(walks, >, 3600 / 400);
    g_assert_cmpuint(walks, <, 3600 / 200);
    /* What libvirt tells of the VM is a reason to look. */
    vsf_poller_domain_now(fixture->poller, domain, VSF_POLL_FIRST);
    fake_time_advance(0);
    fake_worker_run();
    g_assert_cmpuint(fake_process_walks, ==, walks + 1);
    /* One with a PID file is found at its next turn. */
    fake_process_set(100, 'S', CPU_NS);
    pass_with_workers(22);
    g_assert_cmpint(status_of(fixture, domain).pid, ==, 100);
}

static void
test_a_late_process_without_a_pid_file_is_found(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_see_domain(fixture, 1, 5, 0, VSF_STATE_RUNNING);
    guint walks;

    pass_with_workers(1000);
    fake_process_has_pid_file = FALSE;
    fake_process_set(100, 'S', CPU_NS);
    pass_with_workers(322); /* unasked */
    g_assert_cmpint(status_of(fixture, domain).pid, ==, 100);
    /* It ends, and another is there at once. */
    fake_process_set(101, 'S', CPU_NS);
    walks = fake_process_walks;
    pass_with_workers(22);
    g_assert_cmpuint(fake_process_walks, ==, walks + 1);
    g_assert_cmpint(status_of(fixture, domain).pid, ==, 101);
}

#define ADD(name, func) ADD_AT(20, name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-vm-is-stale-until-libvirt-tells-again", test_a_vm_is_stale_until_libvirt_tells_again);
    ADD("a-first-sample-in-a-hurry-is-not-stale", test_a_first_sample_in_a_hurry_is_not_stale);
    ADD("a-last-sample-says-since-when-libvirts-part-is-missing",
        test_a_last_sample_says_since_when_libvirts_part_is_missing);
    ADD("a-qemu-that-hangs-for-another-client-is-stuck",
        test_a_qemu_that_hangs_for_another_client_is_stuck);
    ADD("one-that-was-busy-before-libvirt-was-away-is-not-stuck",
        test_one_that_was_busy_before_libvirt_was_away_is_not_stuck);
    ADD("one-that-was-busy-at-its-start-is-not-stuck",
        test_one_that_was_busy_at_its_start_is_not_stuck);
    ADD("a-qemu-that-tells-of-no-disk-is-not-stuck",
        test_a_qemu_that_tells_of_no_disk_is_not_stuck);
    ADD("lateness-is-from-due-to-sample", test_lateness_is_from_due_to_sample);
    ADD("a-late-loop-shows-in-lateness", test_a_late_loop_shows_in_lateness);
    ADD("turns-are-counted-and-one-that-waits-is-due",
        test_turns_are_counted_and_one_that_waits_is_due);
    ADD_AT(0, "without-polling-no-turn-is-due", test_without_polling_no_turn_is_due);
    ADD("a-call-that-hung-from-the-start-is-stuck", test_a_call_that_hung_from_the_start_is_stuck);
    ADD("a-call-that-waited-and-then-hung-is-stuck",
        test_a_call_that_waited_and_then_hung_is_stuck);
    ADD("a-late-answer-while-libvirt-is-away-makes-no-turn",
        test_a_late_answer_while_libvirt_is_away_makes_no_turn);
    ADD("all-processes-are-read-more-and-more-seldom",
        test_all_processes_are_read_more_and_more_seldom);
    ADD("a-late-process-without-a-pid-file-is-found",
        test_a_late_process_without_a_pid_file_is_found);
    return g_test_run();
}
