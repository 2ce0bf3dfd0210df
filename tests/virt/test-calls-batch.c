/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about several domains in one call, one of which may hang. */
#include "fake-batch.h"

#define THREADS 4
#define DEADLINE_MS 2000 /* of a single call */

typedef struct {
    VsfCalls *calls;
    GHashTable *answers; /* UUID -> how many */
    guint n_replies, n_errors, n_partial;
    gboolean frees;
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer threads)
{
    fake_reset();
    fixture->calls = vsf_calls_new(&fake_ops, "fake:///", GPOINTER_TO_UINT(threads),
                                   DEADLINE_MS * G_TIME_SPAN_MILLISECOND);
    fixture->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void
tear_down(Fixture *fixture, gconstpointer threads G_GNUC_UNUSED)
{
    vsf_calls_free(g_steal_pointer(&fixture->calls));
    g_assert_cmpuint(fake_n_timers(), ==, 0);
    fake_end();
    g_hash_table_unref(fixture->answers);
}

static guint
answers_of(const Fixture *fixture, const char *uuid)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(fixture->answers, uuid));
}

static void
note(const char *uuid, gpointer answer, const GError *error, gpointer user_data)
{
    Fixture *fixture = user_data;

    g_assert_true((answer != NULL) != (error != NULL));
    fixture->n_replies++;
    fixture->n_errors += error != NULL;
    if (answer != NULL) {
        g_assert_true(g_str_has_prefix(answer, uuid));
        fixture->n_partial += g_str_has_suffix(answer, "?");
        g_hash_table_insert(fixture->answers, g_strdup(uuid),
                            GUINT_TO_POINTER(answers_of(fixture, uuid) + 1));
    }
    if (fixture->frees && fixture->calls != NULL)
        vsf_calls_free(g_steal_pointer(&fixture->calls));
}

static VsfCallsAsk
ask(Fixture *fixture, const char *uuid)
{
    return vsf_calls_ask(fixture->calls, uuid, FAKE_QUESTION, note, fixture);
}

/* Space-separated names. */
static void
gather(Fixture *fixture, const char *names)
{
    g_auto(GStrv) list = g_strsplit(names, " ", 0);

    for (guint i = 0; list[i] != NULL; i++)
        g_assert_cmpint(vsf_calls_gather(fixture->calls, list[i], FAKE_QUESTION, note, fixture), ==,
                        VSF_CALLS_ASKED);
    vsf_calls_begin_gathered(fixture->calls);
}

static void
wait_for_replies(const Fixture *fixture, guint n)
{
    while (fixture->n_replies < n)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(fixture->n_replies, ==, n);
}

static void
wait_for_running(const Fixture *fixture, guint n)
{
    while (vsf_calls_running(fixture->calls) != n)
        g_main_context_iteration(NULL, TRUE);
}

/* --- one call ---------------------------------------------------------- */

static void
test_what_is_gathered_is_one_call(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    g_assert_cmpint(vsf_calls_gather(fixture->calls, "a", FAKE_QUESTION, note, fixture), ==,
                    VSF_CALLS_ASKED);
    g_assert_cmpint(ask(fixture, "a"), ==, VSF_CALLS_IN_FLIGHT);
    g_assert_cmpuint(vsf_calls_running(fixture->calls), ==, 0);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "a"), ==, 0);
    gather(fixture, "b c d e");
    g_assert_cmpuint(vsf_calls_running(fixture->calls), ==, 1);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "a"), ==, fake_now_us);
    wait_for_replies(fixture, 5);
    g_assert_cmpuint(fake_counts().batches, ==, 1);
    g_assert_cmpuint(fake_counts().singles, ==, 0);
    g_assert_cmpuint(g_hash_table_size(fixture->answers), ==, 5);
    g_assert_cmpuint(vsf_calls_take_latency(fixture->calls).n, ==, 1);
}

static void
test_one_alone_is_a_call_of_its_own(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    gather(fixture, "a");
    wait_for_replies(fixture, 1);
    g_assert_cmpuint(fake_counts().batches, ==, 0);
    vsf_calls_begin_gathered(fixture->calls);
    g_assert_cmpuint(vsf_calls_running(fixture->calls), ==, 0);
}

static void
test_many_are_several_calls_of_equal_size(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    gather(fixture, "0 1 2 3 4 5 6 7 8 9 a b c d e f g");
    wait_for_replies(fixture, 17);
    g_assert_cmpuint(fake_counts().batches, ==, 2);
    g_assert_cmpuint(fake_counts().largest, ==, 9);
    g_assert_cmpuint(fake_counts().smallest, ==, 8);
}

