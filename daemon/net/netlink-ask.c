/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "netlink-ask.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

/* A datagram of a dump has at most 32 KiB. The longest answer is of a card with many virtual
 * functions, whose list alone may have 64 KiB. */
#define BUFFER_SIZE 131072
#define TIMEOUT_S 10

typedef struct mnl_socket Socket;

static void
socket_close(Socket *socket)
{
    mnl_socket_close(socket);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Socket, socket_close)

struct VsfNetlinkLine {
    int protocol;
    Socket *socket; /* NULL: to be opened */
    guint8 *buffer;
};

VsfNetlinkLine *
vsf_netlink_line_new(int protocol)
{
    VsfNetlinkLine *line = g_new0(VsfNetlinkLine, 1);

    line->protocol = protocol;
    line->buffer = g_malloc(BUFFER_SIZE);
    return line;
}

void
vsf_netlink_line_free(VsfNetlinkLine *line)
{
    if (line == NULL)
        return;
    g_clear_pointer(&line->socket, socket_close);
    g_free(line->buffer);
    g_free(line);
}

static gboolean
fail(GError **error, const char *what, int code)
{
    g_set_error(error, G_IO_ERROR, (gint)g_io_error_from_errno(code), "netlink: %s: %s", what,
                g_strerror(code));
    return FALSE;
}

static Socket *
open_socket(int protocol, GError **error)
{
    g_autoptr(Socket) socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);
    struct timeval timeout = {.tv_sec = TIMEOUT_S};

    if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) <
            0) {
        fail(error, "cannot open", errno);
        return NULL;
    }
    return g_steal_pointer(&socket);
}

static gboolean
ask(const VsfNetlinkLine *line, const void *requests, gsize size, VsfNetlinkAnswer *answer,
    GError **error)
{
    if (mnl_socket_sendto(line->socket, requests, size) < 0)
        return fail(error, "cannot ask", errno);
    while (answer->outstanding > 0) {
        ssize_t got = mnl_socket_recvfrom(line->socket, line->buffer, BUFFER_SIZE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fail(error, "no answer", got < 0 ? errno : EIO);
        vsf_netlink_answer_take(answer, line->buffer, (gsize)got);
    }
    if (answer->dump_error != 0)
        return fail(error, "refused", answer->dump_error);
    return TRUE;
}

gboolean
vsf_netlink_ask(VsfNetlinkLine *line, const void *requests, gsize size, guint n_messages,
                VsfNetlinkReply reply, gpointer user_data, gboolean *interrupted, GError **error)
{
    const struct nlmsghdr *first = requests;
    VsfNetlinkAnswer answer = {.n_requests = n_messages, .reply = reply, .user_data = user_data};

    if (line->socket == NULL)
        line->socket = open_socket(line->protocol, error);
    if (line->socket == NULL)
        return FALSE;
    answer.outstanding = n_messages;
    answer.dump = (first->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    if (!ask(line, requests, size, &answer, error)) {
        g_clear_pointer(&line->socket, socket_close);
        return FALSE;
    }
    if (interrupted != NULL)
        *interrupted = answer.interrupted;
    return TRUE;
}
