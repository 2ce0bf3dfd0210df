/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another configuration: who has the same interval as before keeps its phase. */
#include "fake-net.h"
#include "fake-poll.h"
#include "poller-fixture.h"

#include <string.h>

#define N_VMS 20

static guint
samples_of(Fixture *fixture, const char *source)
{
    g_autofree char *value = NULL;

    vsf_exporter_flush(fixture->exporter);
    return poller_count_samples(fixture, source, "virt_cpu.state", &value);
}

/* Every question is answered, for that long. */
static void
live(guint seconds)
{
    for (guint i = 0; i < seconds * 4; i++) {
        fake_time_advance(250);
        fake_link_stats_answer(0);
        for (guint8 number = 1; number <= N_VMS; number++) {
            guint8 bytes[16];
            char uuid[VSF_UUID_TEXT];

            memset(bytes, number, sizeof(bytes));
            vsf_uuid_format(bytes, uuid);
            if (vsf_calls_outstanding_since(NULL, uuid) != 0)
                fake_stats_answer(uuid, NULL);
        }
    }
}

static guint
samples_within(Fixture *fixture, const char *source, guint seconds)
{
    guint before = samples_of(fixture, source);

    live(seconds);
    return samples_of(fixture, source) - before;
}

static void
test_another_interval_counts_from_now_on(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    live(30); /* all have had their first turn */
    g_assert_cmpuint(samples_within(fixture, VM_1, 60), ==, 3);
    poller_set_config_text(fixture, "[sflow]\npolling = 5\n");
    g_assert_cmpuint(samples_within(fixture, VM_1, 7), >=, 1);
    g_assert_cmpuint(samples_within(fixture, VM_1, 60), ==, 12);
    g_assert_cmpuint(samples_within(fixture, "0:17", 60), ==, 12);
    g_assert_cmpuint(samples_within(fixture, "2:1", 60), ==, 12);
    poller_set_config_text(fixture, "[sflow]\npolling = 20\n");
    g_assert_cmpuint(samples_within(fixture, VM_1, 26), >=, 1);
    g_assert_cmpuint(samples_within(fixture, VM_1, 60), ==, 3);
}

static void
test_off_is_none_and_on_begins_again(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_start_vm(fixture, 1);
    live(30);
    poller_set_config_text(fixture, "[sflow]\npolling = 0\n");
    live(5); /* a turn that was under way */
    g_assert_cmpuint(samples_within(fixture, VM_1, 60), ==, 0);
    g_assert_cmpuint(samples_within(fixture, "2:1", 60), ==, 0);
    poller_set_config_text(fixture, "[sflow]\npolling = 0\n[vm vm1]\npolling = 4\n");
    g_assert_cmpuint(samples_within(fixture, VM_1, 6), >=, 1);
    g_assert_cmpuint(samples_within(fixture, VM_1, 40), ==, 10);
    g_assert_cmpuint(samples_within(fixture, "2:1", 60), ==, 0);
    poller_set_config_text(fixture, "[sflow]\npolling = 20\n[vm vm1]\npolling = 0\n");
    live(5);
    g_assert_cmpuint(samples_within(fixture, VM_1, 60), ==, 0);
    g_assert_cmpuint(samples_within(fixture, "0:17", 60), ==, 0);
    g_assert_cmpuint(samples_within(fixture, "2:1", 60), ==, 3);
}

/* When the VMs were asked in the intervals of 20 s around a change that is not theirs. */
static void
test_a_change_of_others_moves_no_turn(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint n_before, n_after;

    for (guint8 i = 1; i <= N_VMS; i++)
        poller_see_domain(fixture, i, i, 0, VSF_STATE_RUNNING);
    live(40);
    n_before = fake_stats_times->len;
    live(20);
    n_after = fake_stats_times->len;
    g_assert_cmpuint(n_after - n_before, ==, N_VMS);
    poller_set_config_text(
        fixture, "[sflow]\nsampling = 3\n[vm nobody]\npolling = 1\n[capture]\ndirection = in\n");
    live(20);
    g_assert_cmpuint(fake_stats_times->len - n_after, ==, N_VMS);
    for (guint i = n_before; i < n_after; i++)
        g_assert_cmpint(g_array_index(fake_stats_times, gint64, i + N_VMS) -
                            g_array_index(fake_stats_times, gint64, i),
                        ==, 20 * G_USEC_PER_SEC);
}

static void
test_a_rule_moves_its_vm_alone(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    for (guint8 i = 1; i <= N_VMS; i++)
        poller_see_domain(fixture, i, i, 0, VSF_STATE_RUNNING);
    live(30);
    poller_set_config_text(fixture, "[vm vm3]\npolling = 2\n");
    live(4);
    g_assert_cmpuint(samples_within(fixture, "3:200003", 20), ==, 10);
    g_assert_cmpuint(samples_within(fixture, "3:200004", 20), ==, 1);
}

/* Else all would meet in the first part of the longer interval. */
static void
test_a_longer_interval_spreads_again(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_autoptr(GHashTable) slots = g_hash_table_new(NULL, NULL);
    guint begin;

    for (guint8 i = 1; i <= N_VMS; i++)
        poller_see_domain(fixture, i, i, 0, VSF_STATE_RUNNING);
    live(5);
    poller_set_config_text(fixture, "[sflow]\npolling = 100\n");
    live(120);
    begin = fake_stats_times->len;
    live(100);
    g_assert_cmpuint(fake_stats_times->len - begin, ==, N_VMS);
    for (guint i = begin; i < fake_stats_times->len; i++)
        g_hash_table_add(slots, GINT_TO_POINTER((int)(g_array_index(fake_stats_times, gint64, i) /
                                                      (10 * G_USEC_PER_SEC))));
    /* Of ten; that twenty random ones meet in three has odds of one in a million. */
    g_assert_cmpuint(g_hash_table_size(slots), >=, 4);
}

