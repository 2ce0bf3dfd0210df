/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where slots lie and whose they are: the same after a restart, and evenly used. Time is
 * fake-poll.c's. */
#include "../../daemon/schedule.h"
#include "fake-poll.h"

#include <string.h>

#define N_UUIDS 1000
#define N_SEEDS 20
#define N_HOSTS 1000

static void
nothing(gpointer user_data G_GNUC_UNUSED)
{
}

/* A schedule that begins now: when the turn of @uuid comes first. */
static gint64
first_of_us(guint interval_s, guint32 seed, const guint8 uuid[16])
{
    g_autoptr(VsfSchedule) schedule = vsf_schedule_new(interval_s, seed, nothing, NULL);
    VsfTurn turn = {0};
    gint64 due_us;

    vsf_schedule_set_key(&turn, uuid, 16);
    vsf_schedule_place(schedule, &turn);
    due_us = turn.due_us;
    vsf_schedule_cancel(&turn);
    return due_us;
}

static void
random_uuid(GRand *source, guint8 uuid[16])
{
    for (guint i = 0; i < 16; i++)
        uuid[i] = (guint8)g_rand_int(source);
}

/* Also of a clock that the daemon before saw at another time, and at the slot itself. */
static void
test_a_restart_goes_on_with_the_phases(void)
{
    static const guint intervals_s[] = {1, 5, 20, 60, 300};
    g_autoptr(GRand) source = g_rand_new_with_seed(1);

    for (guint i = 0; i < 500; i++) {
        guint interval_s = intervals_s[i % G_N_ELEMENTS(intervals_s)];
        gint64 interval_us = interval_s * G_USEC_PER_SEC, one_us, other_us;
        guint32 seed = g_rand_int(source);
        guint8 uuid[16];

        random_uuid(source, uuid);
        one_us = first_of_us(interval_s, seed, uuid);
        g_assert_cmpint(one_us, >=, g_get_monotonic_time());
        g_assert_cmpint(one_us, <, g_get_monotonic_time() + interval_us);
        fake_time_stall(i % 3 == 0 ? (one_us - g_get_monotonic_time()) / 1000
                                   : g_rand_int_range(source, 1, 1000000));
        other_us = first_of_us(interval_s, seed, uuid);
        g_assert_cmpint((other_us - one_us) % interval_us, ==, 0);
        g_assert_cmpint(other_us, >=, g_get_monotonic_time());
        g_assert_cmpint(other_us, <, g_get_monotonic_time() + interval_us);
    }
}

/* UUIDs as they are made, or @numbered. @limit: what chi-square of all seeds, with 20 times one
 * less than @slots degrees of freedom, exceeds once in 1,000. */
static void
assert_even(guint interval_s, guint slots, gboolean numbered, double limit)
{
    g_autoptr(GRand) source = g_rand_new_with_seed(2);
    double sum = 0, expected = (double)N_UUIDS / slots;

    for (guint seed = 0; seed < N_SEEDS; seed++) {
        g_autoptr(GHashTable)
            used = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
        GHashTableIter iter;
        gpointer count;

        for (guint i = 0; i < N_UUIDS; i++) {
            guint8 uuid[16] = {[14] = (guint8)(i >> 8), [15] = (guint8)i};
            gint64 due_us;
            guint *n;

            if (!numbered)
                random_uuid(source, uuid);
            due_us = first_of_us(interval_s, seed, uuid);
            n = g_hash_table_lookup(used, &due_us);
            if (n == NULL) {
                n = g_new0(guint, 1);
                g_hash_table_insert(used, g_memdup2(&due_us, sizeof(due_us)), n);
            }
            ++*n;
        }
        g_assert_cmpuint(g_hash_table_size(used), ==, slots);
        g_hash_table_iter_init(&iter, used);
        while (g_hash_table_iter_next(&iter, NULL, &count))
            sum += (*(guint *)count - expected) * (*(guint *)count - expected) / expected;
    }
    g_test_message("%u s, %s: chi-square %.1f", interval_s, numbered ? "numbered" : "random", sum);
    g_assert_cmpfloat(sum, <, limit);
}

