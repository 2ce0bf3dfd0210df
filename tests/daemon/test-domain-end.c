/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What leaves when a domain ends. */
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

static void
test_no_sample_of_a_process_that_is_gone(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_time_advance(100);
    fake_process_set(0, 'S', 0);
    poller_answer_stats(7);
    fake_link_stats_answer(0);
    fake_time_advance(300);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    for (int i = 0; i < 5; i++) {
        fake_time_advance(20000);
        fake_worker_run();
        fake_link_stats_answer(0);
    }
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    g_assert_cmpuint(fixture->n_gone, >, 0);
}

static void
test_the_last_sample_leaves_without_its_process(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_LAST);
    fake_process_set(0, 'S', 0);
    fake_time_advance(50);
    g_assert_cmpuint(fixture->datagrams->len, >, 0); /* at once, not with the next flush */
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_cpu.cpuTime", "1500");
}

static void
test_the_last_sample_leaves_when_its_process_is_gone_before(Fixture *fixture,
                                                            gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    fake_process_set(0, 'S', 0);
    poller_begin_turn(fixture, VSF_POLL_LAST);
    fake_link_stats_answer(0);
    g_assert_cmpuint(fake_stats_asked, ==, 0);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "1000");
    poller_assert_newest(fixture, "virt_cpu.cpuTime", "unknown");
    g_assert_cmpuint(fixture->n_gone, ==, 0); /* libvirt tells its end */
}

/* Its kernel still knows what it took, until somebody waits for it. */
static void
test_the_last_sample_has_the_cpu_time_of_a_zombie(Fixture *fixture,
                                                  gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    fake_process_set(100, 'Z', 2 * CPU_NS);
    poller_begin_turn(fixture, VSF_POLL_LAST);
    fake_link_stats_answer(0);
    g_assert_cmpuint(fake_stats_asked, ==, 0);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_cpu.cpuTime", "3000");
}

static void
test_the_last_sample_leaves_when_the_end_comes_first(Fixture *fixture,
                                                     gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_LAST);
    fake_link_stats_answer(0);
    fake_process_set(0, 'S', 0);
    g_assert_true(vsf_registry_domain_gone(fixture->registry, UUID_1, g_get_monotonic_time()));
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "1000");
    fake_time_advance(2000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
}

static void
test_the_last_sample_has_the_final_counters_of_taps_that_are_gone(
    Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLinkStats final = {.rx_bytes = 1234, .tx_bytes = 40, .rx_packets = 11, .tx_packets = 4};

    poller_start_vm(fixture, 2);
    vsf_poller_tap_final(fixture->poller, 18, &final);
    vsf_registry_link_gone(fixture->registry, 18);
    poller_begin_turn(fixture, VSF_POLL_LAST);
    fake_link_stats_answer(0);
    fake_time_advance(50);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "2234");
    poller_assert_newest(fixture, "virt_net_io.pkts_in", "6");
}

static void
test_a_tap_that_ended_before_is_no_part_of_a_later_turn(Fixture *fixture,
                                                        gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLinkStats final = {.rx_bytes = 1234};

    poller_start_vm(fixture, 2);
    vsf_poller_tap_final(fixture->poller, 18, &final);
    vsf_registry_link_gone(fixture->registry, 18);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "unknown");
}

static void
test_nothing_leaves_when_a_vm_ends_in_its_turn(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    vsf_registry_domain_gone(fixture->registry, UUID_1, g_get_monotonic_time());
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    fake_time_advance(5000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
}

static void
test_a_turn_that_hangs_becomes_the_last(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_time_advance(100);
    vsf_registry_domain_state(fixture->registry, UUID_1, VSF_STATE_SHUTDOWN, 0,
                              g_get_monotonic_time());
    poller_begin_turn(fixture, VSF_POLL_LAST);
    fake_process_set(0, 'S', 0);
    fake_time_advance(50);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_cpu.state", "4");
}

#define ADD(name, func)                                                                 \
    g_test_add("/domain-end/" name, Fixture, GUINT_TO_POINTER(20), poller_set_up, func, \
               poller_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("no-sample-of-a-process-that-is-gone", test_no_sample_of_a_process_that_is_gone);
    ADD("the-last-sample-leaves-without-its-process",
        test_the_last_sample_leaves_without_its_process);
    ADD("the-last-sample-leaves-when-its-process-is-gone-before",
        test_the_last_sample_leaves_when_its_process_is_gone_before);
    ADD("the-last-sample-has-the-cpu-time-of-a-zombie",
        test_the_last_sample_has_the_cpu_time_of_a_zombie);
    ADD("the-last-sample-leaves-when-the-end-comes-first",
        test_the_last_sample_leaves_when_the_end_comes_first);
    ADD("the-last-sample-has-the-final-counters-of-taps-that-are-gone",
        test_the_last_sample_has_the_final_counters_of_taps_that_are_gone);
    ADD("a-tap-that-ended-before-is-no-part-of-a-later-turn",
        test_a_tap_that_ended_before_is_no_part_of_a_later_turn);
    ADD("nothing-leaves-when-a-vm-ends-in-its-turn",
        test_nothing_leaves_when_a_vm_ends_in_its_turn);
    ADD("a-turn-that-hangs-becomes-the-last", test_a_turn_that_hangs_becomes_the_last);
    return g_test_run();
}