static void
test_a_taps_own_interval_begins_when_it_is_bound(Fixture *fixture,
                                                 gconstpointer user_data G_GNUC_UNUSED)
{
    poller_set_config_text(fixture, "[vm vm1]\npolling = 3\n[interface vnet1]\npolling = 6\n");
    poller_start_vm(fixture, 2);
    for (int ifindex = 17; ifindex <= 18; ifindex++)
        vsf_poller_tap_changed(fixture->poller, vsf_registry_tap(fixture->registry, ifindex));
    live(30);
    g_assert_cmpuint(samples_within(fixture, "0:17", 30), ==, 10);
    g_assert_cmpuint(samples_within(fixture, "0:18", 30), ==, 5);
}

static void
test_the_hosts_sample_may_be_left_out(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_set_config_text(fixture, "[host]\nenabled = off\n");
    poller_start_vm(fixture, 1);
    live(30);
    g_assert_cmpuint(samples_within(fixture, VM_1, 60), ==, 3);
    vsf_poller_host_first(fixture->poller);
    g_assert_cmpuint(samples_of(fixture, "2:1"), ==, 0);
    poller_set_config_text(fixture, "");
    /* Before any other sample, as at the start. */
    vsf_poller_host_first(fixture->poller);
    g_assert_cmpuint(samples_of(fixture, "2:1"), ==, 1);
    live(30);
    g_assert_cmpuint(samples_within(fixture, "2:1", 60), ==, 3);
}

/* Each call of the VM takes longer than a turn; how often it was asked in 1,000 s. */
static guint
asked_while_slow(void)
{
    static const VsfDomainStats stats = {.uuid = UUID_1, .state = VSF_STATE_RUNNING};
    guint asked = 0;

    for (guint i = 0; i < 1000 / 3; i++) {
        for (guint step = 0; step < 12; step++) {
            fake_time_advance(250);
            fake_link_stats_answer(0);
        }
        if (fake_stats_asked > asked)
            fake_stats_answer(UUID_1, &stats);
        asked = fake_stats_asked;
    }
    return asked;
}

/* Where only some VMs have turns, these are not renewed by each answer that comes late. */
static void
test_an_own_interval_is_none_without_end(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint asked;

    poller_set_config_text(fixture, "[sflow]\npolling = 0\n[vm vm1]\npolling = 20\n");
    poller_start_vm(fixture, 0);
    asked = asked_while_slow();
    g_test_message("asked %u times in 50 intervals", asked);
    g_assert_cmpuint(asked, >=, 45);
    g_assert_cmpuint(asked, <=, 5 * 50);
}

/* What was in a hurry while there were no turns is not when there are again: it waits for
 * libvirt as long as any. */
static void
test_hurry_without_turns_is_over(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    poller_set_config_text(fixture, "[sflow]\npolling = 0\n");
    poller_start_vm(fixture, 0);
    poller_begin_turn(fixture, VSF_POLL_FIRST);
    fake_time_advance(60000);
    g_assert_cmpuint(fake_stats_asked, ==, 0);
    poller_set_config_text(fixture, "[sflow]\npolling = 20\n");
    while (fake_stats_asked == 0)
        fake_time_advance(10);
    fake_link_stats_answer(0);
    fake_time_advance(700);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 0);
    fake_time_advance(5000);
    g_assert_cmpuint(poller_n_samples(fixture), ==, 1);
}

/* Its VM's network sum goes on. */
static void
test_what_its_switch_counts_has_no_turns(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    VsfTap *tap;

    poller_start_vm(fixture, 1);
    live(30);
    tap = vsf_registry_tap(fixture->registry, 17);
    tap->switch_samples = TRUE;
    vsf_poller_tap_changed(fixture->poller, tap);
    g_assert_cmpuint(samples_within(fixture, "0:17", 60), ==, 0);
    g_assert_cmpuint(samples_within(fixture, VM_1, 60), ==, 3);
    poller_assert_newest(fixture, "virt_net_io.bytes_out", "1000");
    tap->switch_samples = FALSE;
    vsf_poller_tap_changed(fixture->poller, tap);
    g_assert_cmpuint(samples_within(fixture, "0:17", 60), >=, 2);
}

#define ADD(name, func)                                                                    \
    g_test_add("/poller-config/" name, Fixture, GUINT_TO_POINTER(20), poller_set_up, func, \
               poller_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("another-interval-counts-from-now-on", test_another_interval_counts_from_now_on);
    ADD("off-is-none-and-on-begins-again", test_off_is_none_and_on_begins_again);
    ADD("a-change-of-others-moves-no-turn", test_a_change_of_others_moves_no_turn);
    ADD("a-rule-moves-its-vm-alone", test_a_rule_moves_its_vm_alone);
    ADD("a-longer-interval-spreads-again", test_a_longer_interval_spreads_again);
    ADD("a-taps-own-interval-begins-when-it-is-bound",
        test_a_taps_own_interval_begins_when_it_is_bound);
    ADD("what-its-switch-counts-has-no-turns", test_what_its_switch_counts_has_no_turns);
    ADD("the-hosts-sample-may-be-left-out", test_the_hosts_sample_may_be_left_out);
    ADD("an-own-interval-is-none-without-end", test_an_own_interval_is_none_without_end);
    ADD("hurry-without-turns-is-over", test_hurry_without_turns_is_over);
    return g_test_run();
}
