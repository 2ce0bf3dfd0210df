/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain whose QEMU libvirt could not ask, since another client was asking. */
#include "fake-guests.h"
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

static void
test_a_busy_domain_is_asked_again(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_busy();
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    fake_time_advance(100);
    g_assert_cmpuint(fake_stats_asked, ==, 2);
    poller_answer_stats(7);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "7");
    /* As often as the turn has time for. */
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    for (guint i = 0; i < 5; i++) {
        poller_answer_busy();
        fake_time_advance(100);
    }
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_answer_stats(8);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "8");
    g_assert_cmpuint(fake_stats_asked, ==, 8);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    for (guint i = 0; i < 5; i++) {
        poller_answer_busy();
        fake_time_advance(100);
    }
    poller_answer_busy();
    g_assert_cmpuint(poller_n_samples(fixture), ==, 3);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
    g_assert_cmpuint(fake_stats_asked, ==, 14);
    /* One that is busy for long no more than once. */
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_busy();
    fake_time_advance(100);
    poller_answer_busy();
    g_assert_cmpuint(poller_n_samples(fixture), ==, 4);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
    g_assert_cmpuint(fake_stats_asked, ==, 16);
    /* What its sample lacks is made good when libvirt has been away. */
    vsf_poller_connected(fixture->poller, FALSE);
    vsf_poller_connected(fixture->poller, TRUE);
    fake_time_advance(1500);
    g_assert_cmpuint(fake_stats_asked, ==, 17);
}

/* Each of libvirt's answers takes some time, so that one more question is out at the deadline. */
static void
busy_turn_of_a_slow_libvirt(Fixture *fixture)
{
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    for (guint i = 0; i < 5; i++) {
        fake_time_advance(40);
        poller_answer_busy();
        fake_time_advance(100);
    }
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    fake_time_advance(50);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
}

static void
test_a_question_that_was_asked_just_now_does_not_hang(Fixture *fixture,
                                                      gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);
    VsfPollStatus status;

    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    busy_turn_of_a_slow_libvirt(fixture);
    poller_answer_busy();
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.stuck_since_us, ==, 0);
}

static void
test_what_a_busy_domain_told_is_in_its_sample(Fixture *fixture,
                                              gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    busy_turn_of_a_slow_libvirt(fixture);
    poller_assert_newest(fixture, "virt_memory.maxMemory", "1000");
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
    poller_answer_busy();
    /* It is asked once more, and libvirt goes away. */
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_busy();
    vsf_poller_connected(fixture->poller, FALSE);
    fake_time_advance(100);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 3);
    poller_assert_newest(fixture, "virt_memory.maxMemory", "1000");
}

/* What came too late for its turn says that nobody else was asking for long. */
static void
test_one_that_was_only_late_is_asked_as_often_as_any(Fixture *fixture,
                                                     gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(1000);
    poller_answer_stats(7);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    for (guint i = 0; i < 5; i++) {
        poller_answer_busy();
        fake_time_advance(100);
    }
    poller_answer_stats(8);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "8");
}

/* There is no time to wait for another client. */
static void
test_one_that_shuts_itself_down_is_asked_again_at_once(Fixture *fixture,
                                                       gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);

    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_busy();
    g_assert_cmpuint(fake_stats_asked, ==, 1);
    vsf_poller_domain_now(fixture->poller, domain, VSF_POLL_LAST);
    g_assert_cmpuint(fake_stats_asked, ==, 2);
    poller_answer_stats(7);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "7");
    fake_time_advance(100);
    /* Nor is one that is gone waited for. */
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_busy();
    fake_process_set(0, 'S', 0);
    vsf_poller_domain_now(fixture->poller, domain, VSF_POLL_LAST);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
}

static void
test_a_busy_domain_is_not_without_a_balloon(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfDomain *domain = poller_start_vm(fixture, 0);
    VsfGuestStatus status;

    domain->def->has_balloon = TRUE;
    domain->def->balloon_period_s = 10;
    domain->since_us -= 301 * G_USEC_PER_SEC;
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    poller_answer_busy();
    fake_time_advance(100);
    poller_answer_busy();
    g_assert_true(vsf_guests_status(fixture->guests, domain, &status));
    g_assert_cmpint(status.memory.source, ==, VSF_SOURCE_UNDECIDED);
    g_assert_cmpint(status.memory.why, ==, VSF_WHY_NO_STATISTICS);
}

#define ADD(name, func)                                                                  \
    g_test_add("/domain-busy/" name, Fixture, GUINT_TO_POINTER(20), poller_set_up, func, \
               poller_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-busy-domain-is-asked-again", test_a_busy_domain_is_asked_again);
    ADD("a-question-that-was-asked-just-now-does-not-hang",
        test_a_question_that_was_asked_just_now_does_not_hang);
    ADD("what-a-busy-domain-told-is-in-its-sample", test_what_a_busy_domain_told_is_in_its_sample);
    ADD("one-that-was-only-late-is-asked-as-often-as-any",
        test_one_that_was_only_late_is_asked_as_often_as_any);
    ADD("one-that-shuts-itself-down-is-asked-again-at-once",
        test_one_that_shuts_itself_down_is_asked_again_at_once);
    ADD("a-busy-domain-is-not-without-a-balloon", test_a_busy_domain_is_not_without_a_balloon);
    return g_test_run();
}
