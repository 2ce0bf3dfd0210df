/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../../daemon/base/worker.h"

typedef struct {
    GMainLoop *loop;
    guint delivered, waited_for;
    GThread *ran_on;
    GError *error;
    int value;
} Outcome;

static gpointer
answer_number(gpointer payload, GError **error G_GNUC_UNUSED)
{
    int *number = g_new(int, 1);

    *number = GPOINTER_TO_INT(payload) * 2;
    return number;
}

static gpointer
answer_thread(gpointer payload, GError **error G_GNUC_UNUSED)
{
    g_usleep(GPOINTER_TO_UINT(payload));
    return g_thread_ref(g_thread_self());
}

static gpointer
answer_error(gpointer payload G_GNUC_UNUSED, GError **error)
{
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "as asked");
    return NULL;
}

/* Blocks until the test lets it go, as a libvirt call does. */
static gpointer
wait_for_gate(gpointer payload, GError **error G_GNUC_UNUSED)
{
    GAsyncQueue *gate = payload;
    int *number = g_new(int, 1);

    g_async_queue_pop(gate);
    *number = 1;
    return number;
}

static void
note_outcome(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    Outcome *outcome = user_data;
    g_autofree int *number = vsf_worker_finish(result, &outcome->error);

    if (number != NULL)
        outcome->value = *number;
    outcome->ran_on = g_thread_self();
    if (++outcome->delivered == outcome->waited_for)
        g_main_loop_quit(outcome->loop);
}

static Outcome
outcome_new(guint waited_for)
{
    return (Outcome){.loop = g_main_loop_new(NULL, FALSE), .waited_for = waited_for};
}

static void
test_result_comes_to_the_main_thread(void)
{
    g_autoptr(VsfWorker) worker = vsf_worker_new(2, g_free);
    Outcome outcome = outcome_new(1);

    vsf_worker_run(worker, answer_number, GINT_TO_POINTER(21), NULL, NULL, note_outcome, &outcome);
    g_assert_cmpuint(outcome.delivered, ==, 0);
    g_assert_cmpuint(vsf_worker_pending(worker), ==, 1);
    g_main_loop_run(outcome.loop);
    g_assert_cmpint(outcome.value, ==, 42);
    g_assert_true(outcome.ran_on == g_thread_self());
    g_assert_cmpuint(vsf_worker_pending(worker), ==, 0);
    g_main_loop_unref(outcome.loop);
}

static void
test_error_is_delivered(void)
{
    g_autoptr(VsfWorker) worker = vsf_worker_new(1, g_free);
    Outcome outcome = outcome_new(1);

    vsf_worker_run(worker, answer_error, NULL, NULL, NULL, note_outcome, &outcome);
    g_main_loop_run(outcome.loop);
    g_assert_error(outcome.error, G_IO_ERROR, G_IO_ERROR_FAILED);
    g_clear_error(&outcome.error);
    g_main_loop_unref(outcome.loop);
}

static void
test_a_hung_call_takes_only_its_own_thread(void)
{
    g_autoptr(VsfWorker) worker = vsf_worker_new(2, g_free);
    GAsyncQueue *gate = g_async_queue_new();
    Outcome hung = outcome_new(1);
    Outcome quick = outcome_new(1);

    vsf_worker_run(worker, wait_for_gate, gate, NULL, NULL, note_outcome, &hung);
    vsf_worker_run(worker, answer_number, GINT_TO_POINTER(1), NULL, NULL, note_outcome, &quick);
    g_main_loop_run(quick.loop);
    g_assert_cmpuint(hung.delivered, ==, 0);

    g_async_queue_push(gate, gate);
    g_main_loop_run(hung.loop);
    g_assert_cmpuint(hung.delivered, ==, 1);
    g_main_loop_unref(hung.loop);
    g_main_loop_unref(quick.loop);
    g_async_queue_unref(gate);
}

