/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pool's rules, with a libvirt that hangs and fails when a test says so. */
#include "../../daemon/virt/calls.h"

#include <string.h>

#define THREADS 4

/* What a domain's call does. Written before the call, read by its thread. */
typedef enum { ANSWER, HANG, FAIL, DIE_ONCE, DIE_NOW } Way;

typedef struct {
    gint alive;
    gint in_use; /* a connection may be used by one thread at a time */
} FakeLink;

static GAsyncQueue *gate;   /* a hung call waits for a token here */
static GHashTable *scripts; /* UUID -> Way; a test writes it before it asks */
static gint n_opened, n_closed, n_begun, n_freed, open_fails;
static gint64 fake_now_us; /* main thread */

static gpointer
fake_open(const char *uri, GError **error)
{
    FakeLink *link;

    g_assert_cmpstr(uri, ==, "fake:///");
    if (g_atomic_int_get(&open_fails)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "no libvirt here");
        return NULL;
    }
    link = g_new0(FakeLink, 1);
    link->alive = TRUE;
    g_atomic_int_inc(&n_opened);
    return link;
}

/* The answer is the question and the UUID. */
static gpointer
fake_call(gpointer data, const char *uuid, gpointer question, GError **error)
{
    FakeLink *link = data;
    Way way = GPOINTER_TO_INT(g_hash_table_lookup(scripts, uuid));
    char *answer = NULL;

    g_assert_true(g_atomic_int_compare_and_exchange(&link->in_use, FALSE, TRUE));
    g_atomic_int_inc(&n_begun);
    if (way == HANG)
        g_async_queue_pop(gate);
    if (way == DIE_NOW)
        g_atomic_int_set(&link->alive, FALSE);
    if (!g_atomic_int_get(&link->alive))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "connection lost");
    else if (way == FAIL)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no such domain");
    else
        answer = g_strconcat(question, uuid, NULL);
    if (way == DIE_ONCE) /* after the answer: libvirtd restarts while it lies idle */
        g_atomic_int_set(&link->alive, FALSE);
    g_atomic_int_set(&link->in_use, FALSE);
    return answer;
}

/* Every question and answer is freed once. */
static void
fake_free(gpointer text)
{
    g_atomic_int_inc(&n_freed);
    g_free(text);
}

static gboolean
fake_is_alive(gpointer link)
{
    return g_atomic_int_get(&((FakeLink *)link)->alive);
}

static void
fake_close(gpointer link)
{
    g_assert_false(g_atomic_int_get(&((FakeLink *)link)->in_use));
    g_free(link);
    g_atomic_int_inc(&n_closed);
}

static gint64
fake_now(void)
{
    return fake_now_us;
}

static const VsfCallsOps fake_ops = {
    .open = fake_open,
    .call = fake_call,
    .is_alive = fake_is_alive,
    .close = fake_close,
    .question_free = fake_free,
    .answer_free = fake_free,
    .now_us = fake_now,
};

typedef struct {
    VsfCalls *calls;
    guint n_asked, n_answers, n_errors, n_busy;
    char last_uuid[VSF_UUID_TEXT];
} Fixture;

static void
set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    gate = g_async_queue_new();
    scripts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    n_opened = n_closed = n_begun = n_freed = open_fails = 0;
    fixture->n_asked = 0;
    fake_now_us = 1000000;
    fixture->calls = vsf_calls_new(&fake_ops, "fake:///", THREADS, 2000);
}

static void
tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    vsf_calls_free(g_steal_pointer(&fixture->calls));
    /* Every connection that was opened is closed, by threads that nobody waits for. */
    while (g_atomic_int_get(&n_closed) != g_atomic_int_get(&n_opened))
        g_main_context_iteration(NULL, FALSE);
    while ((guint)g_atomic_int_get(&n_freed) < fixture->n_asked + fixture->n_answers)
        g_main_context_iteration(NULL, FALSE);
    g_async_queue_unref(gate);
    g_hash_table_unref(scripts);
}