static void
test_slots_are_evenly_used(void)
{
    for (gboolean numbered = FALSE; numbered <= TRUE; numbered++) {
        assert_even(20, 3, numbered, 73.4);
        assert_even(60, 12, numbered, 290);
    }
}

/* Many hosts begin at once with the same VM: neither the grid nor the slot may hang on the clock.
 * Of 100 parts of the interval none has many more than ten: 28 has odds of one in 100,000. Nor are
 * the same VMs together on each. */
static void
test_hosts_do_not_meet(void)
{
    static const guint8 vm[16] = {7}, other[16] = {8};
    guint of_part[100] = {0}, together = 0;

    for (guint i = 0; i < N_HOSTS; i++) {
        guint8 host[16] = {1, [12] = (guint8)(i >> 8), [13] = (guint8)i};
        guint32 seed = vsf_schedule_seed(host, "hv");
        gint64 wait_us = first_of_us(20, seed, vm) - g_get_monotonic_time();

        g_assert_cmpuint(++of_part[wait_us / 200000], <=, 28);
        together += first_of_us(20, seed, other) == first_of_us(20, seed, vm);
    }
    g_assert_cmpuint(together, >, N_HOSTS / 4);
    g_assert_cmpuint(together, <, N_HOSTS / 2);
}

/* A careless maker gives all boards one UUID, or none. */
static void
test_a_seed_is_one_hosts(void)
{
    static const guint8 none[16] = {0}, same[16] = {3, 4};
    guint32 first = vsf_schedule_seed(none, "hv");
    guint others = 0;

    g_assert_cmpuint(vsf_schedule_seed(same, "hv1"), ==, vsf_schedule_seed(same, "hv1"));
    g_assert_cmpuint(vsf_schedule_seed(same, "hv1"), !=, vsf_schedule_seed(same, "hv2"));
    for (guint i = 0; i < 8; i++)
        others += vsf_schedule_seed(none, "hv") != first;
    g_assert_cmpuint(others, >, 0);
}

/* More slots, as more turns come, are parts of the ones before. */
static void
test_more_turns_move_a_phase_by_a_quarter_at_most(void)
{
    VsfTurn turns[400] = {{0}};
    g_autoptr(GHashTable) times = g_hash_table_new(g_int64_hash, g_int64_equal);
    VsfSchedule *schedule = vsf_schedule_new(12, 5, nothing, NULL);
    guint moved = 0;

    for (guint i = 0; i < G_N_ELEMENTS(turns); i++) {
        guint8 uuid[16] = {(guint8)i, (guint8)(i >> 8)};
        gint64 alone_us = first_of_us(12, 5, uuid), later_us;

        vsf_schedule_set_key(&turns[i], uuid, sizeof(uuid));
        vsf_schedule_place(schedule, &turns[i]);
        g_hash_table_add(times, &turns[i].due_us);
        later_us = (turns[i].due_us - alone_us + 12 * G_USEC_PER_SEC) % (12 * G_USEC_PER_SEC);
        g_assert_cmpint(later_us, <=, 3 * G_USEC_PER_SEC);
        moved += later_us > 0;
    }
    g_assert_cmpuint(g_hash_table_size(times), ==, 12);
    g_assert_cmpuint(moved, >, 100);
    g_hash_table_remove_all(times);
    for (guint i = 0; i < G_N_ELEMENTS(turns); i++)
        vsf_schedule_cancel(&turns[i]);
    vsf_schedule_free(schedule);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fake_poll_reset();
    g_test_add_func("/schedule/a-restart-goes-on-with-the-phases",
                    test_a_restart_goes_on_with_the_phases);
    g_test_add_func("/schedule/slots-are-evenly-used", test_slots_are_evenly_used);
    g_test_add_func("/schedule/hosts-do-not-meet", test_hosts_do_not_meet);
    g_test_add_func("/schedule/a-seed-is-one-hosts", test_a_seed_is_one_hosts);
    g_test_add_func("/schedule/more-turns-move-a-phase-by-a-quarter-at-most",
                    test_more_turns_move_a_phase_by_a_quarter_at_most);
    return g_test_run();
}
