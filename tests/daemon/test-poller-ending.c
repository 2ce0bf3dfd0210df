/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read of a VM whose agent left, and what of it the last sample has. */
#include "decoded.h"
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

#include <string.h>

#define FAR 300 /* s: no regular turn comes meanwhile */

static void
agent(Fixture *fixture, const char *uuid, gboolean connected)
{
    vsf_poller_agent(fixture->poller, vsf_registry_by_uuid(fixture->registry, uuid), connected);
}

/* VM 1 runs, and its first sample has left; @rd_req is in it. */
static void
start_with_sample(Fixture *fixture, guint64 rd_req)
{
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_link_stats_answer(0);
    poller_answer_stats(rd_req);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
}

/* What left until now is forgotten. */
static void
begin_last_turn(Fixture *fixture)
{
    vsf_exporter_flush(fixture->exporter);
    g_ptr_array_set_size(fixture->datagrams, 0);
    vsf_registry_domain_state(fixture->registry, UUID_1, VSF_STATE_SHUTDOWN, 0,
                              g_get_monotonic_time());
    poller_begin_turn(fixture, VSF_POLL_LAST);
    fake_link_stats_answer(0);
}

static void
assert_last_sample(Fixture *fixture, const char *rd_req)
{
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    poller_assert_newest(fixture, "virt_cpu.state", "4");
    poller_assert_newest(fixture, "virt_disk_io.rd_req", rd_req);
}

/* As it most often is: QEMU is gone before it can be asked. */
static void
switch_off(Fixture *fixture, const char *rd_req)
{
    fake_process_set(0, 'S', 0);
    begin_last_turn(fixture);
    fake_time_advance(50);
    assert_last_sample(fixture, rd_req);
}

static void
assert_stale_s(Fixture *fixture, const char *expected)
{
    g_autoptr(GHashTable) metrics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

    decoded_metrics(fixture->datagrams, metrics, UUID_1);
    g_assert_cmpstr(g_hash_table_lookup(metrics, "stale_s"), ==, expected);
}

/* Seconds pass, and each question is answered with the next number from *@rd_req on. */
static void
pass_and_answer(guint seconds, guint64 *rd_req)
{
    for (guint i = 0; i < seconds; i++) {
        guint asked = fake_stats_asked;

        fake_time_advance(1000);
        if (fake_stats_asked > asked)
            poller_answer_stats((*rd_req)++);
    }
}

static void
test_the_last_sample_has_what_was_read_after_the_agent_left(Fixture *fixture,
                                                            gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    g_assert_cmpuint(fake_stats_asked, ==, 2);
    poller_answer_stats(9);
    fake_time_advance(500);
    switch_off(fixture, "9");
    assert_stale_s(fixture, "1");
}

static void
test_what_the_last_turn_was_told_is_new(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    fake_time_advance(500);
    begin_last_turn(fixture);
    poller_answer_stats(12);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "12");
    assert_stale_s(fixture, "0");
}

/* libvirt answers, but QEMU does not. */
static void
answer_without_qemu(void)
{
    g_autoptr(GArray) none = g_array_new(FALSE, TRUE, sizeof(VsfBlockStats));
    VsfDomainStats stats = {.uuid = UUID_1,
                            .state = VSF_STATE_SHUTDOWN,
                            .balloon_current = VSF_UNKNOWN,
                            .n_vcpus = VSF_UNKNOWN,
                            .blocks = none};

    fake_stats_answer(UUID_1, &stats);
}

static void
test_it_does_when_libvirt_answers_without_qemu(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    fake_time_advance(900);
    begin_last_turn(fixture);
    answer_without_qemu();
    assert_last_sample(fixture, "9");
    assert_stale_s(fixture, "1");
}

/* Another client is at its QEMU: one more try. */
static void
test_a_busy_vm_is_read_once_more(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    answer_without_qemu();
    fake_time_advance(100);
    g_assert_cmpuint(fake_stats_asked, ==, 3);
    poller_answer_stats(9);
    switch_off(fixture, "9");
}

static void
test_one_that_stays_busy_is_read_a_second_later(Fixture *fixture,
                                                gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    answer_without_qemu();
    fake_time_advance(100);
    answer_without_qemu();
    fake_time_advance(800);
    g_assert_cmpuint(fake_stats_asked, ==, 3);
    fake_time_advance(100);
    g_assert_cmpuint(fake_stats_asked, ==, 4);
}

