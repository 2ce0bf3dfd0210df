/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a turn of a domain waits for, and what leaves. */
#include "fake-guests.h"
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

#include <string.h>

static void
test_a_sample_has_what_was_answered(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    g_assert_cmpuint(fake_link_stats_answer(0), ==, 1);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    poller_answer_stats(7);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_cpu.cpuTime", "1500");
    poller_assert_newest(fixture, "virt_cpu.nrVirtCpu", "3");
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "7");
    poller_assert_newest(fixture, "virt_memory.memory", "1073741824");
    poller_assert_newest(fixture, "virt_memory.maxMemory", "1073741824");
    /* The guest's view: what the host received, the guest sent. */
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "1000");
    poller_assert_newest(fixture, "virt_net_io.bytes_in", "20");
    /* How many vCPUs it has is known from now on. */
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(750);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
    poller_assert_newest(fixture, "virt_cpu.nrVirtCpu", "3");
    poller_assert_newest(fixture, "virt_memory.maxMemory", "unknown");
}

static void
test_without_libvirts_answer_the_rest_leaves_at_the_deadline(Fixture *fixture,
                                                             gconstpointer user_data G_GNUC_UNUSED)
{
    VsfPollStatus status;
    VsfDomain *domain = poller_start_vm(fixture, 1);

    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(749);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    fake_time_advance(1);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_cpu.cpuTime", "1500");
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "1000");
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
    poller_assert_newest(fixture, "virt_memory.memory", "unknown");
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.stuck_since_us, ==, g_get_monotonic_time());
    g_assert_cmpuint(status.sent.cpu_time_ns, ==, 1500000000);
    g_assert_cmpuint(status.sent.disk.rd_req, ==, VSF_UNKNOWN);
    g_assert_cmpint(status.before_us, ==, 0);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(750);
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.before_us, >, 0);
    g_assert_cmpuint(status.before.cpu_time_ns, ==, 1500000000);
}

static void
test_a_call_that_waits_for_others_is_not_stuck(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    VsfPollStatus status;
    VsfDomain *domain = poller_start_vm(fixture, 0);

    fake_stats_wait = TRUE;
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(1000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.stuck_since_us, ==, 0);
}

static void
test_a_first_sample_leaves_without_any_answer(Fixture *fixture,
                                              gconstpointer user_data G_GNUC_UNUSED)
{
    g_autofree char *state = NULL;

    poller_start_vm(fixture, 1);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_time_advance(450);
    g_assert_cmpuint(poller_count_samples(fixture, VM_1, "virt_net_io.bytes_in", &state), ==, 1);
    g_assert_cmpstr(state, ==, "unknown");
}

static void
test_a_late_answer_is_not_the_next_turns(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_time_advance(300);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    /* Still out: the next turn does not ask again, and does not wait for it. */
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    g_assert_cmpuint(fake_stats_asked, ==, 1);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
    poller_answer_stats(7);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    g_assert_cmpuint(fake_stats_asked, ==, 2);
}

/* Those whose turn is regular are one question to libvirt; one that may not wait is its own. */
static void
test_turns_of_one_slot_are_asked_together(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const VsfPollUrgency urgencies[] = {VSF_POLL_REGULAR, VSF_POLL_REGULAR, VSF_POLL_FIRST};
    VsfDomain *domains[G_N_ELEMENTS(urgencies)];

    for (guint i = 0; i < G_N_ELEMENTS(urgencies); i++)
        domains[i] = poller_see_domain(fixture, (guint8)(i + 1), 5, 0, VSF_STATE_RUNNING);
    fake_process_set(100, 'S', CPU_NS);
    fake_worker_run();
    for (guint i = 0; i < G_N_ELEMENTS(urgencies); i++)
        vsf_poller_domain_now(fixture->poller, domains[i], urgencies[i]);
    fake_time_advance(0);
    g_assert_cmpuint(fake_stats_asked, ==, 3);
    g_assert_cmpuint(fake_stats_together, ==, 2);
}

static void
test_a_qemu_that_sleeps_for_long_is_stuck(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfPollStatus status;
    VsfDomain *domain = poller_start_vm(fixture, 0);

    /* Once is nothing: it is looked at again at once. */
    fake_process_set(100, 'D', CPU_NS);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_process_set(100, 'S', CPU_NS);
    fake_time_advance(100);
    g_assert_cmpuint(fake_stats_asked, ==, 1);
    poller_answer_stats(7);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "7");
    fake_process_set(100, 'D', CPU_NS);
    for (guint turn = 0; turn < 2; turn++) {
        g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
        g_assert_cmpint(status.stuck_since_us, ==, 0);
        poller_begin_turn(fixture, VSF_POLL_REGULAR);
        fake_link_stats_answer(0);
        fake_time_advance(200);
    }
    g_assert_cmpuint(fake_stats_asked, ==, 1);
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.stuck_since_us, !=, 0);
    fake_process_set(100, 'S', CPU_NS);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(8);
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.stuck_since_us, ==, 0);
}

