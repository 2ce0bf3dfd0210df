/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket, the life and the output; capture files are intake-pcap.c's. */
#include "intake-private.h"

#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define RECEIVE_BUFFER (1024 * 1024) /* the kernel may allow less */

void
vsf_intake_finish(VsfIntake *intake, int status)
{
    intake->status = status;
    g_main_loop_quit(intake->loop);
}

gboolean
vsf_intake_take(VsfIntake *intake, const uint8_t *data, size_t size, const char *from,
                gint64 time_ns)
{
    intake->n_datagrams++;
    if (intake->func(intake, data, size, from, time_ns, intake->user_data))
        return TRUE;
    vsf_intake_finish(intake, intake->status);
    return FALSE;
}

/* ---- output ---- */

/* A reader that stopped reading must not make us deaf to signals: waits for
 * both. FALSE ends the program. */
static gboolean
wait_for_stdout(VsfIntake *intake)
{
    struct pollfd fds[] = {{.fd = STDOUT_FILENO, .events = POLLOUT},
                           {.fd = intake->signal_fd, .events = POLLIN}};

    while (poll(fds, G_N_ELEMENTS(fds), -1) < 0) {
        if (errno != EINTR)
            return FALSE;
    }
    return (fds[1].revents & POLLIN) == 0;
}

gboolean
vsf_intake_print(VsfIntake *intake, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n;

        if (!wait_for_stdout(intake))
            return FALSE;
        /* What a pipe that polls writable takes without blocking. */
        n = write(STDOUT_FILENO, text, MIN(size, 4096));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0) {
            if (errno != EPIPE) { /* as after "| head": nobody wants more */
                g_printerr("%s: standard output: %s\n", intake->options->program,
                           g_strerror(errno));
                intake->status = 1;
            }
            return FALSE;
        }
        text += n;
        size -= (size_t)n;
    }
    return TRUE;
}

/* ---- socket ---- */

/* GIO has already made an IPv4 sender at a socket for both families an IPv4 address. */
char *
vsf_intake_endpoint(GInetAddress *address, guint port)
{
    g_autofree char *text = g_inet_address_to_string(address);

    if (g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6)
        return g_strdup_printf("[%s]:%u", text, port);
    return g_strdup_printf("%s:%u", text, port);
}

static gboolean
on_readable(GSocket *socket, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    VsfIntake *intake = user_data;
    static char buffer[65536];

    for (int i = 0; i < VSF_INTAKE_BATCH; i++) {
        g_autoptr(GSocketAddress) address = NULL;
        g_autoptr(GError) error = NULL;
        g_autofree char *from = NULL;
        gssize n = g_socket_receive_from(socket, &address, buffer, sizeof(buffer), NULL, &error);

        if (n < 0) {
            if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
                return G_SOURCE_CONTINUE;
            g_printerr("%s: %s\n", intake->options->program, error->message);
            vsf_intake_finish(intake, 1);
            return G_SOURCE_REMOVE;
        }
        from = vsf_intake_endpoint(
            g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)),
            g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address)));
        if (!vsf_intake_take(intake, (const uint8_t *)buffer, (size_t)n, from,
                             g_get_real_time() * 1000))
            return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static GSocket *
bind_socket(GInetAddress *address, guint16 port, GError **error)
{
    g_autoptr(GSocketAddress) local = g_inet_socket_address_new(address, port);
    g_autoptr(GSocket) socket = g_socket_new(g_inet_address_get_family(address),
                                             G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, error);

    if (socket == NULL)
        return NULL;
    g_socket_set_blocking(socket, FALSE);
    g_socket_set_option(socket, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER, NULL);
    if (g_inet_address_get_family(address) == G_SOCKET_FAMILY_IPV6)
        g_socket_set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0, NULL);
    if (!g_socket_bind(socket, local, FALSE, error))
        return NULL;
    return g_steal_pointer(&socket);
}

