/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readings of the host's interfaces on a real thread, and one that hangs until it is let go. */
#include "../../daemon/net/mac-stats.h"
#include "../../daemon/uplink-poll.h"

static GMutex gate; /* locked: a reading hangs */
static gint n_reads, n_macs;
static guint n_interfaces; /* of the last answer */

void __wrap_vsf_mac_stats_read(GArray *interfaces);

void
__wrap_vsf_mac_stats_read(GArray *interfaces)
{
    g_assert_nonnull(interfaces);
    g_atomic_int_inc(&n_macs);
}

static VsfHostCounters *
read_slowly(void)
{
    VsfHostCounters *counters = vsf_host_counters_new();
    VsfHostInterface one = {.ifindex = 5};

    g_atomic_int_inc(&n_reads);
    g_mutex_lock(&gate);
    g_mutex_unlock(&gate);
    g_array_append_val(counters->interfaces, one);
    return counters;
}

static void
note(const VsfHostCounters *counters, gpointer user_data)
{
    g_assert_nonnull(counters);
    n_interfaces = counters->interfaces->len;
    (*(guint *)user_data)++;
}

static void
wait_for(const guint *n_done, guint n)
{
    while (*n_done < n)
        g_main_context_iteration(NULL, TRUE);
}

/* What must not come would have come. */
static void
let_pass(void)
{
    for (guint i = 0; i < 20; i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
}

static void
test_who_asks_meanwhile_has_the_same_answer(void)
{
    guint n_done = 0;
    g_autoptr(VsfUplinkPoll) poll = vsf_uplink_poll_new(read_slowly, note, &n_done);

    g_atomic_int_set(&n_reads, 0);
    g_mutex_lock(&gate);
    for (guint i = 0; i < 5; i++)
        vsf_uplink_poll_begin(poll);
    while (g_atomic_int_get(&n_reads) == 0)
        g_thread_yield();
    vsf_uplink_poll_begin(poll);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(n_done, ==, 0);
    g_mutex_unlock(&gate);
    wait_for(&n_done, 1);
    let_pass();
    g_assert_cmpuint(n_done, ==, 1);
    g_assert_cmpuint(n_interfaces, ==, 1);
    g_assert_cmpint(g_atomic_int_get(&n_reads), ==, 1);
    vsf_uplink_poll_begin(poll);
    wait_for(&n_done, 2);
    g_assert_cmpint(g_atomic_int_get(&n_reads), ==, 2);
}

static void
test_an_end_waits_for_nobody(void)
{
    guint n_done = 0;
    VsfUplinkPoll *poll = vsf_uplink_poll_new(read_slowly, note, &n_done);

    g_atomic_int_set(&n_reads, 0);
    g_mutex_lock(&gate);
    vsf_uplink_poll_begin(poll);
    while (g_atomic_int_get(&n_reads) == 0)
        g_thread_yield();
    vsf_uplink_poll_free(poll);
    g_mutex_unlock(&gate);
    let_pass();
    g_assert_cmpuint(n_done, ==, 0);
}

static void
test_macs_of_this_machine_are_asked(void)
{
    guint n_done = 0;
    g_autoptr(VsfUplinkPoll) poll = vsf_uplink_poll_new(NULL, note, &n_done);

    g_atomic_int_set(&n_macs, 0);
    vsf_uplink_poll_begin(poll);
    wait_for(&n_done, 1);
    g_assert_cmpint(g_atomic_int_get(&n_macs), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func("/daemon/uplink-poll/" name, func)
    ADD("who-asks-meanwhile-has-the-same-answer", test_who_asks_meanwhile_has_the_same_answer);
    ADD("an-end-waits-for-nobody", test_an_end_waits_for_nobody);
    ADD("macs-of-this-machine-are-asked", test_macs_of_this_machine_are_asked);
    return g_test_run();
}