/* An answer that comes while the turn waits to look again is another turn's, and a late one. */
static void
test_a_late_answer_comes_while_its_qemu_sleeps(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(3000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    fake_process_set(100, 'D', CPU_NS);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    fake_process_set(100, 'S', CPU_NS);
    fake_time_advance(100);
    g_assert_cmpuint(fake_stats_asked, ==, 2);
    poller_answer_stats(8);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "8");
}

static void
test_an_answer_to_an_earlier_run_is_ignored(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_time_advance(100);
    poller_see_domain(fixture, 1, 6, 0, VSF_STATE_RUNNING);
    fake_worker_run();
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    poller_answer_stats(7777);
    fake_link_stats_answer(0);
    fake_time_advance(300);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
}

static void
test_the_process_of_an_earlier_run_is_not_this_ones(Fixture *fixture,
                                                    gconstpointer user_data G_GNUC_UNUSED)
{
    VsfPollStatus status;
    VsfDomain *domain;

    fake_process_set(100, 'S', CPU_NS);
    poller_see_domain(fixture, 1, 5, 0, VSF_STATE_RUNNING);
    fake_time_advance(1);
    domain = poller_see_domain(fixture, 1, 6, 0, VSF_STATE_RUNNING);
    fake_worker_run_one(); /* the search of run 5 */
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.pid, ==, 0);
    fake_process_set(200, 'S', CPU_NS);
    fake_worker_run_one();
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_cmpint(status.pid, ==, 200);
}

static void
test_a_stopped_qemu_is_not_asked(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfPollStatus status;
    VsfDomain *domain = poller_start_vm(fixture, 0);

    fake_process_set(100, 'T', CPU_NS);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    g_assert_cmpuint(fake_stats_asked, ==, 0);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_cpu.cpuTime", "1500");
    g_assert_true(vsf_poller_status(fixture->poller, domain, &status));
    g_assert_true(status.stopped);
}

static void
test_libvirt_is_not_asked_while_it_is_away(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 0);
    vsf_poller_connected(fixture->poller, FALSE);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    g_assert_cmpuint(fake_stats_asked, ==, 0);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
}

static void
test_what_only_the_hook_announced_has_no_sample(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    poller_see_domain(fixture, 1, 5, 0, VSF_STATE_UNKNOWN);
    fake_worker_run();
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_worker_run();
    fake_link_stats_answer(0);
    fake_time_advance(1000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    /* QEMU is there, and may wait for a guest that is still elsewhere. */
    fake_process_set(100, 'S', CPU_NS);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_worker_run();
    fake_link_stats_answer(0);
    fake_time_advance(1000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    vsf_registry_domain_state(fixture->registry, UUID_1, VSF_STATE_RUNNING, 0,
                              g_get_monotonic_time());
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(1000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
}

static void
test_a_nic_without_a_reading_makes_the_sum_unknown(Fixture *fixture,
                                                   gconstpointer user_data G_GNUC_UNUSED)
{
    VsfLinkStats stats = {.rx_bytes = 1, .tx_bytes = 2};

    poller_start_vm(fixture, 2);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "2000");
    fake_link_stats_set(17, &stats);
    vsf_registry_link_gone(fixture->registry, 18);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    poller_answer_stats(7);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "unknown");
}

/* A VsfNicStatsFunc. */
static gboolean
switch_knows(const VsfNic *nic, VsfLinkStats *stats, gpointer user_data)
{
    g_assert_cmpint(nic->kind, ==, VSF_NIC_VHOST_USER);
    *stats = (VsfLinkStats){.rx_bytes = 5, .tx_bytes = 7};
    return *(const gboolean *)user_data;
}

/* The switch receives what the guest sends. */
static void
test_a_switch_knows_what_the_kernel_does_not(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    static const struct {
        gboolean known;
        VsfNetDirection direction;
        const char *in, *out;
    } cases[] = {
        {FALSE, VSF_NET_DIRECTION_GUEST, "unknown", "unknown"},
        {TRUE, VSF_NET_DIRECTION_GUEST, "27", "1005"},
        {TRUE, VSF_NET_DIRECTION_HOST, "1005", "27"},
    };
    VsfDomain *domain = poller_start_vm(fixture, 1);
    VsfNic *nic = g_new0(VsfNic, 1);
    gboolean known;

    nic->kind = VSF_NIC_VHOST_USER;
    g_ptr_array_add(domain->def->nics, nic);
    vsf_poller_set_others(fixture->poller, switch_knows, &known);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        known = cases[i].known;
        fixture->config->virt_net_direction = cases[i].direction;
        poller_begin_turn(fixture, VSF_POLL_FIRST);
        fake_link_stats_answer(0);
        poller_answer_stats(7);
        poller_assert_newest(fixture, "virt_net_io.bytes_in", cases[i].in);
        poller_assert_newest(fixture, "virt_net_io.bytes_out", cases[i].out);
    }
}

