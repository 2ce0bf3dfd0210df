/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virt-sflow-agent: signals, loop, exit code. */
#include "../base/listen.h"
#include "../base/log.h"
#include "../base/notify.h"
#include "../virt/init.h"
#include "ask.h"
#include "options.h"
#include "server.h"

#include <errno.h>
#include <glib-unix.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define LARGE_BYTES (128 * 1024)

static gboolean
stop(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
ignore(gpointer user_data G_GNUC_UNUSED)
{
    return G_SOURCE_CONTINUE;
}

/* Whoever started us is gone. */
static gboolean
on_input(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer loop)
{
    char bytes[64];
    gssize n = read(fd, bytes, sizeof(bytes));

    if (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)))
        return G_SOURCE_CONTINUE;
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static gboolean
feed_watchdog(gpointer user_data G_GNUC_UNUSED)
{
    vsf_notify_send(g_getenv("NOTIFY_SOCKET"), "WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

static void
watch(const VsfAgentOptions *options, GMainLoop *loop)
{
    gint64 watchdog_us = vsf_notify_watchdog_us(g_getenv("WATCHDOG_USEC"), g_getenv("WATCHDOG_PID"),
                                                getpid());
    sigset_t none;

    /* Who started us may have blocked them. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_unix_signal_add(SIGTERM, stop, loop);
    g_unix_signal_add(SIGINT, options->until_eof ? ignore : stop, loop);
    g_unix_signal_add(SIGHUP, ignore, loop);
    if (options->until_eof)
        g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_input, loop);
    if (watchdog_us > 0)
        g_timeout_add((guint)CLAMP(watchdog_us / 2000, 1, 10000), feed_watchdog, NULL);
}

/* The one of --listen-fd, or the service manager's; -1: there is none; -2: it is not fit. */
static int
inherited(const VsfAgentOptions *options)
{
    guint n = vsf_listen_fds(g_getenv("LISTEN_FDS"), g_getenv("LISTEN_PID"), getpid());
    int fd = options->listen_fd >= 0 ? options->listen_fd : n > 0 ? VSF_LISTEN_FDS_START : -1;

    if (fd >= 0 && (!vsf_listen_is_fit(fd) || (options->listen_fd < 0 && n > 1))) {
        g_critical("descriptor %d: is not one unix stream socket that listens", fd);
        return -2;
    }
    return fd;
}

/* The file is for root and @gid, that of the first user who may ask. */
static gboolean
listen_at(VsfListener *listener, const char *path, guint gid)
{
    g_autoptr(GError) error = NULL;
    gboolean opened;
    gid_t own = getegid();

    if (geteuid() == 0 && gid != G_MAXUINT && setegid(gid) != 0)
        g_debug("%s: keeps our own group: %s", path, g_strerror(errno));
    opened = vsf_listener_open(listener, path, &error);
    if (setegid(own) != 0)
        g_debug("group %u: %s", own, g_strerror(errno));
    if (!opened)
        g_critical("%s", error->message);
    return opened;
}

static int
serve(const VsfAgentOptions *options, const GArray *uids, guint gid)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    VsfListener listener = {.fd = -1};
    VsfAgentServer *server;
    int fd = inherited(options);

    if (fd == -2 || (fd == -1 && !listen_at(&listener, options->socket, gid)))
        return EXIT_FAILURE;
    /* Nothing is ever executed. */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    vsf_virt_init();
    watch(options, loop);
    server = vsf_agent_server_new(&vsf_agent_ask_libvirt, options->uri, fd >= 0 ? fd : listener.fd,
                                  (const guint *)(void *)uids->data, uids->len);
    vsf_notify_send(g_getenv("NOTIFY_SOCKET"), "READY=1");
    g_message("virt-sflow-agent " VSF_VERSION " started: asks guest agents of %s", options->uri);
    g_main_loop_run(loop);
    vsf_notify_send(g_getenv("NOTIFY_SOCKET"), "STOPPING=1");
    vsf_agent_server_free(server);
    vsf_listener_close(&listener, options->socket);
    g_message("virt-sflow-agent stopped");
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    g_auto(VsfAgentOptions) options = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) uids = NULL;
    guint gid;

    setlocale(LC_ALL, "");
    /* As virt-sflowd: else glibc keeps what the largest reply took. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    if (!vsf_agent_options_parse(&options, &argc, &argv, &error)) {
        fprintf(stderr, "virt-sflow-agent: %s; see virt-sflow-agent --help\n", error->message);
        return EXIT_USAGE;
    }
    if (options.version)
        return printf("virt-sflow-agent " VSF_VERSION "\n") < 0;
    uids = vsf_agent_options_uids(&options, &gid, &error);
    if (uids == NULL) {
        fprintf(stderr, "virt-sflow-agent: %s\n", error->message);
        return EXIT_USAGE;
    }
    vsf_log_init("virt-sflow-agent", options.debug);
    /* Threads may hang in libvirt for good: leave without waiting for them. */
    _exit(serve(&options, uids, gid));
}
