/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A real qemu-ga on a socket in a temporary folder; its "guest" is this machine.
 * Nothing is frozen: the agent is only told by its state file that something is. */
#include "../../include/qga.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char *folder, *path;
    GPid pid;
    int fd;
    VsfQgaPlan plan;
} Live;

static char *
find_agent(void)
{
    char *program = g_find_program_in_path("qemu-ga");

    if (program == NULL && g_file_test("/usr/sbin/qemu-ga", G_FILE_TEST_IS_EXECUTABLE))
        program = g_strdup("/usr/sbin/qemu-ga");
    return program;
}

static char *
transport(const char *request, int timeout_s, GError **error, gpointer user_data)
{
    Live *live = user_data;
    g_autofree char *line = g_strconcat(request, "\n", NULL);
    g_autoptr(GString) reply = g_string_new(NULL);
    struct pollfd wait = {.fd = live->fd, .events = POLLIN};
    char buffer[4096];

    g_assert_cmpint(send(live->fd, line, strlen(line), MSG_NOSIGNAL), ==, strlen(line));
    while (!g_str_has_suffix(reply->str, "\n")) {
        gssize n = poll(&wait, 1, timeout_s * 1000) == 1 ? read(live->fd, buffer, sizeof(buffer))
                                                         : 0;

        if (n <= 0) {
            g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_IO, "no reply");
            return NULL;
        }
        g_string_append_len(reply, buffer, n);
    }
    return g_string_free(g_steal_pointer(&reply), FALSE);
}

static gint64
now_us(gpointer user_data G_GNUC_UNUSED)
{
    return g_get_monotonic_time();
}

/* The agent makes its socket when it is ready. */
static gboolean
connect_to(Live *live)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    g_strlcpy(address.sun_path, live->path, sizeof(address.sun_path));
    live->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (guint i = 0; i < 1000; i++) {
        if (connect(live->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            return TRUE;
        g_usleep(10000);
    }
    return FALSE;
}

static void
spawn(Live *live, const char *program, const char *pid_file, const char *blocked, GError **error)
{
    const char *argv[] = {program,      "-m", "unix-listen", "-p", live->path, "-t",
                          live->folder, "-f", pid_file,      NULL, NULL,       NULL};
    const GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
                              G_SPAWN_STDERR_TO_DEV_NULL;

    if (blocked != NULL) {
        argv[9] = "-b";
        argv[10] = blocked;
    }
    g_spawn_async(NULL, (char **)argv, NULL, flags, NULL, NULL, &live->pid, error);
}

/* FALSE, with the test skipped, where there is no qemu-ga. */
static gboolean
live_open(Live *live, const char *blocked, gboolean frozen)
{
    g_autofree char *program = find_agent();
    g_autofree char *pid_file = NULL, *mark = NULL;
    g_autoptr(GError) error = NULL;

    if (program == NULL) {
        g_test_skip("no qemu-ga");
        return FALSE;
    }
    *live = (Live){.folder = g_dir_make_tmp("vsf-qga-XXXXXX", NULL), .fd = -1};
    live->path = g_build_filename(live->folder, "socket", NULL);
    pid_file = g_build_filename(live->folder, "pid", NULL);
    mark = g_build_filename(live->folder, "qga.state.isfrozen", NULL);
    if (frozen)
        g_assert_true(g_file_set_contents(mark, "", 0, NULL));
    spawn(live, program, pid_file, blocked, &error);
    g_assert_no_error(error);
    g_assert_true(connect_to(live));
    live->plan = (VsfQgaPlan){.send = transport,
                              .now_us = now_us,
                              .user_data = live,
                              .timeout_s = 20,
                              .budget_s = 60,
                              .wants = VSF_QGA_WANT_ALL};
    return TRUE;
}

static void
live_close(Live *live)
{
    static const char *const left[] = {"socket", "pid", "qga.state", "qga.state.isfrozen"};

    close(live->fd);
    kill(live->pid, SIGKILL);
    waitpid(live->pid, NULL, 0);
    g_spawn_close_pid(live->pid);
    for (guint i = 0; i < G_N_ELEMENTS(left); i++) {
        g_autofree char *path = g_build_filename(live->folder, left[i], NULL);

        g_unlink(path);
    }
    g_assert_cmpint(g_rmdir(live->folder), ==, 0);
    g_free(live->folder);
    g_free(live->path);
}

/* How often the agent has /proc/meminfo open. */
static guint
open_meminfos(const Live *live)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/fd", (int)live->pid);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    guint n = 0;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *link = g_build_filename(path, name, NULL);
        g_autofree char *target = g_file_read_link(link, NULL);

        n += g_strcmp0(target, "/proc/meminfo") == 0;
    }
    return n;
}