static void
test_it_is_the_newest_reading(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint64 rd_req = 10;

    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    pass_and_answer(4, &rd_req);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1); /* readings are no samples */
    switch_off(fixture, "13");
}

/* That nothing was read or written since the last sample, nobody knows. */
static void
test_what_a_sample_had_is_not_repeated(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    fake_time_advance(500);
    switch_off(fixture, "unknown");
}

static void
test_nor_is_what_was_read_before_it(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    poller_answer_stats(10);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "10");
    switch_off(fixture, "unknown");
}

static void
test_an_answer_that_was_too_late_for_its_turn_is_kept(Fixture *fixture,
                                                      gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(1000);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
    poller_answer_stats(8);
    fake_time_advance(2500);
    switch_off(fixture, "8");
    assert_stale_s(fixture, "3");
}

static void
test_what_was_read_long_ago_is_unknown(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint64 rd_req = 10;

    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    pass_and_answer(30, &rd_req);
    fake_time_advance(62000);
    switch_off(fixture, "unknown");
}

/* QEMU ends while the turn waits for the rest, so that no sample leaves. */
static void
test_what_a_turn_without_a_sample_had_is_kept(Fixture *fixture,
                                              gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    poller_answer_stats(9);
    fake_time_advance(200);
    fake_process_set(0, 'S', 0);
    fake_link_stats_answer(0);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
    switch_off(fixture, "9");
}

static void
test_nor_does_another_last_sample_repeat_it(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    switch_off(fixture, "9");
    switch_off(fixture, "unknown");
}

/* The question that is out is the turn's. */
static void
test_a_turn_meanwhile_has_the_answer(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    g_assert_cmpuint(fake_stats_asked, ==, 2);
    poller_answer_stats(9);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "9");
}

/* One turn waits for what hangs, those after it do not. */
static void
test_a_reading_that_hangs_delays_one_turn(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    fake_time_advance(750);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 2);
    poller_begin_turn(fixture, VSF_POLL_REGULAR);
    fake_link_stats_answer(0);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 3);
    poller_assert_newest(fixture, "virt_disk_io.rd_req", "unknown");
}

static void
test_nothing_is_read_when_the_agent_is_back(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint64 rd_req = 10;

    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    pass_and_answer(2, &rd_req);
    g_assert_cmpuint(fake_stats_asked, ==, 4);
    agent(fixture, UUID_1, TRUE);
    pass_and_answer(10, &rd_req);
    g_assert_cmpuint(fake_stats_asked, ==, 4);
}

static void
test_one_that_was_back_for_a_moment_is_read_on(Fixture *fixture,
                                               gconstpointer user_data G_GNUC_UNUSED)
{
    guint64 rd_req = 10;

    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    pass_and_answer(2, &rd_req);
    agent(fixture, UUID_1, TRUE);
    pass_and_answer(2, &rd_req);
    g_assert_cmpuint(fake_stats_asked, ==, 4);
    agent(fixture, UUID_1, FALSE);
    pass_and_answer(5, &rd_req);
    g_assert_cmpuint(fake_stats_asked, ==, 9);
    switch_off(fixture, "16");
}

static void
test_nothing_is_read_after_half_a_minute(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint64 rd_req = 10;

    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    pass_and_answer(100, &rd_req);
    g_assert_cmpuint(fake_stats_asked, ==, 2 + 29);
}

/* A guest may open and close its port without end. */
static void
test_an_agent_that_flaps_costs_a_reading_every_other_second(Fixture *fixture,
                                                            gconstpointer user_data G_GNUC_UNUSED)
{
    guint64 rd_req = 10;

    start_with_sample(fixture, 7);
    for (guint i = 0; i < 120; i++) {
        guint asked = fake_stats_asked;

        for (guint n = 0; n < 100; n++) {
            agent(fixture, UUID_1, TRUE);
            agent(fixture, UUID_1, FALSE);
        }
        if (fake_stats_asked > asked)
            poller_answer_stats(rd_req++);
        pass_and_answer(1, &rd_req);
    }
    g_assert_cmpuint(fake_stats_asked, >, 1 + 40);
    g_assert_cmpuint(fake_stats_asked, <=, 1 + 60);
}