static void
test_one_that_is_gone_is_its_own_error(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fake_set_way("gone", IS_GONE);
    gather(fixture, "a gone b");
    wait_for_replies(fixture, 3);
    g_assert_cmpuint(fixture->n_errors, ==, 1);
    g_assert_cmpuint(answers_of(fixture, "a") + answers_of(fixture, "b"), ==, 2);
}

static void
test_a_batch_that_fails_is_asked_one_by_one(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fake_batches_fail(FALSE);
    gather(fixture, "a b c");
    wait_for_replies(fixture, 3);
    g_assert_cmpuint(fixture->n_errors, ==, 0);
    g_assert_cmpuint(fake_counts().singles, ==, 3);
}

static void
test_a_batch_that_the_connection_dies_in_is_not(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fake_batches_fail(TRUE);
    gather(fixture, "a b c");
    wait_for_replies(fixture, 3);
    g_assert_cmpuint(fixture->n_errors, ==, 3);
    g_assert_cmpuint(fake_counts().singles, ==, 0);
    g_assert_cmpuint(fake_counts().closed, ==, 1);
}

/* --- one that hangs ---------------------------------------------------- */

static void
hang_in_batch(Fixture *fixture, const char *names, const char *hung)
{
    fake_set_way(hung, HANGS);
    gather(fixture, names);
    fake_wait_for_hung(1);
    fake_fire(VSF_CALLS_BATCH_MS);
}

static void
test_one_that_hangs_holds_up_no_other(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    gint64 began_us = fake_now_us;

    hang_in_batch(fixture, "a h b c", "h");
    wait_for_replies(fixture, 3);
    wait_for_running(fixture, 1);
    g_assert_cmpuint(answers_of(fixture, "h"), ==, 0);
    g_assert_cmpuint(fixture->n_partial, ==, 0);
    /* It is known as the one, and is not asked. */
    fake_now_us += G_USEC_PER_SEC;
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "h"), ==, began_us);
    g_assert_cmpint(ask(fixture, "h"), ==, VSF_CALLS_IN_FLIGHT);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "a"), ==, 0);
    g_assert_false(vsf_calls_is_out(fixture->calls, "a"));
    g_assert_cmpint(ask(fixture, "a"), ==, VSF_CALLS_ASKED);
    wait_for_replies(fixture, 4);
    g_assert_cmpuint(vsf_calls_stuck(fixture->calls), ==, 0);
    fake_now_us += 2 * G_USEC_PER_SEC;
    g_assert_cmpuint(vsf_calls_stuck(fixture->calls), ==, 1);
}

/* What the batch has of others is old by then, and was told. */
static void
test_when_it_goes_on_it_is_asked_anew(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    hang_in_batch(fixture, "a h b", "h");
    wait_for_replies(fixture, 2);
    wait_for_running(fixture, 1);
    fake_set_way("h", ANSWERS);
    wait_for_replies(fixture, 3);
    wait_for_running(fixture, 0);
    g_assert_cmpuint(answers_of(fixture, "a"), ==, 1);
    g_assert_cmpuint(answers_of(fixture, "h"), ==, 1);
    g_assert_cmpuint(fixture->n_partial, ==, 0);
    g_assert_cmpuint(fake_counts().singles, ==, 4); /* h, while it hung and now */
    g_assert_cmpint(ask(fixture, "h"), ==, VSF_CALLS_ASKED);
    wait_for_replies(fixture, 4);
}

/* As many threads as without batches: a thread is left for all others. */
static void
test_three_that_hang_hold_three_threads(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fake_set_way("h2", HANGS);
    fake_set_way("h3", HANGS);
    hang_in_batch(fixture, "a h1 b h2 h3 c", "h1");
    wait_for_replies(fixture, 3);
    wait_for_running(fixture, 3);
    /* A run counts before its thread is at the domain: else the batch might come there first. */
    fake_wait_for_hung(3);
    fake_now_us += 3 * G_USEC_PER_SEC;
    g_assert_cmpuint(vsf_calls_stuck(fixture->calls), ==, 3);
    g_assert_cmpint(ask(fixture, "d"), ==, VSF_CALLS_ASKED);
    wait_for_replies(fixture, 4);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "h1"), !=, 0);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "h2"), !=, 0);
    /* The batch goes on past those that a single call is at. */
    fake_set_way("h1", ANSWERS);
    wait_for_replies(fixture, 5);
    wait_for_running(fixture, 2);
    g_assert_cmpuint(answers_of(fixture, "h1"), ==, 1);
    fake_set_way("h2", ANSWERS);
    fake_set_way("h3", ANSWERS);
    wait_for_replies(fixture, 7);
}

