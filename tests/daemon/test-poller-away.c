/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that migrates has its samples from one host at a time; one that nobody tells of has them
 * too. */
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

#define MIGRATION 2 /* virDomainPausedReason */

static void
set_state(Fixture *fixture, int state, int reason)
{
    vsf_registry_domain_state(fixture->registry, UUID_1, state, reason, g_get_monotonic_time());
}

/* The kernel answers all that time, and libvirt when it was asked. */
static void
pass(guint seconds)
{
    for (guint i = 0; i < 40 * seconds; i++) {
        guint asked = fake_stats_asked;

        fake_time_advance(25);
        fake_link_stats_answer(0);
        if (fake_stats_asked > asked)
            poller_answer_stats(7);
    }
}

static void
test_who_is_still_elsewhere_has_no_samples(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_process_set(100, 'S', CPU_NS);
    poller_see_domain(fixture, 1, 5, 0, VSF_STATE_UNKNOWN); /* announced by the hook */
    fake_worker_run();
    pass(25); /* by then libvirt has been asked */
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    set_state(fixture, VSF_STATE_PAUSED, MIGRATION);
    /* STARTED asks for one. */
    vsf_poller_domain_now(fixture->poller, vsf_registry_by_uuid(fixture->registry, UUID_1),
                          VSF_POLL_FIRST);
    pass(60);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    g_assert_cmpuint(fake_stats_asked, ==, 0);

    set_state(fixture, VSF_STATE_RUNNING, 0);
    fake_time_advance(0);
    fake_worker_run();
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_cpu.state", "1");
    pass(60);
    g_assert_cmpuint(poller_n_samples(fixture), >=, 3);
}

static void
test_who_leaves_has_one_last_sample(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint n;

    poller_start_vm(fixture, 1);
    pass(40);
    n = poller_n_samples(fixture);
    g_assert_cmpuint(n, >=, 2);
    set_state(fixture, VSF_STATE_PAUSED, MIGRATION);
    pass(1);
    g_assert_cmpuint(poller_n_samples(fixture), ==, n + 1);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "1000");
    pass(60);
    g_assert_cmpuint(poller_n_samples(fixture), ==, n + 1);

    /* It failed: the guest runs on here, at once. */
    set_state(fixture, VSF_STATE_RUNNING, 0);
    pass(1);
    g_assert_cmpuint(poller_n_samples(fixture), ==, n + 2);
    pass(60);
    g_assert_cmpuint(poller_n_samples(fixture), >=, n + 4);
}

static void
test_a_turn_under_way_becomes_the_last_one(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    set_state(fixture, VSF_STATE_PAUSED, MIGRATION);
    fake_link_stats_answer(0);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    fake_time_advance(50); /* libvirt is slow: what is there leaves before the other side's first */
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_cpu.state", "3");
    poller_answer_stats(7);
    pass(60);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
}

/* libvirt sends no event for one that it gives up while it starts. */
static void
test_the_end_of_who_never_came_is_noticed(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_process_set(100, 'S', CPU_NS);
    poller_see_domain(fixture, 1, 5, 0, VSF_STATE_UNKNOWN);
    set_state(fixture, VSF_STATE_PAUSED, MIGRATION);
    fake_worker_run();
    pass(60);
    g_assert_cmpuint(fixture->n_gone, ==, 0);
    fake_process_set(0, 'S', 0);
    pass(60);
    g_assert_cmpuint(fixture->n_gone, >=, 1);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
}

/* libvirt hangs, or does not let us ask about it: its QEMU tells what there is. */
static void
test_what_libvirt_never_tells_of_has_samples_in_the_end(Fixture *fixture,
                                                        gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_poller_connected(fixture->poller, FALSE);
    fake_process_set(100, 'S', CPU_NS);
    poller_see_domain(fixture, 1, 5, 0, VSF_STATE_UNKNOWN);
    fake_worker_run();
    poller_pass(VSF_WORD_US / 1000 - 1000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    g_assert_cmpuint(vsf_registry_n_here(fixture->registry), ==, 0);
    poller_pass(22000);
    g_assert_cmpuint(poller_n_samples(fixture), >=, 1);
    poller_assert_newest(fixture, "virt_cpu.cpuTime", "1500");
    g_assert_cmpuint(vsf_registry_n_here(fixture->registry), ==, 1);
    /* What libvirt says is so, as soon as it does. */
    vsf_registry_domain_state(fixture->registry, UUID_1, VSF_STATE_PAUSED, 2,
                              g_get_monotonic_time());
    g_assert_cmpuint(vsf_registry_n_here(fixture->registry), ==, 0);
}

/* Its start failed, or its QEMU is not to be seen from here. */
static void
test_what_never_had_a_process_has_no_sample(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    fake_process_set(0, 'S', 0);
    poller_see_domain(fixture, 1, 5, 0, VSF_STATE_UNKNOWN);
    fake_worker_run();
    poller_pass(VSF_WORD_US / 1000 + 45000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
}

#define ADD(name, func)                                                                  \
    g_test_add("/poller-away/" name, Fixture, GUINT_TO_POINTER(20), poller_set_up, func, \
               poller_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("who-is-still-elsewhere-has-no-samples", test_who_is_still_elsewhere_has_no_samples);
    ADD("who-leaves-has-one-last-sample", test_who_leaves_has_one_last_sample);
    ADD("a-turn-under-way-becomes-the-last-one", test_a_turn_under_way_becomes_the_last_one);
    ADD("the-end-of-who-never-came-is-noticed", test_the_end_of_who_never_came_is_noticed);
    ADD("what-libvirt-never-tells-of-has-samples-in-the-end",
        test_what_libvirt_never_tells_of_has_samples_in_the_end);
    ADD("what-never-had-a-process-has-no-sample", test_what_never_had_a_process_has_no_sample);
    return g_test_run();
}