static void
finish_turn(Fixture *fixture)
{
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_worker_run();
    fake_link_stats_answer(0);
    poller_answer_stats(7);
}

static void
assert_run_is(const char *word)
{
    g_autofree char *text = vsf_guest_table_to_text(fake_guest_table(), 1, NULL);
    g_autofree char *line = g_strdup_printf("\nrun=%s\n", word);

    g_assert_nonnull(strstr(text, line));
}

static void
test_a_run_that_the_hook_announced_is_named_by_its_process(Fixture *fixture,
                                                           gconstpointer user_data G_GNUC_UNUSED)
{
    fake_process_set(0, 'S', 0);
    poller_see_domain(fixture, 1, 5, 0, VSF_STATE_UNKNOWN); /* libvirtd forks QEMU later */
    fake_worker_run();
    fake_process_set(100, 'S', CPU_NS);
    vsf_registry_domain_state(fixture->registry, UUID_1, VSF_STATE_RUNNING, 0,
                              g_get_monotonic_time());
    finish_turn(fixture);
    finish_turn(fixture);
    assert_run_is("boot/7100");

    /* An earlier daemon's word, for the same process, is this one's. */
    vsf_registry_domain_gone(fixture->registry, UUID_1, g_get_monotonic_time());
    fake_time_advance(10);
    poller_see_domain(fixture, 1, 5, 0, VSF_STATE_RUNNING);
    fake_worker_run();
    finish_turn(fixture);
    assert_run_is("boot/7100");
}

static void
test_a_run_without_a_process_is_named_by_libvirts_id(Fixture *fixture,
                                                     gconstpointer user_data G_GNUC_UNUSED)
{
    fake_process_set(0, 'S', 0);
    poller_see_domain(fixture, 1, 5, 0, VSF_STATE_RUNNING);
    fake_worker_run();
    finish_turn(fixture);
    assert_run_is("id/boot/5");
}

#define ADD(name, func)                                                                  \
    g_test_add("/domain-poll/" name, Fixture, GUINT_TO_POINTER(20), poller_set_up, func, \
               poller_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-sample-has-what-was-answered", test_a_sample_has_what_was_answered);
    ADD("without-libvirts-answer-the-rest-leaves-at-the-deadline",
        test_without_libvirts_answer_the_rest_leaves_at_the_deadline);
    ADD("a-call-that-waits-for-others-is-not-stuck",
        test_a_call_that_waits_for_others_is_not_stuck);
    ADD("turns-of-one-slot-are-asked-together", test_turns_of_one_slot_are_asked_together);
    ADD("a-first-sample-leaves-without-any-answer", test_a_first_sample_leaves_without_any_answer);
    ADD("a-late-answer-is-not-the-next-turns", test_a_late_answer_is_not_the_next_turns);
    ADD("an-answer-to-an-earlier-run-is-ignored", test_an_answer_to_an_earlier_run_is_ignored);
    ADD("the-process-of-an-earlier-run-is-not-this-ones",
        test_the_process_of_an_earlier_run_is_not_this_ones);
    ADD("a-stopped-qemu-is-not-asked", test_a_stopped_qemu_is_not_asked);
    ADD("libvirt-is-not-asked-while-it-is-away", test_libvirt_is_not_asked_while_it_is_away);
    ADD("what-only-the-hook-announced-has-no-sample",
        test_what_only_the_hook_announced_has_no_sample);
    ADD("a-nic-without-a-reading-makes-the-sum-unknown",
        test_a_nic_without_a_reading_makes_the_sum_unknown);
    ADD("a-switch-knows-what-the-kernel-does-not", test_a_switch_knows_what_the_kernel_does_not);
    ADD("a-qemu-that-sleeps-for-long-is-stuck", test_a_qemu_that_sleeps_for_long_is_stuck);
    ADD("a-late-answer-comes-while-its-qemu-sleeps",
        test_a_late_answer_comes_while_its_qemu_sleeps);
    ADD("a-run-that-the-hook-announced-is-named-by-its-process",
        test_a_run_that_the_hook_announced_is_named_by_its_process);
    ADD("a-run-without-a-process-is-named-by-libvirts-id",
        test_a_run_without_a_process_is_named_by_libvirts_id);
    return g_test_run();
}
