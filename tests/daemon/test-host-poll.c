/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's turn with readers that hang until they are let go, on real threads. */
#include "../../daemon/host-poll.h"
#include "../../daemon/net/mac-stats.h"

#include <glib.h>
#include <string.h>

#define DEADLINE_MS 750
#define SLOW_US G_USEC_PER_SEC /* of a reader that is slow and comes */

/* What stands still while it is shut. */
typedef struct {
    GMutex mutex;
    GCond cond;
    gboolean shut;
    guint n_asked, n_waiting;
} Gate;

static Gate counters_gate, space_gate;
static gint slow_us; /* atomic: what the counters take */
static gint n_macs;  /* atomic: how often MACs were asked */

void __wrap_vsf_mac_stats_read(GArray *interfaces);

void
__wrap_vsf_mac_stats_read(GArray *interfaces)
{
    g_assert_nonnull(interfaces);
    g_atomic_int_inc(&n_macs);
}

static void
pass(Gate *gate)
{
    g_mutex_lock(&gate->mutex);
    gate->n_asked++;
    gate->n_waiting++;
    while (gate->shut)
        g_cond_wait(&gate->cond, &gate->mutex);
    gate->n_waiting--;
    g_mutex_unlock(&gate->mutex);
}

static void
set_shut(Gate *gate, gboolean shut)
{
    g_mutex_lock(&gate->mutex);
    gate->shut = shut;
    g_cond_broadcast(&gate->cond);
    g_mutex_unlock(&gate->mutex);
}

static guint
n_asked(Gate *gate)
{
    guint n;

    g_mutex_lock(&gate->mutex);
    n = gate->n_asked;
    g_mutex_unlock(&gate->mutex);
    return n;
}

static VsfHostCounters *
read_counters(void)
{
    VsfHostCounters *counters = vsf_host_counters_new();

    pass(&counters_gate);
    g_usleep((gulong)g_atomic_int_get(&slow_us));
    counters->cpu.cpus = 7;
    return counters;
}

static VsfHostSpace
read_space(void)
{
    pass(&space_gate);
    return (VsfHostSpace){1000, 400, 6000};
}

static const VsfHostReaders readers = {read_counters, read_space};

typedef struct {
    VsfHostPoll *poll;
    guint n_done;
    gboolean has_counters;
    VsfHostSpace space;
} Fixture;

static void
done(VsfHostCounters *counters, gpointer user_data)
{
    Fixture *fixture = user_data;

    fixture->n_done++;
    fixture->has_counters = counters != NULL;
    if (counters == NULL)
        return;
    g_assert_cmpuint(counters->cpu.cpus, ==, 7);
    fixture->space = counters->space;
}

static void
set_up(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    counters_gate = (Gate){0};
    space_gate = (Gate){0};
    g_atomic_int_set(&slow_us, 0);
    fixture->poll = vsf_host_poll_new(&readers, done, fixture);
}

static void
wait_passed(Gate *gate)
{
    for (guint waiting = 1; waiting > 0; g_thread_yield()) {
        g_mutex_lock(&gate->mutex);
        waiting = gate->n_waiting;
        g_mutex_unlock(&gate->mutex);
    }
}

/* A thread may still hold a gate: it is let go and waited for. */
static void
tear_down(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    vsf_host_poll_free(fixture->poll);
    set_shut(&counters_gate, FALSE);
    set_shut(&space_gate, FALSE);
    wait_passed(&counters_gate);
    wait_passed(&space_gate);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void
take_turn(Fixture *fixture)
{
    guint before = fixture->n_done;

    g_assert_true(vsf_host_poll_begin(fixture->poll, DEADLINE_MS));
    g_assert_cmpuint(fixture->n_done, ==, before);
    while (fixture->n_done == before)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fixture->n_done, ==, before + 1);
}

