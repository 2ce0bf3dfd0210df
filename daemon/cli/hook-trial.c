/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hook-trial.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between fork and exec. A group of its own, so that what a hanging script has
 * started ends with it; no stdin, the worst that can come. */
static void
prepare_child(gpointer user_data G_GNUC_UNUSED)
{
    setsid();
    close(STDIN_FILENO);
}

static gboolean
start(const char *program, int output, GPid *pid, GError **error)
{
    const char *const argv[] = {
        program, "virt-sflow-trial", "trial", "begin", "-", NULL,
    };
    const char *const envp[] = {
        "LC_ALL=C",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        NULL,
    };

    return g_spawn_async_with_fds("/", (char **)argv, (char **)envp, G_SPAWN_DO_NOT_REAP_CHILD,
                                  prepare_child, NULL, pid, -1, output, output, error);
}

static int
left_ms(gint64 until_us)
{
    return (int)(MAX(until_us - g_get_monotonic_time(), 0) / 1000);
}

/* libvirt waits for the end of the output as well as for that of the process,
 * so a child that keeps it open counts as hanging. */
static gboolean
wait_for_silence(int output, gint64 until_us, GError **error)
{
    struct pollfd input = {.fd = output, .events = POLLIN};
    char bytes[64];
    gssize got;
    int ready;

    do
        ready = poll(&input, 1, left_ms(until_us));
    while (ready < 0 && errno == EINTR);
    if (ready <= 0) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "it does not end");
        return FALSE;
    }
    got = read(output, bytes, sizeof(bytes));
    if (got != 0) {
        g_autofree char *text = g_strndup(bytes, (gsize)MAX(got, 0));
        g_autofree char *shown = g_strescape(text, NULL);

        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "it prints \"%s\"", shown);
        return FALSE;
    }
    return TRUE;
}

static gboolean
wait_for_exit(GPid pid, gint64 until_us, gboolean *reaped, GError **error)
{
    int status = 0;
    pid_t ended;

    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && left_ms(until_us) > 0)
        g_usleep(2000);
    if (ended == 0) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "it does not end");
        return FALSE;
    }
    *reaped = TRUE;
    if (ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return TRUE;
    if (ended == pid && WIFEXITED(status))
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "its exit status is %d, not 0",
                    WEXITSTATUS(status));
    else
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "it is ended by signal %d",
                    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return FALSE;
}

gboolean
vsf_hook_trial(const char *program, guint limit_ms, GError **error)
{
    const gint64 until_us = g_get_monotonic_time() + (gint64)limit_ms * 1000;
    gboolean started, passed = FALSE, reaped = FALSE;
    int ends[2];
    GPid pid = 0;

    if (!g_unix_open_pipe(ends, FD_CLOEXEC, error))
        return FALSE;
    started = start(program, ends[1], &pid, error);
    close(ends[1]);
    if (started) {
        passed = wait_for_silence(ends[0], until_us, error) &&
                 wait_for_exit(pid, until_us, &reaped, error);
        if (!passed)
            kill(-pid, SIGKILL);
        if (!reaped)
            waitpid(pid, NULL, 0);
    }
    close(ends[0]);
    return passed;
}