static void
note(const char *uuid, gpointer answer, const GError *error, gpointer user_data)
{
    Fixture *fixture = user_data;
    g_autofree char *wanted = g_strconcat("question:", uuid, NULL);

    g_assert_true((answer != NULL) != (error != NULL));
    g_strlcpy(fixture->last_uuid, uuid, sizeof(fixture->last_uuid));
    if (answer != NULL) {
        g_assert_cmpstr(answer, ==, wanted);
        fixture->n_answers++;
    } else {
        fixture->n_errors++;
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_BUSY))
            fixture->n_busy++;
    }
}

static void
script(const char *uuid, Way way)
{
    g_hash_table_insert(scripts, g_strdup(uuid), GINT_TO_POINTER(way));
}

static VsfCallsAsk
ask(Fixture *fixture, const char *uuid)
{
    fixture->n_asked++;
    return vsf_calls_ask(fixture->calls, uuid, g_strdup("question:"), note, fixture);
}

static void
wait_for_replies(Fixture *fixture, guint n)
{
    while (fixture->n_answers + fixture->n_errors < n)
        g_main_context_iteration(NULL, TRUE);
}

static void
wait_for_begun(gint n)
{
    while (g_atomic_int_get(&n_begun) < n)
        g_main_context_iteration(NULL, FALSE);
}

static void
let_go(guint n)
{
    while (n-- > 0)
        g_async_queue_push(gate, gate);
}

/* Every thread in a call that hangs, "h0" to "h3". */
static void
hang_all(Fixture *fixture)
{
    static const char *const names[THREADS] = {"h0", "h1", "h2", "h3"};

    for (guint i = 0; i < THREADS; i++)
        script(names[i], HANG);
    for (guint i = 0; i < THREADS; i++)
        g_assert_cmpint(ask(fixture, names[i]), ==, VSF_CALLS_ASKED);
    wait_for_begun(THREADS);
}

static void
test_answer_comes_and_connection_is_kept(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    for (guint i = 1; i <= 5; i++) {
        g_assert_cmpint(ask(fixture, "a"), ==, VSF_CALLS_ASKED);
        g_assert_cmpuint(fixture->n_answers, ==, i - 1);
        wait_for_replies(fixture, i);
    }
    g_assert_cmpint(n_opened, ==, 1);
    g_assert_cmpuint(fixture->n_errors, ==, 0);
}

static void
test_one_call_per_domain(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    script("h", HANG);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "h"), ==, 0);
    g_assert_cmpint(ask(fixture, "h"), ==, VSF_CALLS_ASKED);
    g_assert_cmpint(ask(fixture, "h"), ==, VSF_CALLS_IN_FLIGHT);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "h"), ==, 1000000);
    g_assert_cmpint(ask(fixture, "b"), ==, VSF_CALLS_ASKED);
    wait_for_replies(fixture, 1);
    g_assert_cmpstr(fixture->last_uuid, ==, "b");

    let_go(1);
    wait_for_replies(fixture, 2);
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "h"), ==, 0);
    g_assert_cmpint(g_atomic_int_get(&n_begun), ==, 2);
}

static void
test_stuck_begins_past_the_deadline(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    script("h", HANG);
    ask(fixture, "h");
    fake_now_us += 2000;
    g_assert_cmpuint(vsf_calls_stuck(fixture->calls), ==, 0);
    fake_now_us += 1;
    g_assert_cmpuint(vsf_calls_stuck(fixture->calls), ==, 1);
    g_assert_cmpint(ask(fixture, "h"), ==, VSF_CALLS_IN_FLIGHT);
    let_go(1);
    /* Late, but an answer: its age is the caller's to judge. */
    wait_for_replies(fixture, 1);
    g_assert_cmpuint(fixture->n_answers, ==, 1);
    g_assert_cmpuint(vsf_calls_stuck(fixture->calls), ==, 0);
    g_assert_cmpint(ask(fixture, "b"), ==, VSF_CALLS_ASKED);
    wait_for_replies(fixture, 2);
}