/* Another client was at the QEMU of one: that is not what hangs. */
static void
test_one_that_another_client_was_at_is_asked_again(Fixture *fixture,
                                                   gconstpointer data G_GNUC_UNUSED)
{
    gint64 began_us = fake_now_us;

    fake_set_busy("b", TRUE);
    hang_in_batch(fixture, "h b c", "h");
    wait_for_replies(fixture, 1);
    wait_for_running(fixture, 1);
    g_assert_true(vsf_calls_is_out(fixture->calls, "b"));
    fake_set_busy("b", FALSE);
    fake_fire(DEADLINE_MS);
    wait_for_replies(fixture, 2);
    wait_for_running(fixture, 1);
    g_assert_cmpuint(answers_of(fixture, "b"), ==, 1);
    g_assert_cmpuint(fixture->n_partial, ==, 0);
    /* And the one that hangs again and again, without a thread of its own. */
    for (guint i = 0; i < 3; i++) {
        fake_now_us += DEADLINE_MS * G_TIME_SPAN_MILLISECOND;
        fake_fire(DEADLINE_MS);
        wait_for_running(fixture, 1);
        g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "h"), ==, began_us);
    }
    g_assert_cmpuint(answers_of(fixture, "h"), ==, 0);
}

/* It answers again while the batch hangs at one that had answered before. */
static void
test_the_batch_may_hang_at_another_later(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    hang_in_batch(fixture, "h a b", "h");
    wait_for_replies(fixture, 2);
    wait_for_running(fixture, 1);
    fake_set_way("b", HANGS);
    fake_set_way("h", ANSWERS);
    fake_wait_for_hung(2);
    fake_fire(DEADLINE_MS);
    wait_for_replies(fixture, 3);
    wait_for_running(fixture, 1);
    g_assert_cmpuint(answers_of(fixture, "h"), ==, 1);
    g_assert_cmpint(ask(fixture, "b"), ==, VSF_CALLS_ASKED);
    wait_for_running(fixture, 1);
    fake_now_us += G_USEC_PER_SEC;
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "b"), !=, 0);
    fake_set_way("b", ANSWERS);
    wait_for_replies(fixture, 4);
    g_assert_cmpuint(fixture->n_partial, ==, 0);
}

static void
test_without_a_hung_batch_less_is_told(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fake_set_busy("b", TRUE);
    gather(fixture, "a b");
    wait_for_replies(fixture, 2);
    g_assert_cmpuint(fixture->n_partial, ==, 1);
    ask(fixture, "b");
    wait_for_replies(fixture, 3);
    g_assert_cmpuint(fixture->n_partial, ==, 2);
}

static void
test_after_one_was_given_up_there_are_no_batches_for_a_while(Fixture *fixture,
                                                             gconstpointer data G_GNUC_UNUSED)
{
    hang_in_batch(fixture, "a h", "h");
    wait_for_replies(fixture, 1);
    fake_now_us += VSF_CALLS_ALONE_US - 1;
    gather(fixture, "a b c");
    wait_for_replies(fixture, 4);
    g_assert_cmpuint(fake_counts().batches, ==, 1);
    fake_now_us += 1;
    gather(fixture, "a b c");
    wait_for_replies(fixture, 7);
    g_assert_cmpuint(fake_counts().batches, ==, 2);
}

/* There are two threads, and one is left for those that a batch hangs at. */
static void
test_a_batch_leaves_a_thread_and_is_none_if_it_cannot(Fixture *fixture,
                                                      gconstpointer data G_GNUC_UNUSED)
{
    fake_set_way("h", HANGS);
    gather(fixture, "h a");
    gather(fixture, "b c");
    fake_wait_for_hung(1);
    g_assert_cmpuint(vsf_calls_running(fixture->calls), ==, 1);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "a"), !=, 0);
    /* Who is asked for alone does not wait for batches. */
    g_assert_cmpint(ask(fixture, "d"), ==, VSF_CALLS_ASKED);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "d"), !=, 0);
    wait_for_replies(fixture, 1);
    fake_fire(VSF_CALLS_BATCH_MS);
    /* It waits behind another, and is not what hangs. */
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "a"), ==, 0);
    wait_for_replies(fixture, 4);
    g_assert_cmpuint(fake_counts().batches, ==, 1);
    /* Nor is there one later, while that hangs. */
    fake_now_us += 2 * VSF_CALLS_ALONE_US;
    gather(fixture, "a b c");
    wait_for_replies(fixture, 7);
    g_assert_cmpuint(fake_counts().batches, ==, 1);
}

