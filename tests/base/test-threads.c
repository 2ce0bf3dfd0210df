/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/base/threads.h"

#define OWNERS 20 /* more than idle threads may be in all */
#define TIMEOUT_MS 30000

/* Leaves in @job who ran it, with a reference. */
static void
note_thread(gpointer job)
{
    *(GThread **)job = g_thread_ref(g_thread_self());
}

/* With a reference. */
static GThread *
thread_of_a_job(VsfThreads *threads)
{
    GThread *thread = NULL;

    vsf_threads_push(threads, &thread);
    g_assert_true(vsf_threads_drain(threads, 1, TIMEOUT_MS));
    g_assert_nonnull(thread);
    return thread;
}

static void
test_an_idle_thread_stays_with_each_owner(void)
{
    VsfThreads *owners[OWNERS];
    GThread *first[OWNERS];

    for (guint i = 0; i < OWNERS; i++) {
        owners[i] = vsf_threads_new(1, note_thread);
        first[i] = thread_of_a_job(owners[i]);
    }
    for (guint i = 0; i < OWNERS; i++) {
        g_autoptr(GThread) next = thread_of_a_job(owners[i]);

        g_assert_true(next == first[i]);
    }
    for (guint i = 0; i < OWNERS; i++) {
        vsf_threads_free(owners[i]);
        g_thread_unref(first[i]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/threads/an-idle-thread-stays-with-each-owner",
                    test_an_idle_thread_stays_with_each_owner);
    return g_test_run();
}