static void
test_paused_when_every_thread_is_stuck(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    hang_all(fixture);
    fake_now_us += 2001;
    g_assert_cmpuint(vsf_calls_stuck(fixture->calls), ==, THREADS);
    g_assert_cmpint(ask(fixture, "b"), ==, VSF_CALLS_PAUSED);
    g_assert_cmpint(ask(fixture, "h0"), ==, VSF_CALLS_IN_FLIGHT);
    let_go(1);
    wait_for_replies(fixture, 1);
    g_assert_cmpint(ask(fixture, "b"), ==, VSF_CALLS_ASKED);
    wait_for_replies(fixture, 2);
    g_assert_cmpstr(fixture->last_uuid, ==, "b");
    let_go(3);
    wait_for_replies(fixture, 5);
    g_assert_cmpuint(fixture->n_answers, ==, 5);
    g_assert_cmpint(n_opened, ==, THREADS);
}

static void
test_a_call_waits_for_a_busy_thread(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    hang_all(fixture);
    g_assert_cmpint(ask(fixture, "b"), ==, VSF_CALLS_ASKED);
    g_assert_cmpint(ask(fixture, "b"), ==, VSF_CALLS_IN_FLIGHT);
    /* Its time has not begun, so it is never stuck. */
    g_assert_cmpint(vsf_calls_outstanding_since(fixture->calls, "b"), ==, 0);
    g_assert_cmpuint(vsf_calls_stuck(fixture->calls), ==, 0);
    let_go(4);
    wait_for_replies(fixture, 5);
    g_assert_cmpuint(fixture->n_answers, ==, 5);
}

static void
test_waiting_calls_are_given_up_when_paused(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    hang_all(fixture);
    ask(fixture, "b");
    ask(fixture, "c");
    fake_now_us += 2001;
    wait_for_replies(fixture, 2);
    g_assert_cmpuint(fixture->n_busy, ==, 2);
    g_assert_cmpint(ask(fixture, "b"), ==, VSF_CALLS_PAUSED);
    let_go(4);
    wait_for_replies(fixture, 6);
    g_assert_cmpuint(fixture->n_answers, ==, 4);
    g_assert_cmpint(g_atomic_int_get(&n_begun), ==, 4);
}

static void
free_all(const char *uuid G_GNUC_UNUSED, gpointer answer G_GNUC_UNUSED, const GError *error,
         gpointer user_data)
{
    Fixture *fixture = user_data;

    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_BUSY);
    fixture->n_errors++;
    vsf_calls_free(g_steal_pointer(&fixture->calls));
}

static void
test_one_that_is_given_up_may_free_all(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    hang_all(fixture);
    fixture->n_asked += 2;
    g_assert_cmpint(vsf_calls_ask(fixture->calls, "b", g_strdup("question:"), free_all, fixture),
                    ==, VSF_CALLS_ASKED);
    g_assert_cmpint(vsf_calls_ask(fixture->calls, "c", g_strdup("question:"), free_all, fixture),
                    ==, VSF_CALLS_ASKED);
    fake_now_us += 2001;
    wait_for_replies(fixture, 1);
    g_assert_null(fixture->calls);
    let_go(4);
    while (g_atomic_int_get(&n_closed) != 4)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(fixture->n_errors, ==, 1);
}

static void
test_failure_is_told_and_connection_kept(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    script("gone", FAIL);
    ask(fixture, "gone");
    wait_for_replies(fixture, 1);
    g_assert_cmpuint(fixture->n_errors, ==, 1);
    ask(fixture, "a");
    wait_for_replies(fixture, 2);
    g_assert_cmpuint(fixture->n_answers, ==, 1);
    g_assert_cmpint(n_opened, ==, 1);
}

static void
test_a_connection_that_died_idle_costs_no_answer(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    script("d", DIE_ONCE);
    ask(fixture, "d");
    wait_for_replies(fixture, 1);
    ask(fixture, "a");
    wait_for_replies(fixture, 2);
    g_assert_cmpuint(fixture->n_answers, ==, 2);
    g_assert_cmpint(n_opened, ==, 2);
    g_assert_cmpint(n_closed, ==, 1);
}

