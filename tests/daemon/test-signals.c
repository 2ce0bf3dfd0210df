/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each case is a process of its own, which is sent a signal. */
#include "../../daemon/signals.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOPPED 7
#define HUNG_UP 8
#define PATIENCE_MS 100

static gboolean
leave(gpointer user_data)
{
    _exit(GPOINTER_TO_INT(user_data));
    return G_SOURCE_REMOVE;
}

static gboolean
say_hung_up(gpointer user_data)
{
    if (write(GPOINTER_TO_INT(user_data), "h", 1) != 1)
        _exit(HUNG_UP + 1);
    return G_SOURCE_REMOVE;
}

static void
say_ready(int fd)
{
    if (write(fd, "r", 1) != 1)
        _exit(EXIT_FAILURE);
}

/* Of the process that a test starts, for as long as that lives. */
static VsfSignals *volatile signals;

static void
never_attached(int fd)
{
    signals = vsf_signals_start();
    say_ready(fd);
    g_usleep(60 * G_USEC_PER_SEC);
}

static void
with_loop(int fd)
{
    signals = vsf_signals_start();
    vsf_signals_attach(signals, G_MAXUINT, leave, leave, GINT_TO_POINTER(STOPPED));
    say_ready(fd);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
}

/* The signal comes before the loop runs. */
static void
with_late_loop(int fd)
{
    signals = vsf_signals_start();
    vsf_signals_attach(signals, G_MAXUINT, leave, leave, GINT_TO_POINTER(STOPPED));
    say_ready(fd);
    while (!g_main_context_pending(NULL))
        g_usleep(1000);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
}

static void
with_hung_loop(int fd)
{
    signals = vsf_signals_start();
    vsf_signals_attach(signals, PATIENCE_MS, leave, leave, GINT_TO_POINTER(STOPPED));
    say_ready(fd);
    g_usleep(60 * G_USEC_PER_SEC);
}

static void
with_hangup(int fd)
{
    signals = vsf_signals_start();
    vsf_signals_attach(signals, PATIENCE_MS, leave, say_hung_up, GINT_TO_POINTER(fd));
    say_ready(fd);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
}

static gboolean
say_end(gpointer user_data)
{
    if (write(GPOINTER_TO_INT(user_data), "e", 1) != 1)
        _exit(EXIT_FAILURE);
    return G_SOURCE_REMOVE;
}

/* They come while the loop does not run. */
static void
with_many_hangups(int fd)
{
    signals = vsf_signals_start();
    vsf_signals_attach(signals, PATIENCE_MS, leave, say_hung_up, GINT_TO_POINTER(fd));
    say_ready(fd);
    for (guint i = 0; i < 100; i++) {
        kill(getpid(), SIGHUP);
        g_usleep(1000);
    }
    g_idle_add_full(G_PRIORITY_LOW, say_end, GINT_TO_POINTER(fd), NULL);
    g_main_loop_run(g_main_loop_new(NULL, FALSE));
}

/* A process that runs @body, once it is ready; *@fd reads what it says. */
static pid_t
start(void (*body)(int fd), int *fd)
{
    int ends[2];
    char ready = 0;
    pid_t pid;

    g_assert_cmpint(pipe(ends), ==, 0);
    pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        body(ends[1]);
        _exit(EXIT_FAILURE);
    }
    close(ends[1]);
    *fd = ends[0];
    g_assert_cmpint(read(*fd, &ready, 1), ==, 1);
    g_assert_cmpint(ready, ==, 'r');
    return pid;
}

static void
check_end(void (*body)(int fd), int number, int status, gboolean by_force)
{
    char text[256] = "";
    int fd, end = 0;
    pid_t pid = start(body, &fd);

    kill(pid, number);
    g_assert_cmpint(waitpid(pid, &end, 0), ==, pid);
    g_assert_true(WIFEXITED(end));
    g_assert_cmpint(WEXITSTATUS(end), ==, status);
    g_assert_cmpint(read(fd, text, sizeof(text) - 1) > 0, ==, by_force);
    g_assert_cmpint(g_str_has_prefix(text, "virt-sflowd: warning: "), ==, by_force);
    close(fd);
}

static void
test_before_anything_is_made_it_is_the_end(void)
{
    check_end(never_attached, SIGTERM, 0, FALSE);
    check_end(never_attached, SIGINT, 0, FALSE);
}

static void
test_the_loop_is_told(void)
{
    check_end(with_loop, SIGTERM, STOPPED, FALSE);
    check_end(with_loop, SIGINT, STOPPED, FALSE);
}

static void
test_a_loop_that_runs_later_is_told_then(void)
{
    check_end(with_late_loop, SIGTERM, STOPPED, FALSE);
}

static void
test_a_loop_that_hangs_does_not_keep_the_process(void)
{
    check_end(with_hung_loop, SIGTERM, 0, TRUE);
}

static void
test_a_hangup_is_no_end(void)
{
    int fd, end = 0;
    pid_t pid = start(with_hangup, &fd);
    char said = 0;

    for (guint i = 0; i < 2; i++) {
        kill(pid, SIGHUP);
        g_assert_cmpint(read(fd, &said, 1), ==, 1);
        g_assert_cmpint(said, ==, 'h');
    }
    kill(pid, SIGKILL);
    g_assert_cmpint(waitpid(pid, &end, 0), ==, pid);
    g_assert_true(WIFSIGNALED(end));
    close(fd);
}

static void
test_many_hangups_are_few(void)
{
    int fd;
    pid_t pid = start(with_many_hangups, &fd);
    guint n = 0;
    char said = 0;

    while (read(fd, &said, 1) == 1 && said == 'h')
        n++;
    g_assert_cmpint(said, ==, 'e');
    /* The last one may have come when the loop ran. */
    g_assert_cmpuint(n, >=, 1);
    g_assert_cmpuint(n, <=, 2);
    kill(pid, SIGKILL);
    g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
    close(fd);
}

#define CASE(name, func) g_test_add_func("/signals/" name, func)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASE("before-anything-is-made-it-is-the-end", test_before_anything_is_made_it_is_the_end);
    CASE("the-loop-is-told", test_the_loop_is_told);
    CASE("a-loop-that-runs-later-is-told-then", test_a_loop_that_runs_later_is_told_then);
    CASE("a-loop-that-hangs-does-not-keep-the-process",
         test_a_loop_that_hangs_does_not_keep_the_process);
    CASE("a-hangup-is-no-end", test_a_hangup_is_no_end);
    CASE("many-hangups-are-few", test_many_hangups_are_few);
    return g_test_run();
}