static void
take_thread(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_ptr_array_add(user_data, vsf_worker_finish(result, NULL));
}

/* The others have nothing to do, and end. */
static void
test_jobs_one_by_one_are_the_same_threads(void)
{
    g_autoptr(VsfWorker) worker = vsf_worker_new(3, (GDestroyNotify)g_thread_unref);
    g_autoptr(GPtrArray) ran_on = g_ptr_array_new_with_free_func((GDestroyNotify)g_thread_unref);

    for (guint i = 0; i < 3; i++)
        vsf_worker_run(worker, answer_thread, GUINT_TO_POINTER(50000), NULL, NULL, take_thread,
                       ran_on);
    while (ran_on->len < 3)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(ran_on->pdata[0] != ran_on->pdata[1] && ran_on->pdata[1] != ran_on->pdata[2]);
    g_usleep(50000);
    for (guint i = 0; i < 20; i++) {
        vsf_worker_run(worker, answer_thread, NULL, NULL, NULL, take_thread, ran_on);
        while (ran_on->len < 4 + i)
            g_main_context_iteration(NULL, TRUE);
        g_usleep(5000);
    }
    for (guint i = 0; i < 20; i++)
        g_assert_true(ran_on->pdata[3 + i] == ran_on->pdata[3]);
}

static void
test_cancelled_job_reports_cancelled(void)
{
    g_autoptr(VsfWorker) worker = vsf_worker_new(1, g_free);
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    GAsyncQueue *gate = g_async_queue_new();
    Outcome outcome = outcome_new(1);

    vsf_worker_run(worker, wait_for_gate, gate, NULL, cancel, note_outcome, &outcome);
    g_cancellable_cancel(cancel);
    g_async_queue_push(gate, gate);
    g_main_loop_run(outcome.loop);
    g_assert_error(outcome.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_clear_error(&outcome.error);
    g_main_loop_unref(outcome.loop);
    g_async_queue_unref(gate);
}

static void
test_free_does_not_wait_and_waiting_jobs_are_cancelled(void)
{
    VsfWorker *worker = vsf_worker_new(1, g_free);
    GAsyncQueue *gate = g_async_queue_new();
    Outcome hung = outcome_new(1);
    Outcome waiting = outcome_new(1);
    int *payload = g_new0(int, 1);

    vsf_worker_run(worker, wait_for_gate, gate, NULL, NULL, note_outcome, &hung);
    vsf_worker_run(worker, answer_number, payload, g_free, NULL, note_outcome, &waiting);
    vsf_worker_free(worker);
    g_assert_cmpuint(hung.delivered, ==, 0);

    g_async_queue_push(gate, gate);
    g_main_loop_run(waiting.loop);
    g_assert_error(waiting.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    while (hung.delivered == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_error(hung.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpint(hung.value, ==, 0);
    g_clear_error(&hung.error);
    g_clear_error(&waiting.error);
    g_main_loop_unref(hung.loop);
    g_main_loop_unref(waiting.loop);
    g_async_queue_unref(gate);
}

static void
test_cancelled_jobs_of_a_freed_worker_are_delivered_too(void)
{
    VsfWorker *worker = vsf_worker_new(1, g_free);
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    GAsyncQueue *gate = g_async_queue_new();
    Outcome hung = outcome_new(1);
    Outcome waiting = outcome_new(1);

    vsf_worker_run(worker, wait_for_gate, gate, NULL, NULL, note_outcome, &hung);
    vsf_worker_run(worker, answer_number, NULL, NULL, cancel, note_outcome, &waiting);
    g_cancellable_cancel(cancel);
    vsf_worker_free(worker);
    g_async_queue_push(gate, gate);
    g_main_loop_run(waiting.loop);
    g_assert_error(waiting.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    while (hung.delivered == 0)
        g_main_context_iteration(NULL, TRUE);
    g_clear_error(&hung.error);
    g_clear_error(&waiting.error);
    g_main_loop_unref(hung.loop);
    g_main_loop_unref(waiting.loop);
    g_async_queue_unref(gate);
}

static void
free_the_worker(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    VsfWorker **worker = user_data;
    g_autofree int *number = vsf_worker_finish(result, NULL);

    g_assert_nonnull(number);
    g_clear_pointer(worker, vsf_worker_free);
}

static void
test_a_callback_may_free_its_worker(void)
{
    VsfWorker *worker = vsf_worker_new(1, g_free);

    vsf_worker_run(worker, answer_number, NULL, NULL, NULL, free_the_worker, &worker);
    while (worker != NULL)
        g_main_context_iteration(NULL, TRUE);
}

#define N_JOBS 20

static gpointer
note_run(gpointer payload, GError **error G_GNUC_UNUSED)
{
    gint *n_run = payload;

    g_usleep(1000);
    g_atomic_int_inc(n_run);
    return g_new(int, 1);
}

static void
test_drain_runs_what_waits(void)
{
    VsfWorker *worker = vsf_worker_new(1, g_free);
    gint n_run = 0;

    for (guint i = 0; i < N_JOBS; i++)
        vsf_worker_run(worker, note_run, &n_run, NULL, NULL, NULL, NULL);
    g_assert_true(vsf_worker_drain(worker, 8, G_MAXUINT));
    g_assert_cmpint(g_atomic_int_get(&n_run), ==, N_JOBS);
    g_assert_cmpuint(vsf_worker_pending(worker), ==, N_JOBS);
    while (vsf_worker_pending(worker) > 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(vsf_worker_drain(worker, 8, 0));
    vsf_worker_free(worker);
}

static void
test_drain_does_not_wait_for_ever(void)
{
    GAsyncQueue *gate = g_async_queue_new();
    VsfWorker *worker = vsf_worker_new(1, g_free);
    gint n_run = 0;

    vsf_worker_run(worker, wait_for_gate, gate, NULL, NULL, NULL, NULL);
    vsf_worker_run(worker, note_run, &n_run, NULL, NULL, NULL, NULL);
    g_assert_false(vsf_worker_drain(worker, 2, 100));
    g_async_queue_push(gate, gate);
    g_assert_true(vsf_worker_drain(worker, 2, G_MAXUINT));
    g_assert_cmpint(g_atomic_int_get(&n_run), ==, 1);
    while (vsf_worker_pending(worker) > 0)
        g_main_context_iteration(NULL, TRUE);
    vsf_worker_free(worker);
    g_async_queue_unref(gate);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/worker/result-comes-to-the-main-thread",
                    test_result_comes_to_the_main_thread);
    g_test_add_func("/base/worker/error-is-delivered", test_error_is_delivered);
    g_test_add_func("/base/worker/a-hung-call-takes-only-its-own-thread",
                    test_a_hung_call_takes_only_its_own_thread);
    g_test_add_func("/base/worker/jobs-one-by-one-are-the-same-threads",
                    test_jobs_one_by_one_are_the_same_threads);
    g_test_add_func("/base/worker/cancelled-job-reports-cancelled",
                    test_cancelled_job_reports_cancelled);
    g_test_add_func("/base/worker/free-does-not-wait",
                    test_free_does_not_wait_and_waiting_jobs_are_cancelled);
    g_test_add_func("/base/worker/cancelled-jobs-of-a-freed-worker-are-delivered-too",
                    test_cancelled_jobs_of_a_freed_worker_are_delivered_too);
    g_test_add_func("/base/worker/a-callback-may-free-its-worker",
                    test_a_callback_may_free_its_worker);
    g_test_add_func("/base/worker/drain-runs-what-waits", test_drain_runs_what_waits);
    g_test_add_func("/base/worker/drain-does-not-wait-for-ever", test_drain_does_not_wait_for_ever);
    return g_test_run();
}