static void
test_a_connection_that_dies_in_the_call_is_not_tried_again(Fixture *fixture,
                                                           gconstpointer data G_GNUC_UNUSED)
{
    script("d", DIE_NOW);
    ask(fixture, "a");
    wait_for_replies(fixture, 1);
    ask(fixture, "d");
    wait_for_replies(fixture, 2);
    g_assert_cmpuint(fixture->n_errors, ==, 1);
    g_assert_cmpint(n_opened, ==, 1);
    g_assert_cmpint(n_closed, ==, 1);
    ask(fixture, "a");
    wait_for_replies(fixture, 3);
    g_assert_cmpuint(fixture->n_answers, ==, 2);
}

static void
test_open_failure_is_told_and_tried_again(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    open_fails = TRUE;
    ask(fixture, "a");
    wait_for_replies(fixture, 1);
    g_assert_cmpuint(fixture->n_errors, ==, 1);
    open_fails = FALSE;
    ask(fixture, "a");
    wait_for_replies(fixture, 2);
    g_assert_cmpuint(fixture->n_answers, ==, 1);
}

static void
test_no_callback_after_free(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    hang_all(fixture);
    ask(fixture, "b");
    vsf_calls_free(g_steal_pointer(&fixture->calls));
    let_go(4);
    /* tear_down() waits until the hung calls' connections are closed. */
    while (g_atomic_int_get(&n_closed) != 4)
        g_main_context_iteration(NULL, FALSE);
    g_assert_cmpuint(fixture->n_answers + fixture->n_errors, ==, 0);
}

static void
test_latency_is_of_calls_that_came_back(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
    VsfQuantiles latency;

    script("h", HANG);
    ask(fixture, "h");
    wait_for_begun(1);
    fake_now_us += 500;
    g_assert_cmpuint(vsf_calls_take_latency(fixture->calls).n, ==, 0);
    let_go(1);
    wait_for_replies(fixture, 1);
    latency = vsf_calls_take_latency(fixture->calls);
    g_assert_cmpuint(latency.n, ==, 1);
    g_assert_cmpuint(vsf_quantiles_at(&latency, 990), >=, 500);
    g_assert_cmpuint(vsf_quantiles_at(&latency, 990), <=, 540);
    g_assert_cmpuint(vsf_calls_take_latency(fixture->calls).n, ==, 0);
}

#define ADD(path, func, data) g_test_add(path, Fixture, data, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/virt/calls/answer-comes-and-connection-is-kept", test_answer_comes_and_connection_is_kept,
        NULL);
    ADD("/virt/calls/one-call-per-domain", test_one_call_per_domain, NULL);
    ADD("/virt/calls/stuck-begins-past-the-deadline", test_stuck_begins_past_the_deadline, NULL);
    ADD("/virt/calls/paused-when-every-thread-is-stuck", test_paused_when_every_thread_is_stuck,
        NULL);
    ADD("/virt/calls/a-call-waits-for-a-busy-thread", test_a_call_waits_for_a_busy_thread, NULL);
    ADD("/virt/calls/waiting-calls-are-given-up-when-paused",
        test_waiting_calls_are_given_up_when_paused, NULL);
    ADD("/virt/calls/one-that-is-given-up-may-free-all", test_one_that_is_given_up_may_free_all,
        NULL);
    ADD("/virt/calls/failure-is-told-and-connection-kept", test_failure_is_told_and_connection_kept,
        NULL);
    ADD("/virt/calls/a-connection-that-died-idle-costs-no-answer",
        test_a_connection_that_died_idle_costs_no_answer, NULL);
    ADD("/virt/calls/a-connection-that-dies-in-the-call-is-not-tried-again",
        test_a_connection_that_dies_in_the_call_is_not_tried_again, NULL);
    ADD("/virt/calls/open-failure-is-told-and-tried-again",
        test_open_failure_is_told_and_tried_again, NULL);
    ADD("/virt/calls/no-callback-after-free", test_no_callback_after_free, NULL);
    ADD("/virt/calls/latency-is-of-calls-that-came-back", test_latency_is_of_calls_that_came_back,
        NULL);
    return g_test_run();
}
