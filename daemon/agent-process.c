/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-process.h"

#include "base/listen.h"
#include "base/worker.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_FD 3 /* the listening socket there */

typedef struct {
    GPid pid;
    int input; /* its standard input: it ends when this is closed */
} Child;

struct VsfAgentProcess {
    char *program, *path, *uri;
    VsfListener listener;
    VsfWorker *starter;
    guint listen_id, retry_id, child_id;
    Child *child; /* NULL: none runs */
    gint64 started_us;
    guint wait_ms;
    gint64 in_use_us; /* since then somebody else listens at @path; 0: nobody does */
};

/* What the thread that starts it sees. */
typedef struct {
    char *program, *uri;
    int listen_fd; /* a duplicate */
} Start;

static void
start_free(gpointer data)
{
    Start *start = data;

    close(start->listen_fd);
    g_free(start->program);
    g_free(start->uri);
    g_free(start);
}

static void
child_free(gpointer data)
{
    Child *child = data;

    close(child->input);
    g_spawn_close_pid(child->pid);
    g_free(child);
}

/* Without what the service manager means for the daemon alone. */
static GStrv
child_environment(void)
{
    static const char *const ours[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                       "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};
    GStrv environment = g_get_environ();

    for (guint i = 0; i < G_N_ELEMENTS(ours); i++)
        environment = g_environ_unsetenv(environment, ours[i]);
    return environment;
}

static gpointer
start_child(gpointer data, GError **error)
{
    const Start *start = data;
    const char *const arguments[] = {
        start->program, "--uri", start->uri, "--allow-user", "root", "--listen-fd", "3",
        "--until-eof",  NULL};
    g_auto(GStrv) environment = child_environment();
    int source = start->listen_fd, target = CHILD_FD;
    Child child;

    if (!g_spawn_async_with_pipes_and_fds(
            NULL, arguments, (const char *const *)environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
            NULL, -1, -1, -1, &source, &target, 1, &child.pid, &child.input, NULL, NULL, error))
        return NULL;
    return g_memdup2(&child, sizeof(child));
}

/* --- main thread ---------------------------------------------------------- */

static void wait_for_clients(VsfAgentProcess *process);

guint
vsf_agent_process_next_wait_ms(gint64 lived_us, guint wait_ms)
{
    if (wait_ms == 0 || lived_us >= VSF_AGENT_PROCESS_SETTLED_US)
        return VSF_AGENT_PROCESS_WAIT_MS;
    return MIN(2 * wait_ms, VSF_AGENT_PROCESS_WAIT_MAX_MS);
}

static gboolean
retry(gpointer user_data)
{
    VsfAgentProcess *process = user_data;

    process->retry_id = 0;
    wait_for_clients(process);
    return G_SOURCE_REMOVE;
}

static void
retry_later(VsfAgentProcess *process, gint64 lived_us)
{
    process->wait_ms = vsf_agent_process_next_wait_ms(lived_us, process->wait_ms);
    process->retry_id = g_timeout_add(process->wait_ms, retry, process);
}

static void
child_ended(GPid pid, gint status, gpointer user_data)
{
    VsfAgentProcess *process = user_data;
    gint64 lived_us = g_get_monotonic_time() - process->started_us;
    g_autoptr(GError) error = NULL;

    process->child_id = 0;
    g_clear_pointer(&process->child, child_free);
    g_spawn_check_wait_status(status, &error);
    retry_later(process, lived_us);
    g_warning("virt-sflow-agent (process %d) ended: %s; started again when a guest agent is to be "
              "asked, in %u ms at the earliest",
              pid, error != NULL ? error->message : "exit status 0", process->wait_ms);
}

static void
child_started(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    Child *child = vsf_worker_finish(result, &error);
    VsfAgentProcess *process = user_data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (child == NULL) {
        /* Who asks is told so, instead of waiting. */
        vsf_listener_close(&process->listener, process->path);
        retry_later(process, 0);
        g_warning("virt-sflow-agent cannot be started: %s; guest agents are not asked",
                  error->message);
        return;
    }
    process->child = child;
    process->started_us = g_get_monotonic_time();
    process->child_id = g_child_watch_add(child->pid, child_ended, process);
    g_debug("virt-sflow-agent started as process %d", child->pid);
}

static gboolean
on_client(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfAgentProcess *process = user_data;
    Start *start = g_new0(Start, 1);

    process->listen_id = 0;
    start->program = g_strdup(process->program);
    start->uri = g_strdup(process->uri);
    start->listen_fd = fcntl(process->listener.fd, F_DUPFD_CLOEXEC, 0);
    vsf_worker_run(process->starter, start_child, start, start_free, NULL, child_started, process);
    return G_SOURCE_REMOVE;
}

/* The child of a daemon that was killed keeps the socket until it sees the end of its input. Who
 * listens for longer is a service of its own, or a service manager that each look starts one
 * for: it is left alone. */
static void
look_again_for_a_while(VsfAgentProcess *process)
{
    gint64 now_us = g_get_monotonic_time();

    if (process->in_use_us == 0)
        process->in_use_us = now_us;
    if (now_us - process->in_use_us < VSF_AGENT_PROCESS_IN_USE_US)
        retry_later(process, 0);
}

static void
listener_opened(VsfAgentProcess *process)
{
    if (process->in_use_us != 0)
        process->wait_ms = 0;
    process->in_use_us = 0;
}

/* Opens the socket if it is not open. */
static void
wait_for_clients(VsfAgentProcess *process)
{
    g_autoptr(GError) error = NULL;

    if (process->listener.fd < 0 && !vsf_listener_open(&process->listener, process->path, &error)) {
        g_debug("%s", error->message);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
            look_again_for_a_while(process);
        else
            retry_later(process, 0);
        return;
    }
    listener_opened(process);
    process->listen_id = g_unix_fd_add(process->listener.fd, G_IO_IN, on_client, process);
}

VsfAgentProcess *
vsf_agent_process_new(const char *program, const char *path, const char *uri)
{
    g_autoptr(GError) error = NULL;
    VsfListener listener;
    VsfAgentProcess *process;

    if (!vsf_listener_open(&listener, path, &error) &&
        !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE)) {
        g_warning("virt-sflow-agent is not started: %s", error->message);
        return NULL;
    }
    process = g_new0(VsfAgentProcess, 1);
    process->program = g_strdup(program);
    process->path = g_strdup(path);
    process->uri = g_strdup(uri);
    process->listener = listener;
    process->starter = vsf_worker_new(1, child_free);
    if (listener.fd >= 0)
        wait_for_clients(process);
    else
        look_again_for_a_while(process);
    return process;
}

void
vsf_agent_process_free(VsfAgentProcess *process)
{
    if (process == NULL)
        return;
    g_clear_handle_id(&process->listen_id, g_source_remove);
    g_clear_handle_id(&process->retry_id, g_source_remove);
    g_clear_handle_id(&process->child_id, g_source_remove);
    vsf_listener_close(&process->listener, process->path);
    /* One that is being started ends with its input, too. */
    if (process->child != NULL)
        kill(process->child->pid, SIGTERM);
    g_clear_pointer(&process->child, child_free);
    vsf_worker_free(process->starter);
    g_free(process->program);
    g_free(process->path);
    g_free(process->uri);
    g_free(process);
}

int
vsf_agent_process_pid(const VsfAgentProcess *process)
{
    return process != NULL && process->child != NULL ? process->child->pid : 0;
}

char *
vsf_agent_process_program(void)
{
    g_autofree char *own = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(own != NULL ? own : "/usr/sbin/virt-sflowd");

    return g_build_filename(folder, "virt-sflow-agent", NULL);
}
