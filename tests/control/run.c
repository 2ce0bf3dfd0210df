/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run.h"

static void
run_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GSubprocess *process = G_SUBPROCESS(source);
    Run *run = user_data;
    g_autoptr(GError) error = NULL;

    g_subprocess_communicate_utf8_finish(process, result, &run->out, &run->err, &error);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_get_if_exited(process));
    run->status = g_subprocess_get_exit_status(process);
    run->done = TRUE;
}

Run
run_command(const char *first, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GSubprocess) process = NULL;
    g_autoptr(GError) error = NULL;
    Run run = {0};
    va_list args;

    g_ptr_array_add(argv, (gpointer)g_getenv("VIRT_SFLOW"));
    va_start(args, first);
    for (const char *arg = first; arg != NULL; arg = va_arg(args, const char *))
        g_ptr_array_add(argv, (gpointer)arg);
    va_end(args);
    g_ptr_array_add(argv, NULL);
    process = g_subprocess_newv((const char *const *)argv->pdata,
                                G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                                &error);
    g_assert_no_error(error);
    g_subprocess_communicate_utf8_async(process, NULL, NULL, run_done, &run);
    while (!run.done)
        g_main_context_iteration(NULL, TRUE);
    return run;
}

void
run_clear(Run *run)
{
    g_free(run->out);
    g_free(run->err);
}