static void
test_a_real_agent_tells_the_truth(void)
{
    g_autofree char *meminfo = NULL;
    g_autoptr(VsfQgaReport) report = NULL;
    Live live;

    if (!live_open(&live, NULL, FALSE))
        return;
    report = vsf_qga_inspect(&live.plan);
    g_assert_no_error(report->error);
    g_assert_cmpint(report->state[VSF_QGA_PART_MEMORY], ==, VSF_QGA_STATE_KNOWN);
    g_assert_true(g_file_get_contents("/proc/meminfo", &meminfo, NULL, NULL));
    g_assert_cmpuint(
        report->memory->total, ==,
        g_ascii_strtoull(strstr(meminfo, "MemTotal:") + strlen("MemTotal:"), NULL, 10) * 1024);
    g_assert_cmpstr(report->host_name, ==, g_get_host_name());
    g_assert_nonnull(report->os->kernel_release);
    g_assert_nonnull(report->interfaces);
    if (report->cpu_stats != NULL) /* since 7.1 */
        g_assert_cmpuint(report->cpu_stats->len, >=, 1);
    g_assert_cmpuint(open_meminfos(&live), ==, 0);
    live_close(&live);
}

static void
test_a_real_agent_ends_with_no_open_file_after_many_turns(void)
{
    g_autoptr(VsfQgaReport) first = NULL;
    Live live;

    if (!live_open(&live, NULL, FALSE))
        return;
    live.plan.wants = VSF_QGA_WANT(VSF_QGA_PART_MEMORY);
    first = vsf_qga_inspect(&live.plan);
    live.plan.info = first->info;
    for (guint i = 0; i < 100; i++) {
        g_autoptr(VsfQgaReport) report = vsf_qga_inspect(&live.plan);

        g_assert_cmpint(report->state[VSF_QGA_PART_MEMORY], ==, VSF_QGA_STATE_KNOWN);
        g_assert_cmpuint(report->n_requests, ==, 3);
    }
    g_assert_cmpuint(open_meminfos(&live), ==, 0);
    live_close(&live);
}

static void
test_a_real_agent_with_blocked_files_is_not_asked_for_them(void)
{
    g_autoptr(VsfQgaReport) report = NULL;
    Live live;

    if (!live_open(&live, "guest-file-open,guest-file-read,guest-file-close,guest-exec", FALSE))
        return;
    report = vsf_qga_inspect(&live.plan);
    g_assert_no_error(report->error);
    g_assert_cmpint(report->state[VSF_QGA_PART_MEMORY], ==, VSF_QGA_STATE_DISABLED);
    g_assert_cmpint(report->state[VSF_QGA_PART_OS], ==, VSF_QGA_STATE_KNOWN);
    live_close(&live);
}

static void
test_a_real_agent_in_frozen_state_is_left_alone(void)
{
    g_autoptr(VsfQgaReport) report = NULL;
    Live live;

    if (!live_open(&live, NULL, TRUE))
        return;
    report = vsf_qga_inspect(&live.plan);
    g_assert_no_error(report->error);
    g_assert_true(report->frozen);
    g_assert_cmpuint(report->n_requests, ==, 1);
    live_close(&live);
}

#define ADD(name, function) g_test_add_func("/qga/live/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("a-real-agent-tells-the-truth", test_a_real_agent_tells_the_truth);
    ADD("a-real-agent-ends-with-no-open-file-after-many-turns",
        test_a_real_agent_ends_with_no_open_file_after_many_turns);
    ADD("a-real-agent-with-blocked-files-is-not-asked-for-them",
        test_a_real_agent_with_blocked_files_is_not_asked_for_them);
    ADD("a-real-agent-in-frozen-state-is-left-alone",
        test_a_real_agent_in_frozen_state_is_left_alone);
    return g_test_run();
}