/* All addresses of both families by default, of IPv4 where the kernel has no IPv6. */
static GSocket *
bind_any(guint16 port, GError **error)
{
    g_autoptr(GInetAddress) any6 = g_inet_address_new_any(G_SOCKET_FAMILY_IPV6);
    g_autoptr(GInetAddress) any4 = g_inet_address_new_any(G_SOCKET_FAMILY_IPV4);
    g_autoptr(GError) failed = NULL;
    GSocket *socket = bind_socket(any6, port, &failed);

    if (socket != NULL)
        return socket;
    if (g_error_matches(failed, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE) ||
        g_error_matches(failed, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return NULL;
    }
    return bind_socket(any4, port, error);
}

static const char *
hint_for(const GError *error)
{
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
        return " (another collector has it: stop that one, or take another --port)";
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
        return " (ports below 1024 need root)";
    return "";
}

static gboolean
open_socket(VsfIntake *intake)
{
    const VsfIntakeOptions *options = intake->options;
    g_autoptr(GInetAddress)
        address = options->bind != NULL ? g_inet_address_new_from_string(options->bind) : NULL;
    g_autoptr(GSocketAddress) local = NULL;
    g_autoptr(GSource) source = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *where = NULL;

    intake->socket = address != NULL ? bind_socket(address, (guint16)options->port, &error)
                                     : bind_any((guint16)options->port, &error);
    if (intake->socket == NULL) {
        g_printerr("%s: cannot listen on UDP port %d: %s%s\n", options->program, options->port,
                   error->message, hint_for(error));
        return FALSE;
    }
    local = g_socket_get_local_address(intake->socket, NULL);
    if (local != NULL) {
        GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS(local);

        where = vsf_intake_endpoint(g_inet_socket_address_get_address(inet),
                                    g_inet_socket_address_get_port(inet));
        g_printerr("%s: listening on %s\n", options->program, where);
    }
    source = g_socket_create_source(intake->socket, G_IO_IN, NULL);
    g_source_set_callback(source, G_SOURCE_FUNC(on_readable), intake, NULL);
    g_source_attach(source, NULL);
    return TRUE;
}

/* ---- life ---- */

static gboolean
on_time_is_up(gpointer user_data)
{
    VsfIntake *intake = user_data;

    vsf_intake_finish(intake, intake->status);
    return G_SOURCE_REMOVE;
}

static gboolean
on_signal(int fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer user_data)
{
    return on_time_is_up(user_data);
}

static gboolean
open_signals(VsfIntake *intake)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN); /* seen as EPIPE */
    intake->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (intake->signal_fd < 0) {
        g_printerr("%s: signalfd: %s\n", intake->options->program, g_strerror(errno));
        return FALSE;
    }
    g_unix_fd_add(intake->signal_fd, G_IO_IN, on_signal, intake);
    return TRUE;
}

const char *
vsf_intake_check(const VsfIntakeOptions *options)
{
    g_autoptr(GInetAddress)
        address = options->bind != NULL ? g_inet_address_new_from_string(options->bind) : NULL;

    if (options->port < 0 || options->port > 65535)
        return "--port must be from 1 to 65535, or 0 for any free one";
    if (options->seconds < 0 || options->seconds > G_MAXINT / 1000)
        return "--seconds must be from 0 to 2147483";
    if (options->bind != NULL && address == NULL)
        return "--bind must be an IPv4 or IPv6 address";
    if (options->bind != NULL && options->pcap != NULL)
        return "--bind has no meaning with --pcap";
    return NULL;
}

static void
clear(VsfIntake *intake)
{
    while (g_source_remove_by_user_data(intake))
        continue;
    g_clear_object(&intake->socket);
    g_clear_pointer(&intake->capture, pcap_close);
    g_clear_pointer(&intake->loop, g_main_loop_unref);
    if (intake->signal_fd >= 0)
        close(intake->signal_fd);
}

int
vsf_intake_run(const VsfIntakeOptions *options, VsfIntakeFunc func, gpointer user_data)
{
    VsfIntake intake = {.options = options, .func = func, .user_data = user_data, .signal_fd = -1};

    intake.loop = g_main_loop_new(NULL, FALSE);
    if (!open_signals(&intake) ||
        !(options->pcap != NULL ? vsf_intake_open_capture(&intake) : open_socket(&intake))) {
        intake.status = 1;
    } else {
        if (options->seconds > 0)
            g_timeout_add((guint)options->seconds * 1000, on_time_is_up, &intake);
        g_main_loop_run(intake.loop);
    }
    clear(&intake);
    return intake.status;
}