/* Until a worker has been asked so often. */
static void
wait_asked(Gate *gate, guint n)
{
    while (n_asked(gate) < n)
        g_main_context_iteration(NULL, FALSE);
}

static void
test_a_turn_has_both(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    for (guint i = 1; i <= 3; i++) {
        take_turn(fixture);
        g_assert_true(fixture->has_counters);
        g_assert_cmpuint(fixture->space.total, ==, 1000);
        g_assert_cmpuint(n_asked(&space_gate), ==, i);
    }
}

static void
test_one_turn_at_a_time(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    g_assert_true(vsf_host_poll_begin(fixture->poll, DEADLINE_MS));
    g_assert_false(vsf_host_poll_begin(fixture->poll, DEADLINE_MS));
    while (fixture->n_done == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(vsf_host_poll_begin(fixture->poll, DEADLINE_MS));
}

static void
test_a_disk_that_hangs_costs_the_space_alone(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    set_shut(&space_gate, TRUE);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING,
                          "host: the sizes of its filesystems cannot be read *");
    take_turn(fixture);
    g_test_assert_expected_messages();
    g_assert_true(fixture->has_counters);
    g_assert_cmpuint(fixture->space.total, ==, VSF_UNKNOWN);
    g_assert_cmpuint(fixture->space.most_used, ==, VSF_UNKNOWN);

    /* It is not asked again, not waited for, and not told of again. */
    take_turn(fixture);
    g_assert_true(fixture->has_counters);
    g_assert_cmpuint(fixture->space.total, ==, VSF_UNKNOWN);
    g_assert_cmpuint(n_asked(&space_gate), ==, 1);
    g_assert_cmpuint(n_asked(&counters_gate), ==, 2);
}

static void
test_what_came_late_is_not_told(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    set_shut(&space_gate, TRUE);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "host: the sizes*");
    take_turn(fixture);
    g_test_assert_expected_messages();

    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE,
                          "host: the sizes of its filesystems can be read again");
    set_shut(&space_gate, FALSE);
    /* Turns go on without it until it is back, and then with what was asked in them. */
    while (fixture->space.total == VSF_UNKNOWN)
        take_turn(fixture);
    g_test_assert_expected_messages();
    g_assert_cmpuint(fixture->space.total, ==, 1000);
    g_assert_cmpuint(n_asked(&space_gate), ==, 2);
}

static void
test_counters_that_hang_leave_a_turn_without(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    set_shut(&counters_gate, TRUE);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "host: its counters cannot be read *");
    take_turn(fixture);
    g_test_assert_expected_messages();
    g_assert_false(fixture->has_counters);
    take_turn(fixture);
    g_assert_false(fixture->has_counters);
    g_assert_cmpuint(n_asked(&counters_gate), ==, 1);
    g_assert_cmpuint(n_asked(&space_gate), ==, 1);
}

/* They are of a turn that is over; and those of the next one hang again. */
static void
test_counters_that_came_late_are_not_told(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    static const char warning[] = "host: its counters cannot be read *";

    set_shut(&counters_gate, TRUE);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, warning);
    take_turn(fixture);
    set_shut(&counters_gate, FALSE);
    wait_passed(&counters_gate);
    set_shut(&counters_gate, TRUE);
    g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "host: its counters can be read *");
    while (n_asked(&counters_gate) < 2) {
        take_turn(fixture);
        g_assert_false(fixture->has_counters);
    }
    g_test_assert_expected_messages();
}

