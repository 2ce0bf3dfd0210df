/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lacks libvirt's numbers is made good when libvirt is back. */
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

/* Until libvirt was asked so often, for so long at most. */
static void
pass_until_asked(guint n, gint64 ms)
{
    for (gint64 i = 0; i < ms && fake_stats_asked < n; i += 100)
        poller_pass(100);
    g_assert_cmpuint(fake_stats_asked, ==, n);
}

/* The last sample left at a phase that is known from here on. */
static void
run_without_libvirt(Fixture *fixture)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    vsf_poller_connected(fixture->poller, FALSE);
    while (poller_n_samples(fixture) < 2)
        poller_pass(100);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
}

static void
test_what_lacks_is_asked_when_libvirt_is_back(Fixture *fixture,
                                              gconstpointer user_data G_GNUC_UNUSED)
{
    gint64 back_us;

    run_without_libvirt(fixture);
    g_assert_cmpuint(fake_stats_asked, ==, 1);
    vsf_poller_connected(fixture->poller, TRUE);
    back_us = g_get_monotonic_time();
    pass_until_asked(2, 2000);
    poller_answer_stats(8);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 3);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "8");
    /* That was all, and the phase is what it was. */
    poller_pass(19500 - (g_get_monotonic_time() - back_us) / 1000);
    g_assert_cmpuint(fake_stats_asked, ==, 2);
    pass_until_asked(3, 700);
}

static void
test_what_lacks_nothing_waits_for_its_turn(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    vsf_poller_connected(fixture->poller, FALSE);
    poller_pass(3000);
    vsf_poller_connected(fixture->poller, TRUE);
    poller_pass(12000);
    g_assert_cmpuint(fake_stats_asked, ==, 1);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
}

/* It came up, and is still busy with its VMs. */
static void
test_what_goes_on_to_lack_is_asked_for_a_while(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    guint n_samples;

    run_without_libvirt(fixture);
    vsf_poller_connected(fixture->poller, TRUE);
    for (guint i = 0; i < 120; i++) {
        guint asked = fake_stats_asked;

        poller_pass(100);
        if (fake_stats_asked > asked)
            fake_stats_answer(UUID_1, NULL);
    }
    n_samples = poller_n_samples(fixture);
    g_assert_cmpuint(n_samples, >=, 2 + 6);
    g_assert_cmpuint(n_samples, <=, 2 + 11);
    poller_pass(5000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, n_samples);
}

static void
test_nothing_is_hastened_when_it_went_again(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    run_without_libvirt(fixture);
    vsf_poller_connected(fixture->poller, TRUE);
    vsf_poller_connected(fixture->poller, FALSE);
    poller_pass(12000);
    g_assert_cmpuint(poller_n_samples(fixture), <=, 3);
}

static void
test_a_vm_that_came_meanwhile_has_its_turn_soon(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_poller_connected(fixture->poller, FALSE);
    vsf_poller_connected(fixture->poller, TRUE);
    poller_start_vm(fixture, 1);
    poller_pass(2000);
    g_assert_cmpuint(fake_stats_asked, ==, 1);
}

/* Not so when the daemon starts: many start together. */
static void
test_the_first_connection_is_no_return(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_many(fixture);
    vsf_poller_connected(fixture->poller, TRUE);
    fake_time_advance(2000);
    g_assert_cmpuint(fake_stats_asked, <, POLLER_MANY / 2);
}

/* libvirtd hung, and noticed nothing itself. */
static void
test_a_late_answer_makes_good_what_lacks(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    poller_pass(5000);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
    poller_answer_stats(7);
    pass_until_asked(2, 1500);
    poller_answer_stats(8);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "8");
}

static void
test_a_vm_that_is_always_slow_has_no_turns_without_end(Fixture *fixture,
                                                       gconstpointer user_data G_GNUC_UNUSED)
{
    guint asked = 0;

    poller_start_vm(fixture, 1);
    for (guint i = 0; i < 1000 / 3; i++) {
        poller_pass(3000);
        if (fake_stats_asked > asked)
            poller_answer_stats(7);
        asked = fake_stats_asked;
    }
    /* 50 intervals. */
    g_assert_cmpuint(fake_stats_asked, >=, 45);
    g_assert_cmpuint(fake_stats_asked, <=, 4 * 50);
}

/* A call of the turn hangs past its deadline, and then comes back. */
static void
hang(Fixture *fixture)
{
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    poller_pass(5000);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
    poller_answer_stats(7);
}

/* An interval later, and less than 20 s. */
static void
test_a_second_hang_is_made_good_too(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    gint64 back_us;

    poller_start_vm(fixture, 1);
    hang(fixture);
    back_us = g_get_monotonic_time();
    pass_until_asked(fake_stats_asked + 1, 1500);
    poller_answer_stats(8);
    while (g_get_monotonic_time() - back_us < 8 * G_USEC_PER_SEC) {
        guint asked = fake_stats_asked;

        poller_pass(100);
        if (fake_stats_asked > asked)
            poller_answer_stats(9);
    }
    hang(fixture);
    pass_until_asked(fake_stats_asked + 1, 1600);
    poller_answer_stats(10);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "10");
}

#define ADD_AT(polling, name, func)                                                      \
    g_test_add("/poller/" name, Fixture, GUINT_TO_POINTER(polling), poller_set_up, func, \
               poller_tear_down)
#define ADD(name, func) ADD_AT(20, name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-lacks-is-asked-when-libvirt-is-back", test_what_lacks_is_asked_when_libvirt_is_back);
    ADD("what-lacks-nothing-waits-for-its-turn", test_what_lacks_nothing_waits_for_its_turn);
    ADD("what-goes-on-to-lack-is-asked-for-a-while",
        test_what_goes_on_to_lack_is_asked_for_a_while);
    ADD("nothing-is-hastened-when-it-went-again", test_nothing_is_hastened_when_it_went_again);
    ADD("a-vm-that-came-meanwhile-has-its-turn-soon",
        test_a_vm_that_came_meanwhile_has_its_turn_soon);
    ADD("the-first-connection-is-no-return", test_the_first_connection_is_no_return);
    ADD("a-late-answer-makes-good-what-lacks", test_a_late_answer_makes_good_what_lacks);
    ADD_AT(12, "a-second-hang-is-made-good-too", test_a_second_hang_is_made_good_too);
    ADD("a-vm-that-is-always-slow-has-no-turns-without-end",
        test_a_vm_that_is_always_slow_has_no_turns_without_end);
    return g_test_run();
}