/* Whoever is asked first of those that wait is known to hang: the one that the batch is at. */
static void
test_with_every_thread_held_all_that_hold_one_are_known(Fixture *fixture,
                                                        gconstpointer data G_GNUC_UNUSED)
{
    static const char *const names[] = {"h1", "h2", "h3", "h4"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        fake_set_way(names[i], HANGS);
    g_assert_cmpint(ask(fixture, "h1"), ==, VSF_CALLS_ASKED);
    g_assert_cmpint(ask(fixture, "h2"), ==, VSF_CALLS_ASKED);
    fake_wait_for_hung(2);
    fake_now_us += G_USEC_PER_SEC;
    gather(fixture, "a h3 b h4 c");
    fake_wait_for_hung(3);
    fake_fire(VSF_CALLS_BATCH_MS);
    wait_for_replies(fixture, 2);
    wait_for_running(fixture, 4);
    fake_wait_for_hung(4);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, names[i]), !=, 0);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "c"), ==, 0);
    g_assert_cmpuint(fake_counts().batches, ==, 1);
}

/* --- the end ----------------------------------------------------------- */

static void
test_no_callback_after_free(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fake_set_way("h", HANGS);
    gather(fixture, "a h");
    fake_wait_for_hung(1);
    vsf_calls_free(g_steal_pointer(&fixture->calls));
    fake_set_way("h", ANSWERS);
    while (fake_counts().closed != 1)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(fixture->n_replies, ==, 0);
}

static void
test_one_that_is_told_may_free_all(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    fixture->frees = TRUE;
    gather(fixture, "a b c");
    wait_for_replies(fixture, 1);
    g_assert_null(fixture->calls);
    g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(fixture->n_replies, ==, 1);
}

#define ADD_WITH(name, func, threads)                                                       \
    g_test_add("/virt/calls-batch/" name, Fixture, GUINT_TO_POINTER(threads), set_up, func, \
               tear_down)
#define ADD(name, func) ADD_WITH(name, func, THREADS)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("what-is-gathered-is-one-call", test_what_is_gathered_is_one_call);
    ADD("one-alone-is-a-call-of-its-own", test_one_alone_is_a_call_of_its_own);
    ADD("many-are-several-calls-of-equal-size", test_many_are_several_calls_of_equal_size);
    ADD("one-that-is-gone-is-its-own-error", test_one_that_is_gone_is_its_own_error);
    ADD("a-batch-that-fails-is-asked-one-by-one", test_a_batch_that_fails_is_asked_one_by_one);
    ADD("a-batch-that-the-connection-dies-in-is-not",
        test_a_batch_that_the_connection_dies_in_is_not);
    ADD("one-that-hangs-holds-up-no-other", test_one_that_hangs_holds_up_no_other);
    ADD("when-it-goes-on-it-is-asked-anew", test_when_it_goes_on_it_is_asked_anew);
    ADD("three-that-hang-hold-three-threads", test_three_that_hang_hold_three_threads);
    ADD("one-that-another-client-was-at-is-asked-again",
        test_one_that_another_client_was_at_is_asked_again);
    ADD("the-batch-may-hang-at-another-later", test_the_batch_may_hang_at_another_later);
    ADD("without-a-hung-batch-less-is-told", test_without_a_hung_batch_less_is_told);
    ADD("after-one-was-given-up-there-are-no-batches-for-a-while",
        test_after_one_was_given_up_there_are_no_batches_for_a_while);
    ADD_WITH("a-batch-leaves-a-thread-and-is-none-if-it-cannot",
             test_a_batch_leaves_a_thread_and_is_none_if_it_cannot, 2);
    ADD("with-every-thread-held-all-that-hold-one-are-known",
        test_with_every_thread_held_all_that_hold_one_are_known);
    ADD("no-callback-after-free", test_no_callback_after_free);
    ADD("one-that-is-told-may-free-all", test_one_that_is_told_may_free_all);
    return g_test_run();
}