static void
assert_not_asked(Fixture *fixture, char state)
{
    start_with_sample(fixture, 7);
    fake_process_set(100, state, CPU_NS);
    agent(fixture, UUID_1, FALSE);
    fake_time_advance(5000);
    g_assert_cmpuint(fake_stats_asked, ==, 1);
}

static void
test_qemu_that_is_stopped_is_not_asked(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    assert_not_asked(fixture, 'T');
}

static void
test_nor_is_one_that_waits_for_its_disk(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    assert_not_asked(fixture, 'D');
}

/* The first of them are read, together. */
static void
test_of_a_crowd_only_so_many_are_read(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_many(fixture);
    fake_process_set(100, 'S', CPU_NS);
    for (guint i = 1; i <= POLLER_MANY; i++) {
        g_autofree char *uuid = g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
                                                "%02x%02x%02x%02x%02x%02x",
                                                i, i, i, i, i, i, i, i, i, i, i, i, i, i, i, i);
        agent(fixture, uuid, FALSE);
    }
    g_assert_cmpuint(fake_stats_asked, ==, 64);
}

static void
test_a_vm_that_ends_is_not_read_any_more(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    start_with_sample(fixture, 7);
    agent(fixture, UUID_1, FALSE);
    poller_answer_stats(9);
    g_assert_true(vsf_registry_domain_gone(fixture->registry, UUID_1, g_get_monotonic_time()));
    fake_time_advance(5000);
    g_assert_cmpuint(fake_stats_asked, ==, 2);
}

#define ADD(name, func)                                                                     \
    g_test_add("/poller-ending/" name, Fixture, GUINT_TO_POINTER(FAR), poller_set_up, func, \
               poller_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-the-last-turn-was-told-is-new", test_what_the_last_turn_was_told_is_new);
    ADD("the-last-sample-has-what-was-read-after-the-agent-left",
        test_the_last_sample_has_what_was_read_after_the_agent_left);
    ADD("it-does-when-libvirt-answers-without-qemu",
        test_it_does_when_libvirt_answers_without_qemu);
    ADD("a-busy-vm-is-read-once-more", test_a_busy_vm_is_read_once_more);
    ADD("one-that-stays-busy-is-read-a-second-later",
        test_one_that_stays_busy_is_read_a_second_later);
    ADD("it-is-the-newest-reading", test_it_is_the_newest_reading);
    ADD("what-a-sample-had-is-not-repeated", test_what_a_sample_had_is_not_repeated);
    ADD("nor-is-what-was-read-before-it", test_nor_is_what_was_read_before_it);
    ADD("nor-does-another-last-sample-repeat-it", test_nor_does_another_last_sample_repeat_it);
    ADD("what-a-turn-without-a-sample-had-is-kept", test_what_a_turn_without_a_sample_had_is_kept);
    ADD("an-answer-that-was-too-late-for-its-turn-is-kept",
        test_an_answer_that_was_too_late_for_its_turn_is_kept);
    ADD("what-was-read-long-ago-is-unknown", test_what_was_read_long_ago_is_unknown);
    ADD("a-turn-meanwhile-has-the-answer", test_a_turn_meanwhile_has_the_answer);
    ADD("a-reading-that-hangs-delays-one-turn", test_a_reading_that_hangs_delays_one_turn);
    ADD("nothing-is-read-when-the-agent-is-back", test_nothing_is_read_when_the_agent_is_back);
    ADD("one-that-was-back-for-a-moment-is-read-on",
        test_one_that_was_back_for_a_moment_is_read_on);
    ADD("nothing-is-read-after-half-a-minute", test_nothing_is_read_after_half_a_minute);
    ADD("an-agent-that-flaps-costs-a-reading-every-other-second",
        test_an_agent_that_flaps_costs_a_reading_every_other_second);
    ADD("qemu-that-is-stopped-is-not-asked", test_qemu_that_is_stopped_is_not_asked);
    ADD("nor-is-one-that-waits-for-its-disk", test_nor_is_one_that_waits_for_its_disk);
    ADD("of-a-crowd-only-so-many-are-read", test_of_a_crowd_only_so_many_are_read);
    ADD("a-vm-that-ends-is-not-read-any-more", test_a_vm_that_ends_is_not_read_any_more);
    return g_test_run();
}
