/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is given to the main loop: in order, all of it, and never so much at a time that nothing
 * else has its turn. */
#include "../../daemon/base/mailbox.h"

#define N 1000

static guint n_taken;

static void
take(gpointer item)
{
    g_assert_cmpuint(GPOINTER_TO_UINT(item), ==, n_taken);
    n_taken++;
}

static gpointer
put_all(gpointer data G_GNUC_UNUSED)
{
    for (guint i = 0; i < N; i++)
        vsf_mailbox_put(take, GUINT_TO_POINTER(i));
    return NULL;
}

static void
test_all_come_in_order(void)
{
    GThread *thread;

    n_taken = 0;
    vsf_mailbox_open();
    thread = g_thread_new("putter", put_all, NULL);
    while (n_taken < N)
        g_main_context_iteration(NULL, TRUE);
    g_thread_join(thread);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(n_taken, ==, N);
}

/* --- letters that put letters -------------------------------------------------- */

static gboolean timeout_ran;

static void
put_another(gpointer item)
{
    n_taken++;
    if (!timeout_ran && n_taken < N)
        vsf_mailbox_put(put_another, item);
}

static gboolean
note_timeout(gpointer user_data G_GNUC_UNUSED)
{
    timeout_ran = TRUE;
    return G_SOURCE_REMOVE;
}

static void
test_a_timer_has_its_turn_between(void)
{
    n_taken = 0;
    timeout_ran = FALSE;
    vsf_mailbox_open();
    vsf_mailbox_put(put_another, NULL);
    g_timeout_add(0, note_timeout, NULL);
    while (!timeout_ran)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(n_taken, <, N);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* --- what a letter costs the loop ----------------------------------------------- */

static gint n_ready;

static gint
note_poll(GPollFD *fds, guint n, gint timeout)
{
    return n_ready = g_poll(fds, n, timeout);
}

static void
count_one(gpointer item G_GNUC_UNUSED)
{
    n_taken++;
}

/* No second turn, in which the loop finds out that it woke itself. */
static void
test_a_letter_is_one_turn_of_the_loop(void)
{
    n_taken = 0;
    vsf_mailbox_open();
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_main_context_set_poll_func(NULL, note_poll);
    vsf_mailbox_put(count_one, NULL);
    g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(n_taken, ==, 1);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpint(n_ready, ==, 0);
    g_main_context_set_poll_func(NULL, NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/mailbox/all-come-in-order", test_all_come_in_order);
    g_test_add_func("/base/mailbox/a-timer-has-its-turn-between",
                    test_a_timer_has_its_turn_between);
    g_test_add_func("/base/mailbox/a-letter-is-one-turn-of-the-loop",
                    test_a_letter_is_one_turn_of_the_loop);
    return g_test_run();
}