static void
test_slow_counters_come_where_turns_are_rare(Fixture *fixture,
                                             gconstpointer user_data G_GNUC_UNUSED)
{
    static const struct {
        gint64 interval_us;
        guint ms;
    } cases[] = {{1000000, 500}, {2000000, 1000}, {10000000, 5000}, {3600000000, 5000}, {0, 1}};

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpuint(vsf_host_poll_deadline_ms(cases[i].interval_us), ==, cases[i].ms);

    g_atomic_int_set(&slow_us, SLOW_US);
    g_assert_true(vsf_host_poll_begin(fixture->poll, vsf_host_poll_deadline_ms(20000000)));
    while (fixture->n_done == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(fixture->has_counters);
    g_assert_cmpuint(fixture->space.total, ==, 1000);
}

/* Of the counters; the space, too, may be late for turns that are so short. */
static void
count_warning(const char *domain G_GNUC_UNUSED, GLogLevelFlags level G_GNUC_UNUSED,
              const char *text, gpointer user_data)
{
    *(guint *)user_data += strstr(text, "its counters cannot be read") != NULL;
}

static void
test_ten_hangs_are_one_line(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    guint n_warnings = 0;
    GLogLevelFlags fatal = g_log_set_always_fatal(G_LOG_FATAL_MASK);
    guint handler = g_log_set_handler(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, count_warning,
                                      &n_warnings);

    for (guint n = 1; n <= 10; n++) {
        set_shut(&counters_gate, TRUE);
        /* The first of these turns may only find that the last question is back. */
        while (n_asked(&counters_gate) < n) {
            guint n_done = fixture->n_done;

            g_assert_true(vsf_host_poll_begin(fixture->poll, 1));
            while (fixture->n_done == n_done)
                g_main_context_iteration(NULL, TRUE);
            g_assert_false(fixture->has_counters);
        }
        set_shut(&counters_gate, FALSE);
        wait_passed(&counters_gate);
    }
    g_log_remove_handler(G_LOG_DOMAIN, handler);
    g_log_set_always_fatal(fatal);
    g_assert_cmpuint(n_warnings, ==, 1);
}

static void
test_an_end_waits_for_nobody(Fixture *fixture, gconstpointer user_data G_GNUC_UNUSED)
{
    set_shut(&counters_gate, TRUE);
    set_shut(&space_gate, TRUE);
    g_assert_true(vsf_host_poll_begin(fixture->poll, DEADLINE_MS));
    wait_asked(&counters_gate, 1);
    wait_asked(&space_gate, 1);
    g_clear_pointer(&fixture->poll, vsf_host_poll_free);
    g_assert_cmpuint(fixture->n_done, ==, 0);
}

static void
note_interfaces(VsfHostCounters *counters, gpointer user_data)
{
    g_assert_nonnull(counters);
    *(gboolean *)user_data = TRUE;
}

static void
test_macs_of_this_machine_are_asked(Fixture *fixture G_GNUC_UNUSED,
                                    gconstpointer user_data G_GNUC_UNUSED)
{
    gboolean came = FALSE;
    g_autoptr(VsfHostPoll) poll = vsf_host_poll_new(NULL, note_interfaces, &came);

    g_atomic_int_set(&n_macs, 0);
    g_assert_true(vsf_host_poll_begin(poll, 60000));
    while (!came)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpint(g_atomic_int_get(&n_macs), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) \
    g_test_add("/daemon/host-poll/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("a-turn-has-both", test_a_turn_has_both);
    ADD("one-turn-at-a-time", test_one_turn_at_a_time);
    ADD("a-disk-that-hangs-costs-the-space-alone", test_a_disk_that_hangs_costs_the_space_alone);
    ADD("what-came-late-is-not-told", test_what_came_late_is_not_told);
    ADD("counters-that-hang-leave-a-turn-without", test_counters_that_hang_leave_a_turn_without);
    ADD("counters-that-came-late-are-not-told", test_counters_that_came_late_are_not_told);
    ADD("slow-counters-come-where-turns-are-rare", test_slow_counters_come_where_turns_are_rare);
    ADD("ten-hangs-are-one-line", test_ten_hangs_are_one_line);
    ADD("macs-of-this-machine-are-asked", test_macs_of_this_machine_are_asked);
    ADD("an-end-waits-for-nobody", test_an_end_waits_for_nobody);
    return g_test_run();
}
